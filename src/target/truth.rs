//! What the server knows of its own work, and what measurements of it are compared with.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{draw::Fate, queue::Ticket, service_time::LONGEST};
use crate::measure::{Moment, Quantiles, quantiles};

/// The truth so far, as `/stats` gives it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Requests read completely. More than `answered` while some are in service; clients may also go away.
    pub requests: u64,
    /// Requests whose answer was written, in whole or, if dropped, in half.
    pub answered: u64,
    /// Of these, answered with `error_status`.
    pub errors: u64,
    /// Of these, closed half-way.
    pub drops: u64,
    pub connections: u64,
    /// The draws of all answered requests: errors and drops are served as long as others.
    pub service_ms: Quantiles,
    /// From the request read completely to the answer written to the socket. What waits unread in the kernel
    /// while the server is busy with others is not in it.
    pub sojourn_ms: Quantiles,
    /// From the request read completely to the start of its service, as scheduled.
    pub waiting_ms: Quantiles,
    /// Answered requests that the log had no room for.
    pub log_missing: u64,
}

/// One answered request. Times are nanoseconds of `CLOCK_MONOTONIC`, comparable between processes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What its service time was drawn with.
    pub n: u64,
    pub arrival_ns: u64,
    /// Start and end of service as scheduled.
    pub start_ns: u64,
    pub end_ns: u64,
    /// When the answer had been written.
    pub written_ns: u64,
}

/// What one thread wrote down.
pub struct Record {
    answered: u64,
    errors: u64,
    drops: u64,
    service: Histogram<u64>,
    sojourn: Histogram<u64>,
    waiting: Histogram<u64>,
    log: Vec<Entry>,
    log_limit: usize,
    log_missing: u64,
}

impl Record {
    /// Keeps up to `log_limit` entries one by one.
    pub fn new(log_limit: usize) -> Self {
        let histogram = || Histogram::new_with_bounds(1, LONGEST.nanos(), 3).expect("valid bounds");
        Self {
            answered: 0,
            errors: 0,
            drops: 0,
            service: histogram(),
            sojourn: histogram(),
            waiting: histogram(),
            log: Vec::new(),
            log_limit,
            log_missing: 0,
        }
    }

    pub fn add(&mut self, ticket: &Ticket, written: Moment) {
        self.answered += 1;
        match ticket.fate {
            Fate::Served => {}
            Fate::Failed => self.errors += 1,
            Fate::Dropped => self.drops += 1,
        }
        self.service.saturating_record(ticket.service);
        self.sojourn.saturating_record(written.since(ticket.arrival));
        self.waiting.saturating_record(ticket.start.since(ticket.arrival));
        if self.log_limit == 0 {
            return;
        }
        if self.log.len() == self.log_limit {
            self.log_missing += 1;
            return;
        }
        self.log.push(Entry {
            n: ticket.n,
            arrival_ns: ticket.arrival.0,
            start_ns: ticket.start.0,
            end_ns: ticket.end.0,
            written_ns: written.0,
        });
    }

    pub fn clear(&mut self) {
        *self = Self::new(self.log_limit);
    }

    pub fn merge(&mut self, other: &Self) {
        self.answered += other.answered;
        self.errors += other.errors;
        self.drops += other.drops;
        self.log_missing += other.log_missing;
        for (sum, more) in [
            (&mut self.service, &other.service),
            (&mut self.sojourn, &other.sojourn),
            (&mut self.waiting, &other.waiting),
        ] {
            sum.add(more).expect("the same bounds");
        }
    }

    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    pub fn truth(&self, requests: u64, connections: u64) -> Truth {
        Truth {
            requests,
            answered: self.answered,
            errors: self.errors,
            drops: self.drops,
            connections,
            service_ms: quantiles(&self.service),
            sojourn_ms: quantiles(&self.sojourn),
            waiting_ms: quantiles(&self.waiting),
            log_missing: self.log_missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Settings, queue::Model};

    fn record(log_limit: usize, sojourns: &[u64]) -> Record {
        let settings = Settings { service_time: "1ms".parse().unwrap(), ..Settings::default() };
        let model = Model::new(&settings);
        let mut record = Record::new(log_limit);
        for sojourn in sojourns {
            let ticket = model.accept(&settings, None);
            record.add(&ticket, ticket.arrival.plus(*sojourn));
        }
        record
    }

    #[test]
    fn the_log_is_bounded_and_says_what_it_left_out() {
        let record = record(2, &[2_000_000, 3_000_000, 4_000_000]);
        assert_eq!(record.log().iter().map(|entry| entry.n).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(record.log()[1].written_ns - record.log()[1].arrival_ns, 3_000_000);
        let truth = record.truth(3, 1);
        assert_eq!((truth.answered, truth.log_missing), (3, 1));
    }

    #[test]
    fn merged_records_are_what_one_would_have_written() {
        let mut halves = record(0, &[1_000_000; 50]);
        halves.merge(&record(0, &[9_000_000; 50]));
        let truth = halves.truth(100, 1);
        assert_eq!((truth.answered, truth.service_ms.count, truth.sojourn_ms.count), (100, 100, 100));
        assert!((truth.sojourn_ms.avg - 5.0).abs() < 0.01 && (truth.sojourn_ms.p90 - 9.0).abs() < 0.01);
        assert_eq!(truth.sojourn_ms.low_confidence, ["p95", "p99", "p999"]);
        assert_eq!(truth.waiting_ms.max, 0.0);
    }
}
