//! `benchscript compare`: what is the same is not called different, what is different is, and what cannot be compared is not.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Done, Folder, call, json as read, run_folder, trials, try_run};

/// Five repetitions against a server that takes so long for each call.
fn measured(folder: &Folder, service_time: &str) -> String {
    let script = format!(
        r#"let server = target::http(#{{ service_time: "{service_time}" }});
        let home = http::client(server.url).get("/");
        for turn in 0..5 {{ load::run(home, #{{ concurrency: 4, duration: "1150ms" }}); }}"#
    );
    let done = try_run(folder, &script, &["--quiet", "--seed", "1"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let list = call(folder, &["list", "--json"]).stdout;
    let last: Value = serde_json::from_str(list.lines().last().unwrap()).unwrap();
    last["run_id"].as_str().unwrap().to_owned()
}

fn compared(folder: &Folder, arguments: &[&str]) -> (Done, Value) {
    let done = call(folder, &[&["compare"], arguments, &["--json"]].concat());
    let found = serde_json::from_str(&done.stdout).unwrap_or(Value::Null);
    (done, found)
}

/// The verdict on a figure of the only load.
fn verdict(found: &Value, metric: &str) -> String {
    let figures = found["loads"][0]["figures"].as_array().unwrap();
    let figure = figures.iter().find(|figure| figure["metric"] == metric).unwrap();
    figure["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_that_takes_a_tenth_longer_is_found_and_the_same_one_is_not() {
    let folder = Folder::new();
    let (one, two, longer) =
        (measured(&folder, "100ms"), measured(&folder, "100ms"), measured(&folder, "110ms"));
    let (done, same) = compared(&folder, &[&one, &two]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert_eq!(same["loads"][0]["repetitions"], json!([5, 5]), "loads of one configuration are repetitions");
    // On a machine that others use too there may be too much noise to say that they are the same.
    for metric in ["throughput", "p50_ms"] {
        let found = verdict(&same, metric);
        assert!(["same", "undecided"].contains(&found.as_str()), "{metric} {same:#}");
    }
    assert_eq!(verdict(&same, "error_rate"), "same");

    let (done, found) = compared(&folder, &[&one, &longer, "--strict"]);
    assert_eq!(done.code, Some(3), "{found:#}");
    assert_eq!(verdict(&found, "p50_ms"), "worse", "{found:#}");
    assert_ne!(verdict(&found, "throughput"), "better", "{found:#}");
    let differs = found["differs"].to_string();
    assert!(differs.contains("server:") && differs.contains("script:"), "{differs}");
    let (_, found) = compared(&folder, &[&longer, &one]);
    assert_eq!(verdict(&found, "p50_ms"), "better", "{found:#}");
    assert_ne!(verdict(&found, "throughput"), "worse", "{found:#}");

    let threshold = ["--threshold", "p50_ms=+5%", "--threshold", "throughput=-30%"];
    let done = call(&folder, &[&["compare", &one, &longer][..], &threshold].concat());
    assert_eq!(done.code, Some(3), "{}", done.stdout);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(
        lines[0].starts_with("threshold crossed: p50_ms of GET / may move by +5%, it moved by +"),
        "{lines:#?}"
    );
    assert!(lines[1].starts_with("worse: "), "the answer comes first: {lines:#?}");
    assert!(done.stdout.contains("95 % interval"), "{}", done.stdout);
    let done = call(&folder, &["compare", &one, &longer, "--threshold", "p50_ms=+50%"]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
}

/// A run of two loads, and a copy of it called `copy` whose files `change` edits: run.json, then each trial's meta.json and
/// metrics.json.
fn copied(change: impl Fn(&mut Value)) -> Folder {
    let folder = Folder::new();
    let script = r#"let server = target::http(#{});
        let api = http::client(server.url);
        load::run(api.get("/a"), #{ requests: 2_000, concurrency: 2 });
        load::run(api.get("/b"), #{ requests: 300, concurrency: 2 });"#;
    let done = try_run(&folder, script, &["--quiet", "--seed", "1"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let run = run_folder(&folder);
    let copy = run.with_file_name("copy");
    fs::create_dir(&copy).unwrap();
    let edited = |from: &std::path::Path, to: &std::path::Path| {
        let mut value = read(from);
        change(&mut value);
        fs::write(to, value.to_string()).unwrap();
    };
    edited(&run.join("run.json"), &copy.join("run.json"));
    for trial in trials(&run) {
        let to = copy.join(trial.file_name().unwrap());
        fs::create_dir(&to).unwrap();
        edited(&trial.join("meta.json"), &to.join("meta.json"));
        edited(&trial.join("metrics.json"), &to.join("metrics.json"));
        fs::copy(trial.join("metrics.csv"), to.join("metrics.csv")).unwrap();
    }
    folder
}

fn renamed(value: &mut Value) {
    if value.get("run_id").is_some() {
        value["run_id"] = json!("copy");
    }
}

/// The id of the run that is not the copy.
fn original(folder: &Folder) -> String {
    let list = call(folder, &["list", "--json"]).stdout;
    let runs = list.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["run_id"].clone());
    runs.map(|id| id.as_str().unwrap().to_owned()).find(|id| id != "copy").unwrap()
}

#[test]
fn one_repetition_is_said_to_be_weak() {
    let folder = copied(renamed);
    let done = call(&folder, &["compare", &original(&folder), "copy"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    for part in ["no difference found", "repetitions of GET /a: 1 and 1", "GET /b", "not judged", "~"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
}

#[test]
fn another_load_is_refused_unless_forced() {
    let folder = copied(|value| {
        renamed(value);
        if value["config"]["operation"]["name"] == "GET /a" {
            value["config"]["plan"]["concurrency"] = json!(3);
        }
    });
    let base = original(&folder);
    let done = call(&folder, &["compare", &base, "copy"]);
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("`GET /a` is not the same load in both: `plan.concurrency` is 2 and 3"),
        "{}",
        done.stderr
    );
    let done = call(&folder, &["compare", &base, "copy", "--force"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("differs: the load `GET /a`: `plan.concurrency` is 2 and 3"),
        "{}",
        done.stdout
    );
}

#[test]
fn other_surroundings_are_named() {
    let folder = copied(|value| {
        renamed(value);
        if value.get("run_id").is_some() {
            value["seed"] = json!(7);
            value["host"]["name"] = json!("other");
            value["tool_version"] = json!("0.0.1");
        }
    });
    let (done, found) = compared(&folder, &[&original(&folder), "copy"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let differs = found["differs"].to_string();
    for part in ["seed: 1 and 7", "host: ", "and other", "benchscript: "] {
        assert!(differs.contains(part), "{part}: {differs}");
    }
}

#[test]
fn trials_are_matched_by_their_parameters() {
    let folder = copied(renamed);
    let run = original(&folder);
    // The trials of a sweep: one name, a parameter that varies, in another order in the copy.
    for (id, users) in [(run.as_str(), [1, 2]), ("copy", [2, 1])] {
        for (trial, users) in trials(&folder.path().join("results").join(id)).iter().zip(users) {
            for file in ["meta.json", "metrics.json"] {
                let mut value = read(&trial.join(file));
                if file == "meta.json" {
                    value["name"] = json!("sweep");
                    value["parameters"]["users"] = json!(users);
                } else {
                    value["config"] = json!({ "plan": { "concurrency": users } });
                    value["total"]["throughput"] = json!(users as f64 * 1_000.0);
                }
                fs::write(trial.join(file), value.to_string()).unwrap();
            }
        }
    }
    let (done, found) = compared(&folder, &[&run, "copy", "--metric", "throughput"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for (load, users) in found["loads"].as_array().unwrap().iter().zip([1, 2]) {
        assert_eq!(load["load"], format!("sweep users={users}"));
        let figure = &load["figures"][0];
        assert_eq!(figure["base"], figure["new"], "{found:#}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = copied(|value| {
        renamed(value);
        if let Some(trial) = value.get("trial") {
            let name = if trial.as_str().unwrap().starts_with("001") { "x" } else { "y" };
            value["name"] = json!(name);
        }
    });
    let base = original(&folder);
    let cases: [(&[&str], &str); 7] = [
        (&[&base, &base], "is on both sides"),
        (&[&base, "copy"], "has a counterpart in `copy`"),
        (&[&base, "nowhere"], "there is no run `nowhere`"),
        (&[&base, ","], "`,` names no run"),
        (&[&base, "copy,copy"], "names copy twice"),
        (&[&base, "copy", "--force", "--metric", "recall"], "`recall` was measured in neither"),
        (&[&base, "copy", "--force", "--metric", "eror_rate"], "did you mean `error_rate`?"),
    ];
    for (arguments, message) in cases {
        let done = call(&folder, &[&["compare"], arguments].concat());
        assert_eq!(done.code, Some(2), "{arguments:?}: {}", done.stdout);
        assert!(done.stderr.contains(message), "{arguments:?}: {}", done.stderr);
    }
    for wrong in [["--threshold", "p99_ms=10%"], ["--margin", "500%"]] {
        let done = call(&folder, &[&["compare", &base, "copy"], &wrong[..]].concat());
        assert_eq!(done.code, Some(2), "{wrong:?}");
    }
}

#[test]
fn scripts_compare_and_rank_results() {
    let folder = Folder::new();
    let script = r#"
        fn measured(service_time) {
            let home = http::client(target::http(#{ service_time: service_time }).url).get("/");
            [1, 2, 3, 4].map(|turn| load::run(home, #{ concurrency: 3, requests: 30 }))
        }
        let base = measured("50ms");
        let same = measured("50ms");
        let longer = measured("70ms");
        let comparison = stats::compare(base, longer, #{ metrics: ["p50_ms", "error_rate"] });
        print(comparison);
        check(comparison.metric == "p50_ms" && comparison.verdict == "worse", "longer is worse");
        check(comparison.effect > 0.2 && comparison.low < comparison.effect && comparison.effect < comparison.high, "by so much");
        check(comparison.p < 0.05 && comparison.needed == (), "surely");
        check(comparison.of("error_rate").verdict == "same", "no call failed");
        check(stats::compare(base, same, #{ metric: "p50_ms" }).verdict != "worse", "the same is not worse");
        let one = stats::compare(base[0], longer[0]);
        check(one.effect != 0 && one.verdict == "undecided" && one.low == (), "one short repetition tells nothing");
        let ranking = stats::rank(["50ms", "70ms"], [base, longer], "p50_ms");
        print(ranking);
        check(ranking.best == "50ms" && ranking.worst == "70ms", "the order");
    "#;
    let done = try_run(&folder, script, &["--quiet"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.starts_with("worse: p50_ms +"), "{}", done.stdout);
    // A plan measures nothing, and neither fails.
    let done = call(&folder, &["plan", "scenario.rhai"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
}

#[test]
fn two_scenarios_are_run_alternately_and_compared() {
    let folder = Folder::new();
    for (name, time) in [("old", "20ms"), ("new", "60ms")] {
        folder.write(
            &format!("{name}.rhai"),
            &format!(
                "scenario(#{{ name: \"{name}\" }});\nfn setup() {{ target::http(#{{ service_time: \"{time}\" }}) }}\nfn trial(server, p) {{ load::run(http::client(server.url).get(\"/\"), #{{ requests: 15 }}) }}\n"
            ),
        );
    }
    let done = call(
        &folder,
        &["run", "--interleave", "old.rhai", "new.rhai", "--rounds", "3", "--quiet", "--strict"],
    );
    assert_eq!(done.code, Some(3), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("worse: p50_ms +"), "{}", done.stdout);
    let listed = call(&folder, &["list"]).stdout;
    let order: Vec<&str> = listed.lines().skip(1).map(|line| line.split('-').next().unwrap()).collect();
    assert_eq!(order, ["old", "new", "new", "old", "old", "new"]);
    let seeds: Vec<Value> = call(&folder, &["list", "--json"])
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seed"].clone())
        .collect();
    assert!(seeds[0] == seeds[1] && seeds[2] == seeds[3] && seeds[0] != seeds[2], "{seeds:?}");
}
