//! From a definition to a service that is ready.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf, absolute},
    thread,
    time::{Duration, Instant, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::{
    Definition,
    log::{masked, with_lines, with_tail},
    ports,
    ready::{Awaited, Look, too_late},
    template::Values,
};
use crate::cluster::{Ended, Guarded, Launcher, Place, Ran, Task, programs};
use crate::error::{Error, Result};
use crate::results::facts;

/// Between two looks whether it is ready: short at first, since some are ready at once.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long a program may take to say its version.
const VERSION_PATIENCE: Duration = Duration::from_secs(20);

/// How far the start is.
pub enum Phase<'a> {
    /// A command runs to its end.
    Running(&'a str),
    /// What is awaited, and what was seen instead.
    Awaiting { what: &'a str, seen: &'a str },
}

/// A service that is ready; dropped, it ends.
pub struct Launched {
    pub name: String,
    pub host: String,
    pub ports: BTreeMap<String, u16>,
    pub url: String,
    pub version: Option<String>,
    pub credentials: BTreeMap<String, String>,
    pub pid: u32,
    pub log: PathBuf,
    pub launcher: &'static str,
    /// As it was started, without credentials.
    pub command: Vec<String>,
    pub started_at: SystemTime,
    /// From its start until it was ready.
    pub ready_after: Duration,
    pub awaited: Vec<Awaited>,
    pub guarded: Guarded,
}

/// Starts what `definition` describes and waits until it is ready, telling how far it is. What it says goes into the file
/// `log`. Where it fails, nothing is left of it.
pub fn launch(
    definition: &Definition,
    launcher: &dyn Launcher,
    log: &Path,
    cancel: &CancellationToken,
    tell: &mut dyn FnMut(Phase),
) -> Result<Launched> {
    definition.as_process()?;
    let start = Start::new(definition, launcher, log)?;
    let tasks = |field: &str, commands: &[Vec<String>]| -> Result<Vec<Task>> {
        commands.iter().map(|command| start.task(field, command)).collect()
    };
    // All that can be wrong with it is, before anything happens.
    let main = start.task("command", &definition.command)?;
    let before = tasks("before", &definition.before)?;
    let after = tasks("after", &definition.after)?;
    let version = definition.version.as_ref().map(|command| start.task("version", command)).transpose()?;
    let awaited = start.awaited()?;
    let mut guarded = launcher.open(&start.place()?).map_err(|error| start.failed(error))?;
    start.run_all("before", &before, &mut guarded, cancel, tell)?;
    let (started, started_at) = (Instant::now(), SystemTime::now());
    let pid = guarded.start(&main, &start.log, definition.daemon).map_err(|error| start.failed(error))?;
    let until = started + definition.ready_timeout.0;
    for awaited in &awaited {
        start.wait(awaited, until, &mut guarded, cancel, tell)?;
    }
    let ready_after = started.elapsed();
    start.run_all("after", &after, &mut guarded, cancel, tell)?;
    let version = match version {
        Some(task) => {
            version_in(&guarded.run(&task, VERSION_PATIENCE, cancel).map_err(|error| start.failed(error))?)
        }
        None => None,
    };
    Ok(Launched {
        name: definition.name.clone(),
        host: start.host.clone(),
        ports: start.ports.clone(),
        url: start.url.clone(),
        version,
        credentials: definition.credentials.clone(),
        pid,
        log: start.log.clone(),
        launcher: launcher.word(),
        command: main.command.iter().map(|word| start.masked(word)).collect(),
        started_at,
        ready_after,
        awaited,
        guarded,
    })
}

/// The ports and the URL that a service would have in a plan, where free ports are not known; refuses what a start would
/// refuse on any machine.
pub fn rehearse(definition: &Definition, host: &str) -> Result<(BTreeMap<String, u16>, String)> {
    definition.as_process()?;
    let ports = definition.ports.iter().map(|(name, port)| (name.clone(), (*port).max(1))).collect();
    let anywhere = Definition { data_dir: None, ..definition.clone() };
    let start = Start::with(&anywhere, host.to_owned(), ports, Path::new("log"))?;
    start.words("command", &definition.command)?;
    for (field, commands) in [("before", &definition.before), ("after", &definition.after)] {
        commands.iter().try_for_each(|command| start.words(field, command).map(drop))?;
    }
    start.words("version", definition.version.as_deref().unwrap_or_default())?;
    start.words("ready.command", definition.ready.command.as_deref().unwrap_or_default())?;
    for value in definition.env.values() {
        start.values.strictly("env", value)?;
    }
    let Start { ports, url, .. } = start;
    Ok((ports, url))
}

/// A definition with all that was decided about this start.
struct Start<'a> {
    definition: &'a Definition,
    host: String,
    ports: BTreeMap<String, u16>,
    folder: PathBuf,
    values: Values,
    url: String,
    log: PathBuf,
}

impl<'a> Start<'a> {
    fn new(definition: &'a Definition, launcher: &dyn Launcher, log: &Path) -> Result<Self> {
        let host = launcher.host();
        let ports = ports::take(&definition.name, &host, &definition.ports)?;
        Self::with(definition, host, ports, log)
    }

    fn with(
        definition: &'a Definition,
        host: String,
        ports: BTreeMap<String, u16>,
        log: &Path,
    ) -> Result<Self> {
        let name = &definition.name;
        let parent = definition.data_dir.clone().unwrap_or_else(env::temp_dir);
        if !parent.is_dir() {
            return Err(Error::usage(format!("cannot start `{name}`: `{}` is no folder", parent.display()))
                .hint("its own folder is made there, and removed when it ends"));
        }
        let inside = |path: PathBuf| {
            let whole = absolute(&path);
            whole.map_err(|error| Error::io(format!("cannot use `{}`", path.display())).because(&error))
        };
        let folder = inside(parent.join(format!("benchscript-{name}-{}", facts::random_hex(4))))?;
        let log = inside(log.to_owned())?;
        let mut values = Values::default();
        values.set("host", &host);
        values.set("name", name);
        values.set("dir", folder.display());
        values.set("data", folder.join("data").display());
        ports.iter().for_each(|(name, port)| values.set(name, port));
        definition.credentials.iter().for_each(|(name, value)| values.set(name, value));
        let url = definition.url.as_deref().unwrap_or("http://{host}:{port}");
        let url = values.strictly("url", url)?;
        Ok(Self { definition, host, ports, folder, values, url, log })
    }

    fn place(&self) -> Result<Place> {
        let files = self.definition.files.iter();
        Ok(Place {
            folder: self.folder.clone(),
            files: files.map(|(path, text)| (path.clone(), self.values.loosely(text))).collect(),
            user: self.definition.user.clone(),
            stop: self.definition.stop_with()?,
        })
    }

    fn awaited(&self) -> Result<Vec<Awaited>> {
        let address =
            |port: &str| format!("{}:{}", self.host, self.ports.get(port).copied().unwrap_or_default());
        let task = |field: &str, command: &[String]| self.task(field, command);
        Awaited::all(&self.definition.ready, &self.values, &self.url, address, task, self.log.clone())
    }

    fn words(&self, field: &str, command: &[String]) -> Result<Vec<String>> {
        command.iter().map(|word| self.values.strictly(field, word)).collect()
    }

    fn task(&self, field: &str, command: &[String]) -> Result<Task> {
        let mut words = self.words(field, command)?;
        let program = words.first_mut().ok_or_else(|| Error::usage(format!("`{field}` names no program")))?;
        let found = programs::find(program, &self.definition.search).ok_or_else(|| self.missing(program))?;
        *program = absolute(&found).unwrap_or(found).display().to_string();
        let env = self.definition.env.iter();
        let env = env.map(|(name, value)| Ok((name.clone(), self.values.strictly("env", value)?)));
        Ok(Task { command: words, env: env.collect::<Result<_>>()? })
    }

    fn missing(&self, program: &str) -> Error {
        let name = &self.definition.name;
        let error = Error::unavailable(format!("cannot start `{name}`: `{program}` is not installed here"));
        match &self.definition.install {
            Some(how) => error.hint(how.clone()),
            None => error.hint("install it, or give its path"),
        }
    }

    fn run_all(
        &self,
        field: &str,
        tasks: &[Task],
        guarded: &mut Guarded,
        cancel: &CancellationToken,
        tell: &mut dyn FnMut(Phase),
    ) -> Result<()> {
        for task in tasks {
            let program =
                task.command.first().map_or("", |program| program.rsplit('/').next().unwrap_or_default());
            tell(Phase::Running(program));
            let limit = self.definition.ready_timeout;
            let ran = guarded.run(task, limit.0, cancel).map_err(|error| self.failed(error))?;
            if ran.succeeded() {
                continue;
            }
            let how = ran.ended.map_or(format!("no end within {limit}"), |ended| ended.to_string());
            let name = &self.definition.name;
            let mut error =
                Error::unavailable(format!("cannot start `{name}`: `{program}` of `{field}` failed"));
            error.causes.push(how);
            return Err(with_lines(error, "it said", &self.masked(&ran.output)));
        }
        Ok(())
    }

    fn wait(
        &self,
        awaited: &Awaited,
        until: Instant,
        guarded: &mut Guarded,
        cancel: &CancellationToken,
        tell: &mut dyn FnMut(Phase),
    ) -> Result<()> {
        let limit = self.definition.ready_timeout;
        let ending = guarded.ending();
        let what = awaited.what();
        let mut pause = FIRST_PAUSE;
        loop {
            let look = awaited.look(guarded, cancel)?;
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            // Whoever answered, it was not this one.
            if let Some(ended) = ending.now() {
                return Err(self.ended(ended));
            }
            let seen = match look {
                Look::Ready => return Ok(()),
                Look::Seen(seen) => self.masked(&seen),
            };
            tell(Phase::Awaiting { what: &what, seen: &seen });
            if Instant::now() >= until {
                let error = too_late(&self.definition.name, &limit.to_string(), awaited, &seen);
                let error = error.hint("`ready_timeout: \"5m\"` waits longer");
                return Err(with_tail(error, &self.log, &self.definition.credentials));
            }
            thread::sleep(pause.min(until.saturating_duration_since(Instant::now())));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn ended(&self, ended: Ended) -> Error {
        let mut error = Error::unavailable(format!("`{}` ended before it was ready", self.definition.name));
        error.causes.push(ended.to_string());
        if ended == Ended::Exit(0) && !self.definition.daemon {
            error =
                error.hint("`daemon: true` is for a program that ends well and goes on in the background");
        }
        with_tail(error, &self.log, &self.definition.credentials)
    }

    fn failed(&self, error: Error) -> Error {
        let about = format!("cannot start `{}`: ", self.definition.name);
        Error { message: format!("{about}{}", error.message), ..error }
    }

    fn masked(&self, text: &str) -> String {
        masked(text, &self.definition.credentials)
    }
}

/// The first word that looks like a version, else the first line.
fn version_in(ran: &Ran) -> Option<String> {
    let first = ran.output.lines().find(|line| !line.trim().is_empty()).filter(|_| ran.succeeded())?;
    let version = first.split_whitespace().find_map(|word| {
        let word = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let number = word[..end].trim_end_matches('.');
        number.contains('.').then(|| number.to_owned())
    });
    Some(version.unwrap_or_else(|| first.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (said, version) in [
            ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n", "15.13"),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n", "7.0.15"),
            ("\nversion 30GB 4.48 abc linux amd64", "4.48"),
            (
                "minio version RELEASE.2024-01-01T00-00-00Z (commit-id=x)",
                "minio version RELEASE.2024-01-01T00-00-00Z (commit-id=x)",
            ),
        ] {
            let ran = Ran { ended: Some(Ended::Exit(0)), output: said.to_owned() };
            assert_eq!(version_in(&ran).as_deref(), Some(version));
        }
    }
}
