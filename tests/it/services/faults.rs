//! Nothing of a service is left, however its run ends: each way 20 times.

use std::{
    io::{BufRead, BufReader, Read},
    process::Child,
};

use super::{
    left::{Scene, is_free, signal, wait_for},
    web,
};
use crate::support::{Done, program};

const TRIES: usize = 20;

/// A server that is hard to get rid of: it leaves a daemon in a session of its own, whose parent is gone, and one more that
/// ignores what ends others.
fn clinging(then: &str) -> String {
    let program = program().display();
    let daemon = "(setsid sh -c 'sleep 900 & exec sleep 901' >/dev/null 2>&1 &);";
    let deaf = "(trap '' TERM INT HUP; sleep 902 & wait; sleep 903) >/dev/null 2>&1 &";
    format!(
        r#"let server = service::start(#{{
            name: "clinging",
            command: ["sh", "-c", "{daemon} {deaf} {then} {program} target http --port {{port}}"],
            ready: #{{ http: "/" }},
            stop: #{{ grace: "200ms" }},
        }});
        print(server.port);
        "#
    )
}

/// Reads the port that the script prints once its service is ready.
fn port(child: &mut Child) -> u16 {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().parse().unwrap_or_else(|_| {
        let mut said = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        panic!("no port but `{line}`: {said}")
    })
}

/// Runs `script` to its end and looks for what is left of it.
fn ends_clean(script: &str, code: i32) -> Done {
    let scene = Scene::new();
    let done = scene.run(script);
    assert_eq!(done.code, Some(code), "{}{}", done.stdout, done.stderr);
    scene.nothing_is_left();
    let port = done.stdout.lines().next().and_then(|line| line.parse().ok());
    assert!(port.is_none_or(is_free), "port {port:?} is taken");
    done
}

/// Starts a run, sends it `number` once its service is ready; the exit code.
fn signalled(number: i32) -> Option<i32> {
    let scene = Scene::new();
    let mut child = scene.start(&format!("{} sleep(\"60s\");", clinging("exec")));
    let port = port(&mut child);
    assert!(scene.processes().len() >= 5, "{:?}", scene.processes());
    signal(&child, number);
    let code = child.wait().unwrap().code();
    if number == libc::SIGKILL {
        scene.nothing_is_left_soon()
    } else {
        scene.nothing_is_left()
    }
    assert!(is_free(port));
    code
}

#[test]
fn at_its_normal_end() {
    (0..TRIES).for_each(|_| drop(ends_clean(&clinging("exec"), 0)));
}

#[test]
fn after_an_error_of_the_script() {
    let script = format!("{} throw \"no more\";", clinging("exec"));
    (0..TRIES).for_each(|_| drop(ends_clean(&script, 2)));
}

#[test]
fn after_an_interrupt() {
    (0..TRIES).for_each(|_| assert_eq!(signalled(libc::SIGINT), Some(130)));
}

#[test]
fn after_a_termination() {
    (0..TRIES).for_each(|_| assert_eq!(signalled(libc::SIGTERM), Some(143)));
}

#[test]
fn after_a_kill() {
    (0..TRIES).for_each(|_| assert_eq!(signalled(libc::SIGKILL), None));
}

#[test]
fn after_a_kill_while_it_gets_ready() {
    for _ in 0..TRIES {
        let scene = Scene::new();
        let script = clinging("exec").replace("http: \"/\"", "log: \"never\"");
        let mut child = scene.start(&script);
        wait_for("the service", || scene.processes().len() >= 5);
        signal(&child, libc::SIGKILL);
        child.wait().unwrap();
        scene.nothing_is_left_soon();
    }
}

#[test]
fn after_an_interrupt_while_it_gets_ready() {
    for _ in 0..TRIES {
        let scene = Scene::new();
        let script = clinging("exec").replace("http: \"/\"", "log: \"never\"");
        let mut child = scene.start(&script);
        wait_for("the service", || scene.processes().len() >= 5);
        signal(&child, libc::SIGINT);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        scene.nothing_is_left();
    }
}

#[test]
fn when_it_ends_by_itself() {
    let killed = r#"command::client().exec(["kill", server.pid]).run(); while server.running { sleep("5ms"); } print(server.running);"#;
    for _ in 0..TRIES {
        let done = ends_clean(&format!("{}{killed}", clinging("exec")), 1);
        assert!(done.stdout.contains("false\n"), "{}", done.stdout);
        let said = "`clinging` ended by itself during the run: ";
        assert!(done.stderr.contains(&format!("note: {said}")), "{}", done.stderr);
        assert!(done.stderr.contains(&format!("error: {said}")), "{}", done.stderr);
        assert!(done.stderr.contains("clinging.log, ends with:\n  | "), "{}", done.stderr);
    }
}

#[test]
fn when_it_ends_before_it_is_ready() {
    let script = clinging("echo port is $PORT; echo cannot go on; exit 7; exec");
    for _ in 0..TRIES {
        let done = ends_clean(&script, 1);
        assert!(done.stderr.contains("`clinging` ended before it was ready: exit code 7"), "{}", done.stderr);
        assert!(done.stderr.contains("ends with:\n  | port is\n  | cannot go on"), "{}", done.stderr);
    }
}

#[test]
fn when_it_never_gets_ready() {
    let script = clinging("exec").replace("http: \"/\"", "http: \"/status/503\"");
    let script = script.replace("stop:", "ready_timeout: \"400ms\", stop:");
    for _ in 0..TRIES {
        let done = ends_clean(&script, 1);
        let said = "`clinging` was not ready within 400ms: waited for HTTP 2xx from http://127.0.0.1:";
        assert!(done.stderr.contains(said) && done.stderr.contains("last seen: "), "{}", done.stderr);
        assert!(
            done.stderr.contains("its log, results/") || done.stderr.contains("its log is empty"),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn when_it_has_become_a_daemon() {
    let program = program().display();
    let script = format!(
        r#"let server = service::start(#{{
            name: "daemon",
            command: ["sh", "-c", "setsid {program} target http --port {{port}} & exit 0"],
            daemon: true,
            ready: #{{ http: "/" }},
        }});
        print(server.port);
        sleep("100ms");
        check(server.running, "its daemon is the service");
        check(http::client(server.url).get("/").run().status == 200, "it answers");"#
    );
    (0..TRIES).for_each(|_| drop(ends_clean(&script, 0)));
}

#[test]
fn when_its_guardian_is_killed() {
    let scene = Scene::new();
    let script = format!("let server = service::start({}); print(server.port); sleep(\"60s\");", web(""));
    let mut child = scene.start(&script);
    let port = port(&mut child);
    let guardian = scene.processes().into_iter().find(|process| process.ends_with(" guard ")).unwrap();
    let pid: i32 = guardian.split([':', '/']).nth(2).unwrap().parse().unwrap();
    // SAFETY: a plain system call on a process of this test.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    wait_for("the service to end with it", || is_free(port));
    signal(&child, libc::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    scene.nothing_is_left();
}
