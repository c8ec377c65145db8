//! The error rates of comparisons, simulated: what has no difference must not seem to have one, and what has must.

use super::*;
use crate::analysis::{sample, stats::Bootstrap, stats::mean};
use crate::measure::hash::{Draws, standard_normal};

/// A repetition in which every figure is off by a share of its own.
fn simulated(draws: &mut Draws, spread: f64, p99_shift: f64) -> Metrics {
    let mut noise = |value: f64| value * (spread * standard_normal(draws)).exp();
    let mut metrics = sample::metrics(noise(1_000.0), noise(40.0 * p99_shift));
    metrics.latency_ms.p50 = noise(10.0);
    metrics.latency_ms.p95 = noise(30.0);
    metrics
}

/// Both sides of comparison number `turn`.
fn sides(turn: u64, count: usize, spread: f64, p99_shift: f64) -> [Vec<Metrics>; 2] {
    let mut draws = Draws::new(11, 3, turn, 0);
    [1.0, p99_shift].map(|shift| (0..count).map(|_| simulated(&mut draws, spread, shift)).collect())
}

fn repetitions(side: &[Metrics]) -> Vec<Repetition<'_>> {
    side.iter().map(|metrics| Repetition { metrics, series: &[] }).collect()
}

fn compared([base, new]: &[Vec<Metrics>; 2], metrics: &[&str]) -> Vec<Difference> {
    let metrics: Vec<String> = metrics.iter().map(|metric| (*metric).to_owned()).collect();
    compare(&repetitions(base), &repetitions(new), &metrics, MARGIN)
}

fn is_found(difference: &Difference) -> bool {
    matches!(difference.verdict, Verdict::Better | Verdict::Worse)
}

#[test]
fn what_is_the_same_rarely_seems_better_or_worse() {
    let all: Vec<[Vec<Metrics>; 2]> = (0..200).map(|turn| sides(turn, 5, 0.05, 1.0)).collect();
    let alone = all.iter().filter(|sides| is_found(&compared(sides, &["p99_ms"])[0])).count();
    let any = all.iter().filter(|sides| compared(sides, &METRICS).iter().any(is_found)).count();
    println!("false findings of 200: {alone} of p99 alone, {any} of any of five figures");
    assert!(alone <= 10, "{alone}");
    assert!(any <= 10, "{any}");
}

#[test]
fn a_shift_of_a_tenth_is_found() {
    let all: Vec<[Vec<Metrics>; 2]> = (0..200).map(|turn| sides(turn, 5, 0.03, 1.1)).collect();
    let of_p99 = |sides| compared(sides, &METRICS).into_iter().find(|one| one.metric == "p99_ms").unwrap();
    let found: Vec<Difference> = all.iter().map(of_p99).collect();
    let worse = found.iter().filter(|one| one.verdict == Verdict::Worse).count();
    let held = found.iter().filter(|one| one.low < Some(0.1) && one.high > Some(0.1)).count();
    println!("found {worse} of 200 shifts; {held} intervals hold the truth");
    assert!(worse >= 160, "{worse}");
    assert!(held >= 180, "{held}");
}

/// Why the interval is Welch's: of few repetitions those of a bootstrap are too narrow.
#[test]
fn a_bootstrap_of_five_repetitions_finds_what_is_not_there() {
    let false_finding = |turn: u64| {
        let sides = sides(turn, 5, 0.05, 1.0)
            .map(|side| side.iter().map(|metrics| metrics.latency_ms.p99.ln()).collect::<Vec<f64>>());
        let drawn = Bootstrap::of(&[&sides[0], &sides[1]], turn, |sides| mean(&sides[1]) - mean(&sides[0]));
        let interval = drawn.bca_interval(LEVEL);
        interval.low > 0.0 || interval.high < 0.0
    };
    let found = (0..200).filter(|turn| false_finding(*turn)).count();
    println!("a bootstrap finds {found} of 200 differences that are not there");
    assert!(found > 12, "{found}");
}

#[test]
fn few_repetitions_say_how_many_are_missing() {
    let [base, new] = sides(1, 3, 0.05, 1.0);
    let found = compared(&[base, new], &["p99_ms"]).remove(0);
    assert_eq!(found.verdict, Verdict::Undecided);
    let needed = found.needed.unwrap();
    assert!((2..=60).contains(&needed), "{needed}");
    // With as many they mostly decide.
    let decided = |turn| {
        let found = compared(&sides(turn, 3 + needed as usize, 0.05, 1.0), &["p99_ms"]).remove(0);
        found.verdict != Verdict::Undecided
    };
    let count = (100..200).filter(|turn| decided(*turn)).count();
    println!("{needed} more decide {count} of 100");
}

#[test]
fn the_same_within_the_margin() {
    let found = compared(&sides(1, 5, 0.005, 1.01), &["p99_ms", "error_rate"]);
    assert_eq!(found[0].verdict, Verdict::Same, "{found:?}");
    assert_eq!((found[1].verdict, found[1].low, found[1].high), (Verdict::Same, Some(0.0), Some(0.0)));
}

#[test]
fn more_throughput_is_better_and_more_errors_are_worse() {
    let [base, mut new] = sides(2, 5, 0.01, 1.0);
    for (at, metrics) in new.iter_mut().enumerate() {
        metrics.total.throughput *= 1.2;
        metrics.errors.rate = 0.01 + at as f64 * 0.001;
    }
    let found = compared(&[base, new], &["throughput", "error_rate"]);
    assert_eq!([found[0].verdict, found[1].verdict], [Verdict::Better, Verdict::Worse]);
    assert!(found[1].absolute && (found[1].effect.unwrap() - 0.012).abs() < 1e-9);
}

#[test]
fn what_the_generator_limited_is_not_judged() {
    let [base, mut new] = sides(3, 5, 0.01, 1.5);
    new.iter_mut().for_each(|metrics| metrics.total.throughput *= 0.5);
    new[2].validity.verdict = measure::Verdict::GeneratorLimited;
    let found = compared(&[base, new], &["throughput", "p99_ms"]);
    assert_eq!([found[0].verdict, found[1].verdict], [Verdict::Undecided, Verdict::Worse]);
    assert!(found[0].why.as_ref().unwrap().contains("generator-limited"));
}

/// Seconds of a load at so many calls a second.
fn seconds(turn: u64, rate: f64, p99_ms: f64) -> Vec<Point> {
    let second = |second| {
        let mut draws = Draws::new(5, 9, turn, second as u32);
        let calls = (rate * (0.03 * standard_normal(&mut draws)).exp()) as u64;
        let p99_ms = p99_ms * (0.05 * standard_normal(&mut draws)).exp();
        Point { second, calls, phase: "measured".into(), p99_ms, p50_ms: p99_ms / 4.0, ..Point::default() }
    };
    (0..30).map(second).collect()
}

#[test]
fn one_repetition_stands_on_its_seconds() {
    let (base, new) = (sample::metrics(1_000.0, 40.0), sample::metrics(1_000.0, 60.0));
    let (first, second) = (seconds(1, 1_000.0, 40.0), seconds(2, 1_000.0, 60.0));
    let base = [Repetition { metrics: &base, series: &first }];
    let new = [Repetition { metrics: &new, series: &second }];
    let found = compare(&base, &new, &METRICS.map(str::to_owned), MARGIN);
    let verdicts: Vec<&str> = found.iter().map(|one| one.verdict.word()).collect();
    assert_eq!(verdicts, ["same", "worse", "worse", "worse", "same"]);
    assert!(found.iter().all(|one| one.basis == Basis::Seconds));
    // Without seconds there is nothing to stand on.
    let bare = [Repetition { series: &[], ..base[0] }];
    let found = compare(&bare, &new, &["p99_ms".to_owned()], MARGIN).remove(0);
    assert_eq!((found.verdict, found.basis, found.p), (Verdict::Undecided, Basis::Nothing, None));
    assert_eq!(found.effect, Some(0.5));
}

#[test]
fn thresholds_say_how_far_a_figure_may_move() {
    let found = compared(&sides(4, 5, 0.003, 1.1), &["p99_ms", "throughput", "error_rate"]);
    let crossed = |text: &str| {
        let threshold: Threshold = text.parse().unwrap();
        threshold.crossed(found.iter().find(|one| one.metric == threshold.metric).unwrap())
    };
    assert!(crossed("p99_ms=+5%").unwrap().sure);
    assert!(crossed("p99_ms=+2").is_some_and(|crossing| crossing.effect.unwrap() > 3.0));
    for held in ["p99_ms=+15%", "p99_ms=+8", "throughput=-5%", "error_rate=+0%", "error_rate=+0.01"] {
        assert_eq!(crossed(held), None, "{held}");
    }
    for wrong in ["p99_ms", "p99_ms=10%", "p99_ms=+ten", "=+5%", "p98_ms=+5%", "p99_ms=+inf"] {
        assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
    }
}

#[test]
fn values_of_a_parameter_are_ranked() {
    let groups: Vec<[Vec<Metrics>; 2]> = (0..2).map(|turn| sides(turn, 5, 0.01, 1.5)).collect();
    let groups: Vec<(String, Vec<Repetition<'_>>)> = groups
        .iter()
        .flatten()
        .enumerate()
        .map(|(at, side)| (format!("{}", 8 << at), repetitions(side)))
        .collect();
    let ranking = Ranking::of(&groups, "p99_ms", MARGIN);
    let marks: Vec<Option<Mark>> = ranking.rows.iter().map(|row| row.mark).collect();
    assert_eq!(marks, [Some(Mark::Best), Some(Mark::Median), None, Some(Mark::Worst)]);
    let to_best: Vec<Option<Verdict>> =
        ranking.rows.iter().map(|row| row.to_best.as_ref().map(|found| found.verdict)).collect();
    assert_eq!(to_best, [None, Some(Verdict::Same), Some(Verdict::Worse), Some(Verdict::Worse)]);
    assert!(ranking.rows.iter().all(|row| row.low < Some(row.value) && row.high > Some(row.value)));
}
