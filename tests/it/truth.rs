//! What benchscript reports is what happened: compared with what the built-in target knows of itself, and with
//! queueing theory over the very arrivals and service times of the run.

use std::path::PathBuf;

use benchscript::load::{Arrivals, Spacing};
use benchscript::target::{Settings, TargetProcess, Truth, draw};
use serde_json::{Value, json};

use crate::support::{Folder, json, program, requests, run, run_folder, trials};

const SEED: u64 = 7;

/// Half a millisecond and 5 %.
fn close(ours: f64, truth: f64, what: &str) {
    println!("{what}: {ours:.3} ms, in truth {truth:.3} ms");
    assert!((ours - truth).abs() < 0.5 + 0.05 * truth, "{what}: {ours} ms, in truth {truth} ms");
}

fn target(settings: Value) -> (TargetProcess, Settings) {
    let settings: Settings = serde_json::from_value(settings).unwrap();
    (TargetProcess::start(program(), &settings).unwrap(), settings)
}

/// Loads `path` of the target as `plan` says; returns the folder of the trial.
fn load(folder: &Folder, target: &TargetProcess, path: &str, plan: &str) -> PathBuf {
    let script = format!("load::run(http::client(\"{}\").get(\"{path}\"), #{{ {plan} }});", target.url);
    run(folder, &script, &["--seed", &SEED.to_string()]);
    trials(&run_folder(folder)).remove(0)
}

/// The number of a line of `requests.jsonl`, in nanoseconds.
fn nanos(line: &Value, field: &str) -> u64 {
    (line[field].as_f64().unwrap() * 1e9).round() as u64
}

fn service_times(distribution: &str) {
    let folder = Folder::new();
    let (target, _) = target(json!({ "service_time": distribution, "seed": 1 }));
    let trial = load(&folder, &target, "/", "concurrency: 2, duration: \"3s\"");
    let ours = json(&trial.join("metrics.json"));
    let truth: Truth = serde_json::from_value(target.stats().unwrap()).unwrap();
    assert_eq!(ours["total"]["successes"], truth.answered, "the target answered what was counted");
    let ours = &ours["service_time_ms"];
    for (name, truth) in
        [("p50", truth.sojourn_ms.p50), ("p90", truth.sojourn_ms.p90), ("p99", truth.sojourn_ms.p99)]
    {
        close(ours[name].as_f64().unwrap(), truth, &format!("{distribution} {name}"));
    }
}

#[test]
fn service_times_of_a_constant_target_are_its_own() {
    service_times("10ms");
}

#[test]
fn service_times_of_an_exponential_target_are_its_own() {
    service_times("exponential:10ms");
}

#[test]
fn service_times_of_a_bimodal_target_are_its_own() {
    service_times("bimodal:4ms,40ms,0.1");
}

#[test]
fn response_times_at_80_percent_utilisation_follow_lindleys_recursion() {
    let folder = Folder::new();
    let (target, settings) = target(json!({ "service_time": "exponential:5ms", "servers": 1, "seed": 1 }));
    // Each call asks for the draw of its turn: two that are due within microseconds may arrive the other way round.
    let plan = "rate: 160, arrival: \"poisson\", warmup: \"1s\", duration: \"16s\", timeout: \"5s\", record: \"all\"";
    let trial = load(&folder, &target, "/?n={turn}", plan);
    let (from, to) = (1_000_000_000, 17_000_000_000);
    // The wait of a call is what is left of the waits and services before it when it comes.
    let (mut free, mut expected, mut dues) = (0, Vec::new(), Vec::new());
    for (turn, due) in Arrivals::new(160.0, Spacing::Poisson, SEED).take_while(|(_, due)| *due < to) {
        free = free.max(due) + draw::service_time(&settings, turn);
        dues.push(due);
        if due >= from {
            expected.push((free - due) as f64 / 1e6);
        }
    }
    let mut lines = requests(&trial);
    lines.sort_unstable_by_key(|line| line["request_id"].as_u64());
    let sent: Vec<u64> = lines.iter().map(|line| nanos(line, "due_s")).collect();
    assert_eq!(sent, dues, "the calls were due when the seed says");
    let ours = json(&trial.join("metrics.json"));
    assert_eq!(ours["total"]["successes"], expected.len());
    expected.sort_unstable_by(f64::total_cmp);
    let mean = expected.iter().sum::<f64>() / expected.len() as f64;
    let p99 = expected[(expected.len() as f64 * 0.99).ceil() as usize - 1];
    close(ours["latency_ms"]["avg"].as_f64().unwrap(), mean, "mean at 80 %");
    close(ours["latency_ms"]["p99"].as_f64().unwrap(), p99, "p99 at 80 %");
}

#[test]
fn a_pause_is_in_the_response_times_of_all_calls_that_were_due_in_it() {
    const SESSIONS: usize = 10;
    let folder = Folder::new();
    let (target, _) = target(json!({ "service_time": "1ms", "pause": "2s+1s" }));
    let plan = format!("rate: 200, concurrency: {SESSIONS}, duration: \"5s\", record: \"all\"");
    let trial = load(&folder, &target, "/", &plan);
    let lines = requests(&trial);
    assert_eq!(lines.len(), 1_000);
    let longer = |field, ms: u64| lines.iter().filter(|line| nanos(line, field) > ms * 1_000_000).count();
    for tenth in 1..10 {
        // Of 200 calls due in the second, those due in its first tenths wait for the other tenths.
        let (found, expected) = (longer("latency_s", 100 * tenth), 200 - 20 * tenth as usize);
        println!("{found} calls took over {} ms, expected about {expected}", 100 * tenth);
        assert!(found.abs_diff(expected) <= 10, "{found} calls over {} ms, not {expected}", 100 * tenth);
    }
    assert!((1..=SESSIONS).contains(&longer("service_time_s", 100)), "{}", longer("service_time_s", 100));
    let summary = json(&trial.join("metrics.json"));
    assert!(summary["latency_ms"]["p90"].as_f64().unwrap() > 400.0, "a closed loop would have hidden it");
    assert!(summary["service_time_ms"]["p90"].as_f64().unwrap() < 100.0);
}
