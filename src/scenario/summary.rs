//! `summary.json`: all trials of a run as one page.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::measure::{Quantiles, Totals};
use crate::results::{
    Outcome,
    schema::{LatencySeconds, Meta, Metrics, Run, RunSummary, SCHEMA, ServiceBlock, TrialRow},
};

/// Adds the trials that were measured up; of those that are `undone` there is a row that says why. Percentiles come from
/// merged histograms, never from percentiles.
pub fn of(run: &Run, trials: &[Arc<Outcome>], undone: &[Meta]) -> RunSummary {
    let mut all = Sum::default();
    let mut services: BTreeMap<String, Sum> = BTreeMap::new();
    for outcome in trials {
        all.add(outcome);
        services.entry(outcome.metrics.service.clone()).or_default().add(outcome);
    }
    let requests = all.totals.counts.successes + all.totals.counts.failed;
    RunSummary {
        schema: SCHEMA,
        run_id: run.run_id.clone(),
        status: run.status,
        total_requests: requests,
        successful_requests: all.totals.counts.successes,
        failed_requests: all.totals.counts.failed,
        success_rate: (requests > 0).then(|| all.totals.counts.successes as f64 / requests as f64),
        latency_s: all.latency(),
        requests_per_second: all.rate(),
        services: services.into_iter().map(|(name, sum)| (name, sum.block())).collect(),
        metrics: run.metrics.clone(),
        trials: rows(run, trials, undone),
    }
}

fn rows(run: &Run, trials: &[Arc<Outcome>], undone: &[Meta]) -> Vec<TrialRow> {
    let measured = trials.iter().map(|outcome| (&outcome.meta, Some(&outcome.metrics)));
    let mut all: Vec<_> = measured.chain(undone.iter().map(|meta| (meta, None))).collect();
    all.sort_by_key(|(meta, _)| meta.index);
    let declared = !run.declared.is_empty();
    let number = |at: usize| Map::from_iter([("trial".to_owned(), (at + 1).into())]);
    let point = |at: usize, meta: &Meta| if declared { meta.point.clone() } else { number(at) };
    all.into_iter().enumerate().map(|(at, (meta, metrics))| row(point(at, meta), meta, metrics)).collect()
}

#[derive(Default)]
struct Sum {
    totals: Totals,
    /// Successes in all windows, and the length of all windows.
    successes: f64,
    seconds: f64,
    /// By figure: its sum weighted by the length of the windows that have it, and that length.
    extras: BTreeMap<String, (f64, f64)>,
    bytes: f64,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        let total = &outcome.metrics.total;
        self.totals.merge(&outcome.totals);
        self.successes += total.throughput * total.duration_s;
        self.bytes += total.bytes_per_second * total.duration_s;
        self.seconds += total.duration_s;
        for (name, value) in &outcome.metrics.extras {
            if let Some(value) = value.as_f64() {
                let (sum, seconds) = self.extras.entry(name.clone()).or_default();
                *sum += value * total.duration_s;
                *seconds += total.duration_s;
            }
        }
    }

    fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.successes / self.seconds } else { 0.0 }
    }

    fn latency(&self) -> Option<LatencySeconds> {
        let times: Quantiles = crate::measure::quantiles(&self.totals.response);
        (times.count > 0).then(|| LatencySeconds {
            avg: times.avg / 1e3,
            min: times.min / 1e3,
            max: times.max / 1e3,
            p50: times.p50 / 1e3,
            p90: times.p90 / 1e3,
            p95: times.p95 / 1e3,
            p99: times.p99 / 1e3,
        })
    }

    fn block(self) -> ServiceBlock {
        let mean = |sum: f64, seconds: f64| if seconds > 0.0 { sum / seconds } else { 0.0 };
        let mut extras: BTreeMap<String, f64> =
            self.extras.iter().map(|(name, (sum, seconds))| (name.clone(), mean(*sum, *seconds))).collect();
        extras.insert("bytes_per_second".to_owned(), mean(self.bytes, self.seconds));
        ServiceBlock {
            total_requests: self.totals.counts.successes + self.totals.counts.failed,
            successful_requests: self.totals.counts.successes,
            failed_requests: self.totals.counts.failed,
            requests_per_second: self.rate(),
            latency_s: self.latency(),
            extras,
        }
    }
}

fn row(parameters: Map<String, Value>, meta: &Meta, metrics: Option<&Metrics>) -> TrialRow {
    TrialRow {
        trial: meta.trial.clone(),
        name: meta.name.clone(),
        status: meta.status,
        parameters,
        repetition: meta.repetition,
        attempt: meta.attempt,
        reason: meta.reason.clone(),
        throughput: metrics.map(|metrics| metrics.total.throughput),
        p50_ms: metrics.map(|metrics| metrics.latency_ms.p50),
        p99_ms: metrics.map(|metrics| metrics.latency_ms.p99),
        error_rate: metrics.map(|metrics| metrics.errors.rate),
        verdict: metrics.map(|metrics| metrics.validity.verdict.word().to_owned()),
    }
}
