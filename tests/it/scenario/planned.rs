//! `plan` and `check` of declared scenarios: everything is told, nothing happens.

use serde_json::Value;

use crate::support::{Folder, call};

const SCENARIO: &str = r#"
//! How much does it carry?
scenario(#{
    name: "planned", sweep: #{ concurrency: [1, 8], size: ["s", "l"] }, group_by: ["size"], cooldown: "10s",
    resources: #{ partition: "gpu", nodes: 1, mem: "32G" },
});
fn setup(p) { redis::start(#{ maxmemory: "64mb" }) }
fn trial(server, p) {
    let cache = redis::client(server.url);
    load::run(cache.get("key"), #{ concurrency: p.concurrency, duration: "20s", warmup: "5s" })
}
fn report(results) { print("not reached"); }
"#;

#[test]
fn a_plan_tells_every_trial() {
    let folder = Folder::new();
    folder.write("scenario.rhai", SCENARIO);
    let done = call(&folder, &["plan", "scenario.rhai", "--seed", "5"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for line in [
        "How much does it carry?",
        "starts redis, 2 times: for each size",
        "4 points, order interleaved, seed 5",
        "concurrency=8 size=l",
        "partition=gpu nodes=1 mem=32G",
        // Four trials of 25 s and three rests.
        "4 trials, about 2 min 10 s",
        "MB are free",
        "each point is measured once",
    ] {
        assert!(done.stdout.contains(line), "no `{line}` in:\n{}", done.stdout);
    }
    assert!(!done.stdout.contains("not reached"));
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["scenario.rhai"], "a plan leaves nothing behind");
    let plan: Value =
        serde_json::from_str(&call(&folder, &["plan", "scenario.rhai", "--json"]).stdout).unwrap();
    assert_eq!(plan["trials"].as_array().unwrap().len(), 4);
    assert_eq!(plan["trials"][3]["seconds"], 25.0);
    let checked = call(&folder, &["check", "scenario.rhai"]);
    assert!(checked.stdout.contains("ok, 4 trials, 4 loads"), "{}{}", checked.stdout, checked.stderr);
}

#[test]
fn what_depends_on_an_answer_is_said() {
    let folder = Folder::new();
    folder.write(
        "scenario.rhai",
        "scenario(#{ name: \"x\", sweep: #{ n: [1, 2] } });\nfn trial(p) {\n    http::client(\"http://127.0.0.1:1\").get(\"/\").run();\n    #{ n: 1 }\n}\n",
    );
    let done = call(&folder, &["plan", "scenario.rhai"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("what a trial does depends on") && done.stdout.contains("line 3"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("2 trials; how long they take is not known"), "{}", done.stdout);
}

#[test]
fn what_changes_at_once_is_advised_against() {
    let folder = Folder::new();
    folder.write(
        "scenario.rhai",
        "scenario(#{ name: \"x\", repetitions: 3, points: [#{ a: 1, b: 1 }, #{ a: 2, b: 2 }], slo: #{ n: 1 } });\nfn trial(p) { #{ n: 1 } }\n",
    );
    let done = call(&folder, &["plan", "scenario.rhai"]);
    assert!(done.stdout.contains("a and b change at once"), "{}", done.stdout);
    assert!(!done.stdout.contains("is measured once"), "{}", done.stdout);
}
