//! Ctrl-C ends whatever a script does, and no `catch` swallows it.

use std::{
    io::{BufRead, BufReader},
    time::{Duration, Instant},
};

use crate::support::{Folder, json, run_folder, start};

/// Runs a script that prints a line and then does something endless; interrupts it there.
fn interrupted(endless: &str) -> Folder {
    let folder = Folder::new();
    folder.write("scenario.rhai", &format!("print(\"ready\");\n{endless}\nprint(\"went on\");\n"));
    let mut child = start(&folder);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    // SAFETY: a signal to a child of ours that has not been waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
    let asked = Instant::now();
    let code = child.wait().unwrap().code();
    // Far below the minutes that the scripts would take, far above what stopping needs.
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    assert_eq!(code, Some(130), "{endless}");
    assert!(lines.next().is_none(), "the script went on");
    folder
}

#[test]
fn a_sleep_ends() {
    let folder = interrupted("sleep(\"10m\");");
    assert_eq!(json(&run_folder(&folder).join("run.json"))["status"], "interrupted");
}

#[test]
fn an_endless_loop_ends() {
    interrupted("loop {}");
}

#[test]
fn no_catch_swallows_it() {
    interrupted("loop { try { sleep(\"10m\"); } catch (err) { print(\"swallowed\"); } }");
    interrupted("loop { try { loop {} } catch { print(\"swallowed\"); } }");
}

#[test]
fn no_check_swallows_it() {
    interrupted("fn wait() { sleep(\"10m\"); true }\nloop { check(wait(), \"waited\"); }");
}

#[test]
fn a_single_call_ends() {
    let silent = crate::http::fake::Fake::new(
        |_, mut stream| {
            while crate::http::fake::request(&mut stream).is_some() {}
        },
    );
    interrupted(&format!("http::client(\"{}\").get(\"/\").run();", silent.url));
}
