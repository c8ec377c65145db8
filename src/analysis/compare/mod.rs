//! Whether a change made a difference: two sets of repetitions of one load, figure by figure.

mod blocks;
mod estimate;
mod needed;
mod pairs;
mod ranking;
mod threshold;

pub use pairs::{Pair, Pairs, Side};
pub use ranking::{Mark, Ranked, Ranking};
pub use threshold::{Crossing, Threshold};

use serde::Serialize;

use super::figure::{ERROR_RATE, THROUGHPUT, figure, is_low_confidence, more_is_better};
use super::stats::holm;
use crate::measure;
use crate::results::{Point, schema::Metrics};
use estimate::Estimate;

/// Figures that are compared unless others are named.
pub const METRICS: [&str; 5] = [THROUGHPUT, "p50_ms", "p95_ms", "p99_ms", ERROR_RATE];
/// Differences up to this share do not matter, unless told otherwise.
pub const MARGIN: f64 = 0.05;
/// How often an interval holds the true value.
pub const LEVEL: f64 = 0.95;
/// Adjusted p values below this are findings.
const ALPHA: f64 = 1.0 - LEVEL;
/// A margin of an error rate is at least this, as a share of all calls: a tenth of a percent.
const LEAST_RATE: f64 = 0.001;

/// One repetition of a load: its numbers and its seconds.
#[derive(Debug, Clone, Copy)]
pub struct Repetition<'a> {
    pub metrics: &'a Metrics,
    pub series: &'a [Point],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Better,
    Worse,
    /// The interval lies within the margin.
    Same,
    /// There may be a difference, and there may be none.
    Undecided,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Undecided => "undecided",
        }
    }
}

/// What an interval stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// At least two repetitions a side.
    Repetitions,
    /// The seconds within single repetitions: weaker, since differences from one run to the next are not in it.
    Seconds,
    /// Nothing: there is no interval.
    Nothing,
}

/// One figure of two loads side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// With its unit in the name, as `p99_ms`.
    pub metric: String,
    /// Geometric means over the repetitions; arithmetic ones where a value is not above 0, and of error rates.
    pub base: Option<f64>,
    pub new: Option<f64>,
    /// new / base − 1; of error rates, and where `base` is 0, new − base.
    pub effect: Option<f64>,
    /// The interval that holds the true effect in 95 of 100 cases.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Effect and interval are new − base.
    pub absolute: bool,
    /// How likely an effect so far from 0 is where there is none: by itself, and with all that is compared beside it (Holm).
    pub p: Option<f64>,
    pub adjusted_p: Option<f64>,
    pub verdict: Verdict,
    /// How many more repetitions of each side would probably decide; none if it is decided, or if none would.
    pub needed: Option<u32>,
    pub basis: Basis,
    /// Why it was not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// A percentile with fewer than 10 samples beyond it is among the values.
    pub low_confidence: bool,
    #[serde(skip)]
    estimate: Option<Estimate>,
}

/// Compares the figures `metrics` of repetitions of one load; not yet decided.
pub fn differences(base: &[Repetition<'_>], new: &[Repetition<'_>], metrics: &[String]) -> Vec<Difference> {
    metrics.iter().map(|metric| Difference::of(metric, base, new)).collect()
}

/// Decides all of `differences` together: the more there are, the clearer a finding must be. Differences within ±`margin` do
/// not matter.
pub fn decide(differences: &mut [&mut Difference], margin: f64) {
    let p_values: Vec<f64> = differences.iter().filter_map(|difference| difference.p).collect();
    let mut adjusted = holm(&p_values).into_iter();
    for difference in differences {
        if difference.p.is_some() {
            difference.adjusted_p = adjusted.next();
        }
        difference.decide(margin);
    }
}

/// Compares and decides.
pub fn compare(
    base: &[Repetition<'_>],
    new: &[Repetition<'_>],
    metrics: &[String],
    margin: f64,
) -> Vec<Difference> {
    let mut found = differences(base, new, metrics);
    decide(&mut found.iter_mut().collect::<Vec<_>>(), margin);
    found
}

impl Difference {
    fn of(metric: &str, base: &[Repetition<'_>], new: &[Repetition<'_>]) -> Self {
        let values = |side: &[Repetition<'_>]| -> Vec<f64> {
            side.iter().filter_map(|repetition| figure(repetition.metrics, metric)).collect()
        };
        let (values_of_base, values_of_new) = (values(base), values(new));
        let mut found = Self {
            metric: metric.to_owned(),
            base: None,
            new: None,
            effect: None,
            low: None,
            high: None,
            absolute: false,
            p: None,
            adjusted_p: None,
            verdict: Verdict::Undecided,
            needed: None,
            basis: Basis::Nothing,
            why: None,
            low_confidence: base.iter().chain(new).any(|one| is_low_confidence(one.metrics, metric)),
            estimate: None,
        };
        if values_of_base.is_empty() || values_of_new.is_empty() {
            let side = if values_of_base.is_empty() { "base" } else { "new" };
            found.why = Some(format!("not measured in {side}"));
            return found;
        }
        if more_is_better(metric) && base.iter().chain(new).any(is_generator_limited) {
            found.why = Some("a trial is generator-limited: the service may be faster".to_owned());
        }
        let one_each = values_of_base.len().min(values_of_new.len()) < 2;
        let estimate = match one_each {
            false => Estimate::of_repetitions(metric, &values_of_base, &values_of_new),
            true => Estimate::of_seconds(metric, (&values_of_base, base), (&values_of_new, new)),
        };
        found.base = Some(estimate.base);
        found.new = Some(estimate.new);
        found.effect = Some(estimate.effect());
        found.absolute = estimate.is_absolute();
        if let Some((low, high)) = estimate.interval(LEVEL) {
            (found.low, found.high) = (Some(low), Some(high));
            found.basis = if one_each { Basis::Seconds } else { Basis::Repetitions };
            // What is not judged takes no part in the correction either.
            found.p = estimate.p().filter(|_| found.why.is_none());
        } else if found.why.is_none() {
            found.why = Some("one repetition, and its seconds do not tell".to_owned());
        }
        found.estimate = Some(estimate);
        found
    }

    fn decide(&mut self, margin: f64) {
        (self.verdict, self.needed) = (Verdict::Undecided, None);
        let (Some(estimate), None) = (&self.estimate, &self.why) else { return };
        let (Some(low), Some(high), Some(p), Some(adjusted)) = (self.low, self.high, self.p, self.adjusted_p)
        else {
            return;
        };
        let margin = if self.absolute { (margin * estimate.base.abs()).max(LEAST_RATE) } else { margin };
        if low >= -margin && high <= margin {
            self.verdict = Verdict::Same;
        } else if adjusted < ALPHA {
            let up = self.effect.is_some_and(|effect| effect > 0.0);
            self.verdict = if up == more_is_better(&self.metric) { Verdict::Better } else { Verdict::Worse };
        } else {
            // The level that a p value had to pass beside the others.
            let alpha = if adjusted > 0.0 { (ALPHA * p / adjusted).min(ALPHA) } else { ALPHA };
            self.needed = estimate.needed(alpha, margin);
        }
    }

    /// The estimate stands on more than the seconds of single repetitions.
    pub fn is_of_repetitions(&self) -> bool {
        self.basis == Basis::Repetitions
    }
}

fn is_generator_limited(repetition: &Repetition<'_>) -> bool {
    repetition.metrics.validity.verdict == measure::Verdict::GeneratorLimited
}

#[cfg(test)]
mod tests;
