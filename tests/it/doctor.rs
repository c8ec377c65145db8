//! The doctor: looks everywhere, advises where something is wrong, and its exit code says so.

use std::process::Command;

use serde_json::Value;

use crate::support::{Done, Folder, call, program};

const CHECKS: &[&str] = &[
    "cores",
    "other load",
    "CPU governor",
    "clock source",
    "machine",
    "timer",
    "file descriptors",
    "io_uring",
    "memory",
    "swap",
    "scheduler statistics",
    "ephemeral ports",
    "listen backlog",
    "space for results",
    "space in temporary folder",
    "servers",
    "containers",
    "scheduler",
];

fn findings(done: &Done) -> Vec<Value> {
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().clone();
    let bad = findings.iter().any(|finding| finding["verdict"] == "bad");
    assert_eq!(done.code, Some(if bad { 3 } else { 0 }), "{findings:#?}");
    findings
}

#[test]
fn looks_everywhere_and_says_what_to_do() {
    let folder = Folder::new();
    let findings = findings(&call(&folder, &["doctor", "--json"]));
    let checks: Vec<&str> = findings.iter().map(|finding| finding["check"].as_str().unwrap()).collect();
    assert_eq!(checks, CHECKS);
    for finding in &findings {
        let advice = finding["what_to_do"].as_str();
        assert_eq!(finding["verdict"] == "ok", advice.is_none(), "{finding}");
        assert!(advice.is_none_or(|advice| advice.contains('`')), "no command to type: {finding}");
    }
    assert!(!folder.path().join("results").exists(), "looking leaves nothing behind");
}

#[test]
fn shows_a_table() {
    let done = call(&Folder::new(), &["doctor"]);
    assert!(done.stdout.starts_with("check"), "{}", done.stdout);
    for check in CHECKS {
        assert!(done.stdout.lines().any(|line| line.starts_with(check)), "{check}: {}", done.stdout);
    }
}

#[test]
fn too_few_file_descriptors_are_bad() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 256; exec \"$0\" doctor --json"]).arg(program());
    let done = Done::from(shell.output().unwrap());
    assert_eq!(done.code, Some(3));
    let findings = findings(&done);
    let files = findings.iter().find(|finding| finding["check"] == "file descriptors").unwrap();
    assert_eq!(
        (files["verdict"].as_str(), files["found"].as_str()),
        (Some("bad"), Some("256 soft, 256 hard"))
    );
    assert!(files["what_to_do"].as_str().unwrap().contains("192 sessions"), "{files}");
}

#[test]
fn a_place_without_room_is_bad() {
    let done = call(&Folder::new(), &["doctor", "--json", "--out", "/proc/results"]);
    assert_eq!(done.code, Some(3));
    let findings = findings(&done);
    let space = findings.iter().find(|finding| finding["check"] == "space for results").unwrap();
    assert_eq!(space["verdict"], "bad");
    assert!(space["what_to_do"].as_str().unwrap().contains("--out DIR"), "{space}");
}
