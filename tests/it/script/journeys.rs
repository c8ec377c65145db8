//! Journeys and mixes, as scripts write them and results show them, against the built-in target.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{on_target, on_target_in, try_on_target};
use crate::support::{Folder, json, report_folder, requests, run_folder, trials};

fn metrics(folder: &Folder) -> Value {
    json(&trials(&run_folder(folder))[0].join("metrics.json"))
}

fn rows(folder: &Folder) -> Vec<Value> {
    requests(&trials(&run_folder(folder))[0])
}

fn of<'a>(rows: &'a [Value], name: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["operation_type"] == name).collect()
}

#[test]
fn steps_and_the_whole_are_recorded() {
    let script = r#"
        let api = http::client("{url}");
        let home = api.get("/");
        let user = api.get("/users/{id}", #{ id: data::uniform(1, 1_000) });
        let shop = load::journey("shop", |vu| {
            home.run();
            for i in 0..3 { user.run(); }
            sleep("20ms");
            let answer = api.get(`/items/${vu.turn}`).run();
            check(answer.status == 200, "status 200");
        });
        let r = load::run(shop, #{ concurrency: 3, requests: 30, record: "all" });
        print([r.name, r.requests, r.failures, r.operations.keys()]);
        print([r.operations["GET /"].requests, r.operations["GET /users/{id}"].requests]);
        check(r.latency.min_ms >= 20.0, "the pause is in the response time");
        check(r.service_time.min_ms <= r.latency.min_ms - 20.0, "and not in the service time");
    "#;
    let (folder, done) = on_target(script, &["--quiet"]);
    assert_eq!(
        done.stdout,
        "[\"shop\", 30, 0, [\"GET /\", \"GET /items/…\", \"GET /users/{id}\"]]\n[30, 90]\n"
    );
    let metrics = metrics(&folder);
    assert_eq!(metrics["throughput"]["unit"], "journeys/s");
    assert_eq!(metrics["total"]["requests"], 30);
    let rows = rows(&folder);
    let [journeys, users, items] = ["shop", "GET /users/{id}", "GET /items/…"].map(|name| of(&rows, name));
    assert_eq!([journeys.len(), users.len(), items.len(), rows.len()], [30, 90, 30, 180]);
    // A journey spans its steps.
    for journey in journeys {
        let time = |row: &Value, key: &str| row[key].as_f64().unwrap();
        let steps = rows.iter().filter(|row| row["request_id"] == journey["request_id"]);
        for step in steps {
            assert!(time(step, "timestamp_start") >= time(journey, "timestamp_start"), "{step} of {journey}");
            assert!(time(step, "timestamp_end") <= time(journey, "timestamp_end"), "{step} of {journey}");
        }
    }
    // The whole counts once.
    assert_eq!(json(&run_folder(&folder).join("summary.json"))["total_requests"], 30);
}

#[test]
fn values_of_steps_depend_on_seed_and_turn_alone() {
    let ids = |threads: u32| {
        let script = format!(
            r#"
            let api = http::client("{{url}}");
            let echo = api.post("/echo", #{{ json: #{{ id: data::uniform(1, 1_000_000_000) }} }});
            let j = load::journey("j", |vu| {{
                let ids = [echo.run().json.id, echo.run().json.id];
                print(`${{vu.turn}} ${{ids}}`);
            }});
            load::run(j, #{{ concurrency: 8, requests: 40, threads: {threads}, seed: 9 }});
            "#
        );
        let (_, done) = on_target(&script, &["--quiet"]);
        done.stdout.lines().map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let one = ids(1);
    assert_eq!(one.len(), 40);
    assert_eq!(one, ids(4));
    // The second run of an operation in a journey draws another value than the first.
    assert!(one.iter().all(|line| {
        let (first, second) = line.split_once('[').unwrap().1.trim_end_matches(']').split_once(", ").unwrap();
        first != second
    }));
}

#[test]
fn failures_have_the_class_of_what_failed() {
    let script = r#"
        let api = http::client("{url}");
        let missing = api.get("/status/404");
        let home = api.get("/");
        let j = load::journey("j", |vu| {
            if vu.turn % 4 == 0 { missing.run(); }
            let caught = "";
            try { missing.run(); } catch (err) { caught = err.class; }
            check(caught == "status_4xx", "caught");
            check(vu.turn % 4 != 1, "three of four");
            if vu.turn % 4 == 2 { throw "no luck"; }
            if vu.turn % 8 == 3 { check(missing.run().status == 200, "found"); }
            home.run();
        });
        let r = load::run(j, #{ concurrency: 2, requests: 40 });
        print([r.failures, r.errors.by_class]);
    "#;
    let (folder, done) = on_target(script, &["--quiet"]);
    assert_eq!(done.stdout, "[35, #{\"check\": 15, \"script\": 10, \"status_4xx\": 10}]\n");
    let by_class = &metrics(&folder)["errors"]["by_class"];
    let first = |class: &str| by_class[class]["first"].as_str().unwrap_or_default().to_owned();
    assert!(first("status_4xx").contains("scenario.rhai:6: `GET /status/404`"), "{by_class}");
    assert!(first("check").starts_with("check `three of four` failed in scenario.rhai:10"), "{by_class}");
    assert_eq!(first("script"), "scenario.rhai:11: no luck");
}

#[test]
fn every_user_has_its_own_copy_of_what_is_captured() {
    let script = r#"
        let home = http::client("{url}").get("/");
        let count = 0;
        let nested = #{ list: [1, [2]], add: () };
        let total = 0;
        nested.add = |n| { total += n; total };
        let j = load::journey("j", |vu| {
            home.run();
            count += 1;
            nested.list.push(vu.turn);
            if !("turns" in vu.state) { vu.state.turns = []; }
            vu.state.turns.push(vu.turn);
            print(`${vu.number}: ${vu.state.turns.len()} ${count} ${nested.list.len()} ${nested.add.call(1)}`);
        });
        load::run(j, #{ concurrency: 4, requests: 20, threads: 2 });
        print(`outside: ${count} ${nested.list.len()} ${total}`);
    "#;
    let (_, done) = on_target(script, &["--quiet"]);
    let mut last: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for line in done.stdout.lines() {
        let (user, counts) = line.split_once(": ").unwrap();
        let counts: Vec<u32> = counts.split(' ').map(|count| count.parse().unwrap()).collect();
        if user == "outside" {
            assert_eq!(counts, [0, 2, 0], "what the script captured has not changed");
            continue;
        }
        let journeys = counts[0];
        assert_eq!(counts, [journeys, journeys, journeys + 2, journeys], "of user {user}");
        let before = last.insert(user, counts).map_or(0, |before| before[0]);
        assert_eq!(journeys, before + 1, "of user {user}");
    }
    assert_eq!(last.len(), 4);
    assert_eq!(last.values().map(|counts| counts[0]).sum::<u32>(), 20);
}

#[test]
fn functions_constants_and_imports_are_seen() {
    let script = r#"
        import "lib/shop" as shop;
        const LIMIT = 7;
        fn double(x) { if x > LIMIT { LIMIT } else { x * 2 } }
        let home = http::client("{url}").get("/");
        let visit = |op, times| { let seen = 0; for i in 0..times { op.run(); seen += 1; } seen };
        let j = load::journey("j", || {
            let seen = visit.call(home, double(1));
            check(seen == shop::pair(home) && global::LIMIT == 7, "both twice");
        });
        let r = load::run(j, #{ requests: 5 });
        print([r.failures, r.operations["GET /"].requests]);
    "#;
    let folder = Folder::new();
    folder.write("lib/shop.rhai", "fn pair(op) { op.run(); op.run(); 2 }");
    let done = on_target_in(&folder, script, &["--quiet"]);
    assert_eq!(done.stdout, "[0, 20]\n", "{}", done.stderr);
}

#[test]
fn endless_journeys_end_with_the_load() {
    let script = r#"
        let home = http::client("{url}").get("/");
        let forever = [
            |vu| { loop { home.run(); } },
            |vu| { let x = 0; loop { x += 1; } },
            |vu| { loop { try { home.run(); sleep("1h"); } catch { } } },
        ];
        for f in forever {
            let r = load::run(load::journey("j", f), #{ concurrency: 2, duration: "300ms", timeout: "200ms" });
            print([r.successes, r.errors.by_class.keys()]);
        }
    "#;
    let (folder, done) = try_on_target(script, &["--quiet"]);
    assert_eq!(done.code, Some(1), "every call of the last load failed: {}", done.stderr);
    assert_eq!(done.stdout, "[0, [\"unfinished\"]]\n".repeat(3));
    // What began after the window counts for nothing.
    let metrics = metrics(&folder);
    let steps = &metrics["operations"]["GET /"];
    let rows = rows(&folder);
    let inside = of(&rows, "GET /").iter().filter(|row| row["phase"] != "after").count();
    assert_eq!(steps["requests"], inside);
    assert!(rows.iter().any(|row| row["phase"] == "after"), "it went on through the drain");
}

#[test]
fn a_broken_script_ends_the_load_with_its_place() {
    let script = r#"
        let home = http::client("{url}").get("/");
        let j = load::journey("j", |vu| {
            let answer = home.run();
            print(answer.statu);
        });
        load::run(j, #{ concurrency: 4, duration: "60s" });
    "#;
    let (folder, done) = try_on_target(script, &["--quiet"]);
    assert_eq!(done.code, Some(2));
    assert!(
        done.stderr.contains("a Response has no field `statu`\n  --> scenario.rhai:5:26"),
        "{}",
        done.stderr
    );
    let metrics = metrics(&folder);
    let failed = metrics["errors"]["by_class"]["script"]["count"].as_u64().unwrap();
    assert!((100..200).contains(&failed), "{failed}");
    assert!(metrics["total"]["duration_s"].as_f64().unwrap() < 30.0);
}

#[test]
fn metrics_of_journeys_are_in_every_output() {
    let script = r#"
        let home = http::client("{url}").get("/");
        let j = load::journey("j", |vu| {
            home.run();
            metric("size", 10 * (vu.turn % 10));
            metric("items", 2, "counter");
            metric("even", vu.turn % 2 == 0);
            metric("level", vu.turn % 2 + 0.5, "gauge");
        });
        let r = load::run(j, #{ concurrency: 3, requests: 200, threads: 3 });
        print([r.extras.size_count, r.extras.size_min, r.extras.size_max, r.extras.size_avg]);
        print([r.extras.items, r.extras.even, r.extras.level_min, r.extras.level_max]);
        check(r.extras.size_p50 > 39.0 && r.extras.size_p50 < 51.0, "a percentile");
        check(r.extras.items_per_second > 0.0, "a rate");
        print(`${r}`.contains("size_p50"));
    "#;
    let (folder, done) = on_target(script, &["--quiet"]);
    assert_eq!(done.stdout, "[200, 0.0, 90.0, 45.0]\n[400.0, 0.5, 0.5, 1.5]\ntrue\n");
    assert_eq!(metrics(&folder)["extras"]["even"], 0.5);
    let report = report_folder(&folder);
    for file in ["index.html", "report.md", "report.json"] {
        // Markdown marks the underscore as plain.
        let text = std::fs::read_to_string(report.join(file)).unwrap().replace('\\', "");
        assert!(text.contains("size_p50"), "{file}");
    }
}

#[test]
fn a_mix_follows_its_weights() {
    let script = |threads: u32| {
        format!(
            r#"
            let api = http::client("{{url}}");
            let slow = load::journey("slow", |vu| {{ api.get("/a").run(); api.get("/b").run(); }});
            let mix = load::mix(#{{ read: [80, api.get("/r")], write: [15.0, api.put("/w", #{{ body: "x" }})], slow: [5, slow] }});
            let r = load::run(mix, #{{ concurrency: 4, requests: 2_000, threads: {threads}, seed: 3, record: "all" }});
            let o = r.operations;
            print([r.requests, r.failures, o.keys()]);
            print([o.read.requests, o.write.requests, o.slow.requests, o["GET /a"].requests, o["GET /b"].requests]);
            "#
        )
    };
    let (folder, one) = on_target(&script(1), &["--quiet"]);
    let mut lines = one.stdout.lines();
    assert_eq!(lines.next().unwrap(), "[2000, 0, [\"GET /a\", \"GET /b\", \"read\", \"slow\", \"write\"]]");
    let counts: Vec<f64> = lines
        .next()
        .unwrap()
        .trim_matches(['[', ']'])
        .split(", ")
        .map(|count| count.parse().unwrap())
        .collect();
    // Four standard deviations of a binomial of 2,000.
    for (count, share) in counts.iter().zip([0.8f64, 0.15, 0.05]) {
        let deviation = (2_000.0 * share * (1.0 - share)).sqrt();
        assert!((count - 2_000.0 * share).abs() < 4.0 * deviation, "{counts:?}");
    }
    assert_eq!(counts[..3].iter().sum::<f64>(), 2_000.0);
    assert_eq!(counts[2..], [counts[2]; 3]);
    let rows = rows(&folder);
    assert_eq!(of(&rows, "read").len() as f64, counts[0], "a call is filed under its part");
    let (_, four) = on_target(&script(4), &["--quiet"]);
    assert_eq!(one.stdout, four.stdout, "the seed decides, not the threads");
}

#[test]
fn steps_of_several_groups_are_told_apart() {
    let script = r#"
        let home = http::client("{url}").get("/");
        let once = load::journey("once", |vu| { home.run(); });
        let twice = load::journey("twice", |vu| { home.run(); home.run(); });
        let r = load::together(#{ a: [once, #{ requests: 5 }], b: [twice, #{ requests: 5 }], c: [home, #{ requests: 5 }] });
        print(r.requests);
        for name in r.operations.keys() { print(`${name} ${r.operations[name].requests}`); }
    "#;
    let (_, done) = on_target(script, &["--quiet"]);
    assert_eq!(done.stdout, "15\na 5\na: GET / 5\nb 5\nb: GET / 10\nc 5\n");
}
