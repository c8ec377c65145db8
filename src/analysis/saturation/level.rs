//! All rungs of one load together.

use serde::Serialize;

use super::Rung;
use crate::measure::Verdict;

/// How far what was in flight may be from what it must be: a tenth.
const LITTLE: f64 = 0.1;
/// Callers of a generator thread, unless its number is given.
const USERS_A_THREAD: f64 = 64.0;

/// The repetitions of one load: means of what they measured.
#[derive(Debug, Clone, Serialize)]
pub struct Level {
    pub load: f64,
    pub repetitions: usize,
    pub throughput: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub error_rate: f64,
    /// The worst of the repetitions'.
    pub verdict: Verdict,
    /// All objectives held in more than half of the repetitions; true where there are none.
    pub held: bool,
    /// Names of the objectives that did not hold in some repetition.
    pub missed: Vec<String>,
    /// Whether throughput, response time and calls in flight fit together; none if nobody looked at what was in flight.
    pub little: Option<Little>,
}

/// Little's law: mean calls in flight = calls a second × mean response time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Little {
    pub in_flight: f64,
    pub by_law: f64,
    /// They differ by no more than a tenth, than two standard errors of what was seen once a second, or than one call a thread.
    pub fits: bool,
}

impl Level {
    /// The levels of `rungs`, the lowest load first.
    pub fn of(rungs: &[Rung]) -> Vec<Self> {
        grouped(rungs).into_iter().map(|rungs| Self::of_one(&rungs)).collect()
    }

    fn of_one(rungs: &[&Rung]) -> Self {
        let count = rungs.len() as f64;
        let mean = |of: fn(&Rung) -> f64| rungs.iter().map(|rung| of(rung)).sum::<f64>() / count;
        let held = rungs.iter().filter(|rung| rung.objectives.iter().all(|one| one.held)).count();
        let mut missed: Vec<String> = rungs
            .iter()
            .flat_map(|rung| &rung.objectives)
            .filter(|objective| !objective.held)
            .map(|objective| objective.name.clone())
            .collect();
        missed.sort();
        missed.dedup();
        Self {
            load: rungs[0].load,
            repetitions: rungs.len(),
            throughput: mean(|rung| rung.throughput),
            p50_ms: mean(|rung| rung.p50_ms),
            p95_ms: mean(|rung| rung.p95_ms),
            p99_ms: mean(|rung| rung.p99_ms),
            error_rate: mean(|rung| rung.error_rate),
            verdict: rungs.iter().map(|rung| rung.verdict).max().unwrap_or_default(),
            held: held * 2 > rungs.len(),
            missed,
            little: little(rungs),
        }
    }
}

fn little(rungs: &[&Rung]) -> Option<Little> {
    let seen: Vec<(f64, &Rung)> = rungs.iter().filter_map(|rung| Some((rung.in_flight?, *rung))).collect();
    if seen.is_empty() {
        return None;
    }
    let count = seen.len() as f64;
    let in_flight = seen.iter().map(|(seen, _)| seen).sum::<f64>() / count;
    let by_law = seen.iter().map(|(_, rung)| rung.in_flight_by_law).sum::<f64>() / count;
    let error = seen.iter().map(|(_, rung)| rung.in_flight_error.powi(2)).sum::<f64>().sqrt() / count;
    // A thread hands a second over as a call ends, which then is not in flight: one too few for each.
    let threads = 1.0 + by_law / USERS_A_THREAD;
    let fits = (in_flight - by_law).abs() <= (LITTLE * by_law).max(2.0 * error).max(threads);
    Some(Little { in_flight, by_law, fits })
}

/// Rungs by load, the lowest first.
pub fn grouped(rungs: &[Rung]) -> Vec<Vec<&Rung>> {
    let mut sorted: Vec<&Rung> = rungs.iter().collect();
    sorted.sort_by(|a, b| a.load.total_cmp(&b.load));
    let mut groups: Vec<Vec<&Rung>> = Vec::new();
    for rung in sorted {
        match groups.last_mut() {
            Some(group) if group[0].load == rung.load => group.push(rung),
            _ => groups.push(vec![rung]),
        }
    }
    groups
}
