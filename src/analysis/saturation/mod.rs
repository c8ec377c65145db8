//! How much load a service carries: the rungs of a ladder of loads, where throughput stops growing, and the highest load that
//! held the objectives.

mod capacity;
mod knee;
mod level;
mod rung;
mod search;

pub use capacity::Capacity;
pub use knee::Knee;
pub use level::{Level, Little};
pub use rung::Rung;
pub use search::{Answer, Range, Search};

use serde::Serialize;

/// What a ladder of loads tells.
#[derive(Debug, Clone, Serialize)]
pub struct Saturation {
    /// One for each load, the lowest first.
    pub levels: Vec<Level>,
    /// The highest throughput of a level, calls a second, and its load; none without a rung.
    pub peak_throughput: Option<f64>,
    pub peak_load: Option<f64>,
    /// Where throughput stops growing with the load; none if it did not stop.
    pub knee: Option<Knee>,
    /// The highest load that held the objectives; none where there were no objectives.
    pub capacity: Option<Capacity>,
}

impl Saturation {
    /// Of rungs in any order; those of one load are its repetitions.
    ///
    /// `searched` tells that their loads were chosen by what was observed until the answer looked narrow: an interval of 95 % then
    /// holds the truth less often, and one of 99 % stands in its place.
    pub fn of(rungs: &[Rung], searched: bool) -> Self {
        let levels = Level::of(rungs);
        let peak = levels.iter().max_by(|a, b| a.throughput.total_cmp(&b.throughput));
        let has_objectives = rungs.iter().any(|rung| !rung.objectives.is_empty());
        Self {
            peak_throughput: peak.map(|level| level.throughput),
            peak_load: peak.map(|level| level.load),
            knee: Knee::of(rungs),
            capacity: has_objectives.then(|| Capacity::of(rungs, confidence(searched))),
            levels,
        }
    }
}

/// Of the interval of a capacity.
fn confidence(searched: bool) -> f64 {
    if searched { 0.99 } else { 0.95 }
}

#[cfg(test)]
mod tests;
