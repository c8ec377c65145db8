//! A target in a process of its own, so that its CPU time is told apart from the load generator's.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::Value;

use super::Settings;
use crate::error::{Error, Result};

/// How long a started target may take to say that it is ready, and to answer a question.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running target. It ends when it is dropped, and when this process ends, however that happens: it reads the end
/// of a pipe that only this process holds.
pub struct TargetProcess {
    child: Child,
    pub url: String,
    port: u16,
}

impl TargetProcess {
    /// Starts `program target http` with `settings` and waits until it listens.
    pub fn start(program: &Path, settings: &Settings) -> Result<Self> {
        let settings = settings.clone().check()?;
        let text = serde_json::to_string(&settings)
            .map_err(|error| Error::io("cannot write the target's settings").because(&error))?;
        let failed = |what: &str| Error::unavailable(format!("cannot start the built-in target: {what}"));
        let mut child = Command::new(program)
            .args(["target", "http", "--settings", &text, "--until-stdin-ends"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C goes to a whole group; the target must outlast the load that uses it.
            .process_group(0)
            .spawn()
            .map_err(|error| failed(&format!("`{}`", program.display())).because(&error))?;
        let ready = first_line(&mut child);
        let told: Option<Value> = ready.as_deref().and_then(|line| serde_json::from_str(line).ok());
        let place = told.as_ref().and_then(|told| {
            Some((told["url"].as_str()?.to_owned(), u16::try_from(told["port"].as_u64()?).ok()?))
        });
        match place {
            Some((url, port)) => Ok(Self { child, url, port }),
            None => {
                child.kill().ok();
                let mut said = String::new();
                child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said));
                child.wait().ok();
                // It is this same program: an error and its hints.
                let mut lines = said.trim().lines();
                let first =
                    lines.next().map_or("it did not get ready", |line| line.trim_start_matches("error: "));
                let hints = lines.filter_map(|line| line.strip_prefix("hint: "));
                Err(hints.fold(failed(first), |error, hint| error.hint(hint)))
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The truth so far: what `/stats` says.
    pub fn stats(&self) -> Result<Value> {
        let body = self.ask("GET", "/stats")?;
        serde_json::from_str(&body).map_err(|error| self.odd("/stats").because(&error))
    }

    /// The log of requests, one JSON line each; empty unless `log` was set.
    pub fn log(&self) -> Result<String> {
        self.ask("GET", "/log")
    }

    /// Forgets what was recorded and starts counting anew.
    pub fn reset(&self) -> Result<()> {
        self.ask("POST", "/reset").map(drop)
    }

    fn ask(&self, method: &str, path: &str) -> Result<String> {
        let asked = (|| {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: target\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            std::io::Result::Ok(answer)
        })();
        let answer = asked.map_err(|error| {
            Error::unavailable(format!("the target at {} does not answer", self.url)).because(&error)
        })?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 20") => Ok(body.to_owned()),
            _ => Err(self.odd(path)),
        }
    }

    fn odd(&self, path: &str) -> Error {
        let place = format!("{}{path}", self.url);
        Error::new(
            crate::error::ErrorKind::Protocol,
            format!("the target's answer at `{place}` cannot be read"),
        )
    }

    /// Ends it now.
    pub fn stop(&mut self) {
        // Its own way out first: at the end of the pipe it leaves cleanly.
        drop(self.child.stdin.take());
        for _ in 0..50 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for TargetProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first line of the child's output; none if it ends or says nothing in time.
fn first_line(child: &mut Child) -> Option<String> {
    let stdout = child.stdout.take()?;
    let (said, line) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = BufReader::new(stdout).read_line(&mut text);
        if matches!(read, Ok(count) if count > 0) {
            said.send(text).ok();
        }
    });
    line.recv_timeout(PATIENCE).ok()
}
