//! When the first and the last virtual user were done, where each has the same number of calls to make.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::measure::{Failure, Moment, Outcome};

/// Shared by the threads of a load; only loads with `requests_each` have one.
pub struct Finish {
    users: u64,
    /// Users that are done.
    done: AtomicU64,
    first: AtomicU64,
    last: AtomicU64,
    /// Successful calls, and their bytes, up to the moment when the first user was done; then up to the last.
    by_first: [AtomicU64; 2],
    by_last: [AtomicU64; 2],
}

/// What was found; seconds count from the start of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    pub first: Done,
    /// None if the load ended before all users were done.
    pub last: Option<Done>,
}

/// What all users together had done when one of them was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Done {
    pub after_s: f64,
    pub successes: u64,
    pub bytes: u64,
}

impl Finish {
    pub fn new(users: u64) -> Self {
        let zero = || [AtomicU64::new(0), AtomicU64::new(0)];
        Self {
            users,
            done: AtomicU64::new(0),
            first: AtomicU64::new(u64::MAX),
            last: AtomicU64::new(0),
            by_first: zero(),
            by_last: zero(),
        }
    }

    /// Counts a measured call that has ended.
    pub fn call(&self, ended: Moment, result: &Result<Outcome, Failure>) {
        let Ok(outcome) = result else { return };
        let early = ended.0 <= self.first.load(Relaxed);
        for counts in [Some(&self.by_last), early.then_some(&self.by_first)].into_iter().flatten() {
            counts[0].fetch_add(1, Relaxed);
            counts[1].fetch_add(outcome.bytes, Relaxed);
        }
    }

    /// A user has made all its calls.
    pub fn user(&self, at: Moment) {
        self.first.fetch_min(at.0, Relaxed);
        self.last.fetch_max(at.0, Relaxed);
        self.done.fetch_add(1, Relaxed);
    }

    /// None if no user was done.
    pub fn told(&self, from: Moment) -> Option<Finished> {
        let done = self.done.load(Relaxed);
        let at = |moment: &AtomicU64, counts: &[AtomicU64; 2]| Done {
            after_s: Moment(moment.load(Relaxed)).since(from) as f64 / 1e9,
            successes: counts[0].load(Relaxed),
            bytes: counts[1].load(Relaxed),
        };
        (done > 0).then(|| Finished {
            first: at(&self.first, &self.by_first),
            last: (done == self.users).then(|| at(&self.last, &self.by_last)),
        })
    }
}

impl Finished {
    /// The figures that results show.
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let rate = |count: f64, done: &Done| count / done.after_s.max(1e-9);
        let mut figures = vec![
            ("first_done_s", self.first.after_s),
            ("first_done_calls_per_second", rate(self.first.successes as f64, &self.first)),
            ("first_done_mb_per_second", rate(self.first.bytes as f64 / 1e6, &self.first)),
        ];
        if let Some(last) = &self.last {
            figures.extend([
                ("last_done_s", last.after_s),
                ("last_done_calls_per_second", rate(last.successes as f64, last)),
                ("last_done_mb_per_second", rate(last.bytes as f64 / 1e6, last)),
            ]);
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_first_counts_for_the_last() {
        let finish = Finish::new(2);
        let good = Ok(Outcome { bytes: 1_000_000, ..Outcome::default() });
        assert_eq!(finish.told(Moment(0)), None);
        for ended in [1_000_000_000, 2_000_000_000] {
            finish.call(Moment(ended), &good);
        }
        finish.call(Moment(2_000_000_000), &Err(Failure::kept("io", "")));
        finish.user(Moment(2_000_000_000));
        assert_eq!(finish.told(Moment(0)).unwrap().last, None);
        finish.call(Moment(3_000_000_000), &good);
        finish.call(Moment(4_000_000_000), &good);
        finish.user(Moment(4_000_000_000));
        let told = finish.told(Moment(0)).unwrap();
        assert_eq!(told.first, Done { after_s: 2.0, successes: 2, bytes: 2_000_000 });
        assert_eq!(told.last, Some(Done { after_s: 4.0, successes: 4, bytes: 4_000_000 }));
        assert!(told.figures().contains(&("last_done_mb_per_second", 1.0)));
    }
}
