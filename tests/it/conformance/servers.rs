//! The table: how scripts use each service, and how its real server is started, asked, killed and brought back.

use std::{
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{
    postgres, redis, s3,
    services::left::wait_for,
    support::{Folder, fetch, free_port, program, run},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Http,
    Postgres,
    Redis,
    SeaweedFs,
    Rclone,
}

/// A real server of one of them.
pub trait Server {
    fn port(&self) -> u16;

    /// How many calls of the service's operation it has performed, as it counts itself.
    fn performed(&self) -> u64;

    /// The process that all others of it come from.
    fn pid(&self) -> u32;

    /// Ends it at once, as a crash does.
    fn kill(&mut self);

    /// Starts it again where it was.
    fn restart(&mut self);
}

impl Service {
    /// What makes the operation of a script, at whatever listens on `port`. Its answers have some 200 bytes.
    pub fn operation(self, port: u16) -> String {
        match self {
            Self::Http => format!("http::client(\"http://127.0.0.1:{port}\").get(\"/\")"),
            Self::Postgres => {
                let url = format!("postgres://postgres@127.0.0.1:{port}/bench?sslmode=disable");
                format!("postgres::client(\"{url}\").query(\"select repeat('x', 200)\")")
            }
            Self::Redis => {
                let text = "x".repeat(200);
                format!("redis::client(\"redis://127.0.0.1:{port}\").command([\"ECHO\", \"{text}\"])")
            }
            Self::SeaweedFs | Self::Rclone => {
                // What is counted are objects, so each load makes new ones.
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let prefix = format!("{}-", NEXT.fetch_add(1, Ordering::Relaxed));
                let keys = format!("keys: 1_000_000, distribution: \"sequential\", prefix: \"{prefix}\"");
                let client = s3::server::client(port, "");
                format!("{client}.put(#{{ {keys}, object_size_bytes: 4096 }})")
            }
        }
    }

    /// None where it is not installed.
    pub fn start(self) -> Option<Box<dyn Server>> {
        Some(match self {
            Self::Http => Box::new(Target::start()),
            Self::Postgres => {
                let server = postgres::server::Server::with("trust", &["autovacuum=off"])?;
                server.psql("create database bench");
                Box::new(server)
            }
            Self::Redis => Box::new(redis::server::Server::start(&[])?),
            Self::SeaweedFs => Box::new(with_bucket(s3::server::Kind::SeaweedFs)?),
            Self::Rclone => Box::new(with_bucket(s3::server::Kind::Rclone)?),
        })
    }
}

fn with_bucket(kind: s3::server::Kind) -> Option<s3::server::Server> {
    let server = s3::server::Server::start(kind)?;
    run(&Folder::new(), &format!("{}.create_bucket().run();", server.client("")), &["--quiet"]);
    Some(server)
}

/// `benchscript target http`, by hand.
struct Target {
    child: Child,
    port: u16,
}

impl Target {
    fn start() -> Self {
        let port = free_port();
        Self { child: Self::spawn(port), port }
    }

    fn spawn(port: u16) -> Child {
        let mut command = Command::new(program());
        command.args(["target", "http", "--body-bytes", "200", "--port", &port.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("the target", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        child
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server for Target {
    fn port(&self) -> u16 {
        self.port
    }

    fn performed(&self) -> u64 {
        let stats: serde_json::Value = serde_json::from_str(&fetch(self.port, "/stats").unwrap()).unwrap();
        stats["answered"].as_u64().unwrap()
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    fn restart(&mut self) {
        self.child = Self::spawn(self.port);
    }
}

impl Server for postgres::server::Server {
    fn port(&self) -> u16 {
        self.port
    }

    /// Each session begins with a transaction of its own.
    fn performed(&self) -> u64 {
        let counted = "select xact_commit - sessions from pg_stat_database where datname = 'bench'";
        self.psql(counted).parse().unwrap()
    }

    fn pid(&self) -> u32 {
        self.pid()
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) {
        self.launch();
    }
}

impl Server for redis::server::Server {
    fn port(&self) -> u16 {
        self.port
    }

    fn performed(&self) -> u64 {
        self.calls("echo")
    }

    fn pid(&self) -> u32 {
        self.pid()
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) {
        self.restart();
    }
}

impl Server for s3::server::Server {
    fn port(&self) -> u16 {
        self.port
    }

    fn performed(&self) -> u64 {
        self.objects()
    }

    fn pid(&self) -> u32 {
        self.pid()
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) {
        self.restart();
    }
}
