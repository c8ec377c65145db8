//! The open loop on one thread: hands calls to virtual users when they are due, or puts them in line.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use tokio::task::JoinSet;

use super::{
    arrival::Calls,
    sessions::Sessions,
    worker::{Begun, Shared, User, Work},
};
use crate::measure::{Alarm, Failure, Moment, failure};

/// Above this many calls a second a thread wakes for several at once: a wake-up costs about as much as a call.
const BATCHED_RATE: f64 = 20_000.0;
/// Nanoseconds between such wake-ups.
const BATCH_GAP: u64 = 50_000;
/// How often an ended schedule looks whether its line is empty.
const CLOSING_LOOK: Duration = Duration::from_millis(10);

/// A call that is due.
#[derive(Clone, Copy)]
struct Job {
    turn: u64,
    due: Moment,
    /// It had not to wait for a user.
    free: bool,
}

/// The users of one operation on one thread, and the calls that wait for them.
pub struct Line {
    idle: RefCell<Vec<Rc<Seat>>>,
    waiting: RefCell<VecDeque<Job>>,
    users: Cell<u32>,
    most_users: u32,
    /// This thread of how many: user i of it is number i x threads + thread of the load.
    thread: u64,
    threads: u64,
    closed: Cell<bool>,
}

/// Where an idle user waits for its next call.
#[derive(Default)]
struct Seat {
    job: Cell<Option<Job>>,
    waker: RefCell<Option<Waker>>,
}

impl Line {
    pub fn new(most_users: u32, thread: usize, threads: usize) -> Self {
        Self {
            idle: RefCell::default(),
            waiting: RefCell::default(),
            users: Cell::new(0),
            most_users,
            thread: thread as u64,
            threads: threads as u64,
            closed: Cell::new(false),
        }
    }

    /// Fails the calls that have waited in line for longer than the timeout.
    pub fn sweep(&self, shared: &Shared, work: &Work, now: Moment) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(job) = waiting.front().filter(|job| job.due.plus(work.timeout) <= now).copied() {
            waiting.pop_front();
            let failure =
                Failure::kept(failure::DROPPED, "no session came free within the timeout: never sent");
            never_sent(shared, work, job, job.due.plus(work.timeout), failure);
        }
    }

    /// Ends the load: idle users leave, calls still in line are failures at their age.
    pub fn close(&self, shared: &Shared, work: &Work, now: Moment) {
        self.sweep(shared, work, now);
        self.closed.set(true);
        for job in self.waiting.borrow_mut().drain(..) {
            let failure = Failure::kept(failure::UNFINISHED, "still in line when the load ended: never sent");
            never_sent(shared, work, job, now, failure);
        }
        for seat in self.idle.borrow_mut().drain(..) {
            seat.wake();
        }
    }

    fn next_waiting(&self, shared: &Shared, work: &Work) -> Option<Job> {
        // What waited too long is dropped also if its turn comes before the sweep does.
        self.sweep(shared, work, Moment::now());
        let job = self.waiting.borrow_mut().pop_front()?;
        shared.recorder.borrow_mut().level.waiting -= 1;
        Some(job)
    }
}

/// Records a call that leaves the line at `ended` without having been sent.
fn never_sent(shared: &Shared, work: &Work, job: Job, ended: Moment, failure: Failure) {
    let mut recorder = shared.recorder.borrow_mut();
    recorder.level.waiting -= 1;
    let (_, place) = work.duty(job.turn, job.due);
    recorder.record_unsent(place, job.turn, job.due, ended, failure);
}

impl Seat {
    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The next call; none when the line has closed.
    async fn take(&self, line: &Line) -> Option<Job> {
        poll_fn(|context| {
            if let Some(job) = self.job.take() {
                return Poll::Ready(Some(job));
            }
            if line.closed.get() {
                return Poll::Ready(None);
            }
            let mut waker = self.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

/// Adds a virtual user to the line, idle.
pub fn seat(
    line: &Rc<Line>,
    shared: &Rc<Shared>,
    work: &Rc<Work>,
    sessions: Sessions,
    users: &mut JoinSet<()>,
) {
    let number = u64::from(line.users.get()) * line.threads + line.thread;
    let mut user = User::new(shared.clone(), work.clone(), number, sessions);
    line.users.set(line.users.get() + 1);
    let (line, shared, work) = (line.clone(), shared.clone(), work.clone());
    let seat = Rc::new(Seat::default());
    line.idle.borrow_mut().push(seat.clone());
    users.spawn_local(async move {
        while let Some(job) = seat.take(&line).await {
            let mut next = Some(job);
            while let Some(job) = next {
                let done = user
                    .turn(Begun { turn: job.turn, due: job.due, at: Moment::now(), free: job.free })
                    .await;
                if done.unbroken {
                    tokio::task::yield_now().await;
                }
                next = line.next_waiting(&shared, &work);
            }
            line.idle.borrow_mut().push(seat.clone());
        }
    });
}

/// The part of a schedule that one thread owns.
pub struct Schedule {
    pub calls: Calls,
    pub thread: u64,
    pub threads: u64,
    /// Nanoseconds from one wake-up to the next, at least.
    batch_gap: u64,
}

impl Schedule {
    pub fn new(calls: Calls, thread: usize, threads: usize) -> Self {
        // By the highest rate: a ramp need not wake up more often where it is low.
        let is_batched = calls.peak() / threads as f64 > BATCHED_RATE;
        let batch_gap = if is_batched { BATCH_GAP } else { 0 };
        Self { calls, thread: thread as u64, threads: threads as u64, batch_gap }
    }

    fn next(&mut self, work: &Work) -> Option<Job> {
        let (turn, due) = self.calls.find(|(turn, _)| turn % self.threads == self.thread)?;
        Some(Job { turn, due: work.window.begin.plus(due), free: true })
    }
}

/// Hands out calls until the schedule ends, then closes the line when nothing waits in it any more or the window is
/// over. A late call is handed out at once: none is skipped.
pub async fn dispatch(
    line: Rc<Line>,
    shared: Rc<Shared>,
    work: Rc<Work>,
    mut schedule: Schedule,
    alarm: Alarm,
    users: Rc<RefCell<JoinSet<()>>>,
) {
    let mut next = schedule.next(&work);
    let mut woken = Moment::default();
    while let Some(first) = next {
        if alarm.until(first.due.max(woken.plus(schedule.batch_gap))).await.is_err() {
            // Without the alarm tokio's coarser timer still keeps the schedule; the start lag will tell.
            let left = first.due.since(Moment::now());
            tokio::time::sleep(Duration::from_nanos(left)).await;
        }
        woken = Moment::now();
        while let Some(job) = next.filter(|job| job.due <= woken) {
            hand_out(&line, &shared, &work, job, &users);
            next = schedule.next(&work);
        }
        // Behind schedule the alarm never waits, but the users must have their turn.
        tokio::task::yield_now().await;
    }
    // The last call is due before the window ends: what still waits in line may start until then.
    while !line.waiting.borrow().is_empty() && Moment::now() < work.window.to {
        let left = work.window.to.since(Moment::now());
        tokio::time::sleep(CLOSING_LOOK.min(Duration::from_nanos(left))).await;
    }
    line.close(&shared, &work, Moment::now());
}

fn hand_out(line: &Rc<Line>, shared: &Rc<Shared>, work: &Rc<Work>, job: Job, users: &RefCell<JoinSet<()>>) {
    if line.idle.borrow().is_empty() && line.users.get() < line.most_users {
        seat(line, shared, work, Sessions::default(), &mut users.borrow_mut());
    }
    let idle = line.idle.borrow_mut().pop();
    match idle {
        Some(seat) => {
            seat.job.set(Some(job));
            seat.wake();
        }
        None => {
            line.waiting.borrow_mut().push_back(Job { free: false, ..job });
            let mut recorder = shared.recorder.borrow_mut();
            recorder.level.waiting += 1;
            // Warm-up is there to be unfit: it says nothing of the window.
            recorder.level.waited += u64::from(job.due >= work.window.from);
        }
    }
}
