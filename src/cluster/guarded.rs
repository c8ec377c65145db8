//! Our end of a guardian: orders go in, answers come out; dropping it ends what the guardian started.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::message::{Ended, Order, Place, Ran, Said, Task};
use crate::error::{Error, Result};

/// How long the guardian may take to answer what it can answer at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(20);

pub struct Guarded {
    guardian: Child,
    orders: Option<ChildStdin>,
    answers: mpsc::Receiver<Said>,
    ending: Arc<Ending>,
    /// How long the guardian may take to end.
    patience: Duration,
    /// The place's.
    folder: PathBuf,
}

/// The end of what was started, as it becomes known.
#[derive(Default)]
pub struct Ending {
    ended: Mutex<Option<Ended>>,
    changed: Condvar,
}

impl Guarded {
    /// Takes over a guardian that was just started, its stdin and stdout piped, and has it make the place.
    pub(super) fn new(mut guardian: Child, place: &Place) -> Result<Self> {
        let orders = guardian.stdin.take();
        let output = guardian.stdout.take().ok_or_else(|| Error::io("the guardian's output is not piped"))?;
        let ending = Arc::new(Ending::default());
        let (sender, answers) = mpsc::channel();
        let heard = ending.clone();
        let listen = move || listen(output, &sender, &heard);
        thread::Builder::new()
            .name("guardian".to_owned())
            .spawn(listen)
            .map_err(|error| Error::io("cannot start a thread").because(&error))?;
        // It kills after the grace, and that takes a while for large processes.
        let patience = Duration::from_millis(place.stop.grace_ms) + PATIENCE;
        let mut guarded = Self { guardian, orders, answers, ending, patience, folder: place.folder.clone() };
        guarded.order(&Order::Open(place.clone()))?;
        guarded.answer(PATIENCE, &CancellationToken::new())?;
        Ok(guarded)
    }

    /// The guardian's process.
    pub fn guardian(&self) -> u32 {
        self.guardian.id()
    }

    /// Runs `task` to its end; for so long at most.
    pub fn run(&mut self, task: &Task, limit: Duration, cancel: &CancellationToken) -> Result<Ran> {
        self.order(&Order::Run { task: task.clone(), limit_ms: limit.as_millis() as u64 })?;
        match self.answer(limit + PATIENCE, cancel)? {
            Said::Ran(ran) => Ok(ran),
            other => Err(odd(&other)),
        }
    }

    /// Starts `task`, which says what it has to say into the file `log`; returns its process.
    /// A daemon's program ends well and leaves processes behind, which are the service.
    pub fn start(&mut self, task: &Task, log: &Path, is_daemon: bool) -> Result<u32> {
        self.order(&Order::Start { task: task.clone(), log: log.to_owned(), is_daemon })?;
        match self.answer(PATIENCE, &CancellationToken::new())? {
            Said::Started { pid } => Ok(pid),
            other => Err(odd(&other)),
        }
    }

    /// The place's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The end of what was started.
    pub fn ending(&self) -> Arc<Ending> {
        self.ending.clone()
    }

    /// Lets it outlive us: from now on SIGTERM ends the guardian, which then removes the file `state`.
    pub fn detach(mut self, state: &Path) -> Result<()> {
        self.order(&Order::Detach { state: state.to_owned() })?;
        self.answer(PATIENCE, &CancellationToken::new())?;
        self.orders = None;
        Ok(())
    }

    fn order(&mut self, order: &Order) -> Result<()> {
        let line = serde_json::to_string(order);
        let line = line.map_err(|error| Error::io("cannot write an order").because(&error))?;
        let lost = || Error::io("the guardian of a service does not listen");
        let orders = self.orders.as_mut().ok_or_else(lost)?;
        let written = writeln!(orders, "{line}").and_then(|()| orders.flush());
        // Where the service has ended, its guardian has as well: that is what there is to say.
        match self.ending.now() {
            Some(ended) => Err(Error::unavailable(format!("the service has ended: {ended}"))),
            None => written.map_err(|error| lost().because(&error)),
        }
    }

    fn answer(&mut self, limit: Duration, cancel: &CancellationToken) -> Result<Said> {
        let until = Instant::now() + limit;
        loop {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            match self.answers.recv_timeout(STEP) {
                Ok(Said::Failed { what, because }) => {
                    let mut error = Error::unavailable(what);
                    error.causes.push(because);
                    return Err(error);
                }
                Ok(said) => return Ok(said),
                Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(Error::io("the guardian of a service does not answer"));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let ended = self.ending.now().unwrap_or(Ended::Unknown);
                    return Err(Error::unavailable(format!("the service has ended: {ended}")));
                }
            }
        }
    }
}

impl Drop for Guarded {
    /// Ends what was started and waits until nothing of it is left.
    fn drop(&mut self) {
        // Without orders it was let go, or is gone.
        if self.orders.take().is_none() {
            return;
        }
        let until = Instant::now() + self.patience;
        while matches!(self.guardian.try_wait(), Ok(None)) {
            if Instant::now() > until {
                self.guardian.kill().ok();
                self.guardian.wait().ok();
            } else {
                thread::sleep(Duration::from_millis(2));
            }
        }
        // The guardian did this, unless it was killed.
        fs::remove_dir_all(&self.folder).ok();
    }
}

impl Ending {
    /// How it ended, if it has.
    pub fn now(&self) -> Option<Ended> {
        *self.locked()
    }

    /// Waits for the end.
    pub fn wait(&self) -> Ended {
        let mut ended = self.locked();
        loop {
            if let Some(ended) = *ended {
                return ended;
            }
            ended = self.changed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The first word counts.
    fn tell(&self, how: Ended) {
        self.locked().get_or_insert(how);
        self.changed.notify_all();
    }

    fn locked(&self) -> MutexGuard<'_, Option<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes answers on until the guardian ends.
fn listen(output: ChildStdout, answers: &mpsc::Sender<Said>, ending: &Ending) {
    for line in BufReader::new(output).lines() {
        let Some(said) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
        match said {
            Said::Ended(ended) => ending.tell(ended),
            said => drop(answers.send(said)),
        }
    }
    ending.tell(Ended::Unknown);
}

fn odd(said: &Said) -> Error {
    Error::io(format!("the guardian of a service answered something else: {said:?}"))
}
