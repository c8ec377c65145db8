//! A number that only grows, and what it grew by between two looks.

#[derive(Debug, Default)]
pub struct Counter(Option<u64>);

impl Counter {
    /// What it grew by since the last look; none at the first, where it cannot be read, and where it began anew.
    pub fn grew(&mut self, now: Option<u64>) -> Option<f64> {
        let before = std::mem::replace(&mut self.0, now);
        now?.checked_sub(before?).map(|grown| grown as f64)
    }

    /// The same a second.
    pub fn rate(&mut self, now: Option<u64>, elapsed_s: f64) -> Option<f64> {
        self.grew(now).filter(|_| elapsed_s > 0.0).map(|grown| grown / elapsed_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_seen_twice_did_not_grow() {
        let mut counter = Counter::default();
        let seen = [Some(5), Some(15), None, Some(20), Some(3), Some(4)];
        let grown: Vec<_> = seen.into_iter().map(|now| counter.rate(now, 2.0)).collect();
        assert_eq!(grown, [None, Some(5.0), None, None, None, Some(0.5)]);
    }
}
