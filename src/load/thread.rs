//! One generator thread: opens its sessions, waits for the start, runs its virtual users, drains.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, mpsc::Sender},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    runtime::{Builder, LocalOptions},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    Client, Ending, Task,
    arrival::Calls,
    deadline::Deadlines,
    dispatcher::{Line, Schedule, dispatch, seat},
    finish::Finish,
    pace::Pace,
    plan::Plan,
    sessions::Sessions,
    sites::Sites,
    sleeper::Sleeper,
    solitude,
    troubles::Troubles,
    turns::Turns,
    worker::{Duty, Kind, Shared, User, Work, closed},
};
use crate::error::{Error, Result};
use crate::measure::{Alarm, Batch, Failure, Moment, Recorder, Rows, Thinning, Window, clock};

/// How often deadlines are looked at and an idle thread reports.
const SWEEP: Duration = Duration::from_millis(10);
/// Sessions that a thread opens at once: more would overflow a server's queue of half-open connections.
const OPENING_AT_ONCE: usize = 128;

/// A task with its plan: a row of the results.
pub struct Group {
    pub name: String,
    pub task: Task,
    pub plan: Plan,
    pub seed: u64,
}

impl Group {
    /// The one whose window ends last: the one a person waits for.
    pub fn longest(groups: &[Self]) -> &Self {
        let length = |group: &&Self| group.plan.duration().map(|duration| duration + group.plan.warmup.0);
        groups.iter().max_by_key(length).expect("a load has at least one group")
    }

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
    pub rows: Arc<Rows>,
    pub troubles: Arc<Troubles>,
    /// By group, where each user has its share of the calls.
    pub finishes: Arc<[Option<Arc<Finish>>]>,
    pub thinning: Arc<Thinning>,
    pub batches: Sender<Batch>,
    pub opened: Sender<Opened>,
    /// The moment of the start, once every thread has opened its sessions.
    pub start: watch::Receiver<Option<Moment>>,
    pub cancel: CancellationToken,
}

/// How opening sessions went on one thread, by group.
pub struct Opened {
    /// How many are open; none where no session is known to be needed.
    pub sessions: Vec<Option<u32>>,
    pub failures: Vec<Vec<Failure>>,
}

/// Runs the thread to its end. Fails only if the system refuses a runtime or a timer, or a journey what it needs.
pub fn run(spec: Spec) -> Result<()> {
    // A thread that breaks down takes the others with it: they would wait for it, or measure a part of the load.
    let guard = spec.cancel.clone().drop_guard();
    clock::exact_timers();
    let mut runtime = Builder::new_current_thread();
    // Not a `LocalSet`: it would poll the root, and go through its own queue, at each wake-up of the thread.
    let runtime = runtime.enable_all().build_local(LocalOptions::default()).map_err(no_event_loop)?;
    runtime.block_on(root(spec))?;
    guard.disarm();
    Ok(())
}

fn no_event_loop(error: std::io::Error) -> Error {
    Error::io("a generator thread could not start its event loop").because(&error)
}

async fn root(mut spec: Spec) -> Result<()> {
    let ending = Ending::new(spec.cancel.clone());
    let duties = spec.groups.iter().enumerate().map(|(at, group)| duties(at, group, &spec.rows, &ending));
    let duties = duties.collect::<Result<Vec<_>>>()?;
    let mut sessions = Vec::new();
    let mut opened = Opened { sessions: Vec::new(), failures: Vec::new() };
    for group in spec.groups.iter() {
        let count = share(group.plan.sessions_at_start(), spec.thread, group.threads(spec.threads));
        let clients: Arc<[_]> = group.task.clients().into();
        let opening = open_sessions(clients.clone(), group.plan.timeout.0, count);
        let (good, bad) = tokio::select! {
            opening = opening => opening,
            () = spec.cancel.cancelled() => (Vec::new(), Vec::new()),
        };
        let any = count > 0 && !clients.is_empty();
        opened.sessions.push(any.then(|| good.iter().map(Sessions::count).sum()));
        opened.failures.push(bad);
        sessions.push(good);
    }
    let alarm = || Alarm::new().map_err(no_event_loop);
    let timers = spec.groups.iter().map(|_| alarm()).collect::<Result<Vec<_>>>()?;
    let start_alarm = alarm()?;
    spec.opened.send(opened).ok();
    let Some(begin) = start(&mut spec).await else { return Ok(()) };
    start_alarm.until(begin).await.map_err(no_event_loop)?;
    let groups = duties.into_iter().zip(sessions).zip(timers);
    let groups = groups.map(|((duties, sessions), alarm)| Prepared { duties, sessions, alarm });
    generate(spec, begin, ending, groups.collect()).await;
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

/// What one group has on this thread before the load begins.
struct Prepared {
    duties: Vec<Duty>,
    sessions: Vec<Sessions>,
    alarm: Alarm,
}

/// What a group performs, as this thread needs it.
fn duties(at: usize, group: &Group, rows: &Rows, ending: &Ending) -> Result<Vec<Duty>> {
    let duty = |task: &Task, part| {
        let (mut steps, mut tells) = (Vec::new(), false);
        let kind = match task {
            Task::Operation(operation) => {
                tells = operation.tells();
                steps.extend(operation.parts().iter().map(|name| rows.part(at, name)));
                Kind::Operation(operation.clone())
            }
            Task::Journey(journey) => Kind::Journey(journey.clone().on_thread(ending.clone())?),
            Task::Mix(_) => unreachable!("a mix has no mix as its part"),
        };
        Ok(Duty { kind, part, steps, tells })
    };
    match &group.task {
        Task::Mix(mix) => {
            mix.parts().iter().map(|part| duty(&part.task, Some(rows.part(at, &part.name)))).collect()
        }
        single => Ok(vec![duty(single, None)?]),
    }
}

async fn generate(spec: Spec, begin: Moment, ending: Ending, groups: Vec<Prepared>) {
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
    let ends = spec.groups.iter().map(|group| last(&window(group), &group.plan));
    ending.last.set(ends.max().unwrap_or(begin));
    let own = |group: &Group| share(group.plan.concurrency(), spec.thread, group.threads(spec.threads));
    solitude::settle(spec.groups.iter().map(own).sum());
    let users = Rc::new(RefCell::new(JoinSet::new()));
    let mut lines = Vec::new();
    let mut dispatchers = JoinSet::new();
    let mut sleepers = Vec::new();
    // Ends when it is dropped.
    let mut background = JoinSet::new();
    for (index, (group, prepared)) in spec.groups.iter().zip(groups).enumerate() {
        let Prepared { duties, sessions, alarm } = prepared;
        let threads = group.threads(spec.threads);
        // The users of the group that this thread owns; every call of the group falls to a thread that owns some.
        let own = own(group);
        if own == 0 {
            continue;
        }
        let mix = match &group.task {
            Task::Mix(mix) => Some(mix.clone()),
            _ => None,
        };
        let stages = group.plan.stages.clone().map(|stages| {
            let rows = stages.names().iter().map(|name| spec.rows.part(index, name)).collect();
            (stages, rows)
        });
        let work = Rc::new(Work {
            group: index,
            duties,
            mix,
            stages,
            seed: group.seed,
            timeout: group.plan.timeout.nanos(),
            window: window(group),
            last: last(&window(group), &group.plan),
            sites: Sites::new(spec.rows.clone()),
            troubles: spec.troubles.clone(),
            finish: spec.finishes[index].clone(),
        });
        match Calls::of(&group.plan, group.seed) {
            None => {
                let turns = Rc::new(Turns::new(work.window, &group.plan, spec.thread, threads));
                let pace = Rc::new(Pace::of(&group.plan, group.seed, begin));
                let sleeper = Rc::new(Sleeper::default());
                let mut sessions = sessions.into_iter();
                for user in 0..u64::from(own) {
                    let number = user * threads as u64 + spec.thread as u64;
                    let sessions = sessions.next().unwrap_or_default();
                    let user = User::new(shared.clone(), work.clone(), number, sessions);
                    users.borrow_mut().spawn_local(closed(
                        user,
                        turns.clone(),
                        pace.clone(),
                        sleeper.clone(),
                    ));
                }
                sleepers.push(sleeper.clone());
                background.spawn_local(async move { sleeper.drive(alarm).await });
            }
            Some(calls) => {
                let line = Rc::new(Line::new(own, spec.thread, threads));
                for session in sessions {
                    seat(&line, &shared, &work, session, &mut users.borrow_mut());
                }
                let schedule = Schedule::new(calls, spec.thread, threads);
                lines.push((line.clone(), work.clone()));
                dispatchers.spawn_local(dispatch(line, shared.clone(), work, schedule, alarm, users.clone()));
            }
        }
    }
    background.spawn_local(sweep(shared.clone(), lines.clone()));
    tokio::select! {
        () = finish(&mut dispatchers, &users) => {}
        () = spec.cancel.cancelled() => {
            dispatchers.abort_all();
            shared.stopping.set(true);
            for (line, work) in &lines {
                line.close(&shared, work, Moment::now());
            }
            sleepers.iter().for_each(|sleeper| sleeper.close());
            shared.deadlines.expire_all();
        }
    }
    finish(&mut dispatchers, &users).await;
    drop(background);
    shared.recorder.borrow_mut().finish(Moment::now());
}

/// The end of the drain.
fn last(window: &Window, plan: &Plan) -> Moment {
    match window.to {
        Moment(u64::MAX) => window.to,
        to => to.plus(plan.timeout.nanos()),
    }
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

/// Opens the sessions of `count` virtual users, one of each client.
async fn open_sessions(
    clients: Arc<[Arc<dyn Client>]>,
    limit: Duration,
    count: u32,
) -> (Vec<Sessions>, Vec<Failure>) {
    let left = Rc::new(Cell::new(count));
    let mut openers = JoinSet::new();
    for _ in 0..OPENING_AT_ONCE.min(count as usize) {
        let (left, clients) = (left.clone(), clients.clone());
        openers.spawn_local(async move {
            let mut results = Vec::new();
            while left.get() > 0 {
                left.set(left.get() - 1);
                results.push(Sessions::open(&clients, limit).await);
            }
            results
        });
    }
    let (mut sessions, mut failures) = (Vec::new(), Vec::new());
    while let Some(results) = openers.join_next().await {
        for (opened, failed) in results.unwrap_or_default() {
            failures.extend(failed);
            // Users without a session come last: they open it with their first call.
            if opened.count() > 0 {
                sessions.push(opened);
            }
        }
    }
    (sessions, failures)
}
