//! Faults in the middle of a load: failures counted by class, and the load goes on and recovers.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{Kind, Server};
use crate::support::{Folder, classes, json, recovered, requests, run, run_folder, start, trials, try_run};

/// Runs a load and lets `fault` happen meanwhile; its metrics and its calls.
fn under_load(server: &mut Server, plan: &str, fault: impl FnOnce(&mut Server)) -> (Value, Vec<Value>) {
    let client = server.client("");
    run(
        &Folder::new(),
        &format!(
            "let s = {client};\ns.create_bucket().run(); s.fill(#{{ keys: 20, object_size_bytes: 4096 }}).run();"
        ),
        &["--quiet"],
    );
    let folder = Folder::new();
    let script = format!(
        "let store = {client};\nlet get = store.get(#{{ keys: 20, checksum: true }});\n\
         let put = store.put(#{{ keys: 1_000_000, prefix: \"other-\", object_size_bytes: 4096 }});\n\
         load::run(load::mix(#{{ get: [3, get], put: [1, put] }}), #{{ concurrency: 4, {plan}, record: \"all\" }});"
    );
    folder.write("scenario.rhai", &script);
    let mut running = start(&folder);
    let spooling = || folder.path().join("results").exists();
    while !spooling() {
        assert!(running.try_wait().unwrap().is_none(), "it ended before it began");
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(700));
    fault(server);
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let trial = &trials(&run_folder(&folder))[0];
    (json(&trial.join("metrics.json")), requests(trial))
}

#[test]
fn a_server_that_is_killed_and_comes_back() {
    let Some(mut server) = Server::start(Kind::Rclone) else { return };
    let (metrics, calls) = under_load(&mut server, "duration: \"4s\"", |server| {
        server.kill();
        thread::sleep(Duration::from_millis(200));
        server.restart();
    });
    let classes = classes(&metrics);
    assert!(classes.contains(&"refused".to_owned()), "{classes:?}");
    // An object that was being written when the server died is not whole.
    let known = ["refused", "reset", "closed", "corrupt", "no_such_key"];
    assert!(classes.iter().all(|class| known.contains(&class.as_str())), "{classes:?}");
    let last = calls.iter().rev().find(|call| call["success"] == true).unwrap();
    let refused =
        calls.iter().rev().find(|call| call["error"] == "refused" || call["success"] == false).unwrap();
    assert!(last["timestamp_end"].as_f64() > refused["timestamp_end"].as_f64() || recovered(&calls));
    assert!(metrics["total"]["reconnects"].as_u64().unwrap() >= 4, "{}", metrics["total"]);
}

#[test]
fn a_server_that_stands_still_makes_timeouts_at_their_limit() {
    let Some(mut server) = Server::start(Kind::Rclone) else { return };
    let (metrics, calls) = under_load(&mut server, "duration: \"3s\", timeout: \"300ms\"", |server| {
        server.signal(libc::SIGSTOP);
        thread::sleep(Duration::from_millis(700));
        server.signal(libc::SIGCONT);
    });
    assert_eq!(classes(&metrics), ["timeout"]);
    let failed = &metrics["total"]["failed_ms"];
    assert!((failed["min"].as_f64().unwrap() - 300.0).abs() < 1.0, "{failed}");
    assert!(recovered(&calls));
}

#[test]
fn what_was_changed_is_seen_and_fails_under_its_name() {
    let Some(server) = Server::start(Kind::Rclone) else { return };
    let client = server.client("");
    let fill = format!(
        "let s = {client};\ns.create_bucket().run(); s.fill(#{{ keys: 10, object_size_bytes: 100_000 }}).run();"
    );
    run(&Folder::new(), &fill, &["--quiet"]);
    let mut files: Vec<_> =
        std::fs::read_dir(server.data().join("bench")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 10);
    // One bit of one object.
    let mut bytes = std::fs::read(&files[3]).unwrap();
    bytes[77_777] ^= 4;
    std::fs::write(&files[3], &bytes).unwrap();
    let folder = Folder::new();
    let script = format!(
        "let s = {client};\nlet space = #{{ keys: 10, distribution: \"sequential\" }};\n\
         load::run(s.get(space + #{{ checksum: true }}), #{{ requests: 50 }});\n\
         load::run(s.get(space), #{{ requests: 50 }});"
    );
    run(&folder, &script, &["--quiet"]);
    let metrics: Vec<Value> =
        trials(&run_folder(&folder)).iter().map(|trial| json(&trial.join("metrics.json"))).collect();
    let corrupt = &metrics[0]["errors"]["by_class"]["corrupt"];
    assert_eq!(corrupt["count"], 5, "{}", metrics[0]["errors"]);
    assert!(corrupt["first"].as_str().unwrap().contains("byte 77777"), "{corrupt}");
    assert_eq!(
        (&metrics[0]["total"]["reconnects"], &metrics[1]["total"]["failures"]),
        (&0.into(), &0.into())
    );
}

/// A server that answers every request with these bytes and then closes.
fn answering(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).is_ok() {
                stream.write_all(answer).ok();
            }
        }
    });
    port
}

#[test]
fn odd_answers_are_failures_of_their_class() {
    for (answer, call, class) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"[..], "get(\"x\")", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhat", "list()", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhat", "multipart(\"x\", #{})", "protocol"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhat",
            "get(\"x\", #{ range: \"0-3\" })",
            "status_2xx",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhat", "get(\"x\", #{ checksum: true })", "corrupt"),
        (
            b"HTTP/1.1 503 Slow\r\nContent-Length: 41\r\n\r\n<Error><Code>SlowDown</Code></Error>     ",
            "put(\"x\", #{ object_size_bytes: 5_000_000 })",
            "slow_down",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "head(\"x\")", "protocol"),
    ] {
        let port = answering(answer);
        let script = format!(
            "let s = s3::client(\"http://127.0.0.1:{port}\", #{{ access_key: \"a\", secret_key: \"b\" }});\n\
             let op = s.{call};\ntry {{ op.run(); }} catch (err) {{ print(err.class); }}"
        );
        let done = try_run(&Folder::new(), &script, &["--quiet"]);
        assert_eq!(done.stdout.trim(), class, "{call}: {}", done.stderr);
    }
}
