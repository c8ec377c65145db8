//! A real Redis server on a free port, which ends with the test.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Folder, free_port, skip};

pub struct Server {
    child: Child,
    pub port: u16,
    folder: Folder,
    options: Vec<String>,
}

impl Server {
    /// Starts one with these options of `redis-server`; none where it is not installed.
    pub fn start(options: &[&str]) -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            skip("redis-server");
            return None;
        }
        let folder = Folder::new();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let (child, port) = (0..5).find_map(|_| {
            let port = free_port();
            Some((spawn(&folder, port, &options)?, port))
        })?;
        Some(Self { child, port, folder, options })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
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
        self.child = spawn(&self.folder, self.port, &self.options).expect("its port is free again");
    }

    /// What it answers, asked without any code of ours.
    pub fn ask(&self, command: &str) -> String {
        ask(self.port, command).unwrap()
    }

    /// How often it performed a command, as it counts itself.
    pub fn calls(&self, command: &str) -> u64 {
        let stats = self.ask("INFO commandstats");
        let key = format!("cmdstat_{command}:calls=");
        let count = stats.lines().find_map(|line| line.strip_prefix(&key)?.split(',').next()?.parse().ok());
        count.unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// `None` if it ended instead of answering.
fn spawn(folder: &Folder, port: u16, options: &[String]) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"])
        .arg(folder.path())
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while ask(port, "PING").is_none() {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().ok();
            child.wait().ok();
            panic!("redis-server does not answer");
        }
        thread::sleep(Duration::from_millis(10));
    }
    Some(child)
}

/// One inline command; `None` without a server.
pub fn ask(port: u16, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let Some(len) = line.trim_end().strip_prefix('$').and_then(|len| len.parse::<usize>().ok()) else {
        return Some(line.trim_end().to_owned());
    };
    let mut text = vec![0; len];
    stream.read_exact(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
