//! Intervals by resampling: what a statistic would have been of other samples of the same kind.

use super::{mean, normal_cdf, normal_quantile, percentile};
use crate::measure::hash::Draws;

/// Resamples; the ends of a 95 % interval then stand on 50 of them each.
const RESAMPLES: u32 = 2_000;

/// A statistic of one or several samples, and what it was of resamples.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// Of the samples themselves.
    pub observed: f64,
    /// Of resamples, sorted.
    pub replicates: Vec<f64>,
    /// Sample by sample: of all values but one.
    left_out: Vec<Vec<f64>>,
}

/// Between which values a number probably lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Bootstrap {
    /// Resamples each of `samples` by itself, with replacement (Efron, *Annals of Statistics* 7, 1979). The same seed gives
    /// the same. No sample may be empty.
    pub fn of(samples: &[&[f64]], seed: u64, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Self {
        let mut draws = Draws::new(seed, 0, 0, 0);
        let own: Vec<Vec<f64>> = samples.iter().map(|sample| sample.to_vec()).collect();
        let observed = statistic(&own);
        let mut drawn = own.clone();
        let mut replicate = |_| {
            for (into, from) in drawn.iter_mut().zip(samples) {
                into.iter_mut().for_each(|value| *value = from[draws.below(from.len() as u64) as usize]);
            }
            statistic(&drawn)
        };
        let mut replicates: Vec<f64> = (0..RESAMPLES).map(&mut replicate).collect();
        replicates.sort_by(f64::total_cmp);
        let without = |sample: usize, at: usize| {
            let mut all = own.clone();
            all[sample].remove(at);
            statistic(&all)
        };
        let left_out = samples
            .iter()
            .enumerate()
            .map(|(sample, values)| match values.len() {
                1 => Vec::new(),
                count => (0..count).map(|at| without(sample, at)).collect(),
            })
            .collect();
        Self { observed, replicates, left_out }
    }

    /// The percentile interval: the share `level` (0 to 1) in the middle of the replicates.
    pub fn percentile_interval(&self, level: f64) -> Interval {
        self.between((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    }

    /// The interval corrected for bias and skew (BCa; Efron, *Journal of the American Statistical Association* 82, 1987), which
    /// is the percentile interval where the correction has no meaning: replicates that are all on one side.
    pub fn bca_interval(&self, level: f64) -> Interval {
        let all = self.replicates.len() as f64;
        let below = self.replicates.partition_point(|value| *value < self.observed) as f64;
        let not_above = self.replicates.partition_point(|value| *value <= self.observed) as f64;
        let bias = normal_quantile((below + not_above) / 2.0 / all);
        let acceleration = self.acceleration();
        let corrected = |tail: f64| {
            let moved = bias + normal_quantile(tail);
            normal_cdf(bias + moved / (1.0 - acceleration * moved))
        };
        let (low, high) = (corrected((1.0 - level) / 2.0), corrected((1.0 + level) / 2.0));
        match bias.is_finite() && low.is_finite() && high.is_finite() {
            true => self.between(low, high),
            false => self.percentile_interval(level),
        }
    }

    fn between(&self, low: f64, high: f64) -> Interval {
        let at = |share: f64| percentile(&self.replicates, share * 100.0);
        Interval { low: at(low), high: at(high) }
    }

    /// How fast the standard error changes with the value, from what each value adds (jackknife; of several samples as in
    /// Davison and Hinkley, *Bootstrap Methods*, section 5.3). 0 where it does not matter.
    fn acceleration(&self) -> f64 {
        let (mut cubes, mut squares) = (0.0, 0.0);
        for values in self.left_out.iter().filter(|values| values.len() > 1) {
            let (count, middle) = (values.len() as f64, mean(values));
            let influence = values.iter().map(|value| (count - 1.0) * (middle - value));
            let sums = influence.fold((0.0, 0.0), |(cubes, squares), u| (cubes + u * u * u, squares + u * u));
            cubes += sums.0 / count.powi(3);
            squares += sums.1 / count.powi(2);
        }
        if squares > 0.0 { cubes / 6.0 / squares.powf(1.5) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let values: Vec<f64> = (0..20).map(|at| f64::from(at * at % 23)).collect();
        let of = |seed| Bootstrap::of(&[&values], seed, |samples| mean(&samples[0])).bca_interval(0.95);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(of(1).low < mean(&values) && mean(&values) < of(1).high);
    }

    #[test]
    fn one_value_has_no_width() {
        let interval = Bootstrap::of(&[&[7.0]], 1, |samples| mean(&samples[0])).bca_interval(0.95);
        assert_eq!(interval, Interval { low: 7.0, high: 7.0 });
    }
}
