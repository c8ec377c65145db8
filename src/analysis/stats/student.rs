//! Student's t distribution, and Welch's test of two means.

use super::{mean, special::incomplete_beta, variance};

/// The share of Student's t distribution with `freedom` degrees of freedom that lies below `t` (DLMF 8.17 and
/// Abramowitz and Stegun 26.7.1).
pub fn t_cdf(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return if t > 0.0 { 1.0 } else { 0.0 };
    }
    let tail = 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The value below which the share `p` (between 0 and 1) of it lies, by bisection.
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    if p < 0.5 {
        return -t_quantile(1.0 - p, freedom);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while t_cdf(high, freedom) < p && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        let side = if t_cdf(middle, freedom) < p { &mut low } else { &mut high };
        if *side == middle {
            break;
        }
        *side = middle;
    }
    (low + high) / 2.0
}

/// The difference of two means whose variances may differ (Welch, *Biometrika* 34, 1947).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// Mean of the second sample − mean of the first.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom, by Satterthwaite's formula.
    pub freedom: f64,
}

impl Welch {
    /// Of two samples, each of at least two values.
    pub fn of(first: &[f64], second: &[f64]) -> Self {
        let part = |values: &[f64]| {
            (mean(values), variance(values) / values.len() as f64, values.len() as f64 - 1.0)
        };
        Self::of_means(part(first), part(second))
    }

    /// Of two means with the square of their standard error and its degrees of freedom.
    pub fn of_means(first: (f64, f64, f64), second: (f64, f64, f64)) -> Self {
        let squared = first.1 + second.1;
        let freedom = squared * squared / (first.1 * first.1 / first.2 + second.1 * second.1 / second.2);
        // Two samples without any spread.
        let freedom = if freedom.is_finite() { freedom } else { first.2 + second.2 };
        Self { difference: second.0 - first.0, error: squared.sqrt(), freedom }
    }

    pub fn statistic(&self) -> f64 {
        match self.difference {
            0.0 => 0.0,
            difference => difference / self.error,
        }
    }

    /// How likely a difference so far from 0, either way, is where there is none.
    pub fn p(&self) -> f64 {
        (2.0 * t_cdf(-self.statistic().abs(), self.freedom)).min(1.0)
    }

    /// The interval that holds the true difference with probability `level` (0 to 1).
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let half = t_quantile(0.5 + level / 2.0, self.freedom) * self.error;
        (self.difference - half, self.difference + half)
    }
}
