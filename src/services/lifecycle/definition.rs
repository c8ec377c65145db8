//! A service definition: what to start, on which ports, and how to see that it is ready. Plain data.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plain::{commands, some_words, texts, words};
use crate::cluster::StopWith;
use crate::error::{Error, Result, nearest};
use crate::measure::Span;

/// In `command`, `before`, `after`, `ready`, `env`, `url` and `files` stand `{host}`, `{name}`, `{dir}`, `{data}`, each port
/// and each credential by its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What it is called in results and messages.
    pub name: String,
    /// The program and its arguments.
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The program ends well and leaves processes behind, which are the service.
    #[serde(default)]
    pub daemon: bool,
    /// On top of our own environment.
    #[serde(default, deserialize_with = "texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Texts by their path in `{dir}`.
    #[serde(default, deserialize_with = "texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// By name; 0 takes a free one. `port` is the one that `{url}` means.
    #[serde(default = "one_port")]
    pub ports: BTreeMap<String, u16>,
    /// Where the service's own folder is made; the system's temporary folder unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Commands that run to their end before it is started.
    #[serde(default, deserialize_with = "commands", skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Vec<String>>,
    /// Commands that run to their end once it is ready.
    #[serde(default, deserialize_with = "commands", skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Vec<String>>,
    pub ready: Ready,
    /// How long it may take to get ready, and each command of `before` and `after`.
    #[serde(default = "a_minute")]
    pub ready_timeout: Span,
    /// A command that says the version.
    #[serde(default, deserialize_with = "some_words", skip_serializing_if = "Option::is_none")]
    pub version: Option<Vec<String>>,
    /// Where clients find it: `http://{host}:{port}` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What a client must know and nobody else: never stored.
    #[serde(default, deserialize_with = "texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<String, String>,
    /// Whom it runs as where we are root; `nobody` where there is no such user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default)]
    pub stop: Stop,
    /// Where its programs may be besides the PATH; `*` stands for any name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// How its program is had, where it is not installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
    /// What the definition was made from, for the records of a run.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// A container image, and what is bound into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binds: Vec<String>,
}

/// `tcp`, `http`, `command`, `log`: all that are given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ready {
    /// The name of a port that accepts connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// What is sent there, and what the answer begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// A path, or a URL, that is answered with `status`: any of 200 to 299 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A command that succeeds, and what its output begins with.
    #[serde(deserialize_with = "some_words", skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// A text in its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// How it is asked to end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// `TERM`, `INT`, `QUIT` or `KILL`.
    pub signal: String,
    /// How long it may take before it is killed.
    pub grace: Span,
}

const SIGNALS: &[(&str, i32)] =
    &[("TERM", libc::SIGTERM), ("INT", libc::SIGINT), ("QUIT", libc::SIGQUIT), ("KILL", libc::SIGKILL)];

impl Default for Stop {
    fn default() -> Self {
        Self { signal: "TERM".to_owned(), grace: Span(Duration::from_secs(10)) }
    }
}

fn one_port() -> BTreeMap<String, u16> {
    [("port".to_owned(), 0)].into_iter().collect()
}

fn a_minute() -> Span {
    Span(Duration::from_secs(60))
}

impl Definition {
    /// Refuses what makes no sense, whether or not it is started here.
    pub fn check(self) -> Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(plain) {
            return Err(Error::usage(format!("a service cannot be called `{}`", self.name))
                .hint("its name is made of letters, digits, `_`, `-` and `.`"));
        }
        if self.command.is_empty() && self.image.is_none() {
            return Err(Error::usage(format!("`{}` needs the option `command`", self.name))
                .hint("an array of the program and its arguments"));
        }
        if !self.ports.contains_key("port") {
            return Err(Error::usage(format!("`ports` of `{}` needs one called `port`", self.name))
                .hint("it is the one that clients use"));
        }
        let outside = self.files.keys().find(|path| {
            path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..")
        });
        if let Some(path) = outside {
            return Err(Error::usage(format!("the file `{path}` does not lie in the service's folder")));
        }
        self.stop_with()?;
        self.ready.check(&self.name, &self.ports)?;
        Ok(self)
    }

    /// Refuses what a launcher of processes cannot do.
    pub fn as_process(&self) -> Result<()> {
        let given = [("image", self.image.is_some()), ("binds", !self.binds.is_empty())];
        match given.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((key, _)) => {
                Err(Error::usage(format!("cannot start `{}`: `{key}` is not supported yet", self.name)).hint(
                    "services are processes of this machine: give a `command` and leave the container out",
                ))
            }
        }
    }

    pub fn stop_with(&self) -> Result<StopWith> {
        let wanted = self.stop.signal.strip_prefix("SIG").unwrap_or(&self.stop.signal);
        let Some((_, signal)) = SIGNALS.iter().find(|(name, _)| *name == wanted) else {
            let names: Vec<&str> = SIGNALS.iter().map(|(name, _)| *name).collect();
            return Err(Error::usage(format!("`stop.signal` cannot be `{}`", self.stop.signal))
                .hint(format!("it may be {}", names.join(", "))));
        };
        Ok(StopWith { signal: *signal, grace_ms: self.stop.grace.0.as_millis() as u64 })
    }
}

impl Ready {
    fn check(&self, service: &str, ports: &BTreeMap<String, u16>) -> Result<()> {
        let ways = [self.tcp.is_some(), self.http.is_some(), self.command.is_some(), self.log.is_some()];
        if !ways.contains(&true) {
            return Err(Error::usage(format!("`ready` of `{service}` needs `tcp`, `http`, `command` or `log`"))
                .hint("`ready: #{ http: \"/health\" }`, `#{ tcp: \"port\" }`, `#{ command: [...] }`, `#{ log: \"...\" }`"));
        }
        let belongs = [
            ("send", self.send.is_some(), "tcp", self.tcp.is_some()),
            ("expect", self.expect.is_some(), "tcp", self.tcp.is_some()),
            ("status", self.status.is_some(), "http", self.http.is_some()),
            ("output", self.output.is_some(), "command", self.command.is_some()),
        ];
        if let Some((key, _, of, _)) = belongs.iter().find(|(_, given, _, there)| *given && !there) {
            return Err(Error::usage(format!("`ready.{key}` goes with `ready.{of}`")));
        }
        if let Some(http) = self.http.as_ref().filter(|http| http.starts_with("https:")) {
            return Err(Error::usage(format!("`ready.http` cannot be `{http}`: TLS is not supported there"))
                .hint("`tcp` or a `command` says whether it is up"));
        }
        match &self.tcp {
            Some(name) if !ports.contains_key(name) => {
                let known: Vec<&str> = ports.keys().map(String::as_str).collect();
                let error = Error::usage(format!("`ready.tcp` names no port: `{name}`"));
                Err(match nearest(name, &known) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(format!("ports: {}", known.join(", "))),
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Definition> {
        let read: Definition = serde_json::from_str(text).map_err(|error| Error::usage(error.to_string()))?;
        read.check()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let read = read(r#"{"name": "web", "command": ["serve", 80], "ready": {"http": "/"}}"#).unwrap();
        assert_eq!(read.command, ["serve", "80"]);
        assert_eq!(read.ports["port"], 0);
        assert_eq!((read.ready_timeout.seconds(), read.stop_with().unwrap().signal), (60.0, libc::SIGTERM));
        let again = serde_json::to_string(&read).unwrap();
        assert!(!again.contains("before") && serde_json::from_str::<Definition>(&again).is_ok(), "{again}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, said) in [
            (r#"{"name": "a/b", "command": ["x"], "ready": {"log": "x"}}"#, "cannot be called `a/b`"),
            (r#"{"name": "a", "ready": {"log": "x"}}"#, "needs the option `command`"),
            (r#"{"name": "a", "command": ["x"], "ready": {}}"#, "needs `tcp`"),
            (r#"{"name": "a", "command": ["x"], "ready": {"tcp": "prot"}}"#, "names no port: `prot`"),
            (
                r#"{"name": "a", "command": ["x"], "ready": {"log": "x", "status": 200}}"#,
                "goes with `ready.http`",
            ),
            (r#"{"name": "a", "command": ["x"], "ready": {"http": "https://h/"}}"#, "TLS is not supported"),
            (
                r#"{"name": "a", "command": ["x"], "ready": {"log": "x"}, "files": {"../x": ""}}"#,
                "does not lie in",
            ),
            (
                r#"{"name": "a", "command": ["x"], "ready": {"log": "x"}, "stop": {"signal": "HUP"}}"#,
                "cannot be `HUP`",
            ),
            (
                r#"{"name": "a", "command": ["x"], "ready": {"log": "x"}, "ports": {"http": 0}}"#,
                "needs one called `port`",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_container_is_data_that_is_not_started_here() {
        let read = read(r#"{"name": "a", "image": "redis:7", "ready": {"tcp": "port"}}"#).unwrap();
        assert!(read.as_process().unwrap_err().message.contains("`image` is not supported yet"));
    }
}
