//! Runs the program as a person does, in a folder of its own.

mod cutting;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

pub use cutting::cutting;
use serde_json::Value;

/// The program under test.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_benchscript"))
}

/// A folder that is removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("benchscript-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// What became of a call of the program.
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Starts `scenario.rhai` of `folder` and does not wait; what it prints can be read.
pub fn start(folder: &Folder) -> Child {
    Command::new(program())
        .args(["run", "scenario.rhai", "--quiet"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Calls the program with `arguments` in `folder`.
pub fn call(folder: &Folder, arguments: &[&str]) -> Done {
    let mut command = Command::new(program());
    command.current_dir(folder.path()).args(arguments).env("NO_COLOR", "1").env_remove("BENCHSCRIPT_PATH");
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env_remove("AWS_SESSION_TOKEN");
    command.output().unwrap().into()
}

/// Runs `script` as `scenario.rhai` and expects it to succeed.
pub fn run(folder: &Folder, script: &str, arguments: &[&str]) -> Done {
    let done = try_run(folder, script, arguments);
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    done
}

/// Runs `script` as `scenario.rhai`, however it ends.
pub fn try_run(folder: &Folder, script: &str, arguments: &[&str]) -> Done {
    folder.write("scenario.rhai", script);
    call(folder, &[&["run", "scenario.rhai"], arguments].concat())
}

/// The folder of the only run below `folder`.
pub fn run_folder(folder: &Folder) -> PathBuf {
    let mut runs: Vec<_> =
        fs::read_dir(folder.path().join("results")).unwrap().map(|run| run.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

/// The folder of its report.
pub fn report_folder(folder: &Folder) -> PathBuf {
    let run = run_folder(folder);
    folder.path().join("reports").join(run.file_name().unwrap())
}

/// The folders of its trials, in order.
pub fn trials(run: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    let mut trials: Vec<_> = folders.filter(|path| path.join("meta.json").is_file()).collect();
    trials.sort();
    trials
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

/// The lines of `requests.jsonl` of a trial.
pub fn requests(trial: &Path) -> Vec<Value> {
    let text = fs::read_to_string(trial.join("requests.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A port that is free now; somebody else may take it before it is used.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What an HTTP server of this machine answers with status 200, asked without any code of ours.
pub fn fetch(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = "host: h\r\naccept: application/json\r\nconnection: close";
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{head}\r\n\r\n").as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200").map(|_| body.to_owned())
}

/// Says that a test could not run for want of `needed`; a failure where everything must be there, as in CI.
pub fn skip(needed: &str) {
    let required = std::env::var_os("BENCHSCRIPT_REQUIRE_SERVICES").is_some_and(|value| value == "1");
    assert!(!required, "BENCHSCRIPT_REQUIRE_SERVICES=1, but this test needs {needed}");
    println!("skipped: needs {needed}");
}

/// Whether calls succeeded after the last failure.
pub fn recovered(calls: &[Value]) -> bool {
    let latest = |success: bool| {
        let those = calls.iter().filter(|call| call["success"] == success);
        those.map(|call| call["timestamp_end"].as_f64().unwrap()).fold(0.0, f64::max)
    };
    latest(true) > latest(false)
}

/// The classes of the failures in `metrics.json`.
pub fn classes(metrics: &Value) -> Vec<String> {
    metrics["errors"]["by_class"].as_object().unwrap().keys().cloned().collect()
}
