//! How many calls did what: the part of every tally and total that simply adds up.

use super::{
    Moment,
    tally::{Failures, merge_failures},
};

/// Counts of calls, of one second or of many.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub successes: u64,
    pub failed: u64,
    pub bytes: u64,
    pub items: u64,
    /// Nanoseconds from due to the first byte of the answer, added up over the successes that saw one.
    pub first_byte: u64,
    pub first_bytes: u64,
    /// Successes and their bytes that ended in the measured window, whenever they were due.
    pub successes_in_window: u64,
    pub bytes_in_window: u64,
    pub late: u64,
    pub reconnects: u64,
    /// When the last of these calls ended.
    pub last_ended: Moment,
    pub failures: Vec<Failures>,
}

impl Counts {
    /// All calls: successes and failures.
    pub fn calls(&self) -> u64 {
        self.successes + self.failed
    }

    pub fn merge(&mut self, other: &Self) {
        self.merge_window(other);
        self.successes += other.successes;
        self.failed += other.failed;
        self.bytes += other.bytes;
        self.items += other.items;
        self.first_byte += other.first_byte;
        self.first_bytes += other.first_bytes;
        self.late += other.late;
        self.reconnects += other.reconnects;
        self.last_ended = self.last_ended.max(other.last_ended);
        merge_failures(&mut self.failures, &other.failures);
    }

    /// Adds only what counts for throughput.
    pub fn merge_window(&mut self, other: &Self) {
        self.successes_in_window += other.successes_in_window;
        self.bytes_in_window += other.bytes_in_window;
    }
}
