//! Whether two means are the same for all purposes: two one-sided tests.

use super::{Welch, t_cdf};

/// The p value of the claim that the true difference lies within ±`margin` (two one-sided tests; Schuirmann, *Journal of
/// Pharmacokinetics and Biopharmaceutics* 15, 1987): the larger of the two.
pub fn equivalence(welch: &Welch, margin: f64) -> f64 {
    let above = t_cdf(-(welch.difference + margin) / welch.error, welch.freedom);
    let below = t_cdf((welch.difference - margin) / welch.error, welch.freedom);
    above.max(below)
}
