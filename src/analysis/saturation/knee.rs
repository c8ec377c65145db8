//! Where throughput stops growing with the load.

use serde::Serialize;

use super::{Rung, level::grouped};
use crate::analysis::stats::percentile;
use crate::measure::hash::Draws;

/// Throughput this far below straight growth has stopped growing.
const BENT: f64 = 0.9;
const RESAMPLES: u64 = 500;

/// Where the line of straight growth, throughput = slope × load, meets the plateau.
///
/// The two are fitted to the logarithms of the rungs' throughputs, for each way to divide the levels into those that grow and
/// those that do not: the pair with the least squares counts. These are the two asymptotes of operational analysis (Denning
/// and Buzen, *Computing Surveys* 10, 1978): the knee does not move when the ladder goes on beyond it, as that of Kneedle does,
/// and it needs none of the assumptions of a universal scalability law, under which an open loop does not fall.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Knee {
    pub load: f64,
    /// The interval in 95 of 100 cases, by bootstrap: of the repetitions where each level has at least three, else of what the
    /// fit leaves over.
    pub low: f64,
    pub high: f64,
    /// Height of the plateau, calls a second.
    pub throughput: f64,
}

impl Knee {
    /// None with fewer than three levels, and where throughput grows to the end.
    pub fn of(rungs: &[Rung]) -> Option<Self> {
        // What the generator limited is not the service's plateau.
        let rungs: Vec<Rung> = rungs
            .iter()
            .filter(|rung| !rung.is_generator_limited() && rung.throughput > 0.0)
            .cloned()
            .collect();
        let levels: Vec<Vec<(f64, f64)>> = grouped(&rungs)
            .iter()
            .map(|level| level.iter().map(|rung| (rung.load.ln(), rung.throughput.ln())).collect())
            .collect();
        if levels.len() < 3 || levels[0][0].0.is_infinite() {
            return None;
        }
        let fit = Fit::of(&levels)?;
        let last = levels[levels.len() - 1][0].0;
        if fit.plateau - (fit.slope + last) > BENT.ln() {
            return None;
        }
        let mut draws = Draws::new(0, 0, 0, 0);
        let repeated = levels.iter().all(|level| level.len() >= 3);
        let left: Vec<f64> = levels.iter().flatten().map(|point| point.1 - fit.at(point.0)).collect();
        let mut knees: Vec<f64> = (0..RESAMPLES)
            .filter_map(|_| {
                let mut drawn = levels.clone();
                for (into, from) in drawn.iter_mut().zip(&levels) {
                    for point in into {
                        point.1 = match repeated {
                            true => from[draws.below(from.len() as u64) as usize].1,
                            false => fit.at(point.0) + left[draws.below(left.len() as u64) as usize],
                        };
                    }
                }
                Some(Fit::of(&drawn)?.knee())
            })
            .collect();
        knees.sort_by(f64::total_cmp);
        let end = |at| if knees.is_empty() { fit.knee() } else { percentile(&knees, at) };
        Some(Self {
            load: fit.knee().exp(),
            low: end(2.5).min(fit.knee()).exp(),
            high: end(97.5).max(fit.knee()).exp(),
            throughput: fit.plateau.exp(),
        })
    }
}

/// All in logarithms.
#[derive(Clone, Copy)]
struct Fit {
    /// Throughput / load before the knee.
    slope: f64,
    plateau: f64,
}

impl Fit {
    fn of(levels: &[Vec<(f64, f64)>]) -> Option<Self> {
        let fits = (1..levels.len()).map(|split| {
            let (growing, flat) = levels.split_at(split);
            let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
            let fit = Self {
                slope: mean(growing.iter().flatten().map(|point| point.1 - point.0).collect()),
                plateau: mean(flat.iter().flatten().map(|point| point.1).collect()),
            };
            let squares = |(load, throughput): &(f64, f64)| (throughput - fit.at(*load)).powi(2);
            (levels.iter().flatten().map(squares).sum::<f64>(), fit)
        });
        fits.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, fit)| fit)
    }

    fn at(&self, load: f64) -> f64 {
        (self.slope + load).min(self.plateau)
    }

    fn knee(&self) -> f64 {
        self.plateau - self.slope
    }
}
