//! The verdict on real loads: it flips in each situation that it is there for, and stays `valid` on healthy ones.

use std::process::{Child, Command};

use benchscript::target::{Settings, TargetProcess};
use serde_json::Value;

use crate::support::{Folder, json, program, run, run_folder, trials};

/// The verdict of each trial of a script that runs against `{url}`, with its reasons.
fn verdicts(target: &TargetProcess, script: &str) -> Vec<(String, String)> {
    let folder = Folder::new();
    run(&folder, &script.replace("{url}", &target.url), &["--quiet"]);
    let validity = |trial: std::path::PathBuf| {
        let validity: Value = json(&trial)["validity"].clone();
        (validity["verdict"].as_str().unwrap().to_owned(), validity["reasons"].to_string())
    };
    trials(&run_folder(&folder)).iter().map(|trial| validity(trial.join("metrics.json"))).collect()
}

fn target(service_time: &str) -> TargetProcess {
    let service_time = service_time.parse().unwrap();
    let settings = Settings { service_time, log: true, ..Settings::default() };
    TargetProcess::start(program(), &settings).unwrap()
}

/// Processes that want all of every core, until they are dropped.
struct Crowd(Vec<Child>);

impl Crowd {
    fn new() -> Self {
        let cores = std::thread::available_parallelism().unwrap().get();
        let spin = || Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        Self((0..4 * cores).map(|_| spin()).collect())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for spinning in &mut self.0 {
            spinning.kill().ok();
            spinning.wait().ok();
        }
    }
}

#[test]
fn a_starved_machine_is_noticed() {
    let target = target("1ms");
    let crowd = Crowd::new();
    let found = verdicts(
        &target,
        r#"
        let home = http::client("{url}").get("/");
        load::run(home, #{ rate: 2_000, duration: "2s", threads: 1 });
        load::run(home, #{ concurrency: 8, duration: "2s", threads: 1 });
        "#,
    );
    drop(crowd);
    for (verdict, reasons) in found {
        assert_ne!(verdict, "valid", "{reasons}");
        assert!(reasons.contains("crowded") || reasons.contains("ms late"), "{reasons}");
    }
}

#[test]
fn a_script_that_is_too_slow_for_its_rate_is_noticed() {
    let target = target("1ms");
    let found = verdicts(
        &target,
        r#"
        let home = http::client("{url}").get("/");
        let slow = load::journey("slow", |vu| {
            let sum = 0;
            for i in 0..100_000 { sum += i; }
            home.run();
        });
        load::run(slow, #{ rate: 500, duration: "2s", threads: 1, timeout: "1s" });
        "#,
    );
    assert_eq!(found[0].0, "generator-limited", "{}", found[0].1);
}

#[test]
fn too_few_virtual_users_for_the_rate_are_noticed() {
    let target = target("50ms");
    let found = verdicts(
        &target,
        r#"
        let home = http::client("{url}").get("/");
        load::run(home, #{ rate: 100, concurrency: 3, duration: "1s" });
        let trip = load::journey("trip", |vu| { home.run(); sleep("10ms"); });
        load::run(trip, #{ rate: 100, concurrency: 3, duration: "1s" });
        "#,
    );
    for (verdict, reasons) in found {
        assert_ne!(verdict, "valid");
        assert!(reasons.contains("all 3 sessions were busy"), "{reasons}");
    }
}

#[test]
fn a_saturated_thread_is_noticed() {
    let target = target("1ms");
    let script = r#"
        let home = http::client("{url}").get("/");
        load::run(home, #{ rate: 300_000, duration: "1s", threads: 1, timeout: "1s" });
    "#;
    let found = verdicts(&target, script);
    assert_eq!(found[0].0, "generator-limited", "{}", found[0].1);
}

#[test]
fn healthy_runs_are_valid() {
    let target = target("2ms");
    for _ in 0..3 {
        target.reset().unwrap();
        let found = verdicts(
            &target,
            r#"
            let home = http::client("{url}").get("/");
            let trip = load::journey("trip", |vu| { check(home.run().status == 200, "status 200"); });
            for round in 0..5 {
                load::run(home, #{ rate: 100, arrival: "poisson", duration: "500ms", warmup: "100ms" });
                load::run(home, #{ concurrency: 2, duration: "500ms" });
                load::run(trip, #{ rate: 50, duration: "500ms" });
                load::run(load::mix(#{ a: [3, home], b: [1, trip] }), #{ concurrency: 2, duration: "500ms" });
            }
            "#,
        );
        assert_eq!(found.len(), 20);
        let doubted: Vec<_> = found.iter().filter(|(verdict, _)| verdict != "valid").collect();
        if doubted.is_empty() {
            return;
        }
        // A verdict is right where other programs had the cores, and their own log tells whether they had.
        let late = crate::truth::lateness_ms(&target);
        assert!(late > crate::truth::DISTURBED_MS, "{doubted:?}, on a machine that was quiet: {late} ms");
    }
    // Where that was so every time, nothing can be said of healthy runs: there was none.
    println!("the machine was disturbed in every round");
}
