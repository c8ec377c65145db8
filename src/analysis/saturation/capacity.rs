//! The highest load that holds the objectives, between rungs that are noisy.

use serde::Serialize;

use super::{Level, Rung, rung::MOST_SLACK};
use crate::analysis::stats::{mean, t_quantile};

/// Rungs this far from the edge, as a factor, are fitted first; then farther ones.
const NEAR: [f64; 4] = [1.1, 1.2, 1.4, 2.0];
/// A line through fewer says nothing about itself.
const FEWEST: usize = 5;
/// Rungs whose slack is below this are over the edge of what a straight line describes.
const LEAST_SLACK: f64 = 0.2;

/// The highest load that holds the objectives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Capacity {
    /// Where the tightest objective meets its limit; none if it held at every load tried, or at none.
    pub load: Option<f64>,
    /// The interval of the confidence asked for; where no line fits, the highest load up to which all held, and
    /// the lowest from which on none did.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The highest load tried at which the objectives held, with all below it; none if at none.
    pub held: Option<f64>,
    /// The lowest load tried above that at which they did not; none if at none.
    pub missed: Option<f64>,
    /// The interval is one of statistics; else only the loads between which the answer lies.
    pub is_fitted: bool,
}

impl Capacity {
    /// Near its limit the slack of an objective, limit / value, falls in a straight line with the load: of a percentile of the
    /// response time of a queue exactly so with one server (limit / p = limit · (μ − λ) / −ln(1 − q)), and nearly with several. The load at
    /// which the line meets 1 is the answer, and its interval is where the line's own interval does (inverse prediction; Draper
    /// and Smith, *Applied Regression Analysis*, section 3.2), at the level `confidence` (0 to 1).
    pub fn of(rungs: &[Rung], confidence: f64) -> Self {
        let levels = Level::of(rungs);
        let edge = edge(&levels);
        let held = edge.checked_sub(1).map(|at| levels[at].load);
        let missed = levels.get(edge).map(|level| level.load);
        let between = Self { load: None, low: held, high: missed, held, missed, is_fitted: false };
        let (Some(below), Some(above)) = (held, missed) else { return between };
        let middle = (below * above).sqrt();
        let fits = NEAR.iter().find_map(|near| {
            let is_near = |rung: &&Rung| {
                (middle / near..=middle * near).contains(&rung.load)
                    && (LEAST_SLACK..MOST_SLACK).contains(&rung.slack())
            };
            let points: Vec<(f64, f64)> =
                rungs.iter().filter(is_near).map(|rung| (rung.load, rung.slack())).collect();
            crossing(&points, confidence)
        });
        match fits {
            Some((load, half)) => {
                let (low, high) = (Some((load - half).max(0.0)), Some(load + half));
                Self { load: Some(load), low, high, is_fitted: true, ..between }
            }
            None => {
                // Noise is where levels hold above some that do not: the answer may lie anywhere in it.
                let surely = levels.iter().take_while(|level| level.held).last().map(|level| level.load);
                let never =
                    levels.iter().rev().take_while(|level| !level.held).last().map(|level| level.load);
                Self { load: Some(middle), low: surely, high: never, ..between }
            }
        }
    }

    /// How much wider the interval is than its lower end: 0.05 is 5 %. Infinite if it is none.
    pub fn width(&self) -> f64 {
        match (self.low, self.high) {
            (Some(low), Some(high)) if self.is_fitted && low > 0.0 => high / low - 1.0,
            _ => f64::INFINITY,
        }
    }
}

/// How many levels hold before the first that does not: where levels hold above one that does not, the split that is wrong
/// about the fewest repetitions.
pub fn edge(levels: &[Level]) -> usize {
    let wrong = |split: usize| -> usize {
        let on = |levels: &[Level], held: bool| -> usize {
            levels.iter().filter(|level| level.held == held).map(|level| level.repetitions).sum()
        };
        on(&levels[..split], false) + on(&levels[split..], true)
    };
    (0..=levels.len()).min_by_key(|split| wrong(*split)).unwrap_or(0)
}

/// Where the line of the slack over the load meets 1, and half the width of its interval; none if the points, of load and
/// slack, make no falling line.
///
/// A percentile of a queue varies by a share of itself, and more often far up than far down: its inverse, the slack, is too
/// high on average. Fitted is therefore the percentile, as a gamma variable whose mean is the inverse of a line (McCullagh and
/// Nelder, *Generalized Linear Models*, chapter 8), by repeated weighted least squares.
fn crossing(points: &[(f64, f64)], confidence: f64) -> Option<(f64, f64)> {
    if points.len() < FEWEST {
        return None;
    }
    let mut line = Line {
        middle: mean(&points.iter().map(|point| point.0).collect::<Vec<_>>()),
        height: 1.0,
        slope: 0.0,
    };
    let mut sums = Sums::default();
    for _ in 0..30 {
        sums = Sums::default();
        for (load, slack) in points {
            // The line must stay above 0, where the inverse is a time.
            let (at, share) = (line.at(*load).max(0.05), 1.0 / slack);
            sums.add(*load, 2.0 * at - share * at * at, 1.0 / (at * at));
        }
        line = sums.line();
    }
    let freedom = points.len() as f64 - 2.0;
    let noise =
        points.iter().map(|(load, slack)| (line.at(*load).max(0.05) / slack - 1.0).powi(2)).sum::<f64>()
            / freedom;
    let t = t_quantile(0.5 + confidence / 2.0, freedom);
    // A slope that may as well be none meets 1 anywhere.
    if line.slope.is_nan() || line.slope >= 0.0 || t * (noise / sums.spread(&line)).sqrt() > -line.slope {
        return None;
    }
    let load = line.middle + (1.0 - line.height) / line.slope;
    let error = (noise * (1.0 / sums.weight + (load - line.middle).powi(2) / sums.spread(&line))).sqrt()
        / -line.slope;
    let (lowest, highest) = points
        .iter()
        .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), point| (low.min(point.0), high.max(point.0)));
    // Beyond its points the line is a guess.
    (lowest..=highest).contains(&load).then_some((load, t * error))
}

struct Line {
    /// The load in the middle of the points, and the height there.
    middle: f64,
    height: f64,
    slope: f64,
}

impl Line {
    fn at(&self, load: f64) -> f64 {
        self.height + self.slope * (load - self.middle)
    }
}

/// What weighted least squares need.
#[derive(Default)]
struct Sums {
    weight: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64, weight: f64) {
        self.weight += weight;
        self.x += weight * x;
        self.y += weight * y;
        self.xx += weight * x * x;
        self.xy += weight * x * y;
    }

    fn line(&self) -> Line {
        let (middle, height) = (self.x / self.weight, self.y / self.weight);
        let slope = (self.xy - middle * self.y) / (self.xx - middle * self.x);
        Line { middle, height, slope }
    }

    fn spread(&self, line: &Line) -> f64 {
        self.xx - line.middle * self.x
    }
}
