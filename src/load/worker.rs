//! The hot loop: one virtual user performing calls. All timing of calls in benchscript happens in this file.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use super::{Operation, Session, Turn, deadline::Deadlines};
use crate::measure::{Failure, Moment, Recorder, Sample, Window, failure};

/// How long a virtual user of a closed loop waits after it could not open a session.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// What the virtual users of one thread share. Nothing here is shared between threads.
pub struct Shared {
    pub recorder: RefCell<Recorder>,
    pub deadlines: Deadlines,
    /// Set when the load is stopped early; calls that then end are `unfinished`.
    pub stopping: Cell<bool>,
}

/// One operation under load, as one thread sees it.
pub struct Work {
    pub operation: Arc<dyn Operation>,
    /// Its number in the recorder.
    pub index: usize,
    pub seed: u64,
    /// Nanoseconds.
    pub timeout: u64,
    pub window: Window,
}

/// One sequential caller with its session.
pub struct User {
    shared: Rc<Shared>,
    work: Rc<Work>,
    slot: usize,
    session: Option<Box<dyn Session>>,
    had_session: bool,
}

/// How a call went, as far as the loop around it cares.
pub struct Done {
    /// When the loop has control again; later than the call's own end if it timed out.
    pub now: Moment,
    /// The call never waited, so other users of the thread had no turn.
    pub unbroken: bool,
    /// No session could be opened for it.
    pub refused: bool,
}

impl User {
    pub fn new(shared: Rc<Shared>, work: Rc<Work>, session: Option<Box<dyn Session>>) -> Self {
        let slot = shared.deadlines.slot();
        Self { shared, work, slot, had_session: session.is_some(), session }
    }

    /// Performs the call that was due at `due` and begins now, at `begun`, and records it.
    ///
    /// `free` says that the call had not to wait in line for this user.
    pub async fn call(&mut self, turn: u64, due: Moment, begun: Moment, free: bool) -> Done {
        let (shared, work) = (&*self.shared, &*self.work);
        enter(&mut shared.recorder.borrow_mut());
        let deadline = begun.plus(work.timeout);
        let mut started = begun;
        let mut waited = false;
        let mut refused = false;
        if self.session.as_mut().is_some_and(|session| !session.reusable()) {
            self.session = None;
        }
        let reopened = self.session.is_none();
        let session = &mut self.session;
        let result = shared
            .deadlines
            .within(self.slot, deadline, &mut waited, async {
                if session.is_none() {
                    refused = true;
                    *session = Some(work.operation.client().open().await?);
                    refused = false;
                    started = Moment::now();
                }
                let turn = Turn { seed: work.seed, number: turn, step: 0 };
                let session = session.as_mut().expect("opened above");
                session.call(&*work.operation, turn, false).await
            })
            .await;
        let now = Moment::now();
        let result = match result {
            // What came between the limit and the sweep is as late as what would have come after it.
            Some(_) if now > deadline => Err(timed_out(work.timeout)),
            Some(result) => result,
            None if shared.stopping.get() => {
                Err(Failure::lost(failure::UNFINISHED, "still in flight when the load was stopped"))
            }
            None => Err(timed_out(work.timeout)),
        };
        // A timeout counts at its limit, not when the sweep came by.
        let ended = if now > deadline { deadline } else { now };
        if result.as_ref().is_err_and(|failure| failure.session_lost) {
            self.session = None;
        }
        let mut recorder = shared.recorder.borrow_mut();
        recorder.level.in_flight -= 1;
        if reopened && !refused {
            if self.had_session {
                recorder.reconnected(work.index, due);
            }
            self.had_session = true;
        }
        recorder.record(
            work.index,
            &Sample { turn, due, started, ended, result: &result },
            free && !reopened,
        );
        Done { now, unbroken: !waited, refused }
    }
}

fn timed_out(timeout: u64) -> Failure {
    let limit = Duration::from_nanos(timeout);
    Failure::lost(failure::TIMEOUT, format!("no answer within {limit:?}"))
}

fn enter(recorder: &mut Recorder) {
    recorder.level.in_flight += 1;
    recorder.level.max_in_flight = recorder.level.max_in_flight.max(recorder.level.in_flight);
}

/// Which turns the users of one thread take in a closed loop: thread k of n owns turns k, k + n, ...
pub struct Turns {
    pub window: Window,
    pub requests: Option<u64>,
    pub threads: u64,
    pub next: Cell<u64>,
    /// Turns of warm-up where the measured ones are numbered 0 to `requests`: they follow after those, so that
    /// warm-up never sends what will be measured.
    pub next_warmup: Cell<u64>,
}

impl Turns {
    pub fn new(window: Window, requests: Option<u64>, thread: usize, threads: usize) -> Self {
        let (thread, threads) = (thread as u64, threads as u64);
        let warmup = requests.unwrap_or(0) + thread;
        Self { window, requests, threads, next: Cell::new(thread), next_warmup: Cell::new(warmup) }
    }

    fn take(&self, now: Moment) -> Option<u64> {
        if now >= self.window.to {
            return None;
        }
        let counter = match self.requests {
            Some(_) if now < self.window.from => &self.next_warmup,
            Some(requests) if self.next.get() >= requests => return None,
            _ => &self.next,
        };
        let turn = counter.get();
        counter.set(turn + self.threads);
        Some(turn)
    }
}

/// A virtual user of a closed loop: the next call is due when the last one has ended.
pub async fn closed(mut user: User, turns: Rc<Turns>) {
    let mut now = Moment::now();
    while !user.shared.stopping.get() {
        let Some(turn) = turns.take(now) else { return };
        let done = user.call(turn, now, now, true).await;
        now = done.now;
        if done.refused {
            tokio::time::sleep(PAUSE_AFTER_REFUSAL).await;
            now = Moment::now();
        } else if done.unbroken {
            tokio::task::yield_now().await;
            now = Moment::now();
        }
    }
}
