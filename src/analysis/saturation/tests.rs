//! Searches on simulated queues, whose capacity is known in closed form. No clock: the same each time.

use serde_json::{Map, json};

use super::*;
use crate::analysis::{Slo, sample, stats::percentile};
use crate::measure::Verdict;
use crate::measure::hash::{Draws, exponential};
use crate::results::schema::Objective;

/// Each server's mean service time is 1 s.
const CALLS: usize = 15_000;
/// Ten of many, so that the test is short.
const SEEDS: std::ops::Range<u64> = 10..20;

/// The share of response times above `t` of a queue with Poisson arrivals, exponential service and `servers` servers: Erlang's
/// C formula for the chance to wait, then the sum of wait and service.
fn beyond(t: f64, rate: f64, servers: u32) -> f64 {
    let servers_f = f64::from(servers);
    let mut blocked = 1.0;
    for n in 1..=servers {
        blocked = rate * blocked / (f64::from(n) + rate * blocked);
    }
    let waits = blocked / (1.0 - rate / servers_f * (1.0 - blocked));
    let spare = servers_f - rate;
    let waited = match spare - 1.0 {
        // Two phases of the same rate.
        zero if zero.abs() < 1e-9 => (1.0 + t) * (-t).exp(),
        difference => (spare * (-t).exp() - (-spare * t).exp()) / difference,
    };
    (1.0 - waits) * (-t).exp() + waits * waited
}

/// By bisection: where `is_below` ends.
fn root(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if is_below(middle) { low = middle } else { high = middle }
    }
    low
}

/// The rate at which the 99th percentile reaches `limit_s`.
fn theory(limit_s: f64, servers: u32) -> f64 {
    root(0.0, f64::from(servers) - 1e-9, |rate| beyond(limit_s, rate, servers) < 0.01)
}

/// The 50th, 95th and 99th percentile of the response time, and its mean, in seconds.
fn simulated(rate: f64, servers: u32, seed: u64, turn: u64) -> [f64; 4] {
    let mut draws = Draws::new(seed, u64::from(servers), turn, 0);
    let mut free = vec![0.0f64; servers as usize];
    let (mut now, mut times) = (0.0, Vec::with_capacity(CALLS));
    for call in 0..CALLS + CALLS / 10 {
        now += exponential(&mut draws) / rate;
        let next = free.iter_mut().min_by(|a, b| a.total_cmp(b)).unwrap();
        *next = next.max(now) + exponential(&mut draws);
        // The queue begins empty, which it is rarely later on.
        if call >= CALLS / 10 {
            times.push(*next - now);
        }
    }
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    times.sort_by(f64::total_cmp);
    [percentile(&times, 50.0), percentile(&times, 95.0), percentile(&times, 99.0), mean]
}

fn rung(rate: f64, servers: u32, seed: u64, turn: u64, limit_s: f64) -> Rung {
    let [p50, p95, p99, mean] = simulated(rate, servers, seed, turn);
    let objective = Objective {
        name: "p99_ms".into(),
        limit: limit_s * 1e3,
        at_least: false,
        value: Some(p99 * 1e3),
        held: p99 <= limit_s,
        low_confidence: false,
    };
    let objectives = if limit_s.is_finite() { vec![objective] } else { Vec::new() };
    Rung {
        load: rate,
        throughput: rate.min(f64::from(servers)),
        p50_ms: p50 * 1e3,
        p95_ms: p95 * 1e3,
        p99_ms: p99 * 1e3,
        in_flight_by_law: rate * mean,
        in_flight: None,
        in_flight_error: 0.0,
        error_rate: 0.0,
        verdict: Verdict::Valid,
        objectives,
    }
}

fn searched(servers: u32, seed: u64, limit_s: f64, points: usize) -> Search {
    let range = Range { from: 0.05, to: 100.0, points, whole: false };
    let mut search = Search::new(range).unwrap();
    while let Some(rate) = search.next() {
        let turn = search.rungs().len() as u64;
        search.observe(rung(rate, servers, seed, turn, limit_s));
    }
    search
}

#[test]
fn the_formula_is_erlangs() {
    // One server: the response time is exponential with rate μ − λ.
    assert!((beyond(3.0, 0.6, 1) - (-0.4f64 * 3.0).exp()).abs() < 1e-12);
    for servers in [1, 2, 4, 8] {
        let [_, _, p99, mean] = simulated(0.7 * f64::from(servers), servers, 3, 0);
        let exact = root(0.0, 1_000.0, |t| beyond(t, 0.7 * f64::from(servers), servers) > 0.01);
        assert!((p99 / exact - 1.0).abs() < 0.15, "{servers}: {p99}, in theory {exact}, mean {mean}");
    }
}

/// Where p99 is `limit` times that of a call alone. The more servers, the busier they are at the same limit, and the longer
/// a rung would have to be to see the rare long queues: there the limit is lower.
fn the_search_finds(servers: u32, limit: f64) {
    let limit_s = limit * 100f64.ln();
    let truth = theory(limit_s, servers);
    let (mut near, mut covered) = (0, 0);
    for seed in SEEDS {
        let search = searched(servers, seed, limit_s, 24);
        let answer = search.answer();
        let (load, low, high) = (answer.load.unwrap(), answer.low.unwrap(), answer.high.unwrap());
        let count = search.rungs().len();
        println!(
            "{servers} servers: {load:.4} ({low:.4} to {high:.4}), in theory {truth:.4}; {count} rungs, {}",
            answer.why
        );
        near += u32::from((load / truth - 1.0).abs() <= 0.05);
        covered += u32::from((low..=high).contains(&truth));
        let confirm = answer.confirm_rate.unwrap();
        assert!(confirm < load && confirm > 0.8 * load, "{confirm}");
    }
    assert!(near >= 9 && covered >= 9, "{servers} servers: {near} near, {covered} covered, of 10");
}

#[test]
fn the_rate_that_one_server_holds() {
    the_search_finds(1, 2.0);
}

#[test]
fn the_rate_that_two_servers_hold() {
    the_search_finds(2, 1.8);
}

#[test]
fn the_rate_that_four_servers_hold() {
    the_search_finds(4, 1.6);
}

#[test]
fn the_rate_that_eight_servers_hold() {
    the_search_finds(8, 1.4);
}

#[test]
fn without_objectives_throughput_decides() {
    let search = searched(4, 1, f64::INFINITY, 24);
    let answer = search.answer();
    assert!(answer.saturation.capacity.is_none());
    let knee = answer.saturation.knee.unwrap();
    assert!((knee.load / 4.0 - 1.0).abs() < 0.03 && knee.low <= 4.0 && knee.high >= 4.0, "{knee:?}");
    assert_eq!((answer.load, answer.saturation.peak_throughput), (Some(knee.load), Some(4.0)));
    assert!(search.rungs().len() < 15, "{}", search.rungs().len());
}

#[test]
fn a_range_that_does_not_hold_the_answer_is_said_to() {
    let with = |from, to, limit_s| {
        let mut search = Search::new(Range { from, to, points: 12, whole: false }).unwrap();
        while let Some(rate) = search.next() {
            let turn = search.rungs().len() as u64;
            search.observe(rung(rate, 1, 1, turn, limit_s));
        }
        (search.answer(), search.rungs().len())
    };
    let (answer, count) = with(0.05, 0.3, 20.0);
    assert_eq!((answer.load, answer.why.as_str()), (None, "0.3 still held: the limit lies beyond"));
    assert_eq!(count, 4);
    let (answer, count) = with(0.9, 5.0, 10.0);
    assert_eq!((answer.load, answer.why.as_str(), count), (None, "not even 0.9 held", 2));
    for (from, to) in [(0.0, 1.0), (5.0, 5.0), (1.0, f64::INFINITY), (f64::NAN, 1.0)] {
        assert!(Search::new(Range { from, to, points: 12, whole: false }).is_err());
    }
}

/// A closed loop: throughput of a service that four users keep busy.
fn closed(users: f64, p99: &str) -> Rung {
    let mut metrics = sample::metrics((users / 0.01).min(400.0), 10.0 * (users / 4.0).max(1.0));
    metrics.latency_ms.avg = users / metrics.total.throughput * 1e3;
    metrics.latency_ms.count = (metrics.total.throughput * 10.0) as u64;
    let seconds = |second| crate::results::Point {
        second,
        phase: "measured".into(),
        in_flight: users as u64,
        ..Default::default()
    };
    let series: Vec<_> = (0..10).map(seconds).collect();
    let slo = Slo::read(&Map::from_iter([("p99".to_owned(), json!(p99))])).unwrap();
    let result = crate::analysis::compare::Repetition { metrics: &metrics, series: &series };
    Rung::of(users, &result, &slo)
}

fn of_users(p99: &str) -> Answer {
    let mut search = Search::new(Range { from: 1.0, to: 64.0, points: 20, whole: true }).unwrap();
    while let Some(users) = search.next() {
        assert_eq!(users.fract(), 0.0);
        search.observe(closed(users, p99));
    }
    assert!(search.rungs().len() < 20, "{}", search.rungs().len());
    search.answer()
}

#[test]
fn whole_loads_stay_whole() {
    let capacity = of_users("13ms").saturation.capacity.unwrap();
    assert_eq!((capacity.held, capacity.missed), (Some(5.0), Some(6.0)), "{capacity:?}");
}

#[test]
fn more_users_than_raise_throughput_are_not_tried() {
    let answer = of_users("1s");
    assert_eq!(answer.saturation.capacity.unwrap().missed, None);
    assert!(answer.why.starts_with("throughput stopped growing"), "{}", answer.why);
    assert_eq!(answer.load.map(f64::round), Some(4.0));
}

#[test]
fn littles_law_is_checked() {
    let mut rungs = vec![closed(2.0, "1s"), closed(8.0, "1s")];
    rungs[1].in_flight = Some(5.0);
    let levels = Saturation::of(&rungs, false).levels;
    let fits: Vec<bool> = levels.iter().map(|level| level.little.unwrap().fits).collect();
    assert_eq!(fits, [true, false], "{levels:?}");
    assert!((levels[1].little.unwrap().by_law - 8.0).abs() < 0.1);
}

#[test]
fn throughput_that_grows_to_the_end_has_no_knee() {
    let rungs: Vec<Rung> = [1.0, 2.0, 3.0, 4.0].map(|users| closed(users, "1s")).into();
    assert_eq!(Saturation::of(&rungs, false).knee, None);
    // One that falls again has its knee where it stopped growing.
    let mut rungs: Vec<Rung> = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].map(|users| closed(users, "1s")).into();
    rungs[5].throughput = 350.0;
    let knee = Saturation::of(&rungs, false).knee.unwrap();
    assert!((3.5..=4.5).contains(&knee.load), "{knee:?}");
}
