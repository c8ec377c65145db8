//! The REPL: through a pipe, as scripts use it, and through a terminal, as people do.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::{
        fd::{FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, Stdio},
    ptr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::support::{Done, Folder, json, program, run_folder, trials};

const SERVER: &str = "let server = target::http(#{ service_time: \"1ms\" });\n\
                      let home = http::client(server.url).get(\"/\");\n";

/// Nothing here takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn repl(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .arg("repl")
        .args(arguments)
        .current_dir(folder.path())
        .env("XDG_STATE_HOME", folder.path().join("state"))
        .env("TERM", "xterm")
        .env_remove("BENCHSCRIPT_PATH");
    command
}

fn piped(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = repl(folder, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Feeds `input` through a pipe.
fn session(folder: &Folder, input: &str, arguments: &[&str]) -> Done {
    let mut child = piped(folder, arguments);
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done
}

fn answers(input: &str) -> Done {
    session(&Folder::new(), input, &[])
}

#[test]
fn what_a_line_defines_stays() {
    let done = answers("let x = 20\nconst LIMIT = 2;\nfn twice(n) { n * LIMIT }\ntwice(x) + 2\n");
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("42\n", ""));
}

#[test]
fn a_later_definition_replaces_an_earlier_one() {
    assert_eq!(
        answers("fn f() { 1 }\nf()\nfn f() { 2 }\nf()\nlet f = |n| n + 1\nf.call(2)\n").stdout,
        "1\n2\n3\n"
    );
}

#[test]
fn imports_stay() {
    let folder = Folder::new();
    folder.write("team/maths.rhai", "fn triple(n) { n * 3 }");
    let input = "import \"team/maths\" as maths;\nmaths::triple(2)\nfn six() { maths::triple(2) }\nsix()\n";
    assert_eq!(session(&folder, input, &[]).stdout, "6\n6\n");
}

#[test]
fn an_error_shows_its_place_and_ends_nothing() {
    let done = answers("1 + 1\nnope(2)\nlet = 3\nfn bad() { throw \"oh\" }\n\nbad()\n2 + 2\n");
    assert_eq!(done.stdout, "2\n4\n");
    assert!(
        done.stderr
            .contains("error: there is no function `nope(int)`\n  --> session.rhai:2:1\n2 | nope(2)\n  | ^"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("session.rhai:3:5"), "{}", done.stderr);
    // In the function's own line, called from a later one.
    assert!(
        done.stderr.contains("error: oh\n  --> session.rhai:4:12 in bad\n4 | fn bad() { throw \"oh\" }"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("called at session.rhai:5:1"), "{}", done.stderr);
}

#[test]
fn open_brackets_go_on_and_an_empty_line_ends_them() {
    let done = answers("fn f(n) {\n    n + 1\n}\nf(1)\n[1,\n2]\n`a\nb`\nf(\n\n\"still here\"\n");
    assert_eq!(done.stdout, "2\n[1, 2]\na\nb\n\"still here\"\n");
    assert_eq!(done.stderr.matches("error:").count(), 1, "{}", done.stderr);
}

#[test]
fn commands_explain_and_list() {
    let input = "const LIMIT = 5;\nlet names = [\"a\", \"b\"]\n/// Says hello.\nfn hello(name) { name }\n:vars\n:doc stats::mean\n\
                 :doc hello\n:doc loda\n:nothing\n:load\n:quit\n1 + 1\n";
    let done = answers(input);
    for shown in [
        "LIMIT  int (const)  5",
        "names  array        [\"a\", \"b\"]",
        "functions: hello(name)",
        "stats::mean(values: array) -> float",
        "Says hello.",
    ] {
        assert!(done.stdout.contains(shown), "{shown}: {}", done.stdout);
    }
    for told in
        ["nothing called `loda`", "did you mean `load`?", "no command `:nothing`", "`:load` needs a file"]
    {
        assert!(done.stderr.contains(told), "{told}: {}", done.stderr);
    }
    assert!(!done.stdout.contains("\n2\n"), ":quit ends it");
}

#[test]
fn a_loaded_file_leaves_what_it_defines() {
    let folder = Folder::new();
    folder
        .write("mine.rhai", "const BASE = 40;\nlet more = 1;\nfn sum(n) { BASE + n }\nfn broken() { oh }\n");
    let typed = session(&folder, ":load mine.rhai\nsum(more) + 1\nbroken()\n:load missing.rhai\n", &[]);
    assert_eq!(typed.stdout, "42\n");
    assert!(typed.stderr.contains("mine.rhai:4:15 in broken"), "{}", typed.stderr);
    assert!(typed.stderr.contains("cannot read `missing.rhai`"), "{}", typed.stderr);
    assert_eq!(session(&folder, "sum(more) + 1\n", &["mine.rhai"]).stdout, "42\n");
}

#[test]
fn a_session_without_a_load_leaves_no_run() {
    let folder = Folder::new();
    session(&folder, "1 + 1\n", &[]);
    assert!(!folder.path().join("results").exists());
}

#[test]
fn the_loads_of_a_session_are_one_run() {
    let folder = Folder::new();
    folder.write("maths.rhai", "fn twice(n) { n * 2 }");
    let input = format!(
        "import \"maths\" as maths;\ncheck(true, \"before any load\")\nlet n = param(\"n\", 10)\n{SERVER}boom(1)\n\
         let a = load::run(home, #{{ requests: n }});\na.requests\na\nload::run(home, #{{ requests: maths::twice(10) }}).requests\n"
    );
    let done = session(&folder, &input, &["--seed", "7", "-p", "n=12", "--out", "."]);
    assert!(done.stdout.starts_with("true\n12\nGET /: 12 calls"), "{}", done.stdout);
    assert!(done.stdout.contains("\n20\nresults  "), "{}", done.stdout);
    let run = run_folder(&folder);
    assert_eq!(trials(&run).len(), 2);
    let about = json(&run.join("run.json"));
    assert_eq!((about["status"].as_str(), about["seed"].as_u64()), (Some("done"), Some(7)));
    assert_eq!(about["checks"][0]["name"], "before any load");
    assert_eq!(about["parameters"]["n"], 12);
    assert_eq!(about["imports"][0]["path"], "maths.rhai");
    assert_eq!(json(&run.join("summary.json"))["total_requests"], 32);
    assert!(folder.path().join("reports").join(run.file_name().unwrap()).join("index.html").is_file());
    let script = fs::read_to_string(run.join("scenario/session.rhai")).unwrap();
    assert!(script.contains("\n// failed: boom(1)\n"), "{script}");
    // It can be run as it is.
    let again = folder.write("again.rhai", &script);
    let again = Command::new(program()).arg("check").arg(again).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}

#[test]
fn ctrl_c_stops_what_runs_and_not_the_session() {
    let folder = Folder::new();
    let mut child = piped(&folder, &[]);
    let mut stdin = child.stdin.take().unwrap();
    let told = gathered(child.stderr.take().unwrap());
    let shown = gathered(child.stdout.take().unwrap());
    stdin
        .write_all(format!("{SERVER}load::run(home, #{{ duration: \"60s\", name: \"long\" }});\n").as_bytes())
        .unwrap();
    told.wait_for("long: measuring");
    interrupt(&child);
    told.wait_for("interrupted");
    shown.wait_for("long: ");
    // Twice within five seconds, which would end a `run`.
    for endless in ["sleep(\"60s\")\n", "loop { }\n"] {
        told.forget();
        stdin.write_all(format!("print(\"go\"); {endless}").as_bytes()).unwrap();
        shown.wait_for("go\n");
        interrupt(&child);
        told.wait_for("interrupted");
        shown.forget();
    }
    stdin.write_all(b"home.run().status\n").unwrap();
    shown.wait_for("200\n");
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let trial = json(&trials(&run_folder(&folder))[0].join("meta.json"));
    assert_eq!(trial["status"], "interrupted");
}

#[test]
fn sigterm_ends_the_session_and_writes_its_run() {
    let folder = Folder::new();
    let mut child = piped(&folder, &[]);
    let mut stdin = child.stdin.take().unwrap();
    let shown = gathered(child.stdout.take().unwrap());
    stdin.write_all(format!("{SERVER}load::run(home, #{{ requests: 5 }}).requests\n").as_bytes()).unwrap();
    shown.wait_for("5\n");
    // SAFETY: a plain system call on a child that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(run_folder(&folder).join("summary.json").is_file());
}

#[test]
fn a_person_edits_completes_and_interrupts() {
    let folder = Folder::new();
    let (mut child, mut keys, screen) = terminal(&folder);
    let mut type_keys = |text: &str, expected: &[&str]| {
        screen.forget();
        keys.write_all(text.as_bytes()).unwrap();
        screen.wait_for_each(expected);
    };
    screen.wait_for("> ");
    // The next prompt says that keys are read again: what is typed before it gets lost, and Ctrl-C would be a signal.
    type_keys("fn twice(n) {\r    n * 2\r}\r", &["}", "> "]);
    type_keys("twice(4\x03", &["twice(4", "> "]);
    type_keys("twi\t21)\r", &["42", "> "]);
    type_keys("stats::med\t[7, 3 * 37, 999])\r", &["111", "> "]);
    type_keys("let server = tar\thttp(#{ servic\t\"1ms\" })\r", &["\" })", "> "]);
    type_keys("server.u\t\r", &["http://127.0.0.1:", "> "]);
    type_keys(
        "let home = http::client(server.url).get(\"/\"); load::run(home, #{ duration: \"60s\" })\r",
        &["/60 s"],
    );
    type_keys("\x03", &["interrupted", "> "]);
    type_keys("6 * 7\r", &["42", "> "]);
    keys.write_all(b"\x04").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let history = fs::read_to_string(folder.path().join("state/benchscript/history")).unwrap();
    assert!(history.contains("twice(21)"), "{history}");
}

fn interrupt(child: &Child) {
    // SAFETY: a plain system call on a child that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
}

/// A REPL on a terminal of its own, its keyboard and its screen.
fn terminal(folder: &Folder) -> (Child, File, Gathered) {
    let (mut ours, mut theirs) = (0, 0);
    let size = libc::winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: both descriptors are written by the call and owned from here on.
    let (ours, theirs) = unsafe {
        assert_eq!(libc::openpty(&mut ours, &mut theirs, ptr::null_mut(), ptr::null(), &size), 0);
        (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    };
    let mut command = repl(folder, &[]);
    command
        .stdin(Stdio::from(theirs.try_clone().unwrap()))
        .stdout(Stdio::from(theirs.try_clone().unwrap()))
        .stderr(Stdio::from(theirs));
    // SAFETY: plain system calls between fork and exec: the terminal becomes the child's own, so that Ctrl-C reaches it.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    let child = command.spawn().unwrap();
    let keys = File::from(ours);
    (child, keys.try_clone().unwrap(), gathered(keys))
}

/// What a stream has brought so far, read by a thread of its own.
struct Gathered(Arc<Mutex<String>>);

fn gathered(mut stream: impl Read + Send + 'static) -> Gathered {
    let text = Arc::new(Mutex::new(String::new()));
    let into = text.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    });
    Gathered(text)
}

impl Gathered {
    fn wait_for(&self, expected: &str) {
        self.wait_for_each(&[expected]);
    }

    /// Waits for all of `expected`, one after the other.
    fn wait_for_each(&self, expected: &[&str]) {
        let since = Instant::now();
        let after = |rest: &str, text: &&str| rest.find(*text).map(|at| rest[at + text.len()..].to_owned());
        while expected
            .iter()
            .try_fold(self.0.lock().unwrap().clone(), |rest, text| after(&rest, text))
            .is_none()
        {
            assert!(since.elapsed() < PATIENCE, "no {expected:?} in: {}", self.0.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}
