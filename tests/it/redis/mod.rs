//! Redis against the real server: what was sent, what came back, and what is counted.

mod faults;
mod refusals;
pub mod server;
mod tls;

use serde_json::Value;

use crate::support::{Folder, json, run, run_folder, trials};
use server::Server;

/// The metrics of the loads of a script, in order; `URL` stands for the server's.
fn loads(server: &Server, script: &str) -> Vec<Value> {
    let folder = Folder::new();
    run(&folder, &script.replace("URL", &server.url()), &["--quiet"]);
    trials(&run_folder(&folder)).iter().map(|trial| json(&trial.join("metrics.json"))).collect()
}

/// What a script prints.
fn printed(server: &Server, script: &str) -> String {
    run(&Folder::new(), &script.replace("URL", &server.url()), &["--quiet"]).stdout
}

#[test]
fn totals_agree_with_the_servers_own_counters() {
    let Some(server) = Server::start(&[]) else { return };
    let metrics = loads(
        &server,
        r#"
        let cache = redis::client("URL");
        let get = cache.get(#{ keys: 1_000, distribution: "zipf" });
        let set = cache.set(#{ keys: 1_000, ttl: "1.5s" });
        load::run(load::mix(#{ get: [9, get], set: [1, set] }), #{ concurrency: 50, duration: "0.5s" });
        load::run(cache.get(#{ keys: 1_000, pipeline: 16 }), #{ concurrency: 4, requests: 500 });
        load::run(cache.incr(#{ keys: 10 }), #{ concurrency: 3, requests: 300 });
        load::run(cache.hset(#{ keys: 10, value_size_bytes: data::uniform(0, 300) }), #{ concurrency: 3, requests: 300 });
        load::run(cache.lpush(#{ keys: 10, pipeline: 3 }), #{ concurrency: 3, requests: 100 });
        load::run(cache.command(["SADD", "set", "{member}"], #{ member: data::sequence() }), #{ requests: 40 });
        "#,
    );
    let requests = |at: usize, row: &str| metrics[at]["operations"][row]["requests"].as_u64().unwrap();
    assert!(metrics.iter().all(|load| load["total"]["failures"] == 0), "{metrics:#?}");
    assert!(requests(0, "get") > requests(0, "set") && requests(0, "set") > 0);
    assert_eq!(server.calls("get"), requests(0, "get") + 16 * requests(1, "get x16"));
    assert_eq!(server.calls("set"), requests(0, "set"));
    assert_eq!(server.calls("incr"), 300);
    assert_eq!(server.calls("hset"), 300);
    assert_eq!(server.calls("lpush"), 3 * 100);
    assert_eq!((server.calls("sadd"), server.ask("SCARD set").as_str()), (40, ":40"));
    // A mix has the figures of its parts, a batch counts all its commands.
    let figure = |at: usize, name: &str| metrics[at]["extras"][name].as_f64().unwrap();
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-6;
    let throughput = |at: usize| metrics[at]["throughput"]["value"].as_f64().unwrap();
    assert!(near(figure(0, "ops_per_second"), throughput(0)), "{}", metrics[0]);
    assert!(near(figure(1, "ops_per_second"), 16.0 * throughput(1)), "{}", metrics[1]);
    assert_eq!(metrics[0]["service"], "redis");
    assert_eq!(metrics[4]["total"]["bytes"], 3 * 100 * 256);
}

#[test]
fn filled_keys_are_found_and_others_are_misses() {
    let Some(server) = Server::start(&[]) else { return };
    let metrics = loads(
        &server,
        r#"
        let cache = redis::client("URL/2");
        let filled = cache.fill(#{ keys: 1_234, value_size_bytes: 100 }).run();
        check(filled.value == 1_234, "all written");
        load::run(cache.get(#{ keys: 1_234, distribution: "sequential" }), #{ concurrency: 3, requests: 1_234 });
        load::run(cache.get(#{ keys: 2_468, pipeline: 4, distribution: "sequential" }), #{ requests: 617 });
        load::together(#{
            hits: [cache.get(#{ keys: 10 }), #{ requests: 100 }],
            misses: [cache.get(#{ keys: 10, prefix: "other:" }), #{ requests: 300 }],
        });
        "#,
    );
    let rates: Vec<&Value> = metrics.iter().map(|load| &load["extras"]["hit_rate"]).collect();
    assert_eq!(rates, [1.0, 0.5, 0.25]);
    assert_eq!(metrics[0]["total"]["bytes"], 1_234 * 100);
    assert!(server.ask("INFO keyspace").contains("db2:keys=1234"), "in the database of the URL");
    assert_eq!(
        metrics[0]["config"]["operation"]["settings"]["key_size_bytes"], 32,
        "{}",
        metrics[0]["config"]
    );
}

#[test]
fn answers_come_back_as_they_were_sent() {
    let Some(server) = Server::start(&[]) else { return };
    let said = printed(
        &server,
        r#"
        let cache = redis::client("URL");
        print(cache.command(["PING"]).run().value);
        print(cache.get("nobody").run().value == ());
        print(cache.set("user:{id}", #{ id: 7, value: "a {turn} b", ttl: "1h" }).run().value);
        print(cache.get("user:{id}", #{ id: 7 }).run().value);
        print(cache.command(["PTTL", "user:7"]).run().value > 3_500_000);
        cache.set("short", #{ value: "x", ttl: "1500ms" }).run();
        print(cache.command(["PTTL", "short"]).run().value <= 1_500);
        cache.hset("h", #{ field: "one", value: 1 }).run();
        cache.hset("h", #{ field: "two", value: data::bytes(3) }).run();
        let all = cache.command(["HGETALL", "h"]).run().value;
        print(`${all.len()} ${all[0]} ${all[1]} ${all[2]}`);
        print(cache.command(["HGET", "h", "two"]).run().bytes.len());
        print(cache.incr("n").run().value + cache.incr("n").run().value);
        print(cache.incr("n", #{ pipeline: 3 }).run().value);
        cache.lpush("jobs", #{ value: "job {turn}", pipeline: 2 }).run();
        print(cache.command(["LRANGE", "jobs", 0, -1]).run().value);
        print(cache.command(["EVAL", "return {{1, {{'a', redis.error_reply('no')}}, false}}", 0]).run().value);
        print(cache.command(["STRLEN", "big"]).run().value);
        cache.set("big", #{ value_size_bytes: "3 MiB" }).run();
        print(cache.get("big").run().bytes.len());
        "#,
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "PONG",
            "true",
            "OK",
            "a 0 b",
            "true",
            "true",
            "4 one 1 two",
            "3",
            "3",
            "[3, 4, 5]",
            r#"["job 1", "job 0"]"#,
            r#"[1, ["a", "ERR no"], ()]"#,
            "0",
            "3145728",
        ]
    );
}

#[test]
fn keys_fill_their_size_and_follow_their_distribution() {
    let Some(server) = Server::start(&[]) else { return };
    printed(
        &server,
        r#"
        let cache = redis::client("URL");
        load::run(cache.incr(#{ keys: 200, distribution: "zipf:1.2", key_size_bytes: 12, prefix: "z:" }), #{ requests: 4_000 });
        load::run(cache.incr(#{ keys: data::choice([5, 123]), key_size_bytes: 5, prefix: "c:" }), #{ requests: 10 });
        "#,
    );
    let count = |key: &str| -> u64 { server.ask(&format!("GET {key}")).parse().unwrap_or(0) };
    let (first, tenth) = (count("z:0000000000"), count("z:0000000009"));
    // Shares of 24 % and 1.5 %.
    assert!((800..1_100).contains(&first) && (20..110).contains(&tenth), "{first}, {tenth}");
    assert_eq!(count("c:005") + count("c:123"), 10);
    assert!(server.ask("DBSIZE").trim_start_matches(':').parse::<u64>().unwrap() <= 202);
}

#[test]
fn journeys_use_what_was_answered() {
    let Some(server) = Server::start(&[]) else { return };
    let metrics = loads(
        &server,
        r#"
        let cache = redis::client("URL");
        let next = cache.incr("orders");
        let order = load::journey("order", |vu| {
            let id = next.run().value;
            cache.set(`order:${id}`, #{ name: "store", value: `${id}` }).run();
            check(cache.get(`order:${id}`, #{ name: "load" }).run().value == `${id}`, "it is there");
        });
        load::run(order, #{ concurrency: 5, requests: 100 });
        "#,
    );
    assert_eq!(
        (&metrics[0]["total"]["requests"], &metrics[0]["total"]["failures"]),
        (&100.into(), &0.into())
    );
    assert_eq!((server.calls("incr"), server.calls("set"), server.calls("get")), (100, 100, 100));
    assert_eq!(server.ask("DBSIZE"), ":101");
}
