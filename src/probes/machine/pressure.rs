//! /proc/pressure: how much of the time something had to wait for CPU, memory or disk.

use crate::probes::counter::Counter;

#[derive(Default)]
pub struct Pressure {
    cpu: Counter,
    memory: Counter,
    memory_full: Counter,
    io: Counter,
    io_full: Counter,
}

impl Pressure {
    /// Shares of the time in which some task waited, and of memory and disk those in which all did.
    pub fn look(&mut self, cpu: &str, memory: &str, io: &str, elapsed_s: f64) -> [Option<f64>; 5] {
        let share = |counter: &mut Counter, text: &str, who: &str| {
            let waited_us = counter.rate(total(text, who), elapsed_s)?;
            Some((waited_us / 1e6).min(1.0))
        };
        [
            share(&mut self.cpu, cpu, "some"),
            share(&mut self.memory, memory, "some"),
            share(&mut self.memory_full, memory, "full"),
            share(&mut self.io, io, "some"),
            share(&mut self.io_full, io, "full"),
        ]
    }
}

/// Microseconds since boot.
fn total(text: &str, who: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(who))?;
    line.rsplit_once("total=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_a_share_of_the_time() {
        let mut pressure = Pressure::default();
        let text = |some: u64| {
            format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={some}\nfull avg10=0.00 total=10\n")
        };
        pressure.look(&text(0), "", &text(0), 0.0);
        let seen = pressure.look(&text(500_000), "", &text(4_000_000), 2.0);
        assert_eq!(
            seen,
            [Some(0.25), None, None, Some(1.0), Some(0.0)],
            "what the kernel does not tell is not 0"
        );
    }
}
