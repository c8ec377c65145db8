//! The cheap end of scripts/peers: its scenario and those that it measures, without any other tool.

use std::{fs, path::Path};

use crate::support::{Folder, call, json, program};

#[test]
fn the_comparison_with_other_tools_works() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let path = |name: &str| scripts.join(name).display().to_string();
    let folder = Folder::new();
    for script in ["peers.rhai", "peers.d/case.rhai", "peers.d/journey.rhai", "peers.d/postgres.rhai"] {
        let done = call(&folder, &["check", &path(script)]);
        assert_eq!(done.code, Some(0), "{script}: {}", done.stderr);
    }
    let parameters = [
        "rounds=2".to_owned(),
        "only=start".to_owned(),
        format!("program={}", program().display()),
        format!("folder={}", path("peers.d")),
        format!("scratch={}", folder.path().display()),
    ];
    let mut arguments = vec!["run", "--quiet"];
    let script = path("peers.rhai");
    arguments.push(&script);
    for parameter in &parameters {
        arguments.extend(["-p", parameter]);
    }
    let done = call(&folder, &arguments);
    // Slow as an unoptimised build on a busy machine is, it may miss its targets.
    assert!([Some(0), Some(3)].contains(&done.code), "{}", done.stderr);
    let rows: Vec<&str> = done.stdout.lines().filter(|line| line.starts_with("| start |")).collect();
    assert!(rows.len() == 2 && rows.iter().all(|row| !row.contains("not measured")), "{}", done.stdout);
    let summaries = fs::read_dir(folder.path().join("results")).unwrap().map(|run| run.unwrap().path());
    let of_peers = summaries.filter(|run| run.display().to_string().contains("/peers-")).collect::<Vec<_>>();
    let metrics = &json(&of_peers[0].join("summary.json"))["metrics"];
    assert!(metrics["start: start to end, ms: benchscript"].as_f64().unwrap() > 0.0, "{metrics}");
}
