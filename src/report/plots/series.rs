//! `metrics.csv` as lines to draw: one value a second, thinned where a run is longer than a picture is wide.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::{Point, StoredTrial};

/// More points than this are not seen on a picture: several seconds become one point.
pub const MOST_POINTS: u64 = 400;

/// What the time after the measured window is called.
const DRAIN: &str = "drain";

/// A trial's seconds, ready to draw.
pub struct Seconds<'a> {
    points: Vec<&'a Point>,
    /// Operations from the busiest down, without rows that have parts.
    pub operations: Vec<&'a str>,
    /// End of the last second.
    pub end: u64,
    /// How many seconds one drawn point stands for.
    pub width: u64,
    /// Phases other than `measured`, with their span in seconds.
    pub around: Vec<(f64, f64, &'static str)>,
}

impl<'a> Seconds<'a> {
    pub fn of(trial: &'a StoredTrial) -> Self {
        let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
        let mut wholes: BTreeSet<&str> = BTreeSet::new();
        for point in &trial.series {
            *calls.entry(&point.operation).or_default() += point.calls;
            wholes.extend(point.part_of.as_deref());
        }
        let mut operations: Vec<&str> = calls.keys().copied().filter(|name| !wholes.contains(name)).collect();
        operations.sort_by_key(|name| std::cmp::Reverse(calls[name]));
        let end = trial.series.iter().map(|point| point.second.saturating_add(1)).max().unwrap_or(0);
        let width = end.div_ceil(MOST_POINTS).max(1);
        let points = trial.series.iter().collect();
        Self { points, operations, end, width, around: around(trial, end) }
    }

    /// A sum a second over all calls, or those of one operation: the mean of each drawn point's seconds; seconds without a line count as 0.
    /// Ends with the measured window: in the drain no call starts, so that a rate there would look like a collapse.
    pub fn rate(&self, of: Option<&str>, value: impl Fn(&Point) -> u64) -> Vec<(f64, f64)> {
        let counts = |point: &&&Point| match of {
            Some(name) => point.operation == name,
            None => point.part_of.is_none(),
        };
        let mut sums: BTreeMap<u64, f64> = BTreeMap::new();
        for point in self.points.iter().filter(counts) {
            *sums.entry(point.second / self.width).or_default() += value(point) as f64;
        }
        let Some(first) = self.points.iter().map(|point| point.second / self.width).min() else {
            return Vec::new();
        };
        let drained = self.around.iter().find(|(.., what)| *what == DRAIN).map(|(from, ..)| *from);
        let end = drained.unwrap_or(self.end as f64);
        (first..self.end.div_ceil(self.width))
            .map(|bucket| ((bucket * self.width) as f64, (((bucket + 1) * self.width) as f64).min(end)))
            .zip(first..)
            // A sliver of a second holds too few calls for a rate.
            .filter(|((from, to), _)| to - from >= 0.1)
            .map(|((from, to), bucket)| {
                let sum = sums.get(&bucket).copied().unwrap_or(0.0);
                ((from + to) / 2.0, sum / (to - from))
            })
            .collect()
    }

    /// A percentile of one operation: the worst of each drawn point's seconds, since percentiles must not be averaged.
    /// A second without calls breaks the line.
    pub fn worst(&self, of: &str, value: impl Fn(&Point) -> f64) -> Vec<Vec<(f64, f64)>> {
        let mut worst: BTreeMap<u64, f64> = BTreeMap::new();
        let answered = |point: &&&Point| point.operation == of && point.calls > point.failures;
        for point in self.points.iter().filter(answered).filter(|point| value(point).is_finite()) {
            let worst = worst.entry(point.second / self.width).or_default();
            *worst = worst.max(value(point));
        }
        let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut last = None;
        for (bucket, value) in worst {
            let to = ((bucket + 1) * self.width).min(self.end);
            let point = ((bucket * self.width + to) as f64 / 2.0, value);
            match parts.last_mut().filter(|_| last == bucket.checked_sub(1)) {
                Some(part) => part.push(point),
                None => parts.push(vec![point]),
            }
            last = Some(bucket);
        }
        parts
    }

    /// The row whose latency stands for the whole: the only one that is no part of another.
    pub fn single(&self) -> Option<&'a str> {
        let mut rows = self.points.iter().filter(|point| point.part_of.is_none());
        let first = rows.next()?.operation.as_str();
        rows.all(|point| point.operation == first).then_some(first)
    }
}

fn around(trial: &StoredTrial, end: u64) -> Vec<(f64, f64, &'static str)> {
    let (start, end) = (trial.meta.warmup_s, end as f64);
    let mut spans = Vec::new();
    if start > 0.0 && end > 0.0 {
        spans.push((0.0, start.min(end), "warm-up"));
    }
    let steady = trial.metrics.as_ref().and_then(|metrics| metrics.steady);
    let trimmed = steady.map_or(0.0, |steady| steady.trimmed_s);
    if trimmed > 0.0 {
        spans.push((start, (start + trimmed).min(end), "cut"));
    }
    let measured_until = start + trimmed + trial.meta.duration_s;
    if trial.meta.duration_s > 0.0 && measured_until < end {
        spans.push((measured_until, end, DRAIN));
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn seconds_without_calls_are_zero_in_rates_and_gaps_in_percentiles() {
        let run = sample::long();
        let trial = &run.trials[0];
        let seconds = Seconds::of(trial);
        assert!(seconds.width > 1);
        let rate = seconds.rate(None, |point| point.calls);
        assert!(rate.len() as u64 <= MOST_POINTS);
        assert!(rate.iter().any(|(second, rate)| (3_050.0..3_150.0).contains(second) && *rate == 0.0));
        assert_eq!(seconds.worst("soak", |point| point.p99_ms).len(), 2);
    }

    #[test]
    fn rates_end_with_the_measured_window() {
        let mut run = sample::storage();
        let trial = &mut run.trials[0];
        trial.meta.duration_s -= 1.5;
        let window_end = trial.meta.warmup_s + trial.meta.duration_s;
        let rate = Seconds::of(trial).rate(None, |point| point.calls);
        let (last, half_second) = *rate.last().expect("points");
        assert_eq!(
            last,
            window_end - 0.25,
            "the last point stands for the half second that is in the window"
        );
        assert!(half_second > rate[rate.len() - 2].1, "calls of a whole line in half a second");
    }

    #[test]
    fn the_row_of_the_whole_is_not_counted_twice() {
        let mut run = sample::mixed();
        let trial = &mut run.trials[0];
        let whole: Vec<Point> = trial
            .series
            .iter()
            .map(|point| Point { operation: "shop".into(), calls: 1, ..point.clone() })
            .collect();
        trial.series.iter_mut().for_each(|point| point.part_of = Some("shop".into()));
        trial.series.extend(whole);
        let seconds = Seconds::of(trial);
        assert_eq!(seconds.single(), Some("shop"));
        assert_eq!(seconds.operations, ["browse", "order"]);
        assert!(seconds.rate(None, |point| point.calls).iter().all(|(_, rate)| *rate <= 2.0));
    }
}
