//! Runs that are taken up again, run anew, or of which one trial is run alone.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;

use super::rows;
use crate::support::{Folder, call, json, program, run, run_folder, trials};

/// Twelve trials, about a second; most make no load, since it takes longer to draw one.
const TWELVE: &str = r#"
scenario(#{ name: "twelve", seed: 3, repetitions: 3, sweep: #{ n: [1, 2, 3, 4] } });
fn setup() { target::http(#{ service_time: "1ms" }) }
fn trial(server, p) {
    if p.n > 1 {
        sleep("60ms");
        return #{ requests: p.n };
    }
    load::run(http::client(server.url).get("/{x}", #{ x: data::uniform(1, 1_000_000) }), #{ duration: "60ms" })
}
"#;

/// `point r1 done` in the order of the trials.
fn all_done() -> Vec<String> {
    let of = |repetition: u32| (1..=4).map(move |n| format!("{{\"n\":{n}}} r{repetition} done"));
    (1..=3).flat_map(of).collect()
}

#[test]
fn whenever_a_run_is_killed_it_is_taken_up_where_it_was() {
    let mut resumed_midway = 0;
    for moment in 0..20 {
        let folder = Folder::new();
        folder.write("scenario.rhai", TWELVE);
        let mut child = Command::new(program())
            .current_dir(folder.path())
            .args(["run", "scenario.rhai", "--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Any moment: also before there is a folder, and after the last trial.
        std::thread::sleep(Duration::from_millis(50 + 97 * moment));
        child.kill().ok();
        child.wait().unwrap();
        if !folder.path().join("results").is_dir()
            || fs::read_dir(folder.path().join("results")).unwrap().count() == 0
        {
            continue;
        }
        let path = run_folder(&folder);
        if !path.join("trials.json").is_file() {
            // Killed before it had trials to go on with.
            continue;
        }
        let before = trials(&path).len();
        let done = call(&folder, &["run", "--resume", "latest", "--quiet"]);
        assert_eq!(done.code, Some(0), "after {moment}: {}", done.stderr);
        let summary = json(&path.join("summary.json"));
        assert_eq!(rows(&summary), all_done(), "after {moment}");
        assert_eq!(trials(&path).len(), 12);
        let total: u64 = trials(&path)
            .iter()
            .map(|trial| json(&trial.join("metrics.json"))["total"]["requests"].as_u64().unwrap())
            .sum();
        assert_eq!(summary["total_requests"], total);
        resumed_midway += u32::from((1..12).contains(&before));
    }
    assert!(resumed_midway >= 3, "only {resumed_midway} of 20 runs were killed between their trials");
}

#[test]
fn resuming_does_what_failed_and_leaves_what_is_done() {
    let folder = Folder::new();
    let script = r#"
        scenario(#{ name: "needs", sweep: #{ n: [1, 2, 3] } });
        fn trial(p) {
            if p.n == 2 { command::client().exec(["test", "-e", "there"]).run(); }
            #{ n: p.n }
        }
        fn report(results) { print(results.map(|result| result.extras.n)); }
    "#;
    folder.write("scenario.rhai", script);
    let done = call(&folder, &["run", "scenario.rhai", "--quiet"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), "[1, 3]\n"), "{}", done.stderr);
    let path = run_folder(&folder);
    let first = json(&trials(&path)[0].join("meta.json"));
    folder.write("there", "");
    let done = call(&folder, &["run", "--resume", "latest", "--quiet"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "[1, 2, 3]\n"), "{}", done.stderr);
    assert_eq!(json(&trials(&path)[0].join("meta.json")), first);
    let stored = json(&path.join("run.json"));
    assert_eq!(stored["status"], "done");
    assert_eq!(stored["resumed_at"].as_array().unwrap().len(), 1);
    // There is nothing left to do.
    assert_eq!(call(&folder, &["run", "--resume", "latest", "--quiet"]).stdout, "[1, 2, 3]\n");
}

#[test]
fn only_a_run_with_trials_can_be_resumed() {
    let folder = Folder::new();
    run(&folder, "print(1);", &["--quiet"]);
    let done = call(&folder, &["run", "--resume", "latest"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("no declared trials"), "{}", done.stderr);
}

/// A server that answers everything and remembers what it was asked.
fn remembering() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let seen = seen.clone();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                while let Some(first) = lines.next() {
                    seen.lock().unwrap().push(first);
                    lines.by_ref().find(String::is_empty);
                    (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok();
                }
            });
        }
    });
    (url, asked)
}

#[test]
fn a_run_again_has_the_same_trials_and_sends_the_same() {
    let folder = Folder::new();
    folder.write("lib/site.rhai", "fn path() { \"/{x}\" }\n");
    let script = r#"
        import "lib/site" as site;
        scenario(#{ name: "again", repetitions: 2, order: "random", sweep: #{ n: [1, 2, 3] } });
        const URL = param("url", "http://127.0.0.1:1");
        fn trial(p) {
            let op = http::client(URL).get(site::path(), #{ x: data::uniform(1, 1_000_000) });
            load::run(op, #{ requests: 10 * p.n })
        }
    "#;
    let (url, asked) = remembering();
    folder.write("scenario.rhai", script);
    let done =
        call(&folder, &["run", "scenario.rhai", "--quiet", "-p", &format!("url={url}"), "-p", "n=3,2"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let sent = std::mem::take(&mut *asked.lock().unwrap());
    assert_eq!(sent.len(), 100);
    let first = run_folder(&folder);
    // Neither the script nor its import has to be there, and what is there does not count.
    folder.write("scenario.rhai", "print(\"another\");");
    fs::remove_file(folder.path().join("lib/site.rhai")).unwrap();
    let done = call(&folder, &["rerun", "latest", "--note", "a second look"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("`scenario.rhai` has changed since"), "{}", done.stderr);
    assert_eq!(*asked.lock().unwrap(), sent, "the same requests in the same order");
    let runs = fs::read_dir(folder.path().join("results")).unwrap().map(|entry| entry.unwrap().path());
    let second = runs.into_iter().find(|path| *path != first).unwrap();
    let stored = json(&second.join("run.json"));
    assert_eq!(stored["rerun_of"], json(&first.join("run.json"))["run_id"]);
    assert_eq!(stored["note"], "a second look");
    assert_eq!(json(&first.join("trials.json")), json(&second.join("trials.json")));
    assert_eq!(rows(&json(&first.join("summary.json"))), rows(&json(&second.join("summary.json"))));
    for (one, other) in trials(&first).iter().zip(trials(&second)) {
        let seed = |trial: &Path| json(&trial.join("meta.json"))["seed"].clone();
        assert_eq!(seed(one), seed(&other));
    }
}

#[test]
fn one_trial_alone_in_a_process_of_its_own() {
    let folder = Folder::new();
    folder.write("scenario.rhai", TWELVE);
    assert_eq!(call(&folder, &["run", "scenario.rhai", "--quiet"]).code, Some(0));
    let path = run_folder(&folder);
    let before: Vec<Value> = trials(&path).iter().map(|trial| json(&trial.join("meta.json"))).collect();
    let done = call(&folder, &["trial", "latest", "5", "--quiet"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let after: Vec<Value> = trials(&path).iter().map(|trial| json(&trial.join("meta.json"))).collect();
    for (at, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before["uuid"] == after["uuid"], at != 4, "trial {}", at + 1);
        assert_eq!((&before["trial"], &before["seed"]), (&after["trial"], &after["seed"]));
    }
    assert_eq!(rows(&json(&path.join("summary.json"))), all_done());
    assert!(trials(&path)[4].join("attempts/1/metrics.json").is_file());
    let done = call(&folder, &["trial", "latest", "13"]);
    assert!(done.stderr.contains("has no trial 13"), "{}", done.stderr);
}

#[test]
fn what_was_a_secret_is_asked_for_again() {
    let folder = Folder::new();
    folder.write(
        "scenario.rhai",
        "scenario(#{ name: \"secret\" });\nconst PASSWORD = param(\"password\", \"none\");\nfn trial(p) { print(PASSWORD); #{ n: 1 } }\n",
    );
    assert_eq!(
        call(&folder, &["run", "scenario.rhai", "--quiet", "-p", "password=hidden"]).stdout,
        "hidden\n"
    );
    let done = call(&folder, &["rerun", "latest", "--quiet"]);
    assert_eq!(done.stdout, "none\n", "{}", done.stderr);
    assert!(done.stderr.contains("`password` was not stored"), "{}", done.stderr);
    assert_eq!(call(&folder, &["rerun", "latest", "--quiet", "-p", "password=again"]).stdout, "again\n");
}
