//! All of a trial's calls of one operation, and the summary made of them.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::{Counts, Errors, FailureClass, Phase, Quantiles, Summary, Tally, clock::millis, tally};

/// Percentiles of a [`Quantiles`], by name.
const PERCENTILES: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p999", 99.9)];
/// Significant digits of what is kept of trials that are done.
const COARSE_DIGITS: u8 = 2;
/// Fewer samples than this beyond a percentile make it a guess.
const SAMPLES_BEYOND: f64 = 10.0;

/// Counts and times of the calls due in the measured window.
#[derive(Debug, Clone)]
pub struct Totals {
    pub counts: Counts,
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
            counts: Counts::default(),
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
        if !phase.counts() {
            self.counts.merge_window(&tally.counts);
            return;
        }
        self.counts.merge(&tally.counts);
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

    /// The same with histograms of two significant digits, as `latency.hlog` has them: an eighth of the memory, for runs of many trials.
    pub fn coarse(&self) -> Self {
        let coarse = |times: &Histogram<u64>| {
            let mut smaller = Histogram::new_with_bounds(times.low(), times.high(), COARSE_DIGITS)
                .expect("the bounds are those of a histogram");
            tally::pour(&mut smaller, times);
            smaller
        };
        Self {
            counts: self.counts.clone(),
            response: coarse(&self.response),
            service: coarse(&self.service),
            lag: coarse(&self.lag),
            failed_times: coarse(&self.failed_times),
        }
    }

    /// Adds the totals of another operation or trial.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        for (mine, other) in [
            (&mut self.response, &other.response),
            (&mut self.service, &other.service),
            (&mut self.lag, &other.lag),
            (&mut self.failed_times, &other.failed_times),
        ] {
            // Whatever their digits.
            mine.add(other).expect("all histograms reach as far");
        }
    }

    /// The numbers of a window of `duration_s` seconds.
    pub fn summary(&self, name: &str, duration_s: f64, offered_rate: Option<f64>) -> Summary {
        let counts = &self.counts;
        let requests = counts.calls();
        let per_second = |count: u64| if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 };
        let of_class =
            |class| counts.failures.iter().find(|known| known.class == class).map_or(0, |known| known.count);
        Summary {
            name: name.to_owned(),
            requests,
            successes: counts.successes,
            failures: counts.failed,
            duration_s,
            throughput: per_second(counts.successes_in_window),
            offered_rate,
            bytes: counts.bytes,
            bytes_per_second: per_second(counts.bytes_in_window),
            items: counts.items,
            first_byte_s: (counts.first_bytes > 0)
                .then(|| counts.first_byte as f64 / 1e9 / counts.first_bytes as f64),
            latency_ms: quantiles(&self.response),
            service_time_ms: quantiles(&self.service),
            start_lag_ms: quantiles(&self.lag),
            failed_ms: quantiles(&self.failed_times),
            errors: Errors {
                rate: if requests == 0 { 0.0 } else { counts.failed as f64 / requests as f64 },
                timeouts: of_class(super::failure::TIMEOUT),
                by_class: counts
                    .failures
                    .iter()
                    .map(|known| {
                        let class = FailureClass { count: known.count, first: known.first.clone() };
                        (known.class.to_owned(), class)
                    })
                    .collect(),
            },
            late: counts.late,
            dropped: of_class(super::failure::DROPPED),
            unfinished: of_class(super::failure::UNFINISHED),
            reconnects: counts.reconnects,
            max_in_flight: 0,
            is_part: false,
            extras: BTreeMap::new(),
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
