//! The command line: exit codes, what is shown and where, the small subcommands.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{Done, Folder, call, json, program, run, run_folder, trials, try_run};

/// A load against a server of its own; `{}` is its plan.
const LOAD: &str = r#"
    let server = target::http(#{ service_time: "1ms" });
    let result = load::run(http::client(server.url).get("/"), PLAN);
"#;

fn load(plan: &str) -> String {
    LOAD.replace("PLAN", plan)
}

#[test]
fn code_0_when_all_is_well() {
    let done = run(&Folder::new(), &load("#{ requests: 20 }"), &["--quiet"]);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
}

#[test]
fn code_1_when_the_service_is_not_there() {
    let folder = Folder::new();
    let done = try_run(
        &folder,
        "load::run(http::client(\"http://127.0.0.1:1\").get(\"/\"), #{ requests: 1 });",
        &[],
    );
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("error: cannot reach `http://127.0.0.1:1`"), "{}", done.stderr);
    assert_eq!(json(&run_folder(&folder).join("run.json"))["status"], "failed");
}

#[test]
fn code_2_when_the_call_or_the_script_is_wrong() {
    let folder = Folder::new();
    assert_eq!(try_run(&folder, "let x = ;", &[]).code, Some(2));
    assert_eq!(try_run(&folder, "print(1)", &["-p", "nothing=1"]).code, Some(2));
    assert_eq!(call(&folder, &["run", "missing.rhai"]).code, Some(2));
    assert_eq!(call(&folder, &["run", "--no-such-option"]).code, Some(2));
}

#[test]
fn code_3_when_a_check_fails() {
    let folder = Folder::new();
    let done = try_run(&folder, "check(1 > 2, \"one is more\"); print(\"after\");", &[]);
    assert_eq!(done.code, Some(3));
    assert!(done.stdout.starts_with("after\n"), "a failed check ends nothing: {}", done.stdout);
    assert_eq!(json(&run_folder(&folder).join("run.json"))["status"], "checks");
}

#[test]
fn a_service_is_measured_without_a_scenario() {
    let folder = Folder::new();
    let scratch = folder.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let short =
        ["-p", "seconds=1", "-p", "blocks=[\"4 KiB\"]", "-p", "file_size=1 MiB", "-p", "direct=false"];
    let arguments = [&["bench", "files", scratch.to_str().unwrap(), "--quiet"], &short[..]].concat();
    let done = call(&folder, &arguments);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let run = run_folder(&folder);
    assert_eq!(json(&run.join("run.json"))["parameters"]["folder"], scratch.to_str().unwrap());
    assert!(!trials(&run).is_empty());
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "what it wrote is gone");
}

#[test]
fn every_first_answer_can_be_had_as_a_scenario() {
    let folder = Folder::new();
    for service in ["files", "http", "postgres", "redis", "s3"] {
        let script = call(&folder, &["bench", service, "--script"]);
        folder.write("mine.rhai", &script.stdout);
        let done = call(&folder, &["check", "mine.rhai"]);
        assert_eq!(done.code, Some(0), "{service}: {}", done.stderr);
    }
    assert_eq!(call(&folder, &["bench", "telnet"]).code, Some(2));
}

#[test]
fn code_130_on_ctrl_c_and_143_on_sigterm() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let folder = Folder::new();
        let done = stopped(&folder, signal);
        assert_eq!(done.code, Some(code), "{}", done.stderr);
        let run = run_folder(&folder);
        assert_eq!(json(&run.join("run.json"))["status"], "interrupted");
        assert!(json(&run.join("summary.json"))["total_requests"].as_u64().unwrap() > 0);
        assert!(done.stdout.contains("interrupted"), "what was measured is shown: {}", done.stdout);
        let report = folder.path().join("reports").join(run.file_name().unwrap()).join("index.html");
        assert!(report.is_file(), "the report is written");
    }
}

/// Starts a long load and sends `signal` once it measures.
fn stopped(folder: &Folder, signal: i32) -> Done {
    folder.write("scenario.rhai", &load("#{ duration: \"60s\", name: \"long\" }"));
    let mut child = Command::new(program())
        .args(["run", "scenario.rhai"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("measuring") {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "it ended too early: {told}");
    }
    // Something is measured once a second of it is stored.
    let series = trials(&run_folder(folder))[0].join("metrics.csv");
    while fs::read_to_string(&series).unwrap_or_default().lines().count() < 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: a plain system call on a child that has not been waited for.
    unsafe { libc::kill(child.id() as i32, signal) };
    stderr.read_to_string(&mut told).unwrap();
    let mut done = Done::from(child.wait_with_output().unwrap());
    done.stderr = told;
    done
}

#[test]
fn a_pipe_gets_no_control_characters() {
    let done = run(&Folder::new(), &format!("{}print(\"mine\");", load("#{ duration: \"1s\" }")), &[]);
    for text in [&done.stdout, &done.stderr] {
        assert!(!text.contains(['\x1b', '\r']), "{text:?}");
    }
    assert!(done.stdout.starts_with("mine\n"), "{}", done.stdout);
    for phase in ["opening 1 session\n", "measuring for 1s\n", "writing\n"] {
        assert!(done.stderr.contains(phase), "{}", done.stderr);
    }
}

#[test]
fn completions_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let done = call(&Folder::new(), &["completions", shell]);
        assert_eq!(done.code, Some(0));
        assert!(done.stdout.contains("benchscript") && done.stdout.contains("doctor"), "{shell}");
    }
}

#[test]
fn new_writes_a_scenario_that_checks_and_never_overwrites() {
    let folder = Folder::new();
    let done = call(&folder, &["new", "mine"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "wrote mine.rhai; run it: benchscript run mine.rhai\n")
    );
    let check = call(&folder, &["check", "mine.rhai"]);
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    let path = folder.write("mine.rhai", "// precious");
    let again = call(&folder, &["new", "mine"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("`mine.rhai` is there already"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(path).unwrap(), "// precious");
}

#[test]
fn new_lib_writes_a_library_and_a_scenario_that_tries_it() {
    let folder = Folder::new();
    let done = call(&folder, &["new", "lib", "team/my-shop"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (
            Some(0),
            "wrote team/my-shop.rhai; its functions: benchscript doc team/my-shop\n\
             wrote team/try_my-shop.rhai; try them: benchscript run team/try_my-shop.rhai\n"
        )
    );
    let ran = call(&folder, &["run", "team/try_my-shop.rhai", "--quiet"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(call(&folder, &["doc", "team/my-shop"]).stdout.contains("my_shop::user(url)"));
    let again = call(&folder, &["new", "lib", "team/my-shop"]);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    let built_in = call(&folder, &["new", "lib", "team/http"]);
    assert!(built_in.stderr.contains("`http` is a built-in module"), "{}", built_in.stderr);
}
