//! Runs that are killed, interrupted, or run out of disk: what was measured is there, and nothing outlives them.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Done, Folder, call, json, program, requests, run_folder, skip, trials};

const LONG: &str = r#"
let server = target::http(#{ service_time: "5ms" });
print(server.url);
load::run(http::client(server.url).get("/"), #{ name: "first", requests: 20 });
load::run(http::client(server.url).get("/"), #{ name: "long", rate: 50, duration: "120s" });
print("not reached");
"#;

/// A run that goes on.
struct Running {
    child: Child,
}

impl Running {
    /// Starts `script` in `folder` with results below `out`.
    fn start(folder: &Folder, script: &str, out: &Path) -> Self {
        folder.write("scenario.rhai", script);
        let child = Command::new(program())
            .current_dir(folder.path())
            .args(["run", "scenario.rhai", "--out"])
            .arg(out)
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Sends it `signal`.
    fn signal(&self, signal: i32) {
        // SAFETY: a plain system call; the child has not been waited for, so its pid is its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    fn end(mut self) -> Done {
        let mut texts = [String::new(), String::new()];
        self.child.stdout.take().unwrap().read_to_string(&mut texts[0]).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut texts[1]).unwrap();
        let [stdout, stderr] = texts;
        Done { code: self.child.wait().unwrap().code(), stdout, stderr }
    }

    /// The processes that it started, and theirs.
    fn descendants(&self) -> Vec<u32> {
        let parent = |pid: u32| -> Option<u32> {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        all.filter(|pid| parent(*pid) == Some(self.child.id())).collect()
    }
}

/// Waits until `done`, for a machine that is busy with other tests.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited 30 s for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the second trial of [`LONG`] has written `seconds` of its load; returns its folder.
fn wait_for_seconds(out: &Path, seconds: usize) -> PathBuf {
    let mut found = None;
    wait_for("the load", || {
        let runs = fs::read_dir(out.join("results")).into_iter().flatten().flatten();
        let run = runs.map(|run| run.path()).find(|run| run.join("run.json").is_file());
        found = run.and_then(|run| trials(&run).into_iter().nth(1)).filter(|trial| {
            let csv = fs::read_to_string(trial.join("metrics.csv")).unwrap_or_default();
            csv.lines().count() > seconds
        });
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_killed_run_keeps_what_it_had_and_leaves_no_process() {
    let folder = Folder::new();
    let running = Running::start(&folder, LONG, folder.path());
    let trial = wait_for_seconds(folder.path(), 3);
    let children = running.descendants();
    assert!(!children.is_empty(), "the target is a process of its own");
    running.signal(libc::SIGKILL);
    let written = fs::read_to_string(trial.join("metrics.csv")).unwrap().lines().count() as u64 - 1;
    assert_eq!(running.end().code, None);
    wait_for("the target to end", || children.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
    let list = call(&folder, &["list"]);
    assert!(list.code == Some(0) && list.stdout.contains("interrupted"), "{}", list.stdout);
    let show = call(&folder, &["show", "latest", "--json"]);
    assert_eq!(show.code, Some(0), "{}", show.stderr);
    let report = call(&folder, &["report", "latest"]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    let reports = fs::read_dir(folder.path().join("reports")).unwrap().next().unwrap().unwrap().path();
    let shown = json(&reports.join("report.json"));
    assert_eq!(shown["status"], "interrupted");
    // The first trial is whole; of the second all is there but the second in which the run was killed.
    assert_eq!(json(&trials(&run_folder(&folder))[0].join("metrics.json"))["total"]["successes"], 20);
    let stored = benchscript::results::StoredRun::open(&run_folder(&folder)).unwrap();
    let long = stored.trials[1].metrics.as_ref().unwrap();
    assert!(
        long.total.duration_s >= written as f64 && written >= 3,
        "{} s of {written}",
        long.total.duration_s
    );
    let (requests, seconds) = (long.total.requests as f64, long.total.duration_s);
    assert!((requests - 50.0 * seconds).abs() <= 5.0, "{requests} calls in {seconds} s");
    assert!((long.total.throughput - requests / seconds).abs() < 1e-9);
    assert!(long.total.latency_ms.p50 >= 5.0 && long.notes[0].contains("recomputed"));
}

#[test]
fn an_interrupted_run_writes_everything_and_says_so() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let folder = Folder::new();
        let running = Running::start(&folder, LONG, folder.path());
        let trial = wait_for_seconds(folder.path(), 2);
        let children = running.descendants();
        running.signal(signal);
        let done = running.end();
        assert_eq!(done.code, Some(code), "{}", done.stderr);
        assert!(!done.stdout.contains("not reached"));
        assert!(children.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "a process is left");
        let run = run_folder(&folder);
        assert_eq!(json(&run.join("run.json"))["status"], "interrupted");
        let summary = json(&run.join("summary.json"));
        assert_eq!(summary["status"], "interrupted");
        let statuses: Vec<&str> =
            summary["trials"].as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["done", "interrupted"]);
        assert_eq!(json(&trial.join("meta.json"))["status"], "interrupted");
        let total = json(&trial.join("metrics.json"))["total"].clone();
        assert_eq!(requests(&trial).len() as u64, total["requests"].as_u64().unwrap());
        let (rate, seconds) = (total["throughput"].as_f64().unwrap(), total["duration_s"].as_f64().unwrap());
        assert!((rate - 50.0).abs() < 5.0 && (2.0..60.0).contains(&seconds), "{rate}/s for {seconds} s");
        assert!(!trial.join("requests.spool").exists());
    }
}

/// A file system of 4 MiB that is gone with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&at).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_full_disk_is_an_error_that_harms_nothing_written_before() {
    let folder = Folder::new();
    let Some(disk) = SmallDisk::mount(folder.path().join("disk")) else {
        skip("the right to mount a small file system");
        return;
    };
    let running = Running::start(&folder, LONG, &disk.0);
    let trial = wait_for_seconds(&disk.0, 2);
    let run = trial.parent().unwrap().to_owned();
    let before = fs::read(trials(&run)[0].join("metrics.json")).unwrap();
    // Fill it to the last block.
    let mut filler = fs::File::create(disk.0.join("filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 4096]).is_ok() {}
    let done = running.end();
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("No space left on device"), "{}", done.stderr);
    assert!(done.stderr.contains("make room, or choose another place with `--out DIR`"), "{}", done.stderr);
    assert_eq!(fs::read(trials(&run)[0].join("metrics.json")).unwrap(), before);
    drop(filler);
    fs::remove_file(disk.0.join("filler")).unwrap();
    let out = disk.0.to_str().unwrap();
    for arguments in [["list", "--out", out].as_slice(), &["show", "latest", "--out", out]] {
        let shown = call(&folder, arguments);
        assert!(
            shown.code == Some(0) && !shown.stdout.contains("running"),
            "{}{}",
            shown.stdout,
            shown.stderr
        );
    }
}

#[test]
fn files_of_a_killed_load_go_with_the_next_one() {
    let folder = Folder::new();
    let load = |duration: &str| {
        format!(
            r#"let scratch = files::client("{}");
            load::run(scratch.read(#{{ file_size: "1 MiB", block_size: "4 KiB" }}), #{{ duration: "{duration}" }});"#,
            folder.path().display()
        )
    };
    let left = || {
        let entries = fs::read_dir(folder.path()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("benchscript-")).count()
    };
    let running = Running::start(&folder, &load("60s"), folder.path());
    wait_for("the files", || left() > 0);
    running.signal(libc::SIGKILL);
    running.end();
    assert_eq!(left(), 1);
    let next = Running::start(&folder, &load("200ms"), folder.path()).end();
    assert_eq!((next.code, left()), (Some(0), 0), "{}", next.stderr);
}
