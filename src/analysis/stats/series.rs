//! Series whose values depend on those before: how many independent ones they are worth.

use super::variance;

/// How many independent values a series is worth for its mean, by batch means (Law and Kelton, *Simulation Modeling and
/// Analysis*): n · (variance of the values) / (batch length · variance of the batches' means). At most n, at least 1.
///
/// The batches are about √n, at least 5 of them and each of at least 2 values; of fewer than 10 values nothing can be
/// told, and the answer is a third of them, rounded down.
pub fn effective_size(series: &[f64]) -> f64 {
    let count = series.len();
    if count < 10 {
        return ((count / 3) as f64).max(1.0);
    }
    let batches = ((count as f64).sqrt() as usize).max(5);
    let length = count / batches;
    // What does not fill a batch is left out at the start, which is the less settled end.
    let rest = &series[count - batches * length..];
    let means: Vec<f64> = rest.chunks(length).map(super::mean).collect();
    let (all, of_means) = (variance(rest), variance(&means));
    if of_means == 0.0 {
        return count as f64;
    }
    (count as f64 * all / (length as f64 * of_means)).clamp(1.0, count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::hash::{Draws, standard_normal};

    /// Each value is `memory` times the one before, and noise.
    fn series(memory: f64, count: u64, seed: u64) -> Vec<f64> {
        let mut value = 0.0;
        let next = |at| {
            value = memory * value + standard_normal(&mut Draws::new(seed, 1, at, 0));
            value
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn a_series_with_memory_is_worth_less() {
        for (memory, share) in [(0.0, 1.0), (0.5, 1.0 / 3.0), (0.8, 1.0 / 9.0)] {
            let mean: f64 =
                (0..40).map(|seed| effective_size(&series(memory, 4_000, seed)) / 4_000.0).sum::<f64>()
                    / 40.0;
            assert!((mean / share - 1.0).abs() < 0.25, "memory {memory}: {mean}, in truth {share}");
        }
    }

    #[test]
    fn nothing_is_claimed_of_a_few_values() {
        assert_eq!(effective_size(&[1.0, 5.0, 2.0, 8.0, 3.0, 4.0]), 2.0);
        assert_eq!(effective_size(&[3.0; 50]), 50.0, "without spread there is nothing to be worth less");
    }
}
