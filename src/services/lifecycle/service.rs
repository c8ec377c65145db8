//! A service of a run: started for it, watched, and ended with it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Definition, Launched, Phase,
    launch::launch,
    log::{masked, with_tail},
};
use crate::cluster::{Ended, Ending, Guarded, LocalProcesses};
use crate::error::{Error, Result};
use crate::host::{Child, Host, Stage};
use crate::measure::secrets;
use crate::results::{facts, schema::StartedService};

/// What is awaited is told again when it changes, but not more often than this.
const TELL: Duration = Duration::from_secs(2);

/// A running service, or one that ran.
pub struct Service {
    pub name: String,
    pub host: String,
    pub ports: BTreeMap<String, u16>,
    pub url: String,
    pub version: Option<String>,
    pub credentials: BTreeMap<String, String>,
    pub pid: u32,
    pub log: PathBuf,
    pub ready_after: Duration,
    /// Its place among those of the run.
    number: usize,
    guarded: Mutex<Option<Guarded>>,
    ending: Arc<Ending>,
    /// Its end has been noted. Held while it is: whoever else wants to note it waits until that is done.
    is_over: Mutex<bool>,
    is_stopped: AtomicBool,
}

/// Starts a service for the run and waits until it is ready; it ends with the run.
pub fn start(host: &Arc<Host>, definition: &Definition) -> Result<Arc<Service>> {
    let name = &definition.name;
    let logs = host.open_folder()?.join("logs");
    let taken = |number: usize| match number {
        1 => logs.join(format!("{name}.log")),
        number => logs.join(format!("{name}-{number}.log")),
    };
    let log = (1..).map(taken).find(|path| !path.exists()).expect("there are numbers enough");
    let launcher = LocalProcesses { program: host.settings.program.clone() };
    let mut told: Option<(Instant, String)> = None;
    let mut tell = |phase: Phase| match phase {
        Phase::Running(program) => host.stage(name, &Stage::Preparing { program: program.to_owned() }),
        Phase::Awaiting { what, seen } => {
            let is_new = told.as_ref().is_none_or(|(at, last)| last != seen && at.elapsed() >= TELL);
            if is_new {
                told = Some((Instant::now(), seen.to_owned()));
                host.stage(name, &Stage::Awaiting { what: what.to_owned(), seen: seen.to_owned() });
            }
        }
    };
    let launched = launch(definition, &launcher, &log, &host.cancel(), &mut tell)?;
    host.stage(
        name,
        &Stage::Ready { url: masked(&launched.url, &launched.credentials), after: launched.ready_after },
    );
    // Daemons are children of the guardian, and what it waited for counts as its own.
    host.add_process(&launched.name, launched.guarded.guardian());
    let number = host.add_service(record(definition, &launched));
    let service = Arc::new(Service {
        name: launched.name,
        host: launched.host,
        ports: launched.ports,
        url: launched.url,
        version: launched.version,
        credentials: launched.credentials,
        pid: launched.pid,
        log: launched.log,
        ready_after: launched.ready_after,
        number,
        ending: launched.guarded.ending(),
        guarded: Mutex::new(Some(launched.guarded)),
        is_over: Mutex::new(false),
        is_stopped: AtomicBool::new(false),
    });
    host.adopt(Box::new(Running { service: service.clone(), host: host.clone() }));
    let (watched, noted) = (service.clone(), host.clone());
    let watch = move || {
        let ended = watched.ending.wait();
        watched.lost(&noted, ended);
    };
    thread::Builder::new()
        .name("watch".to_owned())
        .spawn(watch)
        .map_err(|error| Error::io(format!("cannot watch `{name}`")).because(&error))?;
    Ok(service)
}

impl Service {
    pub fn is_running(&self) -> bool {
        !self.is_stopped.load(Ordering::Relaxed) && self.ending.now().is_none()
    }

    /// Ends it, and waits until nothing of it is left.
    pub fn stop(&self, host: &Host) {
        if let Some(ended) = self.ending.now() {
            self.lost(host, ended);
        }
        let mut is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *is_over, true) {
            self.is_stopped.store(true, Ordering::Relaxed);
            host.end_service(self.number, "stopped");
        }
        drop(is_over);
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// It ended by itself: the run cannot be what it was meant to be.
    fn lost(&self, host: &Host, ended: Ended) {
        let mut is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *is_over, true) {
            return;
        }
        host.end_service(self.number, &format!("ended by itself: {ended}"));
        let mut error = Error::unavailable(format!("`{}` ended by itself during the run", self.name));
        error.causes.push(ended.to_string());
        host.add_trouble(with_tail(error, &self.log, &self.credentials));
    }
}

fn record(definition: &Definition, launched: &Launched) -> StartedService {
    StartedService {
        name: launched.name.clone(),
        version: launched.version.clone(),
        endpoint: masked(&launched.url, &launched.credentials),
        ports: launched.ports.clone(),
        launcher: launched.launcher.to_owned(),
        command: launched.command.clone(),
        settings: secrets::masked(definition.settings.clone()),
        log: format!("logs/{}", launched.log.file_name().unwrap_or_default().to_string_lossy()),
        started_at: facts::rfc3339(launched.started_at),
        ready_at: facts::rfc3339(launched.started_at + launched.ready_after),
        ready_s: launched.ready_after.as_secs_f64(),
        ended_at: None,
        end: None,
    }
}

/// Ends a service with the run.
struct Running {
    service: Arc<Service>,
    host: Arc<Host>,
}

impl Child for Running {
    fn end(&mut self) {
        self.service.stop(&self.host);
    }
}
