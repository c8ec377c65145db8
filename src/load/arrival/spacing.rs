//! How the calls of an open loop are spaced: a process of one call a unit of time, on average.

use crate::measure::hash::{Draws, exponential, standard_normal};

/// Separates the arrival times from every payload that shares the seed.
const STREAM: u64 = 0x6172_7269_7661_6c73;

/// The gaps between calls, with mean 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spacing {
    /// All the same.
    Constant,
    /// Exponential: independent callers.
    Poisson,
    /// Gamma with this shape, the burstiness b: variance 1 / b. b = 1 is Poisson, large b nearly constant, below 1 calls
    /// come in bursts.
    Gamma(f64),
}

/// When the calls of such a process are due, turn by turn: a function of (seed, turn).
#[derive(Debug, Clone)]
pub struct Process {
    spacing: Spacing,
    seed: u64,
    /// The sum of all gaps so far, for random spacings.
    sum: f64,
}

impl Process {
    pub fn new(spacing: Spacing, seed: u64) -> Self {
        Self { spacing, seed, sum: 0.0 }
    }

    /// When `turn` is due; turns must be asked for one after the other.
    pub fn next(&mut self, turn: u64) -> f64 {
        let draws = || Draws::new(self.seed, STREAM, turn, 0);
        self.sum += match self.spacing {
            // Not a running sum: a call due exactly at the end of the window would move into it.
            Spacing::Constant => return turn as f64,
            Spacing::Poisson => exponential(&mut draws()),
            Spacing::Gamma(burstiness) => gamma(burstiness, &mut draws()),
        };
        self.sum
    }
}

/// Gamma with the given shape and mean 1, by Marsaglia and Tsang (2000): at most a few draws, whatever the shape.
fn gamma(shape: f64, draws: &mut Draws) -> f64 {
    if shape == 1.0 {
        return exponential(draws);
    }
    // Their boost: for a shape below 1 the next larger shape, times a power of a uniform draw.
    let (larger, boost) = match shape < 1.0 {
        true => (shape + 1.0, (1.0 - draws.unit()).powf(1.0 / shape)),
        false => (shape, 1.0),
    };
    let d = larger - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = standard_normal(draws);
        let v = (1.0 + c * x).powi(3);
        if v <= 0.0 {
            continue;
        }
        let unit = 1.0 - draws.unit();
        if unit.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            return boost * d * v / shape;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: usize = 200_000;

    fn gaps(spacing: Spacing) -> Vec<f64> {
        let mut process = Process::new(spacing, 7);
        let mut last = 0.0;
        (0..COUNT as u64)
            .map(|turn| {
                let next = process.next(turn);
                next - std::mem::replace(&mut last, next)
            })
            .collect()
    }

    fn moments(gaps: &[f64]) -> [f64; 3] {
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let central =
            |power| gaps.iter().map(|gap| (gap - mean).powi(power)).sum::<f64>() / gaps.len() as f64;
        let variance = central(2);
        [mean, variance, central(3) / variance.powf(1.5)]
    }

    #[test]
    fn gamma_gaps_have_the_moments_of_their_shape() {
        for burstiness in [0.1, 0.25, 0.5, 0.999, 1.0, 1.5, 4.0, 100.0] {
            let [mean, variance, skewness] = moments(&gaps(Spacing::Gamma(burstiness)));
            let wanted = 1.0 / burstiness;
            // Five standard errors: of the mean, and of the variance with the gamma's fourth moment.
            let errors = [wanted, wanted * wanted * (2.0 + 6.0 / burstiness)];
            let [of_mean, of_variance] = errors.map(|variance| 5.0 * (variance / COUNT as f64).sqrt());
            assert!((mean - 1.0).abs() < of_mean, "burstiness {burstiness}: mean {mean}");
            assert!((variance - wanted).abs() < of_variance, "burstiness {burstiness}: variance {variance}");
            let of_shape = 2.0 / burstiness.sqrt();
            assert!((skewness - of_shape).abs() < 0.05 + 0.1 * of_shape, "{burstiness}: skewness {skewness}");
        }
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let gaps = gaps(Spacing::Poisson);
        let [mean, variance, _] = moments(&gaps);
        assert!((mean - 1.0).abs() < 0.012, "mean gap {mean}");
        assert!((variance - 1.0).abs() < 0.04, "variance {variance}");
        for limit in [0.1, 1.0, 3.0, 6.0] {
            let beyond = gaps.iter().filter(|gap| **gap > limit).count() as f64 / gaps.len() as f64;
            let wanted = (-limit).exp();
            assert!(
                (beyond - wanted).abs() < 5.0 * (wanted / COUNT as f64).sqrt(),
                "{beyond} beyond {limit}"
            );
        }
    }

    #[test]
    fn burstiness_1_is_poisson_and_a_large_one_nearly_constant() {
        assert_eq!(gaps(Spacing::Gamma(1.0)), gaps(Spacing::Poisson));
        let even = gaps(Spacing::Gamma(1e9));
        assert!(even.iter().all(|gap| (gap - 1.0).abs() < 0.001));
        assert!(gaps(Spacing::Constant)[1..].iter().all(|gap| *gap == 1.0));
    }

    #[test]
    fn the_seed_decides() {
        for spacing in [Spacing::Poisson, Spacing::Gamma(0.5)] {
            let first = |seed| Process::new(spacing, seed).next(0);
            assert_eq!(first(1), first(1));
            assert_ne!(first(1), first(2));
        }
    }
}
