//! What the seconds of single repetitions tell about how sure their figures are.

use std::collections::BTreeMap;

use super::{
    super::{
        figure::{ERROR_RATE, THROUGHPUT},
        stats::{effective_size, mean, variance},
    },
    Repetition,
};
use crate::measure::Phase;
use crate::results::Point;

/// Whole seconds that a series needs at least.
const FEWEST: usize = 6;

/// How far the mean of a figure's seconds is off, as far as the seconds themselves can tell.
pub struct Spread {
    /// Standard error of the mean, in the figure's unit, and as a share of the mean.
    pub error: f64,
    pub relative_error: f64,
    pub freedom: f64,
}

/// Of the seconds of all `repetitions`, each series for itself worth as many independent values as batch means say. None if
/// the figure has no seconds, or too few.
pub fn spread(metric: &str, repetitions: &[Repetition<'_>]) -> Option<Spread> {
    let mut all = Vec::new();
    let mut worth = 0.0;
    for repetition in repetitions {
        let series = per_second(metric, repetition)?;
        if series.len() < FEWEST {
            return None;
        }
        worth += effective_size(&series);
        all.extend(series);
    }
    let freedom = worth - 1.0;
    if freedom < 1.0 {
        return None;
    }
    let error = (variance(&all) / worth).sqrt();
    let relative_error = if error == 0.0 { 0.0 } else { error / mean(&all).abs() };
    relative_error.is_finite().then_some(Spread { error, relative_error, freedom })
}

/// A figure second by second, the first and the last one of the window left out: they may not be whole.
///
/// Seconds have no 95th percentile and nothing beyond the 99th: the spread of the 99th stands for theirs.
fn per_second(metric: &str, repetition: &Repetition<'_>) -> Option<Vec<f64>> {
    let time: fn(&Point) -> f64 = match metric {
        THROUGHPUT | ERROR_RATE => |_| 0.0,
        "p50_ms" | "avg_ms" => |point| point.p50_ms,
        "p90_ms" => |point| point.p90_ms,
        "p95_ms" | "p99_ms" | "p999_ms" => |point| point.p99_ms,
        _ => return None,
    };
    let mut seconds: BTreeMap<u64, Second> = BTreeMap::new();
    let points = repetition.series.iter().filter(|point| point.part_of.is_none());
    for point in points.filter(|point| point.phase == Phase::Measured.word()) {
        let second = seconds.entry(point.second).or_default();
        let successes = point.calls - point.failures.min(point.calls);
        second.calls += point.calls;
        second.successes += successes;
        second.time += time(point) * successes as f64;
    }
    let trimmed = repetition.metrics.steady.map_or(0.0, |steady| steady.trimmed_s).ceil() as u64;
    let (first, last) = (seconds.keys().next()? + trimmed + 1, *seconds.keys().next_back()?);
    let none = Second::default();
    // A second in which nothing was called has no line, and no calls.
    let whole = (first..last).map(|at| seconds.get(&at).unwrap_or(&none));
    Some(match metric {
        THROUGHPUT => whole.map(|second| second.successes as f64).collect(),
        ERROR_RATE => whole.filter(|second| second.calls > 0).map(Second::error_rate).collect(),
        _ => whole.filter(|second| second.successes > 0).map(Second::mean_time).collect(),
    })
}

#[derive(Default)]
struct Second {
    calls: u64,
    successes: u64,
    /// Sum of the operations' percentiles, each as often as it succeeded.
    time: f64,
}

impl Second {
    fn error_rate(&self) -> f64 {
        (self.calls - self.successes) as f64 / self.calls as f64
    }

    fn mean_time(&self) -> f64 {
        self.time / self.successes as f64
    }
}
