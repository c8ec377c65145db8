//! Answers and objects that are not what they should be; what S3 shares with other services stands in the conformance suite.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use serde_json::Value;

use super::{Kind, Server};
use crate::support::{Folder, json, run, run_folder, trials, try_run};

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
