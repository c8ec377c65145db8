//! What a finished trial is while its run goes on: its metrics, and the histograms behind them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hdrhistogram::Histogram;

use super::{
    Point, Resources, StoredTrial, hlog,
    schema::{Meta, Metrics, Status},
};
use crate::measure::{Counts, Summary, Totals, tally};

/// A trial's numbers with everything that questions about them need.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which trial it is, and how it ended.
    pub meta: Meta,
    pub metrics: Metrics,
    /// All operations together.
    pub totals: Totals,
    pub operations: BTreeMap<String, Totals>,
    /// One point a second, operation and phase.
    pub series: Vec<Point>,
    /// What was used, one row a second.
    pub resources: Resources,
    /// Where the schedules of operations lie that were saved.
    pub schedules: BTreeMap<String, PathBuf>,
}

impl Outcome {
    /// How the trial ended.
    pub fn status(&self) -> Status {
        self.meta.status
    }

    /// A trial that was measured earlier, from its folder; none if it has no numbers. Its histograms have the two significant
    /// digits of `latency.hlog`; classes of failures stand in the metrics alone.
    pub fn stored(trial: &StoredTrial, folder: &Path) -> Option<Self> {
        let metrics = trial.metrics.clone()?;
        let logs = hlog::read(&folder.join("latency.hlog"));
        let operations: BTreeMap<String, Totals> = metrics
            .operations
            .iter()
            .map(|(name, row)| (name.clone(), totals(row, &logs, &|tag| tag == hlog::tag(name))))
            .collect();
        let parts: Vec<String> = metrics
            .operations
            .iter()
            .filter(|(_, row)| row.is_part)
            .map(|(name, _)| hlog::tag(name))
            .collect();
        let all = totals(&metrics.total, &logs, &|tag| !parts.iter().any(|part| part == tag));
        let outcome = Self {
            meta: trial.meta.clone(),
            totals: all,
            operations,
            series: trial.series.clone(),
            resources: trial.resources.clone(),
            schedules: BTreeMap::new(),
            metrics,
        };
        Some(outcome.kept())
    }

    /// As a run of many trials keeps it: with histograms of two significant digits, the same whether it was measured just now or read
    /// from its folder.
    pub fn kept(mut self) -> Self {
        self.totals = self.totals.coarse();
        self.operations.values_mut().for_each(|totals| *totals = totals.coarse());
        self
    }
}

/// The counts of a row, and the histograms of the tags that are `wanted`.
fn totals(row: &Summary, logs: &[(String, Histogram<u64>)], wanted: &dyn Fn(&str) -> bool) -> Totals {
    let sum = |kind: Option<&str>| {
        let mut total = tally::histogram::<u64>();
        for (tag, times) in logs {
            let (name, found) =
                tag.split_once('/').map_or((tag.as_str(), None), |(name, kind)| (name, Some(kind)));
            if found == kind && wanted(name) {
                tally::pour(&mut total, times);
            }
        }
        total
    };
    let in_window = |rate: f64| (rate * row.duration_s).round() as u64;
    let counts = Counts {
        successes: row.successes,
        failed: row.failures,
        bytes: row.bytes,
        items: row.items,
        successes_in_window: in_window(row.throughput),
        bytes_in_window: in_window(row.bytes_per_second),
        late: row.late,
        reconnects: row.reconnects,
        ..Counts::default()
    };
    Totals {
        counts,
        response: sum(None),
        service: sum(Some("service")),
        failed_times: sum(Some("failed")),
        ..Totals::default()
    }
}
