//! What a declared scenario runs, in which order, and what becomes of trials that fail.

use serde_json::json;

use super::rows;
use crate::support::{Folder, call, json, run, run_folder, trials, try_run};

const LADDER: &str = r#"
//! How many users does the target carry?
const CALLS = 20;
scenario(#{
    name: "ladder", why: "to size the pool", seed: 11, repetitions: 2,
    sweep: #{ concurrency: [1, 4] }, slo: #{ p99: "10s", error_rate: 0.0 },
});
fn setup() { target::http(#{ service_time: "1ms" }) }
fn prepare(server, p) { server.reset(); }
fn trial(server, p) {
    let home = http::client(server.url).get("/{n}", #{ n: data::uniform(1, 1_000_000) });
    load::run(home, #{ concurrency: p.concurrency, requests: CALLS, name: "other" });
    let result = load::run(home, #{ concurrency: p.concurrency, requests: CALLS });
    check(server.stats().requests == 2 * CALLS, "prepared anew");
    result
}
fn report(results) {
    for result in results { print(`${result.p.concurrency} r${result.p.repetition} ${result.requests}`); }
    "that was it"
}
fn teardown(server) { print(`down ${server.stats().requests}`); }
"#;

#[test]
fn trials_are_run_in_order_and_reported() {
    let folder = Folder::new();
    let done = run(&folder, LADDER, &["--quiet"]);
    assert_eq!(done.stdout, "down 40\n1 r1 20\n4 r1 20\n1 r2 20\n4 r2 20\nthat was it\n");
    let path = run_folder(&folder);
    let stored = json(&path.join("run.json"));
    assert_eq!(
        (&stored["scenario"], &stored["why"], &stored["seed"]),
        (&json!("ladder"), &json!("to size the pool"), &json!(11))
    );
    assert!(path.file_name().unwrap().to_string_lossy().starts_with("ladder-"), "{path:?}");
    assert_eq!(stored["question"], "How many users does the target carry?");
    let summary = json(&path.join("summary.json"));
    assert_eq!(
        rows(&summary),
        [
            "{\"concurrency\":1} r1 done",
            "{\"concurrency\":4} r1 done",
            "{\"concurrency\":1} r2 done",
            "{\"concurrency\":4} r2 done"
        ]
    );
    // The first load of each trial counts for itself alone.
    assert_eq!(summary["total_requests"], 80);
    let folders = trials(&path);
    assert_eq!(folders.len(), 4);
    for trial in &folders {
        let meta = json(&trial.join("meta.json"));
        let metrics = json(&trial.join("metrics.json"));
        assert_eq!(meta["status"], "done");
        assert_eq!(metrics["trial_id"], meta["trial"]);
        assert!(
            metrics["slo"].as_array().unwrap().iter().all(|objective| objective["held"] == true),
            "{metrics}"
        );
        assert!(trial.join("loads/1-other/metrics.json").is_file());
        assert!(trial.join("latency.hlog").is_file() && !trial.join("loads/2-GET-n").exists());
    }
    // Points of one repetition meet the same requests, those of another others.
    let seeds: Vec<_> = folders.iter().map(|trial| json(&trial.join("meta.json"))["seed"].clone()).collect();
    assert_eq!(seeds[0], 11);
    assert!(seeds[0] == seeds[1] && seeds[2] == seeds[3] && seeds[0] != seeds[2], "{seeds:?}");
}

#[test]
fn the_top_level_declares_and_does_nothing() {
    let folder = Folder::new();
    for (act, said) in [
        ("target::http(#{});", "starting a target has no place at the top level"),
        ("http::client(\"http://127.0.0.1:1\").get(\"/\").run();", "no place at the top level"),
        (
            "load::run(http::client(\"http://127.0.0.1:1\").get(\"/\"), #{ requests: 1 });",
            "a load has no place",
        ),
        ("scenario(#{ name: \"y\" });", "one scenario, not two"),
    ] {
        let script = format!("scenario(#{{ name: \"x\" }});\n{act}\nfn trial(p) {{ #{{ n: 1 }} }}\n");
        let done = try_run(&folder, &script, &["--quiet"]);
        assert_eq!(done.code, Some(2), "{act}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{act}: {}", done.stderr);
    }
}

#[test]
fn numbers_of_its_own_are_a_trial_too() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{ name: "own", sweep: #{ n: [2, 3] }, slo: #{ square: 5 } });
        fn trial(p) { metric("cube", p.n * p.n * p.n); #{ square: p.n * p.n } }
        fn report(results) { for result in results { print(`${result.p.n} ${result.extras.square} ${result.extras.cube}`); } }
    "#;
    assert_eq!(run(&folder, script, &["--quiet"]).stdout, "2 4 8\n3 9 27\n");
    let folders = trials(&run_folder(&folder));
    let held: Vec<_> =
        folders.iter().map(|trial| json(&trial.join("metrics.json"))["slo"][0]["held"].clone()).collect();
    assert_eq!(held, [true, false]);
}

#[test]
fn no_trial_that_holds_the_slo_is_exit_code_3() {
    let folder = Folder::new();
    let script = "scenario(#{ name: \"x\", sweep: #{ n: [6, 7] }, slo: #{ square: 5 } });\nfn trial(p) { #{ square: p.n } }\n";
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    assert!(done.stderr.contains("no trial held the SLO"), "{}", done.stderr);
}

/// What an attempt left behind is kept.
#[test]
fn failed_trials_are_tried_again_and_marked() {
    let folder = Folder::new();
    folder.write("count", "0");
    let script = r#"
        scenario(#{ name: "flaky", sweep: #{ n: [1, 2] }, retries: #{ count: 1, backoff: "10ms" } });
        fn trial(p) {
            let count = command::client().shell("n=$(cat count); n=$((n+1)); echo $n > count; echo $n");
            let number = parse_int(count.run().stdout);
            // Fails at the first attempt of the first point, and at all of the second.
            if number != 2 { http::client("http://127.0.0.1:1").get("/").run(); }
            #{ number: number }
        }
        fn report(results) { print(results.map(|result| result.p.n)); }
    "#;
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert_eq!(done.stdout, "[1]\n");
    assert!(done.stderr.contains("1 of 2 trials failed"), "{}", done.stderr);
    let path = run_folder(&folder);
    let summary = json(&path.join("summary.json"));
    assert_eq!(rows(&summary), ["{\"n\":1} r1 done", "{\"n\":2} r1 failed"]);
    assert_eq!(summary["trials"][0]["attempt"], 2);
    assert!(summary["trials"][1]["reason"].as_str().unwrap().contains("refused"), "{summary}");
    assert!(summary["trials"][1].get("p99_ms").is_none());
    let first = &trials(&path)[0];
    assert_eq!(json(&first.join("attempts/1/meta.json"))["status"], "failed");
    assert_eq!(json(&path.join("run.json"))["status"], "failed");
}

#[test]
fn a_mistake_in_the_script_is_not_tried_again() {
    let folder = Folder::new();
    let script = "scenario(#{ name: \"x\", sweep: #{ n: [1, 2] }, retries: 5 });\nfn trial(p) { p.m }\n";
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(
        done.stderr.contains("no field `m`") && done.stderr.contains("scenario.rhai:2:"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("trying again"), "{}", done.stderr);
}

#[test]
fn a_trial_may_not_take_longer_than_its_timeout() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{ name: "slow", sweep: #{ n: [1, 2, 3] }, timeout: "300ms" });
        fn trial(p) { if p.n == 2 { sleep("60s"); } #{ n: p.n } }
    "#;
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let summary = json(&run_folder(&folder).join("summary.json"));
    assert_eq!(rows(&summary), ["{\"n\":1} r1 done", "{\"n\":2} r1 failed", "{\"n\":3} r1 done"]);
    assert!(summary["trials"][1]["reason"].as_str().unwrap().contains("`timeout` of 300ms"), "{summary}");
}

#[test]
fn the_rest_is_left_out_when_the_scenario_says_so() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{ name: "stops", sweep: #{ n: [1, 2, 3] }, stop: #{ failures: 1 } });
        fn trial(p) { if p.n == 1 { http::client("http://127.0.0.1:1").get("/").run(); } #{ n: p.n } }
    "#;
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let summary = json(&run_folder(&folder).join("summary.json"));
    assert_eq!(rows(&summary), ["{\"n\":1} r1 failed", "{\"n\":2} r1 skipped", "{\"n\":3} r1 skipped"]);
    assert!(summary["trials"][2]["reason"].as_str().unwrap().contains("`stop.failures`"), "{summary}");
}

#[test]
fn groups_have_a_service_of_their_own() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{ name: "groups", sweep: #{ n: [1, 2], ms: ["1ms", "2ms"] }, group_by: ["ms"], repetitions: 2 });
        fn setup(p) { print(`up ${p.ms}`); #{ server: target::http(#{ service_time: p.ms }), ms: p.ms } }
        fn trial(service, p) {
            check(service.ms == p.ms, "its own service");
            load::run(http::client(service.server.url).get("/"), #{ requests: 3 })
        }
        fn teardown() { print("down"); }
    "#;
    let done = run(&folder, script, &["--quiet"]);
    assert_eq!(done.stdout, "up 1ms\ndown\nup 2ms\ndown\n");
    assert_eq!(json(&run_folder(&folder).join("summary.json"))["trials"].as_array().unwrap().len(), 8);
}

#[test]
fn a_service_that_dies_is_set_up_anew_for_the_next_attempt() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{ name: "dies", sweep: #{ n: [1, 2] }, retries: #{ count: 2, backoff: "300ms" } });
        fn setup() {
            print("up");
            let ready = #{ tcp: "port" };
            service::start(#{ name: "short", command: ["python3", "-c", "import socket,time\ns=socket.create_server(('127.0.0.1',{port}))\ns.accept()[0].close()\ns.accept()"], ready: ready })
        }
        fn trial(server, p) {
            if p.n == 1 { return #{ n: 1 }; }
            http::client(`http://127.0.0.1:${server.port}`).get("/").run();
        }
    "#;
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stdout.matches("up").count() >= 2, "{} {}", done.stdout, done.stderr);
}

#[test]
fn what_setup_returns_must_be_storable() {
    let folder = Folder::new();
    let script = "scenario(#{ name: \"x\" });\nfn setup() { #{ api: http::client(\"http://127.0.0.1:1\") } }\nfn trial(s, p) { #{ n: 1 } }\n";
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("`api` in what `setup` returned cannot be stored"), "{}", done.stderr);
    let folder = Folder::new();
    let fine = "scenario(#{ name: \"x\" });\nfn setup() { #{ at: target::http(#{}), n: [1, 2], password: \"x\" } }\nfn trial(s, p) { #{ n: s.n[1] } }\n";
    run(&folder, fine, &["--quiet"]);
    let stored = json(&run_folder(&folder).join("setup.json"));
    assert_eq!(stored["at"]["service"], "target");
    assert_ne!(stored["password"], "x");
}

#[test]
fn conditions_parameters_and_only() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{
            name: "some", sweep: #{ a: [1, 2, 3], b: ["x", "y"] },
            when: |p| p.a < 3 || p.b == "x",
            resources: |p| #{ partition: "cpu", nodes: p.a },
        });
        const FACTOR = param("factor", 10);
        fn trial(p) { #{ product: p.a * FACTOR } }
        fn report(results) { print(results.map(|r| `${r.p.a}${r.p.b}${r.extras.product}`)); }
    "#;
    let shown = |arguments: &[&str]| run(&folder, script, &[&["--quiet"], arguments].concat()).stdout;
    assert_eq!(shown(&[]).trim(), r#"["1x10", "1y10", "2x20", "2y20", "3x30"]"#);
    let stored = json(&run_folder(&folder).join("trials.json"));
    assert_eq!(stored["trials"][4]["resources"], json!({ "partition": "cpu", "nodes": 3 }));
    let some = Folder::new();
    let done = run(&some, script, &["--quiet", "--only", "b=x", "-p", "a=2,3", "-p", "factor=2"]);
    assert_eq!(done.stdout.trim(), r#"["2x4", "3x6"]"#);
    for (arguments, said) in [
        (["--only", "c=1"], "names `c`"),
        (["--only", "a=7"], "never is 7"),
        (["-p", "facto=2"], "did you mean `factor`?"),
        (["--only", "a"], "no condition"),
    ] {
        let done = try_run(&some, script, &arguments);
        assert_eq!(done.code, Some(2), "{arguments:?} {}", done.stderr);
        assert!(done.stderr.contains(said), "{arguments:?} {}", done.stderr);
    }
}

#[test]
fn steps_are_known_by_name_and_parameters() {
    let folder = Folder::new();
    for (functions, said) in [
        ("fn trail(server, p) { }", "is `trail` meant to be it?"),
        ("", "no function `trial`"),
        ("fn trial() { }", "write `fn trial(server, p)` or `fn trial(p)`"),
        ("fn trial(p) { #{ n: 1 } }\nfn prepare(p) { }", "`prepare` has the wrong parameters"),
    ] {
        let done = try_run(&folder, &format!("scenario(#{{ name: \"x\" }});\n{functions}\n"), &["--quiet"]);
        assert_eq!(done.code, Some(2), "{functions}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{functions}: {}", done.stderr);
    }
    let checked = call(&folder, &["check", "scenario.rhai"]);
    assert_eq!(checked.code, Some(2), "{}", checked.stderr);
}

#[test]
fn a_service_that_cannot_be_set_up_fails_its_trials_at_once() {
    let folder = Folder::new();
    let script = |group: &str| {
        format!(
            r#"scenario(#{{ name: "none", sweep: #{{ m: ["s", "l"], n: [1, 2] }}{group} }});
            fn setup(p) {{
                print("up");
                if !("m" in p) || p.m == "s" {{ service::start(#{{ name: "no", command: ["no-such-program"], ready: #{{ tcp: "port" }}, ports: #{{ port: 0 }} }}); }}
                1
            }}
            fn trial(server, p) {{ #{{ n: p.n }} }}"#
        )
    };
    let done = try_run(&folder, &script(""), &["--quiet"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), "up\n"), "{}", done.stderr);
    assert!(done.stderr.contains("no-such-program"), "{}", done.stderr);
    let folder = Folder::new();
    let done = try_run(&folder, &script(", group_by: [\"m\"]"), &["--quiet"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), "up\nup\n"), "{}", done.stderr);
    let summary = json(&run_folder(&folder).join("summary.json"));
    let status = |at: usize| summary["trials"][at]["status"].as_str().unwrap().to_owned();
    assert_eq!((0..4).map(status).collect::<Vec<_>>(), ["failed", "failed", "done", "done"]);
}

/// The target stops being quick at a known load: two servers of 5 ms each carry 400 calls a second. Of the median, which a machine that
/// others use holds up least.
#[test]
fn a_search_finds_the_load_and_places_its_own_trials() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{ name: "search", seed: 4, sweep: #{ rate: #{ search: [100, 3_200], points: 8 } }, slo: #{ p50: "60ms" } });
        fn setup() { target::http(#{ service_time: "5ms", servers: 2 }) }
        fn trial(server, p) {
            load::run(http::client(server.url).get("/"), #{ rate: p.rate, duration: "1500ms", timeout: "2s" })
        }
        fn report(results) { let found = results.saturation("rate"); print(found.load != ()); }
    "#;
    let done = run(&folder, script, &["--quiet"]);
    assert_eq!(done.stdout, "true\n", "{}", done.stderr);
    let path = run_folder(&folder);
    let answer = json(&path.join("run.json"))["answers"][0].clone();
    let load = answer["load"].as_f64().unwrap_or_else(|| panic!("{answer}"));
    assert!((250.0..=460.0).contains(&load), "{answer}");
    assert_eq!(answer["parameter"], "rate");
    assert!(answer["confirmed"].is_boolean(), "{answer}");
    let laid_out = json(&path.join("trials.json"))["trials"].as_array().unwrap().len();
    assert_eq!(laid_out, trials(&path).len());
    assert!((4..=9).contains(&laid_out), "{laid_out}");
    let page = std::fs::read_to_string(crate::support::report_folder(&folder).join("report.md")).unwrap();
    assert!(page.contains("capacity within the SLO"), "{page}");
}
