//! Calls that do just what a test says, in the process of the load itself: no network, no server, no chance.

use std::{
    any::Any,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use benchscript::load::{self, Client, Group, Load, Measured, Operation, Plan, Session, Sink, Task, Turn};
use benchscript::measure::{Failure, Interval, Outcome, Row, Summary, failure};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// What becomes of a call. Times are milliseconds.
#[derive(Clone, Copy)]
pub enum Call {
    Answers,
    After(u64),
    /// The session survives.
    Fails(&'static str),
    /// The session does not.
    Loses(&'static str),
    Never,
    /// Works in the generator's own thread.
    Spins(u64),
    /// Holds up the generator's thread.
    Blocks(u64),
    Panics,
}

type Plot = dyn Fn(u64) -> Call + Send + Sync;

struct Endpoint {
    plot: Box<Plot>,
    /// Whether the n-th attempt to open a session succeeds.
    opens: Box<dyn Fn(u64) -> bool + Send + Sync>,
    attempts: AtomicU64,
    /// How long opening takes, ms.
    opening: u64,
}

pub struct Fake(Arc<dyn Client>);

impl Fake {
    /// Every session opens, at once.
    pub fn new(plot: impl Fn(u64) -> Call + Send + Sync + 'static) -> Arc<Self> {
        Self::opening(plot, 0, |_| true)
    }

    /// Opening takes `opening` ms and works if `opens` says so of the n-th attempt.
    pub fn opening(
        plot: impl Fn(u64) -> Call + Send + Sync + 'static,
        opening: u64,
        opens: impl Fn(u64) -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (plot, opens) = (Box::new(plot), Box::new(opens));
        let endpoint = Endpoint { plot, opens, attempts: AtomicU64::new(0), opening };
        Arc::new(Self(Arc::new(FakeClient(Arc::new(endpoint)))))
    }
}

struct FakeClient(Arc<Endpoint>);

struct FakeSession(Arc<Endpoint>);

#[async_trait(?Send)]
impl Client for FakeClient {
    fn endpoint(&self) -> String {
        "fake".to_owned()
    }

    async fn open(&self) -> Result<Box<dyn Session>, Failure> {
        let attempt = self.0.attempts.fetch_add(1, Ordering::Relaxed);
        pause(self.0.opening).await;
        match (self.0.opens)(attempt) {
            true => Ok(Box::new(FakeSession(self.0.clone()))),
            false => Err(Failure::lost(failure::REFUSED, "nobody listens")),
        }
    }
}

#[async_trait(?Send)]
impl Session for FakeSession {
    async fn call(&mut self, _: &dyn Operation, turn: Turn, _: bool) -> Result<Outcome, Failure> {
        match (self.0.plot)(turn.number) {
            Call::Answers => {}
            Call::After(ms) => pause(ms).await,
            Call::Fails(class) => return Err(Failure::kept(class, "as told")),
            Call::Loses(class) => return Err(Failure::lost(class, "as told")),
            Call::Never => std::future::pending().await,
            Call::Spins(ms) => {
                let start = std::time::Instant::now();
                while start.elapsed() < Duration::from_millis(ms) {}
            }
            Call::Blocks(ms) => std::thread::sleep(Duration::from_millis(ms)),
            Call::Panics => panic!("told to"),
        }
        Ok(Outcome { bytes: 10, items: 1, ..Outcome::default() })
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        Box::new(())
    }
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

impl Operation for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn service(&self) -> &'static str {
        "fake"
    }

    fn component(&self) -> &'static str {
        "http"
    }

    fn client(&self) -> &Arc<dyn Client> {
        &self.0
    }

    fn describe(&self) -> Value {
        Value::Null
    }
}

/// A load that has run, with all its calls.
pub struct Ran {
    pub measured: Measured,
    pub rows: Vec<Row>,
    /// Seconds in the order in which they were handed over.
    pub seconds: Vec<u64>,
    /// From `load::run` to its return.
    pub took: Duration,
}

impl Ran {
    /// The numbers of the first group.
    pub fn summary(&self) -> Summary {
        let group = &self.measured.groups[0];
        group.totals.summary("fake", group.duration_s, None)
    }

    /// Calls due in the window: measured ones, and those that ended in the drain.
    pub fn due_in_window(&self) -> Vec<Row> {
        self.rows.iter().filter(|row| row.phase != 0).copied().collect()
    }

    pub fn of_class(&self, class: &str) -> Vec<Row> {
        let code = failure::class_code(class);
        self.rows.iter().filter(|row| row.class == code).copied().collect()
    }
}

#[derive(Default)]
struct Seen {
    rows: Vec<Row>,
    seconds: Vec<u64>,
}

impl Sink for Seen {
    fn interval(&mut self, interval: &Interval) -> benchscript::error::Result<()> {
        self.rows.extend(&interval.rows);
        self.seconds.push(interval.second);
        Ok(())
    }
}

/// Runs one operation as `plan`, the options of `load::run`, says.
pub fn run(operation: Arc<dyn Operation>, plan: Value) -> Ran {
    together(vec![(operation, plan)])
}

pub fn together(groups: Vec<(Arc<dyn Operation>, Value)>) -> Ran {
    try_together(groups, &CancellationToken::new()).unwrap()
}

/// The same, stopped after `ms`.
pub fn run_stopped(operation: Arc<dyn Operation>, plan: Value, ms: u64) -> Ran {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(ms));
        stop.cancel();
    });
    try_together(vec![(operation, plan)], &cancel).unwrap()
}

pub fn try_together(
    groups: Vec<(Arc<dyn Operation>, Value)>,
    cancel: &CancellationToken,
) -> benchscript::error::Result<Ran> {
    let groups = groups.into_iter().enumerate().map(|(at, (operation, mut plan))| {
        plan["record"] = "all".into();
        let plan = serde_json::from_value::<Plan>(plan).unwrap().check().unwrap();
        let seed = plan.seed.unwrap_or(1);
        Group { name: format!("group {at}"), task: Task::Operation(operation), seed, plan }
    });
    let load = Load { groups: groups.collect(), seed: 1 };
    let mut seen = Seen::default();
    let start = std::time::Instant::now();
    let measured = load::run(&load, &mut [&mut seen], cancel)?;
    Ok(Ran { measured, rows: seen.rows, seconds: seen.seconds, took: start.elapsed() })
}

/// What one thread after the other writes down.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub fn add(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
