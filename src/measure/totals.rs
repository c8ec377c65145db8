//! All of a trial's calls of one operation, and the summary made of them.

use hdrhistogram::Histogram;

use super::{
    Errors, FailureClass, Moment, Phase, Quantiles, Summary, Tally,
    clock::millis,
    tally::{self, Failures, merge_failures},
};

/// Percentiles of a [`Quantiles`], by name.
const PERCENTILES: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p999", 99.9)];
/// Fewer samples than this beyond a percentile make it a guess.
const SAMPLES_BEYOND: f64 = 10.0;

/// Counts and times of the calls due in the measured window.
#[derive(Debug, Clone)]
pub struct Totals {
    pub successes: u64,
    pub failed: u64,
    pub bytes: u64,
    pub items: u64,
    pub successes_in_window: u64,
    pub bytes_in_window: u64,
    pub late: u64,
    pub reconnects: u64,
    /// When the last call ended.
    pub last_ended: Moment,
    pub failures: Vec<Failures>,
    /// Nanoseconds; successes only.
    pub response: Histogram<u64>,
    pub service: Histogram<u64>,
    /// Nanoseconds; every call that started.
    pub lag: Histogram<u64>,
    /// Nanoseconds; response time of failures.
    pub failed_times: Histogram<u64>,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            successes: 0,
            failed: 0,
            bytes: 0,
            items: 0,
            successes_in_window: 0,
            bytes_in_window: 0,
            late: 0,
            reconnects: 0,
            last_ended: Moment::default(),
            failures: Vec::new(),
            response: tally::histogram(),
            service: tally::histogram(),
            lag: tally::histogram(),
            failed_times: tally::histogram(),
        }
    }
}

impl Totals {
    /// Adds one second. Of warm-up calls only those count that ended in the window, and only for throughput; of calls due
    /// after the window none.
    pub fn add(&mut self, phase: Phase, tally: &Tally) {
        self.successes_in_window += tally.successes_in_window;
        self.bytes_in_window += tally.bytes_in_window;
        if !phase.counts() {
            return;
        }
        self.successes += tally.successes;
        self.failed += tally.failed;
        self.bytes += tally.bytes;
        self.items += tally.items;
        self.late += tally.late;
        self.reconnects += tally.reconnects;
        self.last_ended = self.last_ended.max(tally.last_ended);
        merge_failures(&mut self.failures, &tally.failures);
        for (total, second) in [
            (&mut self.response, tally.response_times()),
            (&mut self.service, tally.service_times()),
            (&mut self.lag, tally.start_lags()),
        ] {
            if let Some(second) = second {
                tally::pour(total, &second);
            }
        }
        if let Some(second) = tally.failed_times() {
            tally::pour(&mut self.failed_times, second);
        }
    }

    /// Adds the totals of another operation or trial.
    pub fn merge(&mut self, other: &Self) {
        self.successes += other.successes;
        self.failed += other.failed;
        self.bytes += other.bytes;
        self.items += other.items;
        self.successes_in_window += other.successes_in_window;
        self.bytes_in_window += other.bytes_in_window;
        self.late += other.late;
        self.reconnects += other.reconnects;
        self.last_ended = self.last_ended.max(other.last_ended);
        merge_failures(&mut self.failures, &other.failures);
        for (mine, other) in [
            (&mut self.response, &other.response),
            (&mut self.service, &other.service),
            (&mut self.lag, &other.lag),
            (&mut self.failed_times, &other.failed_times),
        ] {
            mine.add(other).expect("all histograms have the same bounds");
        }
    }

    /// The numbers of a window of `duration_s` seconds.
    pub fn summary(&self, name: &str, duration_s: f64, offered_rate: Option<f64>) -> Summary {
        let requests = self.successes + self.failed;
        let per_second = |count: u64| if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 };
        let of_class =
            |class| self.failures.iter().find(|known| known.class == class).map_or(0, |known| known.count);
        Summary {
            name: name.to_owned(),
            requests,
            successes: self.successes,
            failures: self.failed,
            duration_s,
            throughput: per_second(self.successes_in_window),
            offered_rate,
            bytes: self.bytes,
            bytes_per_second: per_second(self.bytes_in_window),
            items: self.items,
            latency_ms: quantiles(&self.response),
            service_time_ms: quantiles(&self.service),
            start_lag_ms: quantiles(&self.lag),
            failed_ms: quantiles(&self.failed_times),
            errors: Errors {
                rate: if requests == 0 { 0.0 } else { self.failed as f64 / requests as f64 },
                timeouts: of_class(super::failure::TIMEOUT),
                by_class: self
                    .failures
                    .iter()
                    .map(|known| {
                        let class = FailureClass { count: known.count, first: known.first.clone() };
                        (known.class.to_owned(), class)
                    })
                    .collect(),
            },
            late: self.late,
            dropped: of_class(super::failure::DROPPED),
            unfinished: of_class(super::failure::UNFINISHED),
            reconnects: self.reconnects,
            max_in_flight: 0,
            is_part: false,
        }
    }
}

/// The distribution of a histogram of nanoseconds, in milliseconds.
pub fn quantiles<C: hdrhistogram::Counter>(times: &Histogram<C>) -> Quantiles {
    if times.is_empty() {
        return Quantiles::default();
    }
    let at = |percentile: f64| tally::percentile_ms(times, percentile);
    Quantiles {
        count: times.len(),
        avg: times.mean() / 1e6,
        stddev: times.stdev() / 1e6,
        min: millis(times.min()),
        max: millis(times.max()),
        p50: at(50.0),
        p90: at(90.0),
        p95: at(95.0),
        p99: at(99.0),
        p999: at(99.9),
        low_confidence: PERCENTILES
            .iter()
            .filter(|(_, percentile)| is_guess(times.len(), *percentile))
            .map(|(name, _)| (*name).to_owned())
            .collect(),
    }
}

/// Whether fewer than 10 of `count` samples lie beyond `percentile`.
pub fn is_guess(count: u64, percentile: f64) -> bool {
    // The tolerance keeps 10 of 1,000 beyond the 99th from reading as 9.99….
    count as f64 * (100.0 - percentile) / 100.0 + 1e-6 < SAMPLES_BEYOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        assert!(!is_guess(1_000, 99.0));
        assert!(is_guess(999, 99.0));
        assert!(!is_guess(20, 50.0));
    }
}
