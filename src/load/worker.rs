//! The hot loop: one virtual user performing calls. All timing of calls in benchscript happens in this file.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use super::{
    Answer, Ask, Cast, Input, MOST_TOLD, Mix, Operation, Stages, Steps, Told, Turn,
    deadline::Deadlines,
    finish::Finish,
    pace::Pace,
    sessions::Sessions,
    sites::Sites,
    sleeper::Sleeper,
    solitude::is_alone,
    troubles::Troubles,
    turns::{Own, Turns},
};
use crate::measure::{Failure, Moment, Outcome, Place, Recorder, Sample, Site, Window, failure};

/// How long a virtual user of a closed loop waits after it could not open a session.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// How long calls that never wait may follow each other, in nanoseconds, where only the thread's own duties stand behind
/// them: well below the 10 ms that those come by. Other users have a turn after each call.
const ALONE: u64 = 1_000_000;

/// What the virtual users of one thread share. Nothing here is shared between threads.
pub struct Shared {
    pub recorder: RefCell<Recorder>,
    pub deadlines: Deadlines,
    /// Set when the load is stopped early; calls that then end are `unfinished`.
    pub stopping: Cell<bool>,
}

/// One group of a load, as one thread sees it.
pub struct Work {
    /// Its number, which is the number of its row too.
    pub group: usize,
    /// What is performed: one duty, or the parts of `mix`.
    pub duties: Vec<Duty>,
    pub mix: Option<Arc<Mix>>,
    /// The stages of its plan, and the row of each.
    pub stages: Option<(Stages, Vec<usize>)>,
    pub seed: u64,
    /// Nanoseconds.
    pub timeout: u64,
    pub window: Window,
    /// The end of the drain: nothing goes on after it.
    pub last: Moment,
    pub sites: Sites,
    pub troubles: Arc<Troubles>,
    /// Where each user has its share of the calls.
    pub finish: Option<Arc<Finish>>,
}

/// What a virtual user does in a turn.
pub struct Duty {
    pub kind: Kind,
    /// Its row as a part of a mix.
    pub part: Option<usize>,
    /// The rows of the parts of its operation.
    pub steps: Vec<usize>,
    /// Whether its calls have more to tell than how they ended.
    pub tells: bool,
}

pub enum Kind {
    Operation(Arc<dyn Operation>),
    Journey(Rc<dyn Cast>),
}

impl Work {
    /// Which duty a call that is due at `due` has, and where it is counted.
    pub fn duty(&self, turn: u64, due: Moment) -> (usize, Place) {
        let number = self.mix.as_ref().map_or(0, |mix| mix.part(self.seed, turn));
        let stage = self.stages.as_ref().filter(|_| due >= self.window.from);
        let stage =
            stage.and_then(|(stages, rows)| Some(rows[stages.index_at(due.since(self.window.from))?]));
        let parts = [self.duties[number].part, stage];
        (number, Place { group: self.group, row: self.group, parts })
    }

    /// Counts a call for the moments when users are done.
    fn count(&self, due: Moment, ended: Moment, result: &Result<Outcome, Failure>) {
        if let Some(finish) = &self.finish
            && due >= self.window.from
        {
            finish.call(ended, result);
        }
    }
}

/// One sequential caller with its sessions.
pub struct User {
    shared: Rc<Shared>,
    work: Rc<Work>,
    /// Its number within the load, from 0.
    number: u64,
    slot: usize,
    sessions: Sessions,
    /// When the parts of the last call ended.
    marks: Vec<Moment>,
    /// Its way through each journey, made on first use.
    steps: Vec<Option<Box<dyn Steps>>>,
}

/// A turn that begins.
#[derive(Clone, Copy)]
pub struct Begun {
    pub turn: u64,
    pub due: Moment,
    /// When it begins: now.
    pub at: Moment,
    /// It had not to wait in line for this user.
    pub free: bool,
}

/// How a turn went, as far as the loop around it cares.
pub struct Done {
    /// When the loop has control again; later than the call's own end if it timed out.
    pub now: Moment,
    /// It never waited, so other users of the thread had no turn.
    pub unbroken: bool,
    /// No session could be opened for it.
    pub refused: bool,
}

/// A call that was performed.
struct Made {
    result: Result<Outcome, Failure>,
    /// What was answered, if it was to be kept.
    reply: Option<Box<dyn Any + Send>>,
    started: Moment,
    ended: Moment,
    /// When the user has control again.
    now: Moment,
    waited: bool,
    refused: bool,
    /// A session was opened for it, and one of its client had been lost before.
    opened: bool,
    reconnected: bool,
    /// The session came to an end with it, good or bad.
    returned: bool,
}

impl User {
    pub fn new(shared: Rc<Shared>, work: Rc<Work>, number: u64, sessions: Sessions) -> Self {
        let slot = shared.deadlines.slot();
        Self { shared, work, number, slot, sessions, marks: Vec::new(), steps: Vec::new() }
    }

    /// Does what is due and records it.
    pub async fn turn(&mut self, begun: Begun) -> Done {
        enter(&mut self.shared.recorder.borrow_mut());
        let work = self.work.clone();
        let (number, place) = work.duty(begun.turn, begun.due);
        match &work.duties[number].kind {
            Kind::Operation(operation) => {
                let duty = &work.duties[number];
                let done = self.call(&**operation, &duty.steps, place, begun).await;
                if duty.tells {
                    self.hear(&**operation, begun.turn, begun.due);
                }
                done
            }
            Kind::Journey(cast) => self.journey(&**cast, number, place, begun).await,
        }
    }

    /// `steps` are the rows of the operation's parts.
    async fn call(&mut self, operation: &dyn Operation, steps: &[usize], place: Place, begun: Begun) -> Done {
        let Begun { turn, due, at, free } = begun;
        let which = Turn { seed: self.work.seed, number: turn, step: 0 };
        let made = self.perform(operation, which, at, false).await;
        let mut recorder = self.shared.recorder.borrow_mut();
        recorder.level.in_flight -= 1;
        if made.reconnected {
            recorder.reconnected(place, due);
        }
        let (started, ended, result) = (made.started, made.ended, &made.result);
        let sample = Sample { turn, due, started, ended, paused: 0, result };
        recorder.record(place, &sample, free && !made.opened);
        self.work.count(due, ended, result);
        if !steps.is_empty() {
            let mut from = started;
            for (row, ended) in steps.iter().zip(&self.marks) {
                let done = Ok(Outcome::default());
                let step = Sample { turn, due: from, started: from, ended: *ended, paused: 0, result: &done };
                recorder.record(Place::row(place.group, *row), &step, false);
                from = *ended;
            }
            // Where a call returned without having come to its end, it is the next part that failed.
            if let Some(row) = steps.get(self.marks.len()).filter(|_| made.returned && result.is_err()) {
                let step = Sample { turn, due: from, started: from, ended, paused: 0, result };
                recorder.record(Place::row(place.group, *row), &step, false);
            }
        }
        Done { now: made.now, unbroken: !made.waited, refused: made.refused }
    }

    /// Performs one call that begins now, at `begun`.
    async fn perform(&mut self, operation: &dyn Operation, turn: Turn, begun: Moment, keep: bool) -> Made {
        let (shared, work) = (&*self.shared, &*self.work);
        let limit = begun.plus(work.timeout);
        let deadline = limit.min(work.last);
        let mut started = begun;
        let mut waited = false;
        let mut reply = None;
        let place = self.sessions.place(operation.client());
        let opened = !self.sessions.usable(place);
        let mut refused = opened;
        let mut returned = false;
        let (sessions, marks) = (&mut self.sessions, &mut self.marks);
        marks.clear();
        let result = shared
            .deadlines
            .within(self.slot, deadline, &mut waited, async {
                let session = sessions.get(place).await?;
                if opened {
                    refused = false;
                    started = Moment::now();
                }
                let outcome = session.call(operation, turn, keep).await;
                returned = true;
                marks.extend_from_slice(session.marks());
                let outcome = outcome?;
                if keep {
                    reply = Some(session.reply());
                }
                Ok(outcome)
            })
            .await;
        let now = Moment::now();
        let result = match result {
            // What came between the limit and the sweep is as late as what would have come after it.
            Some(_) if now > limit => Err(timed_out(work.timeout)),
            Some(result) => result,
            None if shared.stopping.get() || deadline < limit => {
                Err(Failure::lost(failure::UNFINISHED, "still in flight when the load ended"))
            }
            None => Err(timed_out(work.timeout)),
        };
        // A timeout counts at its limit, not when the sweep came by.
        let ended = now.min(deadline);
        if result.as_ref().is_err_and(|failure| failure.session_lost) {
            sessions.lose(place);
        }
        let reconnected = opened && !refused && sessions.opened(place);
        Made { result, reply, started, ended, now, waited, refused, opened, reconnected, returned }
    }

    /// Goes through a journey once; its steps are recorded one by one, and the journey as a whole.
    async fn journey(&mut self, cast: &dyn Cast, number: usize, place: Place, begun: Begun) -> Done {
        let Begun { turn, due, at, free } = begun;
        let work = self.work.clone();
        let shared = self.shared.clone();
        let mut done = Done { now: at, unbroken: true, refused: false };
        let (mut bytes, mut items, mut paused) = (0, 0, 0);
        if self.steps.is_empty() {
            self.steps.resize_with(work.duties.len(), || None);
        }
        let steps = match self.steps[number].take() {
            Some(steps) => Ok(steps),
            None => cast.user(self.number),
        };
        let (result, notes) = match steps {
            Err(failure) => {
                done.refused = true;
                (Err(failure), Vec::new())
            }
            Ok(mut steps) => {
                let mut input = Input::Begin(Turn { seed: work.seed, number: turn, step: 0 });
                let ended = loop {
                    let ask = steps.resume(input);
                    let asked = Moment::now();
                    shared.recorder.borrow_mut().script_time(asked.since(done.now));
                    done.now = asked;
                    let over = shared.stopping.get() || asked >= work.last;
                    input = match ask {
                        Ask::Done(result, notes) => break (result, notes),
                        _ if over => Input::Stop,
                        Ask::Call { operation, turn, site } => {
                            let step = self.perform(&*operation, turn, asked, true).await;
                            self.record_step(&*operation, turn, site, asked, &step);
                            if operation.tells() {
                                self.hear(&*operation, turn.number, asked);
                            }
                            done.now = step.now;
                            done.unbroken &= !step.waited;
                            done.refused |= step.refused;
                            Input::Answer(step.result.map(|outcome| {
                                bytes += outcome.bytes;
                                items += outcome.items;
                                let elapsed = step.ended.since(asked);
                                let reply = step.reply.expect("a call that succeeds is asked for its reply");
                                Answer { outcome, elapsed, reply }
                            }))
                        }
                        Ask::Pause(length) => {
                            let mut waited = false;
                            let pause = tokio::time::sleep(length);
                            shared.deadlines.within(self.slot, work.last, &mut waited, pause).await;
                            done.unbroken &= !waited;
                            done.now = Moment::now();
                            paused += done.now.since(asked);
                            Input::Rested
                        }
                    };
                };
                self.steps[number] = Some(steps);
                self.sessions.forget_unused();
                ended
            }
        };
        work.troubles.saw(&result);
        let result = result.map(|()| Outcome { bytes, items, ..Outcome::default() });
        let mut recorder = shared.recorder.borrow_mut();
        recorder.level.in_flight -= 1;
        for note in notes {
            recorder.note(work.group, note, due, done.now);
        }
        let sample = Sample { turn, due, started: at, ended: done.now, paused, result: &result };
        recorder.record(place, &sample, free);
        work.count(due, done.now, &result);
        done
    }

    /// Counts what the last call of `operation`, due at `due`, told of itself: in the rows of the names that it gave.
    fn hear(&mut self, operation: &dyn Operation, turn: u64, due: Moment) {
        let told = self.sessions.told(operation.client());
        let work = &*self.work;
        let mut recorder = self.shared.recorder.borrow_mut();
        for (number, told) in told.into_iter().enumerate() {
            match told {
                Told::Number(note, at) => recorder.note(work.group, note, due, at),
                Told::Sample { name, took, at, result } => {
                    let place = Place::row(work.group, work.sites.part(work.group, &name));
                    let turn = turn.wrapping_mul(MOST_TOLD as u64).wrapping_add(number as u64);
                    let began = Moment(at.0.saturating_sub(took));
                    let sample =
                        Sample { turn, due: began, started: began, ended: at, paused: 0, result: &result };
                    recorder.record_inner(place, &sample, due);
                }
            }
        }
    }

    fn record_step(&self, operation: &dyn Operation, turn: Turn, site: Site, asked: Moment, step: &Made) {
        let work = &*self.work;
        let place = Place::row(work.group, work.sites.row(work.group, site, operation.name()));
        let mut recorder = self.shared.recorder.borrow_mut();
        if step.reconnected {
            recorder.reconnected(place, asked);
        }
        let (started, ended, result) = (step.started, step.ended, &step.result);
        let sample = Sample { turn: turn.number, due: asked, started, ended, paused: 0, result };
        // A step has no schedule to be late for.
        recorder.record(place, &sample, false);
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

/// A virtual user of a closed loop: the next call is due when the last one has ended and its pace lets it.
pub async fn closed(mut user: User, turns: Rc<Turns>, pace: Rc<Pace>, sleeper: Rc<Sleeper>) {
    let mut now = Moment::now();
    let mut ready = now;
    let alone = is_alone();
    let mut gave_way = now;
    let mut own = Own { user: user.number, warmup: 0, measured: 0 };
    while !user.shared.stopping.get() {
        let Some(due) = pace.due(user.number, ready) else { return };
        let Some(turn) = turns.take(due, &mut own) else {
            if let Some(finish) = &user.work.finish
                && turns.each.is_some_and(|(each, _)| own.measured >= each)
            {
                finish.user(now);
            }
            return;
        };
        if due > now {
            if !sleeper.until(due).await {
                return;
            }
            now = Moment::now();
        }
        let done = user.turn(Begun { turn, due, at: now, free: true }).await;
        now = done.now;
        if done.refused {
            tokio::time::sleep(PAUSE_AFTER_REFUSAL).await;
            now = Moment::now();
        } else if done.unbroken && !(alone && now.since(gave_way) < ALONE) {
            tokio::task::yield_now().await;
            now = Moment::now();
            gave_way = now;
        }
        ready = pace.ready(turn, now);
    }
}
