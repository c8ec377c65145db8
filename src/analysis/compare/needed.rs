//! How many repetitions would decide.

use super::super::stats::t_quantile;

/// How likely the advised number of repetitions decides.
const POWER: f64 = 0.8;
/// More are not advised: what they could decide does not matter.
const MOST: u32 = 1_000;

/// Repetitions a side with which the comparison would be decided in 8 of 10 cases, if the difference is what it seems:
/// shown to be one at the level `alpha`, or shown to lie within `margin`. None if that takes more than 1,000.
///
/// With n a side the error of the difference is √(`variances` / n); it is found if (t(1 − α/2) + t(0.8)) errors are below it, and
/// lies within the margin if t(0.975) + t(0.9) errors are below what is left of it (the usual formulas for sample sizes; Julious,
/// *Statistics in Medicine* 23, 2004).
pub fn needed(difference: f64, variances: f64, alpha: f64, margin: f64) -> Option<u32> {
    let decides = |count: u32| {
        let (freedom, error) = (f64::from(2 * count - 2), (variances / f64::from(count)).sqrt());
        let t = |share| t_quantile(share, freedom);
        let found = (t(1.0 - alpha / 2.0) + t(POWER)) * error <= difference;
        found || (t(0.975) + t((1.0 + POWER) / 2.0)) * error <= margin - difference
    };
    if !decides(MOST) {
        return None;
    }
    // The more repetitions, the more is decided.
    let (mut not, mut enough) = (1, MOST);
    while enough - not > 1 {
        let middle = (not + enough) / 2;
        if decides(middle) {
            enough = middle;
        } else {
            not = middle;
        }
    }
    Some(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_sizes() {
        // 17 a side for a difference of one deviation with 80 % power; 64 for half of one.
        assert_eq!(needed(1.0, 2.0, 0.05, 0.0), Some(17));
        assert_eq!(needed(0.5, 2.0, 0.05, 0.0), Some(64));
        assert_eq!(needed(0.0, 2.0, 0.05, 0.01), None);
    }
}
