//! Statistics of small samples: intervals and tests, each with the formula's source. Tests hold them against SciPy.

mod bootstrap;
mod equivalence;
mod holm;
mod permutation;
mod ranks;
mod series;
mod special;
mod student;

pub use bootstrap::{Bootstrap, Interval};
pub use equivalence::equivalence;
pub use holm::holm;
pub use permutation::permutation;
pub use ranks::mann_whitney;
pub use series::effective_size;
pub use special::{normal_cdf, normal_quantile};
pub use student::{Welch, t_cdf, t_quantile};

/// The arithmetic mean; not a number for none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance of a sample (divided by n − 1); 0 for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len().max(2) - 1) as f64
}

/// The percentile (0 to 100) of sorted values, interpolated linearly (Hyndman and Fan's type 7, as NumPy has it).
///
/// There must be at least one value.
pub fn percentile(sorted: &[f64], percentile: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * (percentile / 100.0).clamp(0.0, 1.0);
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * position.fract()
}
