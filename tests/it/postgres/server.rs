//! A PostgreSQL server that ends with its test.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::support::{self, Folder, free_port};

/// Who runs the server where we are root.
const NOBODY: u32 = 65_534;

/// Where Debian has the programs of PostgreSQL, the newest version first.
pub fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.map(|entry| entry.unwrap().path().join("bin")).collect();
    found.sort();
    found.retain(|path| path.join("postgres").is_file() && path.join("initdb").is_file());
    found.pop()
}

/// A server of its own, with a folder and a port of its own. The superuser is `postgres`, with the password `secret`.
pub struct Server {
    folder: PathBuf,
    pub port: u16,
    process: Option<Child>,
    settings: Vec<String>,
}

impl Server {
    /// With connections that need no password; none if PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::with("trust", &[])
    }

    /// With a way to log in (`trust`, `password`, `md5`, `scram-sha-256`) and settings such as `ssl=on`.
    pub fn with(auth: &str, settings: &[&str]) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Some(programs) = programs() else {
            support::skip("PostgreSQL (Debian package `postgresql`)");
            return None;
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("benchscript-postgres-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let password = folder.join("password");
        fs::write(&password, "secret\n").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
        let encryption = if auth == "md5" { "md5" } else { "scram-sha-256" };
        let made = as_nobody(&programs.join("initdb"))
            .arg("--no-sync")
            .args(["-U", "postgres", "--locale=C", "-E", "UTF8"])
            .arg(format!("--auth={auth}"))
            .arg("--pwfile")
            .arg(&password)
            .arg("-D")
            .arg(folder.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let settings = settings.iter().map(|setting| (*setting).to_owned());
        let settings = settings.chain([format!("password_encryption={encryption}")]).collect();
        let mut server = Self { folder, port: free_port(), process: None, settings };
        server.launch();
        Some(server)
    }

    /// The server of [`Server::start`] with TLS, and the file with its certificate, which is for `localhost`.
    pub fn secure() -> Option<(Self, PathBuf)> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = Folder::new();
        let certificate = files.write("server.pem", &cert.pem());
        let mut server = Self::start()?;
        server.kill();
        let key = server.folder.join("server.key");
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        // SAFETY: it only asks who we are.
        if unsafe { libc::geteuid() } == 0 {
            std::os::unix::fs::chown(&key, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let public = server.folder.join("server.pem");
        fs::copy(certificate, &public).unwrap();
        let paths = [("ssl_cert_file", &public), ("ssl_key_file", &key)];
        server.settings.extend(paths.map(|(name, path)| format!("{name}={}", path.display())));
        server.settings.push("ssl=on".to_owned());
        server.launch();
        Some((server, public))
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// Starts the process and waits until it takes connections.
    pub fn launch(&mut self) {
        let programs = programs().unwrap();
        let mut command = as_nobody(&programs.join("postgres"));
        command.arg("-D").arg(self.folder.join("data"));
        let fixed = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
            "shared_buffers=16MB".to_owned(),
            "dynamic_shared_memory_type=mmap".to_owned(),
        ];
        for setting in fixed.iter().chain(&self.settings) {
            command.args(["-c", setting]);
        }
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        loop {
            let mut line = String::new();
            let count = lines.read_line(&mut line).unwrap();
            said += &line;
            assert!(count > 0, "the server ended:\n{said}");
            if line.contains("ready to accept connections") {
                break;
            }
        }
        // Whoever writes into a closed pipe ends.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        self.process = Some(process);
    }

    /// Ends the process at once, as a crash does, and all that it started.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        signal(process.id(), libc::SIGQUIT);
        let end = Instant::now() + Duration::from_secs(10);
        while process.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                process.kill().ok();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Runs `psql` with one command; what it printed.
    pub fn psql(&self, sql: &str) -> String {
        let output = Command::new(programs().unwrap().join("psql"))
            .args(["-X", "-At", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-c", sql])
            .env("PGPASSWORD", "secret")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// PostgreSQL refuses to run as root.
fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    // SAFETY: it only asks who we are.
    if unsafe { libc::geteuid() } == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    // Nothing survives a test that is killed.
    let parent = std::process::id() as i32;
    // SAFETY: both calls are allowed between fork and exec.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGQUIT);
            if libc::getppid() != parent {
                libc::_exit(1);
            }
            Ok(())
        });
    }
    command.current_dir("/");
    command
}

fn signal(pid: u32, signal: i32) {
    // SAFETY: the process is our child and was not waited for.
    unsafe { libc::kill(pid as i32, signal) };
}
