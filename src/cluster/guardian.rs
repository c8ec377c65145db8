//! The guardian: a process of ours that starts a service, and ends it with all of its processes when the pipe that holds
//! it does.
//!
//! It is a subreaper: what loses its parent, a daemon for instance, becomes its child. So everything that it ever started is
//! found below it, whatever sessions and groups those processes made for themselves.

use std::{
    fs,
    io::{self, BufRead, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::sleep_until,
};

use super::{
    message::{Ended, Order, Place, Ran, Said, StopWith, Task},
    place,
    tree::{self, Waited},
};
use crate::error::{Error, Result};

/// How much of what a task says is told.
const MOST_OUTPUT: u64 = 64 << 10;

/// How often it is looked whether all have ended, while they are being ended.
const STEP: Duration = Duration::from_millis(5);

/// How long what was killed may take to go: a process that the kernel does not let go would hold the guardian for ever.
const AFTER_KILL: Duration = Duration::from_secs(10);

/// Follows the orders on stdin until they end, or SIGTERM. Returns when nothing that was started is left.
pub fn guard() -> Result<()> {
    // SAFETY: both are plain system calls. The session of its own keeps Ctrl-C and a closing terminal away.
    unsafe {
        libc::setsid();
        if libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) != 0 {
            return Err(Error::io("cannot adopt orphans").because(&io::Error::last_os_error()));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::io("cannot start the guardian").because(&error))?;
    let mut guardian = Guardian::default();
    let watched = runtime.block_on(guardian.watch());
    guardian.end();
    watched.map_err(|error| Error::io("the guardian cannot go on").because(&error))
}

#[derive(Default)]
struct Guardian {
    place: Option<Place>,
    /// Removed at the end, if the service was started by hand.
    state: Option<PathBuf>,
    service: Option<Service>,
    running: Option<Running>,
}

/// What was started.
struct Service {
    pid: u32,
    is_daemon: bool,
    ended: Option<Ended>,
}

/// A task that runs to its end.
struct Running {
    pid: u32,
    until: tokio::time::Instant,
    output: fs::File,
    ended: Option<Ended>,
}

impl Guardian {
    async fn watch(&mut self) -> io::Result<()> {
        let mut children = signal(SignalKind::child())?;
        let mut signals = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ];
        let [terminate, interrupt, hangup] = &mut signals;
        let mut orders = orders();
        let mut is_held = true;
        loop {
            let limit = self.running.as_ref().map(|running| running.until);
            tokio::select! {
                // A task's end is told before its time is over.
                biased;
                _ = children.recv() => {
                    if self.reap() {
                        return Ok(());
                    }
                }
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => return Ok(()),
                order = orders.recv(), if is_held => match order {
                    Some(order) => self.follow(order),
                    None if self.state.is_some() => is_held = false,
                    None => return Ok(()),
                },
                () = time(limit) => self.overdue(),
            }
        }
    }

    fn follow(&mut self, order: Order) {
        let done = match order {
            Order::Open(place) => {
                let made = place::make(&place).map_err(|(what, error)| failed(&what, &error));
                self.place = Some(place);
                made.map(|()| Some(Said::Opened))
            }
            Order::Run { task, limit_ms } => self.run(&task, Duration::from_millis(limit_ms)).map(|()| None),
            Order::Start { task, log, is_daemon } => {
                self.start(&task, &log, is_daemon).map(|pid| Some(Said::Started { pid }))
            }
            Order::Detach { state } => {
                self.state = Some(state);
                Ok(Some(Said::Detached))
            }
        };
        match done {
            Ok(None) => {}
            Ok(Some(said)) => say(&said),
            Err(said) => say(&said),
        }
    }

    fn run(&mut self, task: &Task, limit: Duration) -> Result<(), Said> {
        let place = self.place.as_ref().ok_or_else(unopened)?;
        let path = place.folder.join(".output");
        let file = fs::OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path);
        let file = file.map_err(|error| failed(&format!("cannot write `{}`", path.display()), &error))?;
        // Nobody else needs its name.
        fs::remove_file(&path).ok();
        let pid = place::spawn(place, task, &file).map_err(|error| unstarted(task, &error))?;
        let until = tokio::time::Instant::now() + limit;
        self.running = Some(Running { pid, until, output: file, ended: None });
        Ok(())
    }

    fn start(&mut self, task: &Task, log: &Path, is_daemon: bool) -> Result<u32, Said> {
        let place = self.place.as_ref().ok_or_else(unopened)?;
        // Servers say a lot, some of it secret.
        let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(log);
        let file = file.map_err(|error| failed(&format!("cannot write `{}`", log.display()), &error))?;
        let pid = place::spawn(place, task, &file).map_err(|error| unstarted(task, &error))?;
        self.service = Some(Service { pid, is_daemon, ended: None });
        Ok(pid)
    }

    /// Notes who has ended; whether the service has, with nothing of it left that could go on.
    fn reap(&mut self) -> bool {
        let is_alone = loop {
            match tree::reap() {
                Waited::Child(pid, ended) => {
                    if let Some(service) = self.service.as_mut().filter(|service| service.pid == pid) {
                        service.ended = Some(ended);
                    }
                    if let Some(running) = self.running.as_mut().filter(|running| running.pid == pid) {
                        running.ended = Some(ended);
                    }
                }
                Waited::Nothing => break false,
                Waited::Alone => break true,
            }
        };
        if let Some(running) = self.running.take_if(|running| running.ended.is_some()) {
            say(&Said::Ran(running.told()));
        }
        let Some(Service { is_daemon, ended: Some(ended), .. }) = self.service else { return false };
        if is_daemon && ended == Ended::Exit(0) && !is_alone {
            return false;
        }
        end_all(StopWith { signal: libc::SIGTERM, grace_ms: 500 }, None);
        say(&Said::Ended(ended));
        true
    }

    /// A task has had its time.
    fn overdue(&mut self) {
        if let Some(running) = self.running.take() {
            let mut pids = tree::below(running.pid);
            pids.push(running.pid);
            tree::signal(&pids, libc::SIGKILL);
            say(&Said::Ran(running.told()));
        }
    }

    /// Ends what is left, and removes what was made.
    fn end(&mut self) {
        let Some(place) = &self.place else { return };
        let service = self.service.as_ref().filter(|service| service.ended.is_none());
        end_all(place.stop, service.map(|service| service.pid));
        fs::remove_dir_all(&place.folder).ok();
        if let Some(state) = &self.state {
            fs::remove_file(state).ok();
        }
    }
}

impl Running {
    fn told(mut self) -> Ran {
        let mut bytes = Vec::new();
        let length = self.output.metadata().map_or(0, |metadata| metadata.len());
        let from = SeekFrom::Start(length.saturating_sub(MOST_OUTPUT));
        let read = self.output.seek(from).and_then(|_| self.output.take(MOST_OUTPUT).read_to_end(&mut bytes));
        read.ok();
        Ran { ended: self.ended, output: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

/// Asks what runs below this process to end, `first` alone if there is one: a server ends its own processes in the right
/// order. After the grace all that is left is killed.
fn end_all(stop: StopWith, first: Option<u32>) {
    let me = std::process::id();
    let grace = Instant::now() + Duration::from_millis(stop.grace_ms);
    match first {
        Some(first) => tree::signal(&[first], stop.signal),
        None => tree::signal(&tree::below(me), stop.signal),
    }
    let mut first = first;
    while Instant::now() < grace {
        match tree::reap() {
            Waited::Alone => return,
            // What it leaves behind is asked as well.
            Waited::Child(pid, _) if first == Some(pid) => {
                first = None;
                tree::signal(&tree::below(me), stop.signal);
            }
            Waited::Child(..) => {}
            Waited::Nothing => thread::sleep(STEP),
        }
    }
    let patience = Instant::now() + AFTER_KILL;
    while Instant::now() < patience {
        // Again and again: one of them may have started another between the look and the signal.
        tree::signal(&tree::below(me), libc::SIGKILL);
        loop {
            match tree::reap() {
                Waited::Alone => return,
                Waited::Child(..) => {}
                Waited::Nothing => break,
            }
        }
        thread::sleep(STEP);
    }
}

/// The lines of stdin, read on a thread of its own: not every kind of stdin can be waited for.
fn orders() -> mpsc::UnboundedReceiver<Order> {
    let (sender, orders) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            // What cannot be read ends the service, as the end of the pipe does.
            let Some(order) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { return };
            if sender.send(order).is_err() {
                return;
            }
        }
    });
    orders
}

async fn time(limit: Option<tokio::time::Instant>) {
    match limit {
        Some(limit) => sleep_until(limit).await,
        None => std::future::pending().await,
    }
}

fn unstarted(task: &Task, error: &io::Error) -> Said {
    failed(&format!("cannot start `{}`", task.command.first().map_or("", String::as_str)), error)
}

fn unopened() -> Said {
    Said::Failed {
        what: "no place was opened".to_owned(),
        because: "the first order must be that".to_owned(),
    }
}

fn failed(what: &str, error: &io::Error) -> Said {
    Said::Failed { what: what.to_owned(), because: error.to_string() }
}

/// Whoever should hear it may be gone: then the end of the pipe says so too.
fn say(said: &Said) {
    let line = serde_json::to_string(said).unwrap_or_default();
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).ok();
}
