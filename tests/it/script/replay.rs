//! A saved schedule is replayed exactly, and what was replayed can be told from the files of the run.

use serde_json::Value;

use crate::support::{Folder, call, json, requests, run, run_folder, trials};

fn dues(calls: &[Value]) -> Vec<u64> {
    let nanos = |call: &Value| (call["due_s"].as_f64().unwrap() * 1e9).round() as u64;
    let mut dues: Vec<u64> = calls.iter().map(nanos).collect();
    dues.sort_unstable();
    dues
}

#[test]
fn a_trace_saved_from_a_poisson_run_replays_to_the_same_due_times() {
    let folder = Folder::new();
    let script = r#"
        let home = http::client(target::http(#{}).url).get("/");
        let first = load::run(home, #{
            rate: 400, arrival: "poisson", warmup: "0.3s", duration: "0.7s", record: "all", save_schedule: true,
        });
        load::run(home, #{ trace: first.schedule, warmup: "0.3s", duration: "0.7s", record: "all", seed: 99 });
        print(first.schedule);
    "#;
    let done = run(&folder, script, &["--seed", "5", "--quiet"]);
    let trials = trials(&run_folder(&folder));
    let [first, again] = [0, 1].map(|trial: usize| dues(&requests(&trials[trial])));
    assert!(first.len() > 300, "{}", first.len());
    assert_eq!(first, again, "to the nanosecond");
    let saved = std::fs::read_to_string(trials[0].join("schedule.csv")).unwrap();
    assert_eq!(saved.lines().count(), first.len() + 1);
    assert!(done.stdout.trim_end().ends_with("schedule.csv"), "{}", done.stdout);
    let [first, again] = [0, 1].map(|trial: usize| json(&trials[trial].join("metrics.json")));
    let trace = &again["config"]["plan"]["trace"];
    assert_eq!(trace["times"], saved.lines().count() - 1);
    assert_eq!(trace["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(first["total"]["offered_rate"], 400.0);
    assert_eq!(again["total"]["offered_rate"], again["total"]["requests"].as_u64().unwrap() as f64 / 0.7);
}

#[test]
fn groups_save_their_schedules_apart() {
    let folder = Folder::new();
    let script = r#"
        let home = http::client(target::http(#{}).url).get("/");
        let both = load::together(#{
            "GET /a": [home, #{ rate: 20, duration: "0.3s", save_schedule: true }],
            b: [home, #{ rate: 10, duration: "0.3s", save_schedule: true }],
        });
        print(both.operations["GET /a"].schedule);
        let error = "";
        try { both.schedule } catch (e) { error = e.to_string(); }
        print(error);
    "#;
    let done = run(&folder, script, &["--quiet"]);
    assert!(done.stdout.contains("schedule-1-GET--a.csv"), "{}", done.stdout);
    assert!(done.stdout.contains("has not saved one schedule"), "{}", done.stdout);
    let trial = &trials(&run_folder(&folder))[0];
    let lines = |name: &str| std::fs::read_to_string(trial.join(name)).unwrap().lines().count();
    assert_eq!([lines("schedule-1-GET--a.csv"), lines("schedule-2-b.csv")], [7, 4]);
}

#[test]
fn a_plan_tells_stages_and_traces() {
    let folder = Folder::new();
    folder.write("times.csv", "0\n2\n1\n");
    folder.write(
        "scenario.rhai",
        r#"
        let home = http::client("http://127.0.0.1:1").get("/");
        load::run(home, #{ name: "staged", warmup: "2s", arrival: "gamma", burstiness: 0.5, stages: [
            #{ rate: 500, duration: "10s" }, #{ rate: 2_000, ramp: "30s" }] });
        load::run(home, #{ name: "traced", trace: "times.csv" });
        let kept = load::run(home, #{ name: "kept", rate: 5, duration: "1s", save_schedule: true });
        load::run(home, #{ trace: kept.schedule });
        "#,
    );
    let done = call(&folder, &["plan", "scenario.rhai"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for text in [
        "500/s for 10s, to 2000/s in 30s gamma of burstiness 0.5, at most 1000 in flight   42 s",
        "3 times of times.csv, at most 1000 in flight",
        "what follows depends on the schedule of a load in line 7",
    ] {
        assert!(done.stdout.contains(text), "{}", done.stdout);
    }
}

#[test]
fn throughput_follows_from_think_and_response_time() {
    let folder = Folder::new();
    let script = r#"
        let server = target::http(#{ service_time: "5ms", servers: 8 });
        let home = http::client(server.url).get("/");
        let r = load::run(home, #{ concurrency: 8, duration: "1s", think: data::uniform(0.03, 0.06), record: "all" });
        print(r.throughput);
        print(r.latency.avg_ms);
        print(r.config.plan.think);
    "#;
    let done = run(&folder, script, &["--quiet", "--seed", "3"]);
    let mut lines = done.stdout.lines();
    let mut number = || lines.next().unwrap().parse::<f64>().unwrap();
    let (throughput, response) = (number(), number() / 1e3);
    assert_eq!(lines.next(), Some("uniform(0.03, 0.06)"));
    // Users / (think + response): what is drawn has the mean 0.045, and each user is in a call when the window ends.
    let law = 8.0 / (0.045 + response);
    assert!(throughput > 0.9 * law && throughput < 1.1 * law + 8.0, "{throughput}/s, not {law}/s");
    assert!(throughput < 8.0 / (0.03 + 0.005) + 8.0, "{throughput}/s: somebody did not think");
    let calls = requests(&trials(&run_folder(&folder))[0]);
    assert!(calls.iter().all(|call| call["latency_s"].as_f64().unwrap() >= 0.005));
}
