//! Whether a service is ready: an answer over HTTP or TCP, a command that succeeds, a line of its log.

use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{definition::Ready, template::Values};
use crate::cluster::{Guarded, Task};
use crate::error::{Error, ErrorKind, Result};
use tokio_util::sync::CancellationToken;

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a command may take to say that the service is ready.
const COMMAND_PATIENCE: Duration = Duration::from_secs(10);

/// How much of an answer is read.
const MOST: u64 = 4096;

/// What is awaited, all names filled in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    Tcp { address: String, send: String, expect: String },
    Http { address: String, path: String, status: Option<u16> },
    Command { task: Task, output: String },
    Log { path: PathBuf, text: String },
}

/// What a look saw.
pub enum Look {
    Ready,
    /// Not yet: this instead.
    Seen(String),
}

impl Awaited {
    /// All that `ready` names. `address` finds a port by name, `task` makes a command runnable.
    pub fn all(
        ready: &Ready,
        values: &Values,
        url: &str,
        address: impl Fn(&str) -> String,
        task: impl Fn(&str, &[String]) -> Result<Task>,
        log: PathBuf,
    ) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        let filled = |field: &str, text: &Option<String>| {
            text.as_deref().map_or(Ok(String::new()), |text| values.strictly(field, text))
        };
        if let Some(port) = &ready.tcp {
            let (send, expect) = (filled("ready.send", &ready.send)?, filled("ready.expect", &ready.expect)?);
            all.push(Self::Tcp { address: address(port), send, expect });
        }
        if let Some(http) = &ready.http {
            let place = values.strictly("ready.http", http)?;
            let whole = match place.strip_prefix("http://") {
                Some(rest) => rest.to_owned(),
                // A path of the service's own address.
                None => match url.strip_prefix("http://") {
                    Some(rest) => format!("{}/{}", rest.trim_end_matches('/'), place.trim_start_matches('/')),
                    None => format!("{}/{}", address("port"), place.trim_start_matches('/')),
                },
            };
            let (address, path) = whole.split_once('/').unwrap_or((&whole, ""));
            let address = address.rsplit('@').next().unwrap_or_default();
            let address = if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
            all.push(Self::Http { address, path: format!("/{path}"), status: ready.status });
        }
        if let Some(command) = &ready.command {
            let task = task("ready.command", command)?;
            all.push(Self::Command { task, output: filled("ready.output", &ready.output)? });
        }
        if ready.log.is_some() {
            all.push(Self::Log { path: log, text: filled("ready.log", &ready.log)? });
        }
        Ok(all)
    }

    /// As a person reads it behind `waiting for`.
    pub fn what(&self) -> String {
        match self {
            Self::Tcp { address, expect, .. } if expect.is_empty() => format!("a connection to {address}"),
            Self::Tcp { address, expect, .. } => format!("`{}` from {address}", expect.trim()),
            Self::Http { address, path, status: None } => format!("HTTP 2xx from http://{address}{path}"),
            Self::Http { address, path, status: Some(status) } => {
                format!("HTTP {status} from http://{address}{path}")
            }
            Self::Command { task, output } => {
                let program =
                    task.command.first().map_or("", |program| program.rsplit('/').next().unwrap_or_default());
                let said = if output.is_empty() { "succeed".to_owned() } else { format!("say `{output}`") };
                format!("`{program}` to {said}")
            }
            Self::Log { text, .. } => format!("`{text}` in its log"),
        }
    }

    /// Looks once. Errors are those of Ctrl-C and of a guardian that is gone.
    pub fn look(&self, guarded: &mut Guarded, cancel: &CancellationToken) -> Result<Look> {
        Ok(match self {
            Self::Tcp { address, send, expect } => seen(ask_tcp(address, send, expect)),
            Self::Http { address, path, status } => seen(ask_http(address, path, *status)),
            Self::Log { path, text } => {
                let log = fs::read(path).unwrap_or_default();
                if String::from_utf8_lossy(&log).contains(text.as_str()) {
                    Look::Ready
                } else {
                    Look::Seen("not there yet".to_owned())
                }
            }
            Self::Command { task, output } => {
                let ran = match guarded.run(task, COMMAND_PATIENCE, cancel) {
                    Ok(ran) => ran,
                    Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
                    Err(error) => return Ok(Look::Seen(error.to_string())),
                };
                let said = ran.output.trim();
                let last = said.lines().last().unwrap_or_default().to_owned();
                match ran.ended {
                    _ if ran.succeeded() && said.starts_with(output.as_str()) => Look::Ready,
                    None => Look::Seen(format!("no end within {} s", COMMAND_PATIENCE.as_secs())),
                    Some(ended) if last.is_empty() => Look::Seen(ended.to_string()),
                    Some(_) => Look::Seen(last),
                }
            }
        })
    }
}

fn seen(outcome: io::Result<Option<String>>) -> Look {
    match outcome {
        Ok(None) => Look::Ready,
        Ok(Some(instead)) => Look::Seen(instead),
        Err(error) => Look::Seen(said(&error)),
    }
}

/// What the system says, as our messages do.
fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no answer within {} s", PATIENCE.as_secs())
        }
        io::ErrorKind::UnexpectedEof => "closed without an answer".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let place = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let stream = TcpStream::connect_timeout(&place, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// What was seen instead of what was expected.
fn ask_tcp(address: &str, send: &str, expect: &str) -> io::Result<Option<String>> {
    let mut stream = connect(address)?;
    stream.write_all(send.as_bytes())?;
    if expect.is_empty() {
        return Ok(None);
    }
    let answer = read_up_to(&mut stream, |so_far| so_far.len() >= expect.len())?;
    let first = answer.lines().next().unwrap_or_default();
    Ok((!answer.starts_with(expect)).then(|| format!("`{first}`")))
}

fn ask_http(address: &str, path: &str, wanted: Option<u16>) -> io::Result<Option<String>> {
    let mut stream = connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\nconnection: close\r\n\r\n")?;
    let answer = read_up_to(&mut stream, |so_far| so_far.contains(&b'\n'))?;
    let first = answer.lines().next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|code| code.parse::<u16>().ok());
    let Some(status) = status else { return Ok(Some(format!("no HTTP: `{first}`"))) };
    let is_it = wanted.map_or((200..300).contains(&status), |wanted| wanted == status);
    Ok((!is_it).then(|| format!("HTTP {status}")))
}

/// Reads until it is enough, at least something.
fn read_up_to(stream: &mut TcpStream, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<String> {
    let mut answer = Vec::new();
    let mut piece = [0; 512];
    while !is_enough(&answer) && (answer.len() as u64) < MOST {
        match stream.read(&mut piece)? {
            0 if answer.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            0 => break,
            count => answer.extend_from_slice(&piece[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The error for a service that does not get ready in its time.
pub fn too_late(service: &str, limit: &str, awaited: &Awaited, last: &str) -> Error {
    let mut error = Error::unavailable(format!("`{service}` was not ready within {limit}"));
    error.causes.push(format!("waited for {}, last seen: {last}", awaited.what()));
    error
}
