//! Faults that only Redis has; what it shares with other services stands in the conformance suite.

use std::{thread, time::Duration};

use serde_json::Value;

use super::Server;
use crate::support::{Folder, classes, json, recovered, requests, run_folder, start, trials};

/// Runs a load of 2 s and lets `fault` happen meanwhile; its metrics and its calls.
fn under_load(server: &mut Server, plan: &str, fault: impl FnOnce(&mut Server)) -> (Value, Vec<Value>) {
    let folder = Folder::new();
    let script = format!(
        "let cache = redis::client(\"{}\");\ncache.fill(#{{ keys: 100 }}).run();\n\
         load::run(cache.get(#{{ keys: 100 }}), #{{ concurrency: 4, {plan}, record: \"all\" }});",
        server.url()
    );
    folder.write("scenario.rhai", &script);
    let before = server.calls("get");
    let mut running = start(&folder);
    while server.calls("get") < before + 50 {
        assert!(running.try_wait().unwrap().is_none(), "it ended before it began");
        thread::sleep(Duration::from_millis(5));
    }
    fault(server);
    let status = running.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    let trial = &trials(&run_folder(&folder))[0];
    (json(&trial.join("metrics.json")), requests(trial))
}

#[test]
fn clients_that_are_killed_connect_again() {
    let Some(mut server) = Server::start(&[]) else { return };
    let (metrics, calls) = under_load(&mut server, "duration: \"1s\"", |server| {
        server.ask("CLIENT KILL TYPE normal SKIPME yes");
    });
    // One that was cut between two calls is opened again without a failure.
    let classes = classes(&metrics);
    assert!(classes.iter().all(|class| ["reset", "closed"].contains(&class.as_str())), "{classes:?}");
    assert_eq!(metrics["total"]["reconnects"], 4);
    assert!(recovered(&calls));
}

#[test]
fn a_pause_makes_timeouts_at_their_limit() {
    let Some(mut server) = Server::start(&["--enable-debug-command", "yes"]) else { return };
    for fault in ["CLIENT PAUSE 600 ALL", "DEBUG SLEEP 0.6"] {
        let (metrics, calls) = under_load(&mut server, "duration: \"2s\", timeout: \"100ms\"", |server| {
            assert_eq!(server.ask(fault), "+OK");
        });
        assert_eq!(classes(&metrics), ["timeout"], "{fault}");
        let failed = &metrics["total"]["failed_ms"];
        assert!((failed["min"].as_f64().unwrap() - 100.0).abs() < 1.0, "{fault}: {failed}");
        assert!(recovered(&calls), "{fault}");
    }
}
