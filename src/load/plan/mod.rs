//! How much load, for how long: the options of `load::run`, checked before anything starts.

mod check;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    arrival::{Profile, Spacing, Times, Trace},
    pace::Think,
    stages::{Stages, Unit},
};
use crate::measure::Span;

/// The most calls a second that a plan may ask for; above it the schedule's nanoseconds run out of meaning.
pub const HIGHEST_RATE: f64 = 10_000_000.0;
/// Virtual users of one load; their sockets need file descriptors.
pub const MOST_USERS: u32 = 1_000_000;
/// Calls in flight of an open loop unless told.
const OPEN_CONCURRENCY: u32 = 1_000;
/// Virtual users that one generator thread serves before another one starts.
const USERS_A_THREAD: u32 = 64;

/// The options of one load as a script writes them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the load is called in results; the operation's name unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The most calls in flight. Closed loop: the number of virtual users (1). With `rate`: 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Calls a second, due on a schedule whether or not earlier ones ended; without it the loop is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// How calls of a given rate are spaced; constant unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
    /// The shape of gamma gaps: 1 is Poisson, below it calls come in bursts, above it more evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burstiness: Option<f64>,
    /// Levels of rate or concurrency, one after the other; together they are the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
    /// Times from a file instead of a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// How long a virtual user of a closed loop waits after each call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
    /// Whether the trial keeps when each call was due, as a file that `trace` replays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub save_schedule: bool,
    /// Whether the start of the window is cut off until the load is steady.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steady: bool,
    /// Length of the measured window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Measured calls to make; with `duration` too, whichever ends first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Measured calls that each virtual user of a closed loop makes, instead of `requests`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_each: Option<u64>,
    /// Load before the measured window.
    #[serde(default)]
    pub warmup: Span,
    /// A call without an answer for this long has failed; also the longest wait in line, and the drain.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
    /// Generator threads; unless given one for every 64 virtual users, at most one a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Seed of payloads and arrivals; the run's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many calls `requests.jsonl` keeps: a number, `"all"` or `"none"` (200,000).
    #[serde(default)]
    pub record: Record,
}

/// The spacing of an open loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// Evenly spaced.
    Constant,
    /// Exponential gaps: independent callers.
    Poisson,
    /// Gamma gaps of the plan's burstiness.
    Gamma,
}

/// How many successful calls `requests.jsonl` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, \"all\" or \"none\"")]
pub enum Record {
    Rows(u64),
    Word(RecordWord),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordWord {
    All,
    None,
}

impl Default for Record {
    fn default() -> Self {
        Self::Rows(200_000)
    }
}

impl Record {
    /// Rows to keep at most.
    pub fn budget(self) -> u64 {
        match self {
            Self::Rows(rows) => rows,
            Self::Word(RecordWord::All) => u64::MAX,
            Self::Word(RecordWord::None) => 0,
        }
    }
}

impl Plan {
    /// Whether calls are due on a schedule, whatever has become of the ones before.
    pub fn is_open(&self) -> bool {
        self.rate.is_some() || self.trace.is_some() || self.stages_of(Unit::Rate).is_some()
    }

    /// Measured calls to make, of all users together.
    pub fn calls(&self) -> Option<u64> {
        let users = u64::from(self.concurrency());
        self.requests.or_else(|| Some(self.requests_each?.saturating_mul(users)))
    }

    /// The most calls in flight.
    pub fn concurrency(&self) -> u32 {
        match self.stages_of(Unit::Concurrency) {
            Some(stages) => stages.peak() as u32,
            None => self.concurrency.unwrap_or(if self.is_open() { OPEN_CONCURRENCY } else { 1 }),
        }
    }

    /// Sessions to open before the load starts: all of a closed loop; of an open one what 10 ms of calls need where
    /// its rate is highest.
    pub fn sessions_at_start(&self) -> u32 {
        let peak = self.times().map(|times| times.peak).or_else(|| Some(self.rates()?.peak()));
        match peak {
            None => self.concurrency(),
            Some(rate) => ((rate * 0.010).ceil() as u32).clamp(1, self.concurrency()),
        }
    }

    /// The rate over the whole load; none in a closed loop or of a trace.
    pub fn rates(&self) -> Option<Profile> {
        let stages = || Some(self.stages_of(Unit::Rate)?.profile(self.warmup));
        self.rate.map(Profile::constant).or_else(stages)
    }

    /// The virtual users of a closed loop over time; none where their number does not change.
    pub fn levels(&self) -> Option<Profile> {
        Some(self.stages_of(Unit::Concurrency)?.profile(self.warmup))
    }

    /// What the rows of the stages are called; empty without stages.
    pub fn stage_names(&self) -> Vec<String> {
        self.stages.as_ref().map(Stages::names).unwrap_or_default()
    }

    /// The length of the stage that has a row of this name, which may stand behind that of its group.
    pub fn stage_length(&self, row: &str) -> Option<Duration> {
        let stages = self.stages.as_ref()?;
        let is_it = |name: &String| row == name || row.ends_with(&format!(": {name}"));
        let at = stages.names().iter().position(is_it)?;
        Some(stages.0[at].length().0)
    }

    pub fn spacing(&self) -> Spacing {
        match self.arrival {
            None | Some(Arrival::Constant) => Spacing::Constant,
            Some(Arrival::Poisson) => Spacing::Poisson,
            Some(Arrival::Gamma) => Spacing::Gamma(self.burstiness.unwrap_or(1.0)),
        }
    }

    /// The times of a trace, once the plan is checked.
    pub fn times(&self) -> Option<&Arc<Times>> {
        self.trace.as_ref()?.times.as_ref()
    }

    /// Calls a second that are asked for, if `calls` were due in a window of so many seconds; none in a closed loop.
    pub fn offered_rate(&self, calls: u64, window_s: f64) -> Option<f64> {
        self.rate.or_else(|| (self.is_open() && window_s > 0.0).then(|| calls as f64 / window_s))
    }

    fn stages_of(&self, unit: Unit) -> Option<&Stages> {
        self.stages.as_ref().filter(|stages| stages.unit() == unit)
    }

    /// Threads for `concurrency` virtual users on `cores` allowed cores.
    pub fn threads(concurrency: u32, cores: usize) -> usize {
        (concurrency.div_ceil(USERS_A_THREAD) as usize).clamp(1, cores.max(1))
    }

    /// Length of the measured window, where it is known before the load.
    pub fn duration(&self) -> Option<Duration> {
        let stages = self.stages.as_ref().map(Stages::length);
        // The last call of a trace is in its window.
        let trace =
            || Some(Duration::from_nanos(self.times()?.due.last()? + 1).saturating_sub(self.warmup.0));
        self.duration.map(|span| span.0).or(stages).or_else(trace)
    }
}

fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}
