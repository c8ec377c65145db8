//! One generator thread: opens its sessions, waits for the start, runs its virtual users, drains.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, mpsc::Sender},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::{JoinSet, LocalSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    Operation, Session,
    arrival::Arrivals,
    deadline::Deadlines,
    dispatcher::{Line, Schedule, dispatch, seat},
    plan::Plan,
    worker::{Shared, Turns, User, Work, closed},
};
use crate::measure::{Alarm, Batch, Failure, Moment, Recorder, Thinning, Window, clock, failure};

/// How often deadlines are looked at and an idle thread reports.
const SWEEP: Duration = Duration::from_millis(10);
/// Sessions that a thread opens at once: more would overflow a server's queue of half-open connections.
const OPENING_AT_ONCE: usize = 128;

/// One operation with its plan: a row of the results.
pub struct Group {
    pub name: String,
    pub operation: Arc<dyn Operation>,
    pub plan: Plan,
    pub seed: u64,
}

impl Group {
    /// How many of the load's threads work for this group: none of them without a virtual user of it.
    fn threads(&self, threads: usize) -> usize {
        threads.min(self.plan.concurrency() as usize)
    }
}

/// What a thread is told.
pub struct Spec {
    pub thread: usize,
    pub threads: usize,
    pub groups: Arc<[Group]>,
    pub thinning: Arc<Thinning>,
    pub batches: Sender<Batch>,
    pub opened: Sender<Opened>,
    /// The moment of the start, once every thread has opened its sessions.
    pub start: watch::Receiver<Option<Moment>>,
    pub cancel: CancellationToken,
}

/// How opening sessions went on one thread, by group.
pub struct Opened {
    pub sessions: Vec<u32>,
    pub failures: Vec<Vec<Failure>>,
}

/// Runs the thread to its end. Fails only if the system refuses a runtime or a timer.
pub fn run(spec: Spec) -> std::io::Result<()> {
    // A thread that breaks down takes the others with it: they would wait for it, or measure a part of the load.
    let guard = spec.cancel.clone().drop_guard();
    clock::exact_timers();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, root(spec))?;
    guard.disarm();
    Ok(())
}

async fn root(mut spec: Spec) -> std::io::Result<()> {
    let mut sessions = Vec::new();
    let mut opened = Opened { sessions: Vec::new(), failures: Vec::new() };
    for group in spec.groups.iter() {
        let count = share(group.plan.sessions_at_start(), spec.thread, group.threads(spec.threads));
        let opening = open_sessions(group.operation.clone(), group.plan.timeout.0, count);
        let (good, bad) = tokio::select! {
            opening = opening => opening,
            () = spec.cancel.cancelled() => (Vec::new(), Vec::new()),
        };
        opened.sessions.push(good.len() as u32);
        opened.failures.push(bad);
        sessions.push(good);
    }
    let timers = spec.groups.iter().map(|_| Alarm::new()).collect::<Result<Vec<_>, _>>()?;
    let start_alarm = Alarm::new()?;
    spec.opened.send(opened).ok();
    let Some(begin) = start(&mut spec).await else { return Ok(()) };
    start_alarm.until(begin).await?;
    generate(spec, begin, sessions, timers).await;
    Ok(())
}

/// Waits for the common start; none if the load was given up before.
async fn start(spec: &mut Spec) -> Option<Moment> {
    let begin = spec.start.wait_for(Option::is_some);
    tokio::select! {
        begin = begin => begin.ok().and_then(|begin| *begin),
        () = spec.cancel.cancelled() => None,
    }
}

async fn generate(spec: Spec, begin: Moment, sessions: Vec<Vec<Box<dyn Session>>>, alarms: Vec<Alarm>) {
    let window = |group: &Group| Window::new(begin, group.plan.warmup.0, group.plan.duration());
    let windows = spec.groups.iter().map(window).collect();
    let shared = Rc::new(Shared {
        recorder: RefCell::new(Recorder::new(
            spec.thread,
            windows,
            spec.thinning.clone(),
            spec.batches.clone(),
        )),
        deadlines: Deadlines::default(),
        stopping: Cell::new(false),
    });
    let users = Rc::new(RefCell::new(JoinSet::new()));
    let mut lines = Vec::new();
    let mut dispatchers = JoinSet::new();
    for (index, ((group, sessions), alarm)) in spec.groups.iter().zip(sessions).zip(alarms).enumerate() {
        let threads = group.threads(spec.threads);
        // The users of the group that this thread owns; every call of the group falls to a thread that owns some.
        let own = share(group.plan.concurrency(), spec.thread, threads);
        if own == 0 {
            continue;
        }
        let work = Rc::new(Work {
            operation: group.operation.clone(),
            index,
            seed: group.seed,
            timeout: group.plan.timeout.nanos(),
            window: window(group),
        });
        match Arrivals::of(&group.plan, group.seed) {
            None => {
                let turns = Rc::new(Turns::new(work.window, group.plan.requests, spec.thread, threads));
                let mut sessions = sessions.into_iter();
                for _ in 0..own {
                    let user = User::new(shared.clone(), work.clone(), sessions.next());
                    users.borrow_mut().spawn_local(closed(user, turns.clone()));
                }
            }
            Some(arrivals) => {
                let line = Rc::new(Line::new(own));
                for session in sessions {
                    seat(&line, &shared, &work, Some(session), &mut users.borrow_mut());
                }
                let schedule = Schedule {
                    arrivals,
                    requests: group.plan.requests,
                    thread: spec.thread as u64,
                    threads: threads as u64,
                    measured: 0,
                    batch_gap: Schedule::batch_gap(group.plan.rate.unwrap_or(0.0) / threads as f64),
                };
                lines.push((line.clone(), work.clone()));
                dispatchers.spawn_local(dispatch(line, shared.clone(), work, schedule, alarm, users.clone()));
            }
        }
    }
    let sweeper = tokio::task::spawn_local(sweep(shared.clone(), lines.clone()));
    tokio::select! {
        () = finish(&mut dispatchers, &users) => {}
        () = spec.cancel.cancelled() => {
            dispatchers.abort_all();
            shared.stopping.set(true);
            for (line, work) in &lines {
                line.close(&shared, work, Moment::now());
            }
            shared.deadlines.expire_all();
        }
    }
    finish(&mut dispatchers, &users).await;
    sweeper.abort();
    shared.recorder.borrow_mut().finish(Moment::now());
}

/// Waits for all dispatchers and all users.
async fn finish(dispatchers: &mut JoinSet<()>, users: &RefCell<JoinSet<()>>) {
    std::future::poll_fn(|context| {
        let dispatched = ended(dispatchers, context);
        // Also while calls are still handed out, so that a broken user ends the load and not only its own calls.
        let called = ended(&mut users.borrow_mut(), context);
        if dispatched.is_ready() { called } else { Poll::Pending }
    })
    .await;
}

/// Whether all tasks have ended. A panic in one of them goes on in this thread.
fn ended(tasks: &mut JoinSet<()>, context: &mut Context<'_>) -> Poll<()> {
    while let Some(task) = ready!(tasks.poll_join_next(context)) {
        if let Err(error) = task
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    Poll::Ready(())
}

/// Every 10 ms: ends overdue calls, drops those that waited too long, hands over seconds that nobody recorded in.
async fn sweep(shared: Rc<Shared>, lines: Vec<(Rc<Line>, Rc<Work>)>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let now = Moment::now();
        if shared.stopping.get() {
            // A call may have been handed out just before the load was stopped.
            shared.deadlines.expire_all();
        }
        shared.deadlines.sweep(now);
        for (line, work) in &lines {
            line.sweep(&shared, work, now);
        }
        shared.recorder.borrow_mut().roll(now);
    }
}

/// How many of `all` belong to thread `k` of `n`; none to one beyond the `n`-th.
fn share(all: u32, thread: usize, threads: usize) -> u32 {
    if thread >= threads {
        return 0;
    }
    let (thread, threads) = (thread as u32, threads as u32);
    all / threads + u32::from(thread < all % threads)
}

async fn open_sessions(
    operation: Arc<dyn Operation>,
    limit: Duration,
    count: u32,
) -> (Vec<Box<dyn Session>>, Vec<Failure>) {
    let left = Rc::new(Cell::new(count));
    let mut openers = JoinSet::new();
    for _ in 0..OPENING_AT_ONCE.min(count as usize) {
        let (left, operation) = (left.clone(), operation.clone());
        openers.spawn_local(async move {
            let mut results = Vec::new();
            while left.get() > 0 {
                left.set(left.get() - 1);
                let opened = tokio::time::timeout(limit, operation.client().open()).await;
                results.push(opened.unwrap_or_else(|_| {
                    Err(Failure::lost(failure::TIMEOUT, format!("no connection within {limit:?}")))
                }));
            }
            results
        });
    }
    let (mut sessions, mut failures) = (Vec::new(), Vec::new());
    while let Some(results) = openers.join_next().await {
        for result in results.unwrap_or_default() {
            match result {
                Ok(session) => sessions.push(session),
                Err(failure) => failures.push(failure),
            }
        }
    }
    (sessions, failures)
}
