//! A run folder read back: what the reports, `list` and `show` work on, finished or not.

use super::schema::{Meta, Metrics, Run};

/// A run as it lies on disk.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// `status` is what the reader found: `running` only while the process lives, else `interrupted`.
    pub run: Run,
    pub trials: Vec<StoredTrial>,
}

/// One trial of it.
#[derive(Debug, Clone)]
pub struct StoredTrial {
    pub meta: Meta,
    /// Recomputed from the interval files where the run was killed before it wrote `metrics.json`, and then marked
    /// in `notes`; none if nothing was measured.
    pub metrics: Option<Metrics>,
    /// `metrics.csv`: one point a second, operation and phase.
    pub series: Vec<Point>,
    /// Response time of successes by percentile, whole load: `(percentile 0..100, ms)`, dense towards 100.
    pub latency_curve: Vec<(f64, f64)>,
    /// The same for service time.
    pub service_curve: Vec<(f64, f64)>,
}

/// One line of `metrics.csv`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// Whole seconds since the start of the load: the line covers `[second, second + 1)`.
    pub second: u64,
    pub operation: String,
    /// `warmup`, `measured` or `drain`.
    pub phase: String,
    pub calls: u64,
    pub failures: u64,
    pub bytes: u64,
    pub items: u64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub in_flight: u64,
    pub start_lag_p99_ms: f64,
}
