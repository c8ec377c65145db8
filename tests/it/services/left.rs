//! Whether anything is left of what a run started: processes, ports, folders.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Done, Folder, program};

/// A folder to run in, and a mark that everything started there carries in its environment.
pub struct Scene {
    pub folder: Folder,
}

impl Scene {
    pub fn new() -> Self {
        let folder = Folder::new();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1");
        command.env("TMPDIR", self.folder.path().join("tmp")).env("BENCHSCRIPT_TEST_MARK", self.mark());
        command.env("XDG_STATE_HOME", self.folder.path().join("state"));
        command
    }

    fn mark(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Calls the program.
    pub fn call(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs `script` to its end, however that is.
    pub fn run(&self, script: &str) -> Done {
        self.folder.write("scenario.rhai", script);
        self.call(&["run", "scenario.rhai"])
    }

    /// Starts `script` and goes on; what it says can be read.
    pub fn start(&self, script: &str) -> Child {
        self.folder.write("scenario.rhai", script);
        self.spawn(&["run", "scenario.rhai"])
    }

    /// Calls the program and goes on.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Processes that carry the mark or work in the folder: a server may have overwritten its environment.
    pub fn processes(&self) -> Vec<String> {
        let named = self.folders().into_iter().map(|path| {
            let line = fs::read(path.join("cmdline")).unwrap_or_default();
            format!("{}: {}", path.display(), String::from_utf8_lossy(&line).replace('\0', " "))
        });
        named.collect()
    }

    /// Files of shared memory that they use.
    pub fn shared_memory(&self) -> Vec<PathBuf> {
        let maps =
            self.folders().into_iter().map(|path| fs::read_to_string(path.join("maps")).unwrap_or_default());
        let all = maps.collect::<String>();
        let mut files: Vec<PathBuf> =
            all.lines().filter_map(|line| line.find("/dev/shm/").map(|at| line[at..].into())).collect();
        files.sort();
        files.dedup();
        files
    }

    /// Their folders in /proc.
    fn folders(&self) -> Vec<PathBuf> {
        let mark = format!("BENCHSCRIPT_TEST_MARK={}\0", self.mark());
        let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let ours = all.filter(|path| {
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            let is_marked = String::from_utf8_lossy(&environment).contains(&mark);
            is_marked || fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.folder.path()))
        });
        ours.collect()
    }

    pub fn temporary(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("tmp")).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    /// Now, not soon.
    pub fn nothing_is_left(&self) {
        assert_eq!(self.processes(), Vec::<String>::new());
        assert_eq!(self.temporary(), Vec::<String>::new());
    }

    /// For a run that was killed: its guardian needs a moment.
    pub fn nothing_is_left_soon(&self) {
        wait_for("what the run started to end", || {
            self.processes().is_empty() && self.temporary().is_empty()
        });
    }
}

/// Whether nobody listens there any more.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Waits until `done`, for a machine that is busy with other tests.
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited 30 s for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends `signal` to a child that has not been waited for.
pub fn signal(child: &Child, signal: i32) {
    // SAFETY: a plain system call; the child has not been waited for, so its pid is its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
}

/// Whether a server of `program` is here; the folders of distributions count.
pub fn is_installed(program: &str) -> bool {
    benchscript::cluster::programs::find(program, &["/usr/lib/postgresql/*/bin".to_owned()]).is_some()
}
