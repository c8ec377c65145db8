//! What a finished trial is while its run goes on: its metrics, and the histograms behind them.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    Point, Resources,
    schema::{Metrics, Status},
};
use crate::measure::Totals;

/// A trial's numbers with everything that questions about them need.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How the trial ended.
    pub status: Status,
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
