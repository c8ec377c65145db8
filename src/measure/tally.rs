//! What is counted of one operation: in one second on one thread, merged over threads, or in all.

use std::{borrow::Cow, time::Duration};

use hdrhistogram::Histogram;

use super::{Counts, Failure, Moment, Outcome, Sample, clock};

/// The longest time a histogram holds, in nanoseconds: one hour. Longer ones count as an hour.
const LONGEST: u64 = 3_600_000_000_000;
/// Significant digits of every histogram: percentiles are within 0.1 %.
pub const DIGITS: u8 = 3;
/// A call that starts this much after it was due counts as late.
pub const LATE: u64 = 1_000_000;

/// Which part of a load a call belongs to, by its due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Due before the measured window.
    Warmup,
    /// Due in the window and ended in it.
    Measured,
    /// Due in the window, ended after it: counts for latency, not for throughput.
    Drain,
    /// Due after the window: a step of a journey that began in it. Counts for nothing.
    After,
}

impl Phase {
    pub const ALL: [Self; 4] = [Self::Warmup, Self::Measured, Self::Drain, Self::After];

    pub fn word(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Measured => "measured",
            Self::Drain => "drain",
            Self::After => "after",
        }
    }

    /// Whether calls of this phase count in the results.
    pub fn counts(self) -> bool {
        matches!(self, Self::Measured | Self::Drain)
    }
}

/// The part of a load that counts: calls due in `[from, to)`, on the clock of the load that began at `begin`.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub begin: Moment,
    pub from: Moment,
    /// `Moment(u64::MAX)` while a number of requests, not a time, ends the load.
    pub to: Moment,
}

impl Window {
    pub fn new(begin: Moment, warmup: Duration, duration: Option<Duration>) -> Self {
        let from = begin.plus_duration(warmup);
        Self { begin, from, to: duration.map_or(Moment(u64::MAX), |duration| from.plus_duration(duration)) }
    }

    pub fn phase(&self, due: Moment, ended: Moment) -> Phase {
        if due < self.from {
            Phase::Warmup
        } else if due >= self.to {
            Phase::After
        } else if ended <= self.to {
            Phase::Measured
        } else {
            Phase::Drain
        }
    }

    pub fn contains(&self, moment: Moment) -> bool {
        self.from <= moment && moment <= self.to
    }
}

/// Failures of one class: how many, and what the first one said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    pub class: &'static str,
    pub count: u64,
    pub first: String,
}

/// Counts and times of one operation in one second.
///
/// Response and service time coincide in a closed loop, so such calls are recorded once, in `same`.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub counts: Counts,
    same: Option<Box<Histogram<u32>>>,
    response: Option<Box<Histogram<u32>>>,
    service: Option<Box<Histogram<u32>>>,
    lag: Option<Box<Histogram<u32>>>,
    failed_times: Option<Box<Histogram<u32>>>,
    /// Calls that started exactly when they were due: their start lag is zero.
    on_time: u64,
}

impl Tally {
    /// Adds one call that was sent.
    pub fn record(&mut self, sample: &Sample, window: &Window) {
        let lag = sample.started.since(sample.due);
        self.counts.last_ended = self.counts.last_ended.max(sample.ended);
        match sample.result {
            Ok(outcome) => self.succeed(sample, outcome, lag, window),
            Err(failure) => self.fail(failure, sample.ended.since(sample.due)),
        }
        if lag == 0 {
            self.on_time += 1;
        } else {
            put(&mut self.lag, lag);
            self.counts.late += u64::from(lag > LATE);
        }
    }

    /// Adds one call that never started: dropped, or left in line at the end.
    pub fn record_unsent(&mut self, failure: &Failure, age: u64) {
        self.fail(failure, age);
    }

    fn succeed(&mut self, sample: &Sample, outcome: &Outcome, lag: u64, window: &Window) {
        self.counts.successes += 1;
        self.counts.bytes += outcome.bytes;
        self.counts.items += outcome.items;
        if let Some(at) = outcome.first_byte {
            self.counts.first_byte += at.since(sample.due);
            self.counts.first_bytes += 1;
        }
        if window.contains(sample.ended) {
            self.counts.successes_in_window += 1;
            self.counts.bytes_in_window += outcome.bytes;
        }
        let service = sample.ended.since(sample.started).saturating_sub(sample.paused);
        if lag == 0 && sample.paused == 0 {
            put(&mut self.same, service);
        } else {
            put(&mut self.response, sample.ended.since(sample.due));
            put(&mut self.service, service);
        }
    }

    fn fail(&mut self, failure: &Failure, age: u64) {
        self.counts.failed += 1;
        put(&mut self.failed_times, age);
        match self.counts.failures.iter_mut().find(|known| known.class == failure.class) {
            Some(known) => known.count += 1,
            None => {
                let first = failure.detail.clone();
                self.counts.failures.push(Failures { class: failure.class, count: 1, first });
            }
        }
    }

    /// Adds what another thread counted in the same second.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        self.on_time += other.on_time;
        merge(&mut self.same, other.same);
        merge(&mut self.response, other.response);
        merge(&mut self.service, other.service);
        merge(&mut self.lag, other.lag);
        merge(&mut self.failed_times, other.failed_times);
    }

    /// Response times of successes, in nanoseconds; none if nothing succeeded.
    pub fn response_times(&self) -> Option<Cow<'_, Histogram<u32>>> {
        joined(&self.same, &self.response)
    }

    /// Service times of successes, in nanoseconds.
    pub fn service_times(&self) -> Option<Cow<'_, Histogram<u32>>> {
        joined(&self.same, &self.service)
    }

    /// Start lags of all calls that started, in nanoseconds.
    pub fn start_lags(&self) -> Option<Cow<'_, Histogram<u32>>> {
        let late = self.lag.as_deref();
        if self.on_time == 0 {
            return late.map(Cow::Borrowed);
        }
        // Of calls that were all on time, the smallest histogram there is.
        let mut lags = late.cloned().unwrap_or_else(|| up_to(2));
        lags.saturating_record_n(0, u32::try_from(self.on_time).unwrap_or(u32::MAX));
        Some(Cow::Owned(lags))
    }

    /// Response times of failures, in nanoseconds.
    pub fn failed_times(&self) -> Option<&Histogram<u32>> {
        self.failed_times.as_deref()
    }
}

/// An empty histogram of nanoseconds up to an hour, with counters of width `C`.
pub fn histogram<C: hdrhistogram::Counter>() -> Histogram<C> {
    up_to(LONGEST)
}

fn up_to<C: hdrhistogram::Counter>(longest: u64) -> Histogram<C> {
    Histogram::new_with_bounds(1, longest, DIGITS).expect("1 to 2 ns or more in 3 digits are valid bounds")
}

/// Adds every value of `from`, whatever the width of its counters.
pub fn pour<C: hdrhistogram::Counter>(into: &mut Histogram<u64>, from: &Histogram<C>) {
    for step in from.iter_recorded() {
        into.saturating_record_n(step.value_iterated_to(), step.count_at_value().as_u64());
    }
}

fn put(slot: &mut Option<Box<Histogram<u32>>>, nanos: u64) {
    slot.get_or_insert_with(|| Box::new(histogram())).saturating_record(nanos);
}

fn merge(slot: &mut Option<Box<Histogram<u32>>>, other: Option<Box<Histogram<u32>>>) {
    match (slot.as_mut(), other) {
        (Some(mine), Some(other)) => mine.add(&*other).expect("all histograms have the same bounds"),
        (None, Some(other)) => *slot = Some(other),
        (_, None) => {}
    }
}

/// Adds the counts of `other`; the first detail of each class stays.
pub fn merge_failures(mine: &mut Vec<Failures>, other: &[Failures]) {
    for failures in other {
        match mine.iter_mut().find(|known| known.class == failures.class) {
            Some(known) => known.count += failures.count,
            None => mine.push(failures.clone()),
        }
    }
}

/// The sum of both; mostly there is only one, which is not copied.
fn joined<'a>(
    same: &'a Option<Box<Histogram<u32>>>,
    other: &'a Option<Box<Histogram<u32>>>,
) -> Option<Cow<'a, Histogram<u32>>> {
    match (same.as_deref(), other.as_deref()) {
        (Some(same), Some(other)) => {
            let mut joined = same.clone();
            joined.add(other).expect("all histograms have the same bounds");
            Some(Cow::Owned(joined))
        }
        (one, other) => one.or(other).map(Cow::Borrowed),
    }
}

/// Nanoseconds of a histogram's percentile as milliseconds.
pub fn percentile_ms<C: hdrhistogram::Counter>(times: &Histogram<C>, percentile: f64) -> f64 {
    clock::millis(times.value_at_percentile(percentile))
}
