//! The numbers of one load, as scripts read them and files store them. Names carry units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One row of results: a whole load, or one operation of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Summary {
    /// Name of the load or the operation.
    pub name: String,
    /// All calls due in the measured window: successes and failures.
    pub requests: u64,
    pub successes: u64,
    pub failures: u64,
    /// Length of the measured window.
    pub duration_s: f64,
    /// Successful calls that ended in the window, a second.
    pub throughput: f64,
    /// Calls a second that the plan asked for; none in a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered_rate: Option<f64>,
    /// Payload bytes of successful calls, and those of them that ended in the window, a second.
    pub bytes: u64,
    pub bytes_per_second: f64,
    pub items: u64,
    /// Seconds from due to the first byte of the answer, on average; for figures of the operation.
    #[serde(skip)]
    pub first_byte_s: Option<f64>,
    /// Response time (ended − due) of successful calls.
    pub latency_ms: Quantiles,
    /// Ended − started of successful calls.
    pub service_time_ms: Quantiles,
    /// Started − due of all calls that started.
    pub start_lag_ms: Quantiles,
    /// Response time of failed calls; never mixed into the others.
    pub failed_ms: Quantiles,
    pub errors: Errors,
    /// Calls that started more than 1 ms after they were due.
    pub late: u64,
    /// Calls never sent: no session came free within the timeout.
    pub dropped: u64,
    /// Calls still in flight or in line when the drain ended.
    pub unfinished: u64,
    /// Sessions that were lost and opened again.
    pub reconnects: u64,
    /// The most calls in flight at once, as seen once a second and at each start.
    pub max_in_flight: u64,
    /// Another row counts these calls as well: this is a step of a journey, a share of a mix or a stage.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_part: bool,
    /// Figures that only this kind of operation has. Those of the whole load stand in the results' own `extras`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extras: BTreeMap<String, f64>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A distribution of times in milliseconds. All zero when nothing was recorded: look at `count` first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Quantiles {
    pub count: u64,
    pub avg: f64,
    pub stddev: f64,
    pub min: f64,
    pub max: f64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub p999: f64,
    /// Which of the percentiles above have fewer than 10 samples beyond them: shown with `~`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub low_confidence: Vec<String>,
}

/// What failed, by class.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Errors {
    /// Failed calls / all calls, 0 to 1.
    pub rate: f64,
    pub timeouts: u64,
    pub by_class: BTreeMap<String, FailureClass>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct FailureClass {
    pub count: u64,
    /// What the first failure of this class said.
    pub first: String,
}

/// Whether the numbers are the service's, or the generator's own limit.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Validity {
    pub verdict: Verdict,
    /// The evidence, one sentence each.
    pub reasons: Vec<String>,
    /// The highest rate that the busiest thread could have driven, calls a second; absent without CPU evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling_rate: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    #[default]
    Valid,
    Suspect,
    GeneratorLimited,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Suspect => "suspect",
            Self::GeneratorLimited => "generator-limited",
        }
    }
}
