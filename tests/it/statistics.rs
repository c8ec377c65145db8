//! The statistics agree with those of SciPy, an independent implementation, on many random samples.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use benchscript::analysis::stats::{
    Bootstrap, Welch, equivalence, holm, mann_whitney, normal_cdf, normal_quantile, percentile, permutation,
    t_cdf, t_quantile,
};
use benchscript::measure::hash::{Draws, exponential};
use serde_json::{Value, json};

use crate::support::skip;

/// A question and our answer to it.
struct Case {
    question: Value,
    ours: Vec<f64>,
}

/// Samples of every size from `fewest` to `most`, some of whole numbers, so that values are equal.
fn samples(count: u64, fewest: u64, most: u64, seed: u64) -> Vec<[Vec<f64>; 2]> {
    let pair = |turn| {
        let mut draws = Draws::new(seed, 0, turn, 0);
        let sample = |draws: &mut Draws, shift: f64, scale: f64| -> Vec<f64> {
            let size = fewest + draws.below(most - fewest + 1);
            let value = |_| match turn % 3 {
                0 => (exponential(draws) * 4.0 + shift).round(),
                _ => exponential(draws) * scale + shift,
            };
            (0..size).map(value).collect()
        };
        let shift = draws.unit();
        [sample(&mut draws, 0.0, 1.0), sample(&mut draws, shift, 1.0 + shift)]
    };
    (0..count).map(pair).collect()
}

/// Differs from none of the others, so that a test of means has something to divide by.
fn has_spread(sample: &[f64]) -> bool {
    sample.iter().any(|value| *value != sample[0])
}

/// Asks SciPy, and holds every number against ours.
fn agree(cases: Vec<Case>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python =
        std::env::var_os("BENCHSCRIPT_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    let known = Command::new(&python).args(["-c", "import scipy.stats"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        skip("Python with SciPy: pip install scipy==1.16.3 into .venv, or set BENCHSCRIPT_PYTHON");
        return;
    }
    let mut child = Command::new(python)
        .arg(root.join("scripts/lab/statistics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let questions: Vec<&Value> = cases.iter().map(|case| &case.question).collect();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&questions).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Vec<f64>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), cases.len());
    for (Case { question, ours }, theirs) in cases.iter().zip(&answers) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
        assert!(
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(near),
            "{question}: ours {ours:?}, theirs {theirs:?}"
        );
    }
}

#[test]
fn distributions_agree() {
    let mut draws = Draws::new(1, 0, 0, 0);
    let case = |_| {
        let (x, freedom, p) = (draws.unit() * 16.0 - 8.0, 1.0 + draws.unit() * 120.0, draws.unit());
        Case {
            question: json!({ "kind": "distributions", "x": x, "freedom": freedom, "p": p }),
            ours: vec![normal_cdf(x), normal_quantile(p), t_cdf(x, freedom), t_quantile(p, freedom)],
        }
    };
    agree((0..500).map(case).collect());
}

#[test]
fn tests_of_two_means_agree() {
    let mut cases = Vec::new();
    for [x, y] in samples(300, 2, 50, 2).iter().filter(|pair| pair.iter().all(|sample| has_spread(sample))) {
        let welch = Welch::of(x, y);
        let (low, high) = welch.interval(0.95);
        cases.push(Case {
            question: json!({ "kind": "welch", "x": x, "y": y }),
            ours: vec![welch.statistic(), welch.freedom, welch.p(), low, high],
        });
        cases.push(Case {
            question: json!({ "kind": "equivalence", "x": x, "y": y, "margin": 0.7 }),
            ours: vec![equivalence(&welch, 0.7)],
        });
    }
    agree(cases);
}

#[test]
fn tests_of_ranks_agree() {
    let case = |[x, y]: &[Vec<f64>; 2]| {
        let (u, p) = mann_whitney(x, y);
        Case { question: json!({ "kind": "mann_whitney", "x": x, "y": y }), ours: vec![u, p] }
    };
    let large = samples(300, 2, 50, 3);
    let small = samples(200, 2, 19, 4);
    // SciPy has no answer where all values are equal.
    let all = large.iter().chain(&small).filter(|[x, y]| has_spread(&[x.as_slice(), y].concat()));
    agree(all.map(case).collect());
}

#[test]
fn permutation_tests_agree() {
    let case = |[x, y]: &[Vec<f64>; 2]| Case {
        question: json!({ "kind": "permutation", "x": x, "y": y }),
        ours: vec![permutation(x, y, 1)],
    };
    let large = [[vec![1.0, 2.5], (0..48).map(f64::from).collect::<Vec<_>>()]];
    agree(samples(60, 2, 7, 5).iter().chain(&large).map(case).collect());
}

#[test]
fn bootstrap_intervals_agree() {
    let mut cases = Vec::new();
    for (turn, [x, y]) in samples(40, 3, 50, 6).iter().enumerate() {
        let at = if turn % 2 == 0 { 50.0 } else { 90.0 };
        let sorted = |sample: &[f64]| {
            let mut sample = sample.to_vec();
            sample.sort_by(f64::total_cmp);
            percentile(&sample, at)
        };
        let pair: &[&[f64]] = if turn % 4 < 2 { &[x] } else { &[x, y] };
        let statistic = |samples: &[Vec<f64>]| {
            let last = sorted(&samples[samples.len() - 1]);
            if samples.len() > 1 { last - sorted(&samples[0]) } else { last }
        };
        let bootstrap = Bootstrap::of(pair, turn as u64, statistic);
        let (plain, corrected) = (bootstrap.percentile_interval(0.95), bootstrap.bca_interval(0.95));
        let moves = |sample: &[f64]| {
            let without = |at: usize| sorted(&[&sample[..at], &sample[at + 1..]].concat());
            (1..sample.len()).any(|at| without(at) != without(0))
        };
        // Where no resample differs, or no single value matters, SciPy divides by zero.
        if plain.low == plain.high || !pair.iter().any(|sample| moves(sample)) {
            continue;
        }
        cases.push(Case {
            question: json!({
                "kind": "bootstrap", "samples": pair, "replicates": bootstrap.replicates, "percentile": at,
            }),
            ours: vec![plain.low, plain.high, corrected.low, corrected.high],
        });
    }
    assert!(cases.len() > 20);
    agree(cases);
}

#[test]
fn holms_correction_agrees() {
    let case = |turn| {
        let mut draws = Draws::new(7, 0, turn, 0);
        let size = 1 + draws.below(20);
        let p_values: Vec<f64> = (0..size).map(|_| (draws.unit() * 40.0).round() / 400.0).collect();
        let ours = holm(&p_values);
        Case { question: json!({ "kind": "holm", "p_values": p_values }), ours }
    };
    agree((0..100).map(case).collect());
}
