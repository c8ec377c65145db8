//! The distribution functions that tests need: normal, and the incomplete beta function behind Student's t.

use std::f64::consts::{PI, SQRT_2, TAU};

/// The share of a standard normal distribution below `x`.
pub fn normal_cdf(x: f64) -> f64 {
    let upper = 0.5 * erfc(x.abs() / SQRT_2);
    if x < 0.0 { upper } else { 1.0 - upper }
}

/// 1 − erf(x) for x of 0 or more: by its series (Abramowitz and Stegun 7.1.6) up to 2.5, by its continued fraction
/// (7.1.14) from there on, where 1 − erf would lose its digits.
fn erfc(x: f64) -> f64 {
    if x < 2.5 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - 2.0 / PI.sqrt() * (-x * x).exp() * sum;
    }
    let fraction = (1..=60).rev().fold(x, |rest, k| x + f64::from(k) / 2.0 / rest);
    (-x * x).exp() / PI.sqrt() / fraction
}

/// The value below which the share `p` of a standard normal distribution lies; infinite at 0 and 1.
///
/// Begins with the rational approximation 26.2.23 of Abramowitz and Stegun (good to 4.5e-4), improved by Halley's method.
pub fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let t = (-2.0 * p.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = top / bottom - t;
    for _ in 0..4 {
        let step = (normal_cdf(x) - p) * TAU.sqrt() * (x * x / 2.0).exp();
        x -= step / (1.0 + x * step / 2.0);
    }
    x
}

/// The regularised incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22 (Lentz's method).
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // It converges fast below the mean of the distribution; above, the other tail does (DLMF 8.17.4).
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let no_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / no_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..=1_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for coefficient in [even, odd] {
            d = 1.0 / no_zero(1.0 + coefficient * d);
            c = no_zero(1.0 + coefficient / c);
            fraction *= c * d;
        }
        if (fraction / before - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the gamma function for positive `x`: Stirling's series (DLMF 5.11.1) from 10 on, reached by
/// Γ(x + 1) = x Γ(x).
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 1.0);
    while x < 10.0 {
        below *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = (1.0 / 12.0
        - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0))))
        / x;
    (x - 0.5) * x.ln() - x + 0.5 * TAU.ln() + series - below.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let near = |ours: f64, true_: f64| {
            assert!((ours - true_).abs() < 1e-13 * true_.abs().max(1.0), "{ours} {true_}")
        };
        near(normal_cdf(1.959_963_984_540_054), 0.975);
        near(normal_cdf(0.0), 0.5);
        near(normal_quantile(0.975), 1.959_963_984_540_054);
        near(normal_quantile(1e-10), -6.361_340_902_404_056);
        near(ln_gamma(0.5), PI.sqrt().ln());
        near(ln_gamma(6.0), 120f64.ln());
        near(incomplete_beta(2.0, 3.0, 0.4), 0.5248);
        near(incomplete_beta(0.5, 0.5, 0.5), 0.5);
    }

    #[test]
    fn the_two_ways_to_the_tail_meet() {
        let (below, above) = (erfc(2.5 - 1e-12), erfc(2.5 + 1e-12));
        assert!((below - above).abs() < 1e-10 * below.max(1e-3), "{below} {above}");
    }
}
