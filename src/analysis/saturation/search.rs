//! Where to look next for the highest load that holds: a search by asking and telling, which runs no load itself.

use serde::Serialize;

use super::{Capacity, Level, Rung, Saturation, capacity::edge, confidence};
use crate::error::{Error, Result};
use crate::measure::Verdict;

/// From one load to the next until the objectives break.
const STEP: f64 = 2.0;
/// Throughput that grows by less, while the load grew by such a factor, has stopped growing.
const STOPPED: f64 = 0.05;
const GREW: f64 = 1.5;
/// An interval this narrow is an answer.
const NARROW: f64 = 0.05;
/// From here on the edge itself is looked at, again and again, instead of halving.
const CLOSE: f64 = 1.25;
/// Where around the edge, as factors.
const AROUND: [f64; 6] = [0.98, 1.02, 0.95, 1.04, 0.92, 1.0];
/// Rungs that an answer needs at least so near to the edge, as a factor.
const NEAR: f64 = 1.1;
const ENOUGH: usize = 12;
/// The rate at which the answer should be confirmed, as a share of it.
const CONFIRM: f64 = 0.95;

/// Which loads may be tried, and how many times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub from: f64,
    pub to: f64,
    /// Rungs at most.
    pub points: usize,
    /// Only whole loads, as of concurrency.
    pub whole: bool,
}

/// A search under way.
#[derive(Debug, Clone)]
pub struct Search {
    range: Range,
    rungs: Vec<Rung>,
}

/// What a search has found.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The highest load that holds: the capacity under the objectives, or without any the knee; none if the range does not
    /// hold it.
    pub load: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Why the search has ended, or why there is no answer; empty if there is nothing to say.
    pub why: String,
    /// A rate just below, in calls a second, for an open loop of its own that confirms the answer.
    pub confirm_rate: Option<f64>,
    /// Everything else that the rungs tell.
    pub saturation: Saturation,
}

impl Search {
    /// A usage error says what is wrong with the range.
    pub fn new(range: Range) -> Result<Self> {
        let Range { from, to, points, .. } = range;
        if !(from > 0.0 && from < to && to.is_finite()) {
            return Err(Error::usage(format!(
                "a search goes from a load above 0 to a larger one, not from {from} to {to}"
            )));
        }
        if points < 3 {
            return Err(Error::usage(format!("a search needs at least 3 points, not {points}")));
        }
        Ok(Self { range, rungs: Vec::new() })
    }

    pub fn observe(&mut self, rung: Rung) {
        self.rungs.push(rung);
    }

    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// The load to try next; none if the search has ended. Follows from what was observed alone.
    pub fn next(&self) -> Option<f64> {
        if self.rungs.len() >= self.range.points {
            return None;
        }
        let levels = Level::of(&self.rungs);
        let Some(last) = levels.last() else { return Some(self.rounded(self.range.from)) };
        let (objectives, growth) = (edge(&levels), stopped(&levels));
        let edge = objectives.min(growth);
        if edge == levels.len() {
            // Everything holds so far.
            let next = self.rounded((last.load * STEP).min(self.range.to));
            return (next > last.load).then_some(next);
        }
        if edge == 0 {
            // Once may be chance.
            return (levels[0].repetitions < 2).then_some(levels[0].load);
        }
        let (below, above) = (levels[edge - 1].load, levels[edge].load);
        // Where throughput stops is seen in the fit of all; what an objective does near its limit is not.
        let close = if objectives <= growth { CLOSE } else { 1.0 + NARROW };
        let middle = self.rounded((below * above).sqrt());
        if above / below > close && middle > below && middle < above {
            return Some(middle);
        }
        if objectives <= growth { self.around_the_edge(&levels, edge) } else { None }
    }

    /// Near the edge rungs are noise: more of them, where there are fewest.
    fn around_the_edge(&self, levels: &[Level], edge: usize) -> Option<f64> {
        let capacity = Capacity::of(&self.rungs, confidence(true));
        let (below, above) = (levels[edge - 1].load, levels[edge].load);
        let middle = capacity.load.unwrap_or((below * above).sqrt());
        let near = |load: f64| (middle / NEAR..=middle * NEAR).contains(&load);
        let enough = self.rungs.iter().filter(|rung| near(rung.load)).count() >= ENOUGH;
        if enough && capacity.width() <= NARROW {
            return None;
        }
        let loads =
            AROUND.map(|factor| self.rounded((middle * factor).clamp(self.range.from, self.range.to)));
        if self.range.whole && above - below <= 1.0 {
            // Nothing lies between: the two are repeated.
            let few = levels[edge - 1..=edge].iter().min_by_key(|level| level.repetitions)?;
            return (few.repetitions < 3).then_some(few.load);
        }
        let crowd = |load: f64| -> f64 {
            self.rungs.iter().map(|rung| (-((rung.load / load).ln() / 0.02).powi(2)).exp()).sum()
        };
        loads.into_iter().min_by(|a, b| crowd(*a).total_cmp(&crowd(*b)))
    }

    fn rounded(&self, load: f64) -> f64 {
        if self.range.whole {
            return load.round().max(1.0);
        }
        // Four digits are more than anybody can measure.
        let unit = 10f64.powf(load.log10().floor() - 3.0);
        (load / unit).round() * unit
    }

    /// What is known by now.
    pub fn answer(&self) -> Answer {
        let mut answer = Answer::of(&self.rungs, true);
        if answer.load.is_some() && answer.why.is_empty() {
            answer.why = match self.rungs.len() >= self.range.points {
                true => format!("all {} points were used", self.range.points),
                false => "the answer is narrow enough".to_owned(),
            };
        }
        answer
    }
}

impl Answer {
    /// What rungs tell, whether chosen by a search or not.
    pub fn of(rungs: &[Rung], searched: bool) -> Self {
        let saturation = Saturation::of(rungs, searched);
        let knee = saturation.knee.map(|knee| (Some(knee.load), Some(knee.low), Some(knee.high)));
        let mut why = String::new();
        let (load, low, high) = match (&saturation.capacity, knee) {
            (Some(Capacity { load: None, held: Some(_), .. }), Some(knee)) => {
                why =
                    "throughput stopped growing before an objective was missed: this is its knee".to_owned();
                knee
            }
            (Some(found), _) => (found.load, found.low, found.high),
            (None, knee) => knee.unwrap_or_default(),
        };
        // What ended the climb: the level that missed, or the last one.
        let end = match saturation.capacity.and_then(|found| found.missed) {
            Some(missed) => saturation.levels.iter().find(|level| level.load == missed),
            None => saturation.levels.last(),
        };
        if end.is_some_and(|level| level.verdict == Verdict::GeneratorLimited) {
            why = "the generator was the limit: more threads, or another machine, may find more".to_owned();
        } else if load.is_none() {
            why = match (saturation.levels.first(), saturation.levels.last()) {
                (Some(first), _) if !first.held => format!("not even {} held", first.load),
                (_, Some(last)) => format!("{} still held: the limit lies beyond", last.load),
                _ => "nothing was observed".to_owned(),
            };
        }
        // Of a ladder of concurrency the rate is what was measured below the edge.
        let at_answer = saturation.levels.iter().rfind(|level| load.is_some_and(|load| level.load <= load));
        let confirm_rate = at_answer.map(|level| CONFIRM * level.throughput);
        Self { load, low, high, why, confirm_rate, saturation }
    }
}

/// How many levels lie below the first that carries no more than one of much less load.
fn stopped(levels: &[Level]) -> usize {
    let has_stopped = |at: usize| {
        levels[..at].iter().any(|below| {
            levels[at].load >= GREW * below.load && levels[at].throughput < (1.0 + STOPPED) * below.throughput
        })
    };
    (0..levels.len()).find(|at| has_stopped(*at)).unwrap_or(levels.len())
}
