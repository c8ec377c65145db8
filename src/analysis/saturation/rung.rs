//! One load that was tried, and what came of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::{Slo, compare::Repetition};
use crate::measure::{Phase, Verdict};
use crate::results::schema::Objective;

/// A slack is capped here: how far below its limit a value lies says little beyond this.
pub const MOST_SLACK: f64 = 2.0;

/// One repetition of a load. Times are response times of successes in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Rung {
    /// Concurrency or offered rate, whichever the ladder varies.
    pub load: f64,
    /// Successes a second.
    pub throughput: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    /// What Little's law says must be in flight: the sum of all calls' response times, failures included, a second.
    pub in_flight_by_law: f64,
    /// Calls in flight as they were seen once a second, on average, and the standard error of that; none if they were not.
    pub in_flight: Option<f64>,
    pub in_flight_error: f64,
    pub error_rate: f64,
    pub verdict: Verdict,
    pub objectives: Vec<Objective>,
}

impl Rung {
    pub fn of(load: f64, result: &Repetition<'_>, slo: &Slo) -> Self {
        let (metrics, total) = (result.metrics, &result.metrics.total);
        let times = &metrics.latency_ms;
        let sum_ms = times.avg * times.count as f64 + total.failed_ms.avg * total.failed_ms.count as f64;
        let seen = in_flight(result);
        Self {
            load,
            throughput: total.throughput,
            p50_ms: times.p50,
            p95_ms: times.p95,
            p99_ms: times.p99,
            in_flight_by_law: if total.duration_s > 0.0 { sum_ms / 1e3 / total.duration_s } else { 0.0 },
            in_flight: seen.map(|(mean, _)| mean),
            in_flight_error: seen.map_or(0.0, |(_, error)| error),
            error_rate: metrics.errors.rate,
            verdict: metrics.validity.verdict,
            objectives: slo.judge(metrics),
        }
    }

    /// By how much the tightest objective held: 1 where a value is its limit, 2 at most, below 1 where it did not hold.
    pub fn slack(&self) -> f64 {
        self.objectives.iter().map(slack).fold(MOST_SLACK, f64::min)
    }

    pub fn is_generator_limited(&self) -> bool {
        self.verdict == Verdict::GeneratorLimited
    }
}

fn slack(objective: &Objective) -> f64 {
    let Some(value) = objective.value else { return 0.0 };
    let share = match (objective.at_least, objective.held) {
        (false, true) if value == 0.0 => MOST_SLACK,
        (true, true) if objective.limit == 0.0 => MOST_SLACK,
        (false, _) => objective.limit / value,
        (true, _) => value / objective.limit,
    };
    // A limit that is just met and one that is just missed must not look alike.
    if objective.held { share.clamp(1.0, MOST_SLACK) } else { share.clamp(0.0, 1.0 - 1e-9) }
}

/// Mean of the calls in flight over the seconds of the window, and its standard error.
fn in_flight(result: &Repetition<'_>) -> Option<(f64, f64)> {
    let mut seconds: BTreeMap<u64, f64> = BTreeMap::new();
    for point in result.series.iter().filter(|point| point.phase == Phase::Measured.word()) {
        seconds.insert(point.second, point.in_flight as f64);
    }
    // At the end of the last second calls are no longer begun.
    seconds.pop_last();
    let values: Vec<f64> = seconds.into_values().collect();
    if values.len() < 3 {
        return None;
    }
    let worth = super::super::stats::effective_size(&values);
    let error = (super::super::stats::variance(&values) / worth).sqrt();
    Some((super::super::stats::mean(&values), error))
}
