//! The JSON files of a run folder, as Rust structs: `run.json`, `meta.json`, `metrics.json`, `summary.json`.
//!
//! What does not apply is absent, never faked. Readers accept files with fields they do not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::resources::ResourceUse;
use crate::measure::{Errors, Quantiles, Summary, Validity};

/// Bumped when a field changes its meaning; written as `schema` into every file.
pub const SCHEMA: u32 = 1;

/// How far a run or trial came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being written; when its process is gone, readers say `interrupted`.
    Running,
    /// Finished, and every check held.
    Done,
    /// Finished, but a check failed.
    Checks,
    /// Could not be finished: `reason` says why.
    Failed,
    /// Ended early by a person or a signal; what was measured is there.
    Interrupted,
    /// Left out, because the scenario said when to stop.
    Skipped,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Checks => "checks failed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
        }
    }
}

/// `run.json`: what ran, where, and how it ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    pub schema: u32,
    pub run_id: String,
    /// Name of the scenario: the script's file name without its ending, unless it declares one.
    pub scenario: String,
    /// The first `//!` lines of the script: the question it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Why it is asked, as the scenario declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What a person wrote about this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the script declared with `scenario(...)`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub declared: Map<String, Value>,
    /// What searches of the scenario found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<FoundAnswer>,
    /// The run whose stored scenario this one ran again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<String>,
    /// When it was taken up again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed_at: Vec<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of the process that writes it, so that readers can tell a killed run from a running one.
    pub pid: u32,
    /// When that process started, in clock ticks since boot: pids are used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_start: Option<u64>,
    pub tool_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// The script's path as given, its text's hash, and every import.
    pub script: Source,
    #[serde(default)]
    pub imports: Vec<Source>,
    pub parameters: Map<String, Value>,
    pub seed: u64,
    pub host: HostFacts,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub checks: Vec<Check>,
    /// The script's own `metric(...)`s by name; of several values of one the last.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metrics: Map<String, Value>,
    /// What the script started, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<StartedService>,
    #[serde(default)]
    pub notes: Vec<String>,
}

/// The highest load that a search found to hold the limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundAnswer {
    /// The other parameters, and the one that was searched for.
    pub point: Map<String, Value>,
    pub parameter: String,
    /// Absent where the range does not hold it: `why` says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// Ends of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    pub why: String,
    /// Whether a load of its own just below the answer held them; absent where none was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
}

/// A service that the script started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartedService {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its URL.
    pub endpoint: String,
    pub ports: BTreeMap<String, u16>,
    /// How it was started: `process`.
    pub launcher: String,
    pub command: Vec<String>,
    /// What its definition was made from; secrets masked.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// In the run folder: what it said.
    pub log: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub ready_at: String,
    /// Between the two.
    pub ready_s: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// `stopped`, or `ended by itself: ...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// State of the git work tree that holds the script.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Git {
    pub commit: String,
    pub dirty: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub path: String,
    pub sha256: String,
    /// Which version it says that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The machine that generated the load.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HostFacts {
    pub name: String,
    pub kernel: String,
    pub cpu_model: String,
    /// Cores that this process may use, and cores there are.
    pub cores_allowed: usize,
    pub cores: usize,
    pub memory_mb: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
}

/// One `check(...)` of the script.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub passed: bool,
    /// `file:line` of the call.
    pub at: String,
    /// What its condition threw, if it failed that way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// `<trial>/meta.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Meta {
    pub schema: u32,
    /// The folder's name: `<index>-<short hash of its configuration>-r<repetition>`.
    pub trial: String,
    pub uuid: String,
    /// What a person calls it: the plan's `name`, else the operation's.
    pub name: String,
    pub index: u32,
    pub repetition: u32,
    pub attempt: u32,
    pub parameters: Map<String, Value>,
    /// Those of them that the scenario sweeps.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub point: Map<String, Value>,
    pub seed: u64,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub started_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    pub host: String,
    pub service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    pub script_sha256: String,
    /// Seconds from the start of the load to the measured window, and the window's length (0 until it is known).
    pub warmup_s: f64,
    pub duration_s: f64,
}

/// `<trial>/metrics.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Metrics {
    pub schema: u32,
    pub trial_id: String,
    /// RFC 3339, UTC: the start of the load.
    pub timestamp: String,
    pub component: String,
    pub service: String,
    /// The plan and the operation as they ran, defaults filled in.
    pub config: Map<String, Value>,
    pub throughput: Throughput,
    pub latency_ms: Quantiles,
    pub service_time_ms: Quantiles,
    pub start_lag_ms: Quantiles,
    pub errors: Errors,
    pub validity: Validity,
    /// The whole load in full; its parts above repeat what other tools look for.
    pub total: Summary,
    pub operations: BTreeMap<String, Summary>,
    /// Figures that only some services have, and the script's own `metric(...)`s.
    pub extras: Map<String, Value>,
    /// CPU, memory, disk and network; absent where nothing could be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceUse>,
    /// What the server says of itself, from before the first session opened until the last one was closed.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub server: Map<String, Value>,
    /// Where the plan wants the window `steady`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady: Option<SteadyWindow>,
    /// The limits that the scenario set, and what came of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slo: Vec<Objective>,
    /// What a reader must know: resolution of the percentiles, how many calls `requests.jsonl` holds.
    pub notes: Vec<String>,
}

/// A limit on a figure of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// `p99_ms`, `error_rate`, `throughput`, or a name of `extras`.
    pub name: String,
    pub limit: f64,
    /// At least the limit, else at most.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Absent where it was not measured, which misses the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    pub held: bool,
    /// The value is a percentile of too few samples to be sure of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub low_confidence: bool,
}

/// What became of a window that was to be steady.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SteadyWindow {
    /// Whether a steady part was found.
    pub found: bool,
    /// Seconds cut from its start.
    pub trimmed_s: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Throughput {
    pub value: f64,
    pub unit: String,
}

/// `summary.json`: the run as one page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunSummary {
    pub schema: u32,
    pub run_id: String,
    pub status: Status,
    pub total_requests: u64,
    pub successful_requests: u64,
    pub failed_requests: u64,
    /// 0 to 1; absent when no call was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// Of all trials' calls together; absent when none succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_s: Option<LatencySeconds>,
    /// Successful calls in all windows / length of all windows.
    pub requests_per_second: f64,
    /// The same block for each service.
    pub services: BTreeMap<String, ServiceBlock>,
    /// The script's own `metric(...)`s.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metrics: Map<String, Value>,
    pub trials: Vec<TrialRow>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LatencySeconds {
    pub avg: f64,
    pub min: f64,
    pub max: f64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceBlock {
    pub total_requests: u64,
    pub successful_requests: u64,
    pub failed_requests: u64,
    pub requests_per_second: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_s: Option<LatencySeconds>,
    /// What the service adds: `bytes_per_second`, `read_mb_per_second`.
    #[serde(flatten)]
    pub extras: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrialRow {
    pub trial: String,
    pub name: String,
    pub status: Status,
    pub parameters: Map<String, Value>,
    pub repetition: u32,
    pub attempt: u32,
    /// Why it is not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Absent, as what follows, where nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}
