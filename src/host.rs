//! What one run owns: its settings, cancel token, run folder, results, children, and the way to show progress.

use std::{
    any::Any,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::load::{Answer, Caller, Operation, Turn};
use crate::measure::{Failure, Span, secrets};
use crate::probes::Started;
use crate::results::{
    NewRun, Outcome, RunFolder, facts,
    schema::{Check, Meta, StartedService, Status},
};

/// What the command line decided.
#[derive(Debug, Clone)]
pub struct Settings {
    pub seed: u64,
    /// Whether a person chose the seed: then a scenario's own does not count.
    pub seed_given: bool,
    /// Where `results/` and `reports/` lie.
    pub out: PathBuf,
    /// `-p name=value`, as written.
    pub parameters: Vec<(String, String)>,
    /// `--lib` folders.
    pub libraries: Vec<PathBuf>,
    /// The benchscript executable, to start the built-in target with.
    pub program: PathBuf,
    /// Which trials of a declared scenario are run.
    pub pick: Pick,
    /// Texts of imports that are used in place of the files they were read from: of a stored run, by their path then.
    pub bundle: Option<BTreeMap<String, String>>,
}

/// Which trials of a declared scenario are run.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    /// `--only NAME=VALUE`, as written.
    pub only: Vec<String>,
    /// The one of this number, in the folder that its run has already.
    pub index: Option<u32>,
}

/// Whether effects happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `run` and `repl`.
    Run,
    /// `check` and `plan`: loads are noted, not made; the first thing whose answer decides what follows ends it.
    Plan,
}

/// A part of a trial, or of a service's start, that a person may want to know of while it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Preparing and opening this many sessions.
    Opening {
        sessions: u64,
    },
    Warmup {
        length: Span,
    },
    /// Until so long has passed, or so many calls were made.
    Measuring {
        length: Option<Span>,
        requests: Option<u64>,
    },
    Writing,
    /// The trial is over.
    Done,
    /// Of a service: a program runs before it is started, or once it is ready.
    Preparing {
        program: String,
    },
    /// Of a service that is not ready yet: what is awaited, and what was seen last.
    Awaiting {
        what: String,
        seen: String,
    },
    /// Of a service.
    Ready {
        url: String,
        after: Duration,
    },
}

impl Stage {
    /// As the log of events names it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Opening { .. } => "opening",
            Self::Warmup { .. } => "warmup",
            Self::Measuring { .. } => "measuring",
            Self::Writing => "writing",
            Self::Done => "done",
            Self::Preparing { .. } => "preparing",
            Self::Awaiting { .. } => "awaiting",
            Self::Ready { .. } => "ready",
        }
    }

    /// Whose stage it is.
    fn owner(&self) -> &'static str {
        match self {
            Self::Preparing { .. } | Self::Awaiting { .. } | Self::Ready { .. } => "service",
            _ => "trial",
        }
    }
}

/// A running load, once a second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// Since the start of the load.
    pub elapsed_s: u64,
    /// Calls that ended in the last second, and failures among them.
    pub calls: u64,
    pub failures: u64,
    /// Failures since the start.
    pub all_failures: u64,
    pub in_flight: u64,
    /// Response times of the last second; none if nothing succeeded.
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

/// Shows a person what goes on. The command line draws it, tests listen.
pub trait Progress: Send + Sync {
    /// A trial or a service entered a stage.
    fn stage(&self, name: &str, stage: &Stage);

    fn live(&self, trial: &str, live: &Live);

    /// Something a person should know at once.
    fn note(&self, text: &str);

    /// What the script printed.
    fn print(&self, text: &str);
}

/// A load as `plan` shows it.
#[derive(Debug, Clone)]
pub struct PlannedLoad {
    pub name: String,
    /// The configuration that would be stored.
    pub config: Map<String, Value>,
    /// Warm-up and measured window, in seconds; none where a number of requests ends it.
    pub seconds: Option<f64>,
}

/// A declared trial as `plan` shows it.
#[derive(Debug, Clone)]
pub struct PlannedTrial {
    pub index: u32,
    pub label: String,
    pub repetition: u32,
    pub seed: u64,
    /// What it asks of a cluster, in one line.
    pub resources: String,
    pub loads: Vec<PlannedLoad>,
    /// What keeps its loads from being known before it runs.
    pub unknown: Option<String>,
}

/// A parameter that the script asked for.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: String,
    pub default: Value,
    pub value: Value,
}

/// A declared trial while it runs: its loads are no trials of their own.
pub struct Unit {
    pub path: PathBuf,
    pub meta: Meta,
    /// How progress names it.
    pub label: String,
    /// What was measured so far, and where it lies.
    pub loads: Vec<(PathBuf, Arc<Outcome>)>,
}

/// Something a run started and has to end: a server, a temporary folder.
pub trait Child: Send {
    /// Ends it; called once, however the run ends.
    fn end(&mut self);
}

pub struct Host {
    pub settings: Settings,
    pub mode: Mode,
    pub progress: Box<dyn Progress>,
    cancel: Mutex<CancellationToken>,
    /// The same as a flag, for scripts: they ask at every step.
    interrupted: AtomicBool,
    /// As if interrupted, because a trial took too long.
    expired: AtomicBool,
    /// The top level of a declared scenario runs: nothing may have an effect.
    declaring: AtomicBool,
    /// Of what is drawn now: the run's, or that of a declared trial.
    seed: AtomicU64,
    caller: OnceLock<Caller>,
    state: Mutex<State>,
}

/// What grows while the script runs.
#[derive(Default)]
pub struct State {
    /// What a run folder is made of, until the first use makes it.
    new_run: Option<NewRun>,
    pub folder: Option<RunFolder>,
    /// Of loads that are trials, and of declared trials that are done.
    pub outcomes: Vec<Arc<Outcome>>,
    pub trials: u32,
    /// The declared trial that runs.
    pub unit: Option<Unit>,
    /// Declared trials that are not done, with the reason: failed or left out.
    pub undone: Vec<Meta>,
    /// Imports that were read before there was a folder.
    imports: Vec<(String, String)>,
    pub checks: Vec<Check>,
    pub parameters: Vec<Parameter>,
    /// The script's own metrics since the last load: they go into the extras of the next one's results.
    pub metrics: Map<String, Value>,
    /// All of them, for the run.
    pub all_metrics: Map<String, Value>,
    pub planned: Vec<PlannedLoad>,
    /// What `scenario(...)` declared, until it is taken: the layers above know what it is.
    pub declared: Option<Box<dyn Any + Send>>,
    /// In a plan: the trials of a declared scenario.
    pub planned_trials: Vec<PlannedTrial>,
    /// In a plan: what is worth knowing of a declared scenario before it runs.
    pub plan_notes: Vec<String>,
    /// In a plan: seconds of rest between its trials.
    pub cooldown_s: f64,
    /// In a plan: the names of the services that would be started.
    pub planned_services: Vec<String>,
    /// What was started, in order.
    pub services: Vec<StartedService>,
    /// The processes of what was started, for the probes.
    processes: Vec<Started>,
    /// What went wrong beside the script: services that ended by themselves.
    pub troubles: Vec<Error>,
    /// In a plan: numbers of a load that was not made were read.
    pub read_unmeasured: bool,
    /// In a plan: what stopped it before the end of the script.
    pub plan_ends_at: Option<String>,
    /// Operations that single calls prepared; cleaned up at the end.
    prepared: Vec<Arc<dyn Operation>>,
    children: Vec<Box<dyn Child>>,
}

impl Host {
    pub fn new(settings: Settings, mode: Mode, progress: Box<dyn Progress>) -> Arc<Self> {
        Arc::new(Self {
            mode,
            progress,
            cancel: Mutex::default(),
            interrupted: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            declaring: AtomicBool::new(false),
            seed: AtomicU64::new(settings.seed),
            settings,
            caller: OnceLock::new(),
            state: Mutex::default(),
        })
    }

    /// What the script has made so far. Not held across anything that waits.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    /// Set by Ctrl-C; every wait in the program listens to it.
    pub fn cancel(&self) -> CancellationToken {
        self.cancel.lock().expect("nothing panics while it holds the token").clone()
    }

    /// Stops what runs: Ctrl-C, SIGTERM.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
        self.cancel().cancel();
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.has_expired()
    }

    /// Stops what runs as a trial that takes too long.
    pub fn expire(&self) {
        self.expired.store(true, Ordering::Relaxed);
        self.cancel().cancel();
    }

    pub fn has_expired(&self) -> bool {
        self.expired.load(Ordering::Relaxed)
    }

    /// After a trial that took too long: the next one starts fresh, unless a person interrupts as well.
    pub fn renew(&self) {
        self.expired.store(false, Ordering::Relaxed);
        if !self.interrupted.load(Ordering::Relaxed) {
            self.rearm();
        }
    }

    /// After an interrupted line of the REPL: the next one starts fresh.
    pub fn rearm(&self) {
        let mut cancel = self.cancel.lock().expect("nothing panics while it holds the token");
        if cancel.is_cancelled() {
            *cancel = CancellationToken::new();
        }
        self.interrupted.store(false, Ordering::Relaxed);
    }

    /// Of payloads, arrivals and whatever else is drawn now.
    pub fn seed(&self) -> u64 {
        self.seed.load(Ordering::Relaxed)
    }

    pub fn set_seed(&self, seed: u64) {
        self.seed.store(seed, Ordering::Relaxed);
    }

    /// Whether the top level of a declared scenario runs.
    pub fn is_declaring(&self) -> bool {
        self.declaring.load(Ordering::Relaxed)
    }

    pub fn set_declaring(&self, declaring: bool) {
        self.declaring.store(declaring, Ordering::Relaxed);
    }

    pub fn is_planning(&self) -> bool {
        self.mode == Mode::Plan
    }

    /// Tells a person, and the log of the run, that a trial or a service entered a stage.
    pub fn stage(&self, name: &str, stage: &Stage) {
        self.log("stage", serde_json::json!({ stage.owner(): name, "stage": stage.word() }));
        self.progress.stage(name, stage);
    }

    /// Tells a person, and the log of the run, something worth knowing.
    pub fn note(&self, text: &str) {
        self.log("note", serde_json::json!({ "text": text }));
        self.progress.note(text);
    }

    fn log(&self, event: &str, fields: Value) {
        if let Some(folder) = &self.state().folder {
            folder.log(event, fields);
        }
    }

    /// What the run folder will be made of. It is made at once by [`Host::open_folder`] or by the first trial.
    pub fn describe_run(&self, new: NewRun) {
        self.state().new_run = Some(new);
    }

    /// Makes the run folder if there is none yet; returns its path.
    pub fn open_folder(&self) -> Result<PathBuf> {
        let mut state = self.state();
        if let Some(new) = state.new_run.take() {
            let mut folder = RunFolder::create(&self.settings.out, new)?;
            // In the REPL there may be some before the first load.
            folder.run.checks.clone_from(&state.checks);
            folder.run.metrics.clone_from(&state.all_metrics);
            folder.run.services.clone_from(&state.services);
            let known = state.parameters.iter().map(|known| (known.name.clone(), known.value.clone()));
            folder.run.parameters.extend(secrets::masked(known.collect()));
            for (path, text) in std::mem::take(&mut state.imports) {
                folder.add_import(&path, &text)?;
            }
            state.folder = Some(folder);
        }
        let folder = state.folder.as_ref();
        folder
            .map(|folder| folder.path.clone())
            .ok_or_else(|| Error::io("this run has no folder for its results"))
    }

    /// Goes on in a folder that a run has already.
    pub fn reopen_folder(&self, path: &Path) -> Result<()> {
        let mut state = self.state();
        state.folder = Some(RunFolder::reopen(path, &self.settings.out)?);
        state.new_run = None;
        Ok(())
    }

    /// Keeps the text of an imported file with the run.
    pub fn add_import(&self, path: &str, text: &str) -> Result<()> {
        let mut state = self.state();
        match &mut state.folder {
            Some(folder) => folder.add_import(path, text),
            None => {
                state.imports.push((path.to_owned(), text.to_owned()));
                Ok(())
            }
        }
    }

    /// What the declaration says of the run, before it has a folder.
    pub fn describe(&self, change: impl FnOnce(&mut NewRun)) {
        if let Some(new) = &mut self.state().new_run {
            change(new);
        }
    }

    /// Notes a check; its outcome decides the exit code.
    pub fn add_check(&self, check: Check) {
        let mut state = self.state();
        if let Some(folder) = &mut state.folder {
            folder.add_check(check.clone());
        }
        state.checks.push(check);
    }

    /// Notes a number of the script's own, for the run and for the next load.
    pub fn add_metric(&self, name: &str, number: Value) {
        let mut state = self.state();
        if let Some(folder) = &mut state.folder {
            folder.run.metrics.insert(name.to_owned(), number.clone());
        }
        state.all_metrics.insert(name.to_owned(), number.clone());
        state.metrics.insert(name.to_owned(), number);
    }

    /// Notes a service that was started; returns its number.
    pub fn add_service(&self, service: StartedService) -> usize {
        let mut state = self.state();
        state.services.push(service);
        self.save_services(&mut state);
        state.services.len() - 1
    }

    /// Notes that process `pid`, with all below it, is the service `name`: loads tell what it uses.
    pub fn add_process(&self, name: &str, pid: u32) {
        self.state().processes.push(Started::new(name, pid));
    }

    /// The processes of what was started; some may have ended.
    pub fn processes(&self) -> Vec<Started> {
        self.state().processes.clone()
    }

    /// Notes how the service of this number ended.
    pub fn end_service(&self, number: usize, how: &str) {
        let mut state = self.state();
        if let Some(service) = state.services.get_mut(number) {
            service.ended_at = Some(facts::now());
            service.end = Some(how.to_owned());
        }
        self.save_services(&mut state);
    }

    fn save_services(&self, state: &mut State) {
        let State { folder, services, .. } = state;
        if let Some(folder) = folder {
            folder.run.services.clone_from(services);
            // If it cannot be written, the end of the run says so, which writes it again.
            folder.save().ok();
        }
    }

    /// Notes, and tells, what keeps the run from being what it was meant to be.
    pub fn add_trouble(&self, error: Error) {
        self.note(&error.to_string());
        self.state().troubles.push(error);
    }

    /// Hands over something that has to be ended with the run.
    pub fn adopt(&self, child: Box<dyn Child>) {
        self.state().children.push(child);
    }

    /// Performs `operation` once, as `op.run()` does, and waits for its answer or Ctrl-C.
    pub fn call(
        &self,
        operation: &Arc<dyn Operation>,
        turn: Turn,
        timeout: Duration,
    ) -> Result<Result<Answer, Failure>> {
        let known = self.state().prepared.iter().any(|prepared| Arc::ptr_eq(prepared, operation));
        if !known {
            self.state().prepared.push(operation.clone());
            operation.prepare(self.seed(), &self.cancel())?;
        }
        if self.caller.get().is_none() {
            // Only the script's thread comes here, so none is started twice.
            self.caller.set(Caller::start()?).ok();
        }
        let caller = self.caller.get().expect("set above");
        caller.call(operation, turn, timeout, &self.cancel())
    }

    /// Waits, or until Ctrl-C.
    pub fn sleep(&self, length: Duration) -> Result<()> {
        let cancel = self.cancel();
        let end = std::time::Instant::now() + length;
        // In short steps: this thread has no event loop, and nobody notices 20 ms at Ctrl-C.
        const STEP: Duration = Duration::from_millis(20);
        loop {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            let left = end.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(STEP));
        }
    }

    /// Ends everything the run started, last first.
    pub fn end_children(&self) {
        let (children, prepared) = {
            let mut state = self.state();
            (std::mem::take(&mut state.children), std::mem::take(&mut state.prepared))
        };
        for mut child in children.into_iter().rev() {
            child.end();
        }
        for operation in prepared {
            if let Err(error) = operation.cleanup() {
                self.note(&format!("cannot clean up after `{}`: {error}", operation.name()));
            }
        }
    }

    /// Marks the end of the run in its folder, if it has one.
    pub fn end_run(&self, status: Status, reason: Option<String>) -> Result<()> {
        match &mut self.state().folder {
            Some(folder) => folder.end(status, reason),
            None => Ok(()),
        }
    }
}
