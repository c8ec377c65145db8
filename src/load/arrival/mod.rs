//! When the calls of an open loop are due: one function of (seed, turn), the same for any number of threads.

mod profile;
mod spacing;
mod trace;

use std::sync::Arc;

pub use profile::Profile;
use spacing::Process;
pub use spacing::Spacing;
pub use trace::{Times, Trace};

use super::plan::Plan;
use crate::measure::clock::nanos;

/// Due times in nanoseconds since the start of the load, turn by turn, never going back.
#[derive(Debug, Clone)]
pub struct Arrivals {
    source: Source,
    turn: u64,
}

#[derive(Debug, Clone)]
enum Source {
    /// Call n is due when the area below the rate reaches the n-th number of a process with rate 1.
    Made {
        process: Process,
        profile: Profile,
    },
    Read(Arc<Times>),
}

impl Arrivals {
    /// The schedule of `rate` calls a second, for ever.
    pub fn new(rate: f64, spacing: Spacing, seed: u64) -> Self {
        Self::along(Profile::constant(rate), spacing, seed)
    }

    /// The schedule of a rate that changes.
    pub fn along(profile: Profile, spacing: Spacing, seed: u64) -> Self {
        Self { source: Source::Made { process: Process::new(spacing, seed), profile }, turn: 0 }
    }

    /// The schedule of a checked plan; none for a closed loop.
    pub fn of(plan: &Plan, seed: u64) -> Option<Self> {
        match plan.times() {
            Some(times) => Some(Self { source: Source::Read(times.clone()), turn: 0 }),
            None => plan.rates().map(|profile| Self::along(profile, plan.spacing(), seed)),
        }
    }

    /// The highest rate it comes to, calls a second.
    pub fn peak(&self) -> f64 {
        match &self.source {
            Source::Made { profile, .. } => profile.peak(),
            Source::Read(times) => times.peak,
        }
    }
}

impl Iterator for Arrivals {
    /// Turn, and when it is due.
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let turn = self.turn;
        self.turn += 1;
        let due = match &mut self.source {
            Source::Made { process, profile } => profile.reaches(process.next(turn))?,
            Source::Read(times) => *times.due.get(turn as usize)?,
        };
        Some((turn, due))
    }
}

/// The calls that a plan makes: the part of its arrivals that lies before the end of the window, and no more in the
/// window than it asks for.
#[derive(Debug, Clone)]
pub struct Calls {
    arrivals: Arrivals,
    /// The window, in nanoseconds from the start of the load.
    from: u64,
    to: u64,
    /// Measured calls that are still to be made.
    left: u64,
}

impl Calls {
    /// The calls of a checked plan; none for a closed loop.
    pub fn of(plan: &Plan, seed: u64) -> Option<Self> {
        let from = plan.warmup.nanos();
        let to = plan.duration().map_or(u64::MAX, |duration| from.saturating_add(nanos(duration)));
        let arrivals = Arrivals::of(plan, seed)?;
        Some(Self { arrivals, from, to, left: plan.requests.unwrap_or(u64::MAX) })
    }

    /// The highest rate they come to, calls a second.
    pub fn peak(&self) -> f64 {
        self.arrivals.peak()
    }
}

impl Iterator for Calls {
    /// Turn, and when it is due.
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let (turn, due) = self.arrivals.next().filter(|(_, due)| *due < self.to)?;
        if due >= self.from {
            self.left = self.left.checked_sub(1)?;
        }
        Some((turn, due))
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
    fn random_arrivals_follow_the_rate() {
        let ramp = || Profile::of([(10_000_000_000, 0.0, 20_000.0), (5_000_000_000, 4_000.0, 4_000.0)]);
        for (spacing, variance) in
            [(Spacing::Poisson, 1.0f64), (Spacing::Gamma(0.5), 2.0), (Spacing::Gamma(9.0), 0.1)]
        {
            let mut counts = [0u32; 3];
            for (_, due) in Arrivals::along(ramp(), spacing, 3) {
                counts[(due / 5_000_000_000) as usize] += 1;
            }
            for (count, wanted) in counts.into_iter().zip([25_000.0, 75_000.0, 20_000.0]) {
                // Five deviations of a count of a renewal process, and one call at each end.
                let within = 5.0 * (wanted * variance).sqrt() + 2.0;
                assert!((f64::from(count) - wanted).abs() < within, "{spacing:?}: {count}, not {wanted}");
            }
        }
    }
}
