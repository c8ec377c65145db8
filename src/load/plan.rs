//! How much load, for how long: the options of `load::run`, checked before anything starts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::measure::Span;

/// The most calls a second that a plan may ask for; above it the schedule's nanoseconds run out of meaning.
const HIGHEST_RATE: f64 = 10_000_000.0;
/// Virtual users of one load; their sockets need file descriptors.
const MOST_USERS: u32 = 1_000_000;
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
    /// How calls of a given `rate` are spaced.
    #[serde(default)]
    pub arrival: Spacing,
    /// Length of the measured window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Measured calls to make; with `duration` too, whichever ends first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// Evenly spaced.
    #[default]
    Constant,
    /// Exponential gaps: independent callers.
    Poisson,
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
    /// Refuses what cannot be run, naming the option.
    pub fn check(self) -> Result<Self> {
        let positive = |name: &str, zero: bool| match zero {
            true => Err(Error::usage(format!("`{name}` must be more than 0"))),
            false => Ok(()),
        };
        positive("concurrency", self.concurrency == Some(0))?;
        positive("requests", self.requests == Some(0))?;
        positive("threads", self.threads == Some(0))?;
        positive("duration", self.duration.is_some_and(|span| span.0.is_zero()))?;
        positive("timeout", self.timeout.0.is_zero())?;
        if self.duration.is_none() && self.requests.is_none() {
            return Err(Error::usage("this load would never end")
                .hint("give `duration: \"30s\"` or `requests: 10_000`"));
        }
        if let Some(rate) = self.rate {
            if rate <= 0.0 || rate.is_nan() {
                return Err(Error::usage(format!("`rate` must be more than 0, not {rate}")));
            }
            if rate > HIGHEST_RATE {
                return Err(Error::usage(format!(
                    "`rate` may be at most {HIGHEST_RATE} calls a second, not {rate}"
                )));
            }
        } else if self.arrival != Spacing::Constant {
            return Err(Error::usage("`arrival` spaces the calls of a `rate`, but none is given")
                .hint("add `rate: 500`, or leave `arrival` out for a closed loop"));
        }
        if self.concurrency > Some(MOST_USERS) {
            let error = format!("`concurrency` may be at most {MOST_USERS}, not {}", self.concurrency());
            return Err(Error::usage(error));
        }
        if self.threads > Some(self.concurrency()) {
            return Err(Error::usage(format!(
                "`threads` is more than `concurrency` ({}): some would have no virtual user",
                self.concurrency()
            )));
        }
        Ok(self)
    }

    /// The most calls in flight.
    pub fn concurrency(&self) -> u32 {
        self.concurrency.unwrap_or(if self.rate.is_some() { OPEN_CONCURRENCY } else { 1 })
    }

    /// Sessions to open before the load starts: all of a closed loop; of an open one what 10 ms of calls need.
    pub fn sessions_at_start(&self) -> u32 {
        match self.rate {
            None => self.concurrency(),
            Some(rate) => ((rate * 0.010).ceil() as u32).clamp(1, self.concurrency()),
        }
    }

    /// Threads for `concurrency` virtual users on `cores` allowed cores.
    pub fn threads(concurrency: u32, cores: usize) -> usize {
        (concurrency.div_ceil(USERS_A_THREAD) as usize).clamp(1, cores.max(1))
    }

    pub fn duration(&self) -> Option<Duration> {
        self.duration.map(|span| span.0)
    }
}

fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}
