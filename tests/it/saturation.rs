//! The search for the highest load that holds, on a real server whose capacity is known in closed form.

use serde_json::Value;

use crate::support::{Folder, json, run, run_folder};

/// The share of response times above `t` of a queue with Poisson arrivals at `rate` and two servers, each a call a second on
/// average: Erlang's C formula, then the sum of wait and service.
fn beyond(t: f64, rate: f64) -> f64 {
    let waits = rate * rate / (2.0 + rate);
    let spare = 2.0 - rate;
    let waited = (spare * (-t).exp() - (-spare * t).exp()) / (spare - 1.0);
    (1.0 - waits) * (-t).exp() + waits * waited
}

#[test]
fn the_rate_that_two_real_servers_hold_is_that_of_theory() {
    // A p90 of 40 ms where a call takes 10 ms on average, and 23 ms in nine of ten cases.
    let rates = (1..200).map(|at| f64::from(at) * 0.01 + 1e-4);
    let truth = rates.rev().find(|rate| beyond(4.0, *rate) <= 0.1).unwrap() * 100.0;
    let folder = Folder::new();
    let script = r#"
        let server = target::http(#{ service_time: "exponential:10ms", servers: 2, seed: 1 });
        let home = http::client(server.url).get("/");
        let search = saturation::search(#{ from: 40, to: 640, slo: #{ p90: "40ms" }, points: 10 });
        let rate = search.next();
        while rate != () {
            search.observe(rate, load::run(home, #{ rate: rate, arrival: "poisson", duration: "2s", timeout: "2s" }));
            rate = search.next();
        }
        let found = search.answer;
        print(found);
        metric("load", found.load);
        metric("low", found.low);
        metric("high", found.high);
        metric("confirm", found.confirm_rate);
        metric("peak", found.peak_throughput);
        metric("points", found.levels.map(|level| level.repetitions).reduce(|sum, count| sum + count, 0));
    "#;
    let done = run(&folder, script, &["--quiet", "--seed", "1"]);
    let metrics: Value = json(&run_folder(&folder).join("run.json"))["metrics"].clone();
    let of = |name: &str| metrics[name].as_f64().unwrap();
    println!("in theory {truth:.1}, found {metrics}\n{}", done.stdout);
    assert!((0.75..1.25).contains(&(of("load") / truth)), "in theory {truth}: {}", done.stdout);
    assert!(of("low") < of("load") && of("load") < of("high"), "{}", done.stdout);
    assert!(of("confirm") < of("high") && of("points") <= 10.0, "{}", done.stdout);
    assert!(of("peak") < 230.0, "two servers of 10 ms carry 200 calls a second: {}", done.stdout);
    for part in ["the highest load that holds: ", "to confirm it: ", "held", "missed p90_ms"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
}

#[test]
fn a_ladder_of_users_has_its_knee_at_the_number_of_servers() {
    let folder = Folder::new();
    let script = r#"
        let server = target::http(#{ service_time: "20ms", servers: 4 });
        let home = http::client(server.url).get("/");
        let users = [1, 2, 4, 8, 16];
        let results = users.map(|users| load::run(home, #{ concurrency: users, duration: "3500ms" }));
        let found = saturation::of(users, results, #{ slo: #{ p95: "60ms" } });
        print(found);
        check(found.knee > 3.3 && found.knee < 4.7, "the knee is at four users");
        check(found.low == 8.0 && found.high == 16.0, "eight users hold, sixteen do not");
        check(found.levels.map(|level| level.held) == [true, true, true, true, false], "which levels hold");
    "#;
    let done = run(&folder, script, &["--quiet"]);
    assert!(!done.stdout.contains('!'), "Little's law holds: {}", done.stdout);
}
