//! One second of a load: merged from all threads, handed to every sink.

use std::sync::Arc;

use super::{Phase, Row, RowName, Tally};

/// One second, `[second, second + 1)` since the start of the load, by when calls ended.
pub struct Interval {
    pub second: u64,
    /// What the rows of the results are called by now, by number.
    pub names: Arc<[RowName]>,
    pub operations: Vec<OperationInterval>,
    pub rows: Vec<Row>,
    pub threads: Vec<ThreadUse>,
    pub level: Level,
    /// False if a thread had not delivered two seconds later; what it delivers then is counted in a later interval.
    pub complete: bool,
}

pub struct OperationInterval {
    /// The number of its row.
    pub row: usize,
    pub phase: Phase,
    pub tally: Tally,
}

/// What a generator thread used of its core since it last reported.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadUse {
    pub thread: usize,
    /// Nanoseconds of wall time that this covers.
    pub wall: u64,
    /// CPU time of the thread, in nanoseconds.
    pub cpu: u64,
    /// Time the thread was ready to run but had no core, in nanoseconds (Linux schedstat).
    pub runnable_delay: u64,
    /// Time spent in scripts, in nanoseconds; part of `cpu`.
    pub script: u64,
    /// Calls that found a session free, and those of them that started more than 1 ms late all the same.
    pub free_calls: u64,
    pub free_late: u64,
}

/// How full the load was at the end of the second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Level {
    pub in_flight: u64,
    /// Calls that are due and wait in line for a session.
    pub waiting: u64,
    /// The most calls in flight at once during the second.
    pub max_in_flight: u64,
    /// Seconds' worth of calls that had to wait because all sessions were busy.
    pub waited: u64,
}

impl Level {
    pub fn merge(&mut self, other: &Self) {
        self.in_flight += other.in_flight;
        self.waiting += other.waiting;
        self.max_in_flight += other.max_in_flight;
        self.waited += other.waited;
    }
}
