//! Servers that are slow, full, cut off, killed and started again, in the middle of a load.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use super::{metrics, on, on_in, server::Server};
use crate::support::{Folder, start};

/// Passes on what comes, in both directions, and cuts each connection after so many bytes from the server.
fn cutting(server: &Server, after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, to) = (listener.local_addr().unwrap().port(), server.port);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", to)).unwrap());
            let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, into, usize::MAX));
            thread::spawn(move || pass(server, client, after));
        }
    });
    port
}

fn pass(mut from: TcpStream, mut into: TcpStream, mut left: usize) {
    let mut buffer = [0; 4096];
    while left > 0 {
        let count = from.read(&mut buffer).unwrap_or(0).min(left);
        if count == 0 || into.write_all(&buffer[..count]).is_err() {
            break;
        }
        left -= count;
    }
    from.shutdown(Shutdown::Both).ok();
    into.shutdown(Shutdown::Both).ok();
}

#[test]
fn a_statement_that_takes_too_long_fails_at_its_limit() {
    let Some(server) = Server::start() else { return };
    let folder = Folder::new();
    let script = r#"
        let db = postgres::client(URL);
        let result = load::run(db.query("select pg_sleep(case when {turn} % 2 = 0 then 0 else 1 end)", #{ }),
            #{ requests: 8, concurrency: 2, timeout: "200ms" });
        check(result.errors.timeouts == 4 && result.successes == 4, `${result.errors}`);
        check(result.reconnects > 0, "a late answer must not be taken for the next one");
        try { db.transaction(["select pg_sleep(0)", "select nothing"]).run(); } catch (err) { print(err.class); }
    "#;
    assert_eq!(on_in(&folder, &server, script), "sql\n");
    let failed = &metrics(&folder)[0]["total"]["failed_ms"];
    for edge in ["min", "max"] {
        assert!((failed[edge].as_f64().unwrap() - 200.0).abs() < 0.5, "{failed}");
    }
}

#[test]
fn a_full_server_refuses() {
    let Some(server) = Server::with("trust", &["max_connections=6", "superuser_reserved_connections=0"])
    else {
        return;
    };
    let script = r#"
        let db = postgres::client(URL);
        let result = load::run(db.query("select pg_sleep(0.01)"), #{ duration: "500ms", concurrency: 12 });
        check(result.successes > 0 && result.failures > 0, "some get in");
        check(result.errors.count("refused") == result.failures, `${result.errors}`);
    "#;
    on(&server, script);
}

#[test]
fn cut_connections_are_opened_again() {
    let Some(server) = Server::start() else { return };
    let port = cutting(&server, 3_000);
    let script = format!(
        r#"
        let db = postgres::client("postgres://127.0.0.1:{port}/postgres?sslmode=disable");
        let result = load::run(db.query("select repeat('x', 200)"), #{{ requests: 200, concurrency: 4 }});
        check(result.reconnects > 10, `${{result.reconnects}} reconnects`);
        check(result.failures > 10 && result.successes > 100, `${{result.errors}}`);
        check(result.errors.count("closed") + result.errors.count("reset") == result.failures, `${{result.errors}}`);
        "#
    );
    on(&server, &script);
}

#[test]
fn the_load_goes_on_when_a_killed_server_comes_back() {
    let Some(mut server) = Server::start() else { return };
    let folder = Folder::new();
    folder.write(
        "scenario.rhai",
        &format!(
            r#"
            let db = postgres::client("{}");
            let result = load::run(db.query("select 1"), #{{ rate: 100, duration: "8s", timeout: "1s" }});
            "#,
            server.url()
        ),
    );
    let mut child = start(&folder);
    thread::sleep(Duration::from_secs(3));
    server.kill();
    thread::sleep(Duration::from_millis(500));
    server.launch();
    child.wait().unwrap();
    let metrics = &metrics(&folder)[0];
    let classes = metrics["errors"]["by_class"].as_object().unwrap();
    assert!(classes.contains_key("refused"), "{classes:?}");
    for class in classes.keys() {
        let known = ["refused", "closed", "reset", "timeout", "dropped"];
        assert!(known.contains(&class.as_str()), "{classes:?}");
    }
    // 800 calls were due; those around the gap failed.
    let total = &metrics["total"];
    assert_eq!(total["requests"], 800);
    assert!(total["successes"].as_u64().unwrap() > 300, "{total}");
    assert!(total["reconnects"].as_u64().unwrap() > 0, "{total}");
    let notes = metrics["notes"].to_string();
    assert!(notes.contains("statistics of `postgres://"), "{notes}");
}
