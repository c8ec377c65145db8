//! Services that were started by hand, which outlive the command that started them: what is known of each is in a file.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    Definition, Launched, Phase,
    launch::launch,
    log::{masked, tail},
    ready::{Awaited, Look},
};
use crate::cluster::{Launcher, Place, StopWith};
use crate::error::{Error, Result, nearest};
use crate::results::facts;

/// How long the end may take beyond the time that the service has for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of a log is read.
const MOST_LOG: u64 = 1 << 20;

/// A service that runs, as its file says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    pub schema: u32,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub url: String,
    pub host: String,
    pub ports: BTreeMap<String, u16>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<String, String>,
    /// The service's process.
    pub pid: u32,
    /// SIGTERM to this process ends the service; it is that one if it started then, in clock ticks since boot.
    pub guardian: u32,
    pub guardian_start: u64,
    pub launcher: String,
    pub command: Vec<String>,
    pub started_at: String,
    pub ready_s: f64,
    pub log: PathBuf,
    /// Its own, removed when it ends.
    pub folder: PathBuf,
    /// How it can be seen to be ready.
    pub ready: Vec<Awaited>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub stop: StopWith,
}

/// Starts a service that goes on without us.
pub fn start(definition: &Definition, launcher: &dyn Launcher, tell: &mut dyn FnMut(Phase)) -> Result<Kept> {
    let folder = folder()?;
    let name = &definition.name;
    if let Some(known) = all()?.into_iter().find(|known| known.name == *name) {
        return Err(Error::usage(format!("`{name}` runs already, at {}", known.url))
            .hint(format!("`benchscript service stop {name}` ends it; `--name OTHER` starts another one")));
    }
    let log = log(&folder, name);
    // That of the last time.
    fs::remove_file(&log).ok();
    let launched = launch(definition, launcher, &log, &CancellationToken::new(), tell)?;
    let guardian = launched.guarded.guardian();
    let kept = Kept::new(definition, &launched, guardian)?;
    let path = file(&folder, name);
    write(&path, &kept)?;
    // From here on it is the guardian that removes the file.
    launched.guarded.detach(&path).inspect_err(|_| drop(fs::remove_file(&path)))?;
    Ok(kept)
}

/// Those that run, by name. Files of those that ended without their guardian, as at a power cut, are removed.
pub fn all() -> Result<Vec<Kept>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder()?).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let kept = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        match kept {
            Some(kept) if kept.is_guarded() => found.push(kept),
            // It may just have ended by itself: then its guardian does this as well.
            Some(kept) => {
                kept.forget();
                fs::remove_file(&path).ok();
            }
            None => drop(fs::remove_file(&path)),
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The one of this name.
pub fn named(name: &str) -> Result<Kept> {
    let all = all()?;
    let names: Vec<&str> = all.iter().map(|kept| kept.name.as_str()).collect();
    let error = || {
        let error = Error::usage(format!("no service called `{name}` was started by hand"));
        match (nearest(name, &names), names.is_empty()) {
            (Some(near), _) => error.hint(format!("did you mean `{near}`?")),
            (None, true) => error.hint(format!("`benchscript service start {name}` starts one")),
            (None, false) => error.hint(format!("there are {}", names.join(", "))),
        }
    };
    all.iter().find(|kept| kept.name == name).cloned().ok_or_else(error)
}

/// What a service says, or said the last time it ran: at most the last MiB.
pub fn said(name: &str) -> Result<String> {
    let log = log(&folder()?, name);
    if !log.is_file() {
        // Says what there is.
        named(name)?;
    }
    Ok(tail(&log, MOST_LOG))
}

/// Where the file of a service is.
pub fn file_of(name: &str) -> Result<PathBuf> {
    Ok(file(&folder()?, name))
}

impl Kept {
    fn new(definition: &Definition, launched: &Launched, guardian: u32) -> Result<Self> {
        let gone = || Error::io("the guardian of the service is gone");
        Ok(Self {
            schema: 1,
            name: launched.name.clone(),
            version: launched.version.clone(),
            url: launched.url.clone(),
            host: launched.host.clone(),
            ports: launched.ports.clone(),
            credentials: launched.credentials.clone(),
            pid: launched.pid,
            guardian,
            guardian_start: facts::process_start(guardian).ok_or_else(gone)?,
            launcher: launched.launcher.to_owned(),
            command: launched.command.clone(),
            started_at: facts::rfc3339(launched.started_at),
            ready_s: launched.ready_after.as_secs_f64(),
            log: launched.log.clone(),
            folder: launched.guarded.folder().to_owned(),
            ready: launched.awaited.clone(),
            user: definition.user.clone(),
            stop: definition.stop_with()?,
        })
    }

    /// Removes its folder, if it is one that was made for it.
    fn forget(&self) {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("benchscript-") {
            fs::remove_dir_all(&self.folder).ok();
        }
    }

    fn is_guarded(&self) -> bool {
        facts::process_start(self.guardian) == Some(self.guardian_start)
    }

    /// What it is not ready for, and what was seen instead; none if it is ready.
    pub fn look(&self, launcher: &dyn Launcher) -> Result<Option<(String, String)>> {
        let folder = env::temp_dir().join(format!("benchscript-check-{}", facts::random_hex(4)));
        let place = Place { folder, files: BTreeMap::new(), user: self.user.clone(), stop: self.stop };
        let mut guarded = launcher.open(&place)?;
        for awaited in &self.ready {
            if let Look::Seen(seen) = awaited.look(&mut guarded, &CancellationToken::new())? {
                return Ok(Some((awaited.what(), masked(&seen, &self.credentials))));
            }
        }
        Ok(None)
    }

    /// Ends it, and waits until nothing of it is left.
    pub fn stop(&self) -> Result<()> {
        // SAFETY: a plain system call. The guardian is the process that it was: its start was compared when it was read.
        unsafe { libc::kill(self.guardian as libc::pid_t, libc::SIGTERM) };
        let until = Instant::now() + Duration::from_millis(self.stop.grace_ms) + PATIENCE;
        while self.is_guarded() {
            if Instant::now() > until {
                return Err(Error::io(format!("`{}` does not end", self.name)).hint(format!(
                    "its guardian is process {}, the service is {}",
                    self.guardian, self.pid
                )));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// The folder of the files, made if it is not there.
fn folder() -> Result<PathBuf> {
    let given = env::var_os("XDG_STATE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = given.or_else(home).map(|state| state.join("benchscript/services"));
    let folder = folder.ok_or_else(|| {
        Error::usage("there is no place for what is known of services").hint("set HOME or XDG_STATE_HOME")
    })?;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| Error::io(format!("cannot make `{}`", folder.display())).because(&error))?;
    Ok(folder)
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

/// For nobody else to read: it may hold credentials.
fn write(path: &Path, kept: &Kept) -> Result<()> {
    let text = serde_json::to_string_pretty(kept).unwrap_or_default();
    let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| writeln!(file, "{text}"));
    written.map_err(|error| Error::io(format!("cannot write `{}`", path.display())).because(&error))
}
