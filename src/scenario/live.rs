//! Tells a person how a running load goes.

use crate::error::Result;
use crate::host::{Host, Live, Stage};
use crate::load::{Plan, Sink};
use crate::measure::{Interval, Moment, OperationInterval, Span, clock::millis, tally};

/// Watches one load.
pub struct Watcher<'a> {
    host: &'a Host,
    trial: String,
    warmup: Span,
    measuring: Stage,
    is_measuring: bool,
    failures: u64,
}

impl<'a> Watcher<'a> {
    /// `plan` is the one whose stages are told where several run together.
    pub fn new(host: &'a Host, trial: &str, plan: &Plan) -> Self {
        let measuring = Stage::Measuring { length: plan.duration().map(Span), requests: plan.calls() };
        Self {
            host,
            trial: trial.to_owned(),
            warmup: plan.warmup,
            measuring,
            is_measuring: false,
            failures: 0,
        }
    }

    fn measure_from(&mut self, second: u64) {
        if !self.is_measuring && second as f64 >= self.warmup.seconds() {
            self.is_measuring = true;
            self.host.stage(&self.trial, &self.measuring);
        }
    }
}

impl Sink for Watcher<'_> {
    fn begin(&mut self, _begin: Moment, _utc_ns: u64) -> Result<()> {
        if !self.warmup.0.is_zero() {
            self.host.stage(&self.trial, &Stage::Warmup { length: self.warmup });
        }
        self.measure_from(0);
        Ok(())
    }

    fn interval(&mut self, interval: &Interval) -> Result<()> {
        let mut times = tally::histogram::<u64>();
        let mut live =
            Live { elapsed_s: interval.second + 1, in_flight: interval.level.in_flight, ..Live::default() };
        let whole = |part: &&OperationInterval| !interval.names[part.row].is_part;
        for part in interval.operations.iter().filter(whole) {
            live.calls += part.tally.counts.calls();
            live.failures += part.tally.counts.failed;
            if part.phase.counts() {
                self.failures += part.tally.counts.failed;
            }
            if let Some(part) = part.tally.response_times() {
                tally::pour(&mut times, &part);
            }
        }
        live.all_failures = self.failures;
        if !times.is_empty() {
            live.p50_ms = Some(millis(times.value_at_percentile(50.0)));
            live.p99_ms = Some(millis(times.value_at_percentile(99.0)));
        }
        self.host.progress.live(&self.trial, &live);
        self.measure_from(interval.second + 1);
        Ok(())
    }
}
