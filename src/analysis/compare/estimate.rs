//! An effect and how sure it is.
//!
//! Times and rates vary by a share of themselves, so that their logarithms are nearly normal: the test is Welch's on the
//! logarithms of the repetitions' values. With five repetitions a side it finds a difference that is not there in at most
//! 5 of 100 comparisons, where intervals by bootstrap, too narrow for so few values, do in about 10.

use super::{
    super::{
        figure::ERROR_RATE,
        stats::{Welch, mean, variance},
    },
    Repetition, blocks,
    needed::needed,
};

/// Repetitions to advise where there is one.
const FEW: u32 = 5;

#[derive(Debug, Clone)]
pub struct Estimate {
    /// The middle of each side, in the figure's own unit.
    pub base: f64,
    pub new: f64,
    scale: Scale,
    /// On that scale; none if nothing tells how sure it is.
    welch: Option<Welch>,
    /// Sum of the sides' variances of one repetition, on that scale; none if that is not known.
    variances: Option<f64>,
    /// The fewer of both sides' repetitions.
    repetitions: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Logarithm,
    /// In shares of the base.
    Share,
    Difference,
}

impl Scale {
    fn of(metric: &str, base: &[f64], new: &[f64]) -> Self {
        if metric == ERROR_RATE || mean(base) == 0.0 {
            Self::Difference
        } else if base.iter().chain(new).all(|value| *value > 0.0) {
            Self::Logarithm
        } else {
            Self::Share
        }
    }

    fn of_value(self, value: f64, base: f64) -> f64 {
        match self {
            Self::Logarithm => value.ln(),
            Self::Share => value / base.abs(),
            Self::Difference => value,
        }
    }

    fn effect(self, difference: f64) -> f64 {
        match self {
            Self::Logarithm => difference.exp_m1(),
            Self::Share | Self::Difference => difference,
        }
    }

    /// An effect on this scale.
    fn back(self, effect: f64) -> f64 {
        match self {
            Self::Logarithm => effect.ln_1p(),
            Self::Share | Self::Difference => effect,
        }
    }

    fn middle(self, values: &[f64]) -> f64 {
        match self {
            _ if values.len() == 1 => values[0],
            Self::Logarithm => mean(&values.iter().map(|value| value.ln()).collect::<Vec<_>>()).exp(),
            Self::Share | Self::Difference => mean(values),
        }
    }
}

/// The middle of a figure's values, of which there is at least one.
pub fn middle(metric: &str, values: &[f64]) -> f64 {
    Scale::of(metric, values, values).middle(values)
}

impl Estimate {
    /// Of at least two values a side.
    pub fn of_repetitions(metric: &str, base: &[f64], new: &[f64]) -> Self {
        let mut estimate = Self::plain(metric, base, new);
        let scaled = |values: &[f64]| -> Vec<f64> {
            values.iter().map(|value| estimate.scale.of_value(*value, estimate.base)).collect()
        };
        let (base, new) = (scaled(base), scaled(new));
        estimate.welch = Some(Welch::of(&base, &new));
        estimate.variances = Some(variance(&base) + variance(&new));
        estimate
    }

    /// Where a side has one value: from the seconds of its repetitions, as many as they are worth.
    pub fn of_seconds(
        metric: &str,
        base: (&[f64], &[Repetition<'_>]),
        new: (&[f64], &[Repetition<'_>]),
    ) -> Self {
        let mut estimate = Self::plain(metric, base.0, new.0);
        let side = |middle: f64, repetitions: &[Repetition<'_>]| {
            let spread = blocks::spread(metric, repetitions)?;
            // What is one share of a mean is as much of its logarithm.
            let error = match estimate.scale {
                Scale::Logarithm => spread.relative_error,
                Scale::Share => spread.relative_error * (middle / estimate.base).abs(),
                Scale::Difference => spread.error,
            };
            Some((estimate.scale.of_value(middle, estimate.base), error * error, spread.freedom))
        };
        let sides = side(estimate.base, base.1).zip(side(estimate.new, new.1));
        estimate.welch = sides.map(|(base, new)| Welch::of_means(base, new));
        estimate
    }

    fn plain(metric: &str, base: &[f64], new: &[f64]) -> Self {
        let scale = Scale::of(metric, base, new);
        let repetitions = base.len().min(new.len()) as u32;
        Self {
            base: scale.middle(base),
            new: scale.middle(new),
            scale,
            welch: None,
            variances: None,
            repetitions,
        }
    }

    pub fn is_absolute(&self) -> bool {
        self.scale == Scale::Difference
    }

    /// new / base − 1, or new − base where it is absolute.
    pub fn effect(&self) -> f64 {
        match self.scale {
            Scale::Difference => self.new - self.base,
            Scale::Logarithm => self.new / self.base - 1.0,
            Scale::Share => (self.new - self.base) / self.base.abs(),
        }
    }

    pub fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let (low, high) = self.welch?.interval(level);
        Some((self.scale.effect(low), self.scale.effect(high)))
    }

    pub fn p(&self) -> Option<f64> {
        Some(self.welch?.p())
    }

    /// How many more repetitions a side would probably decide, at the level `alpha`, whether the difference lies within
    /// ±`margin` or is one.
    pub fn needed(&self, alpha: f64, margin: f64) -> Option<u32> {
        let Some(variances) = self.variances else {
            return Some(FEW.saturating_sub(self.repetitions).max(1));
        };
        let difference = self.welch?.difference.abs();
        let wanted = needed(difference, variances, alpha, self.scale.back(margin))?;
        Some(wanted.saturating_sub(self.repetitions).max(1))
    }
}
