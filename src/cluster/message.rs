//! What is said between a guardian and who holds its pipe: one JSON line each.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// A folder for one service, and how what runs in it is ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    /// Made by the guardian, removed by it at the end.
    pub folder: PathBuf,
    /// By their path in the folder.
    pub files: BTreeMap<String, String>,
    /// Who owns the folder and runs the tasks, if the guardian is root.
    pub user: Option<String>,
    pub stop: StopWith,
}

/// The signal that asks a service to end, and how long it may take before it is killed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct StopWith {
    pub signal: i32,
    pub grace_ms: u64,
}

/// A program with its arguments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    pub command: Vec<String>,
    /// On top of the guardian's own environment.
    pub env: BTreeMap<String, String>,
}

/// What the guardian is told. The end of the pipe means that all has to end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The first order.
    Open(Place),
    /// Runs to its end, or for so long.
    Run { task: Task, limit_ms: u64 },
    /// Runs from now on; what it says is appended to the log.
    /// A daemon's program ends well and leaves processes behind, which are the service.
    Start { task: Task, log: PathBuf, is_daemon: bool },
    /// From now on the end of the pipe means nothing: SIGTERM ends the guardian, which then removes this file.
    Detach { state: PathBuf },
}

/// What the guardian answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    Opened,
    Ran(Ran),
    Started {
        pid: u32,
    },
    Detached,
    /// What was ordered could not be done: what, and what came back.
    Failed {
        what: String,
        because: String,
    },
    /// Unasked: what was started has ended by itself, and all that belonged to it.
    Ended(Ended),
}

/// What became of a task that runs to its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ran {
    /// None if the time was over.
    pub ended: Option<Ended>,
    /// What it said on stdout and stderr: the last 64 KiB.
    pub output: String,
}

impl Ran {
    pub fn succeeded(&self) -> bool {
        self.ended == Some(Ended::Exit(0))
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    Exit(i32),
    Signal(i32),
    /// Nobody knows: its guardian was killed.
    Unknown,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::Unknown => f.write_str("its guardian was killed"),
        }
    }
}
