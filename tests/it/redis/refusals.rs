//! What the server refuses: a failure of a class in a load, an error that says what to do outside one.

use super::{Server, loads};
use crate::support::{Done, Folder, try_run};

fn fails(server: &Server, script: &str) -> Done {
    try_run(&Folder::new(), &script.replace("URL", &server.url()), &["--quiet"])
}

#[test]
fn refusals_are_failures_of_their_class() {
    let options = ["--requirepass", "hunter2", "--maxmemory", "1kb", "--maxmemory-policy", "noeviction"];
    let Some(server) = Server::start(&options) else { return };
    for (url, call, class, advice) in [
        ("URL", "get(\"x\")", "noauth", "give the client a `password`"),
        ("redis://:wrong@URL", "get(\"x\")", "wrongpass", "check user and password"),
        ("redis://:hunter2@URL", "command([\"NONSENSE\"])", "error_reply", "unknown command"),
        ("redis://:hunter2@URL", "command([\"SELECT\", 99])", "error_reply", "out of range"),
        ("redis://:hunter2@URL", "set(\"y\", #{ value_size_bytes: 10 })", "oom", "maxmemory"),
        ("redis://:hunter2@URL", "lpush(\"x\", #{ value: 1, pipeline: 3 })", "oom", "3 of 3 commands"),
        ("redis://:hunter2@URL", "hset(\"x\", #{ value: 1 })", "oom", "used memory"),
    ] {
        let url = url.replace("redis://:hunter2@URL", &server.url().replace("//", "//:hunter2@"));
        let url = url.replace("redis://:wrong@URL", &server.url().replace("//", "//:wrong@"));
        let script = format!("let c = redis::client(\"{url}\");\nlet op = c.{call};\nop.run();");
        let done = fails(&server, &script);
        assert_eq!(done.code, Some(1), "{call}: {}", done.stderr);
        assert!(done.stderr.contains(advice), "{call}: {}", done.stderr);
        assert!(!done.stderr.contains("hunter2") && !done.stderr.contains("wrong@"), "{}", done.stderr);
        let script = format!(
            "let c = redis::client(\"{url}\");\nlet op = c.{call};\n\
             try {{ op.run(); }} catch (err) {{ print(`${{err.kind}} ${{err.class}}`); }}"
        );
        let done = fails(&server, &script);
        assert_eq!(done.stdout.trim(), format!("unavailable {class}"), "{call}: {}", done.stderr);
    }
}

#[test]
fn a_load_counts_refusals_and_keeps_its_connections() {
    let Some(server) = Server::start(&[]) else { return };
    let metrics = loads(
        &server,
        r#"
        let cache = redis::client("URL");
        cache.set("text", #{ value: "x" }).run();
        let mix = load::mix(#{ good: [1, cache.get("text")], bad: [1, cache.lpush("text", #{ value: "x" })] });
        let result = load::run(mix, #{ concurrency: 2, requests: 200 });
        check(result.errors.count("wrongtype") == result.failures, "by its class");
        "#,
    );
    let total = &metrics[0]["total"];
    assert!(total["failures"].as_u64().unwrap() > 50 && total["successes"].as_u64().unwrap() > 50, "{total}");
    assert_eq!(total["reconnects"], 0);
    assert_eq!(server.calls("lpush"), total["failures"].as_u64().unwrap());
}

#[test]
fn a_server_that_reads_its_data_refuses_as_loading() {
    // Each key takes 2 ms to read; the server answers after every kilobyte of them.
    let slow = ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"];
    let options = [&slow[..], &["--enable-debug-command", "yes"]].concat();
    let Some(mut server) = Server::start(&options) else { return };
    assert_eq!(server.ask("DEBUG POPULATE 20000"), "+OK");
    assert_eq!(server.ask("SAVE"), "+OK");
    server.kill();
    // 20,000 keys take 40 s.
    server.restart();
    let done = fails(&server, "redis::client(\"URL\").get(\"x\").run();");
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("LOADING") && done.stderr.contains("reads its data"), "{}", done.stderr);
}
