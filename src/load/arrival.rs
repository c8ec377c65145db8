//! When the calls of an open loop are due: one function of (seed, turn), the same for any number of threads.

use super::plan::{Plan, Spacing};
use crate::measure::hash::Draws;

/// Separates the arrival times from every payload that shares the seed.
const STREAM: u64 = 0x6172_7269_7661_6c73;

/// Due times in nanoseconds since the start of the load, turn by turn.
#[derive(Debug, Clone)]
pub struct Arrivals {
    seed: u64,
    /// Calls a second.
    rate: f64,
    spacing: Spacing,
    turn: u64,
    /// The sum of all gaps before `turn`, for random spacings.
    sum: f64,
}

impl Arrivals {
    /// The schedule of `rate` calls a second.
    pub fn new(rate: f64, spacing: Spacing, seed: u64) -> Self {
        Self { seed, rate, spacing, turn: 0, sum: 0.0 }
    }

    /// The schedule of a plan with a rate; none for a closed loop.
    pub fn of(plan: &Plan, seed: u64) -> Option<Self> {
        plan.rate.map(|rate| Self::new(rate, plan.arrival, seed))
    }
}

impl Iterator for Arrivals {
    /// Turn, and when it is due.
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let turn = self.turn;
        self.turn += 1;
        let due = match self.spacing {
            // Neither a running sum nor a multiple of a rounded gap: a call due exactly at the end of the window
            // would move into it.
            Spacing::Constant => turn as f64 * 1e9 / self.rate,
            Spacing::Poisson => {
                // In (0, 1]: its logarithm is finite.
                let unit = 1.0 - Draws::new(self.seed, STREAM, turn, 0).unit();
                self.sum -= unit.ln() * 1e9 / self.rate;
                self.sum
            }
        };
        Some((turn, due as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_arrivals_do_not_drift() {
        let (turn, due) = Arrivals::new(3.0, Spacing::Constant, 1).nth(3_000_000).unwrap();
        assert_eq!((turn, due), (3_000_000, 1_000_000_000_000_000));
    }

    #[test]
    fn a_window_of_whole_seconds_has_exactly_its_calls() {
        for rate in 1u32..3_000 {
            for seconds in [1, 7, 60] {
                let calls = u64::from(rate) * seconds;
                let mut arrivals = Arrivals::new(f64::from(rate), Spacing::Constant, 1);
                arrivals.turn = calls - 1;
                let [last, next] = [arrivals.next().unwrap().1, arrivals.next().unwrap().1];
                let end = seconds * 1_000_000_000;
                assert!(last < end && next >= end, "{rate}/s for {seconds} s: {last}, {next}");
            }
        }
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let dues: Vec<f64> = Arrivals::new(1_000.0, Spacing::Poisson, 7)
            .take(100_000)
            .map(|(_, due)| due as f64 / 1e6)
            .collect();
        let gaps: Vec<f64> = dues.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.02, "mean gap {mean} ms");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
        let beyond = gaps.iter().filter(|gap| **gap > 3.0).count() as f64 / gaps.len() as f64;
        assert!((beyond - (-3f64).exp()).abs() < 0.005, "{beyond} of the gaps exceed 3 means");
    }

    #[test]
    fn the_seed_decides() {
        let first = |seed| Arrivals::new(10.0, Spacing::Poisson, seed).next();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
