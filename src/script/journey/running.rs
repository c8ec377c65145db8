//! The journey that a thread is running at the moment, for the native functions that it calls.

use std::{
    cell::{Cell, RefCell},
    ptr,
    sync::Arc,
    time::Duration,
};

use corosensei::stack::{DefaultStack, Stack};
use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};

use crate::error::Error;
use crate::load::{Answer, Ask, Ending, Input, Operation, Turn};
use crate::measure::{Failure, Site, hash::hash_texts, metric::Note};
use crate::script::{ScriptResult, stack};

pub type Yielder = corosensei::Yielder<Input, Ask>;

thread_local! {
    /// What this thread is running; null outside journeys.
    static CURRENT: Cell<*const Running> = const { Cell::new(ptr::null()) };
    static ENDING: RefCell<Option<Ending>> = const { RefCell::new(None) };
}

/// Operations of a script between two looks at the stack: so few need far less of it than is held in reserve.
const DEPTH_LOOK: u64 = 16;
/// Operations of a script between two looks at the clock; a multiple of the other.
const CLOCK_LOOK: u64 = 256;

/// One virtual user's journey, as the functions that it calls see it.
pub struct Running {
    yielder: Cell<*const Yielder>,
    /// The lowest address of its stack.
    lowest: usize,
    turn: Cell<Turn>,
    /// How often operations were performed in this journey, by a hash of their name.
    runs: RefCell<Vec<(u64, u32)>>,
    notes: RefCell<Vec<Note>>,
    failed_check: RefCell<Option<String>>,
}

impl Running {
    pub fn new(stack: &DefaultStack) -> Self {
        Self {
            yielder: Cell::new(ptr::null()),
            lowest: stack.limit().get(),
            turn: Cell::new(Turn { seed: 0, number: 0, step: 0 }),
            runs: RefCell::default(),
            notes: RefCell::default(),
            failed_check: RefCell::default(),
        }
    }

    /// The coroutine runs for the first time.
    pub fn started(&self, yielder: &Yielder) {
        self.yielder.set(yielder);
    }

    pub fn begin(&self, turn: Turn) {
        self.turn.set(turn);
        self.runs.borrow_mut().clear();
    }

    /// The first failed check, and what was noted.
    pub fn end(&self) -> (Option<String>, Vec<Note>) {
        (self.failed_check.take(), self.notes.take())
    }

    /// Performs `operation` as call `number` of the load, this journey's own unless given.
    pub fn call(
        &self,
        ctx: &NativeCallContext,
        operation: &Arc<dyn Operation>,
        number: Option<u64>,
    ) -> ScriptResult<Result<Answer, Failure>> {
        let turn = self.turn.get();
        let turn = match number {
            Some(number) => Turn { number, ..turn },
            None => Turn { step: self.step(operation.name()), ..turn },
        };
        let position = ctx.call_position();
        let site = Site {
            file: hash_texts(&[ctx.call_source().unwrap_or_default()]),
            line: position.line().unwrap_or(0) as u32,
            column: position.position().unwrap_or(0) as u32,
        };
        match self.suspend(Ask::Call { operation: operation.clone(), turn, site }) {
            Input::Answer(answer) => Ok(answer),
            _ => Err(ended(ctx)),
        }
    }

    /// Waits without counting as service time.
    pub fn pause(&self, ctx: &NativeCallContext, length: Duration) -> ScriptResult<()> {
        match self.suspend(Ask::Pause(length)) {
            Input::Rested => Ok(()),
            _ => Err(ended(ctx)),
        }
    }

    pub fn note(&self, note: Note) {
        self.notes.borrow_mut().push(note);
    }

    /// A check has failed; the first one decides what the journey is said to have failed of.
    pub fn fail(&self, check: impl FnOnce() -> String) {
        self.failed_check.borrow_mut().get_or_insert_with(check);
    }

    /// The how-manieth time the operation is performed in this journey.
    fn step(&self, name: &str) -> u32 {
        let name = hash_texts(&[name]);
        let mut runs = self.runs.borrow_mut();
        match runs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                runs.push((name, 0));
                0
            }
        }
    }

    fn suspend(&self, ask: Ask) -> Input {
        let yielder = self.yielder.get();
        assert!(!yielder.is_null(), "set when the coroutine started, before its script ran");
        // SAFETY: the yielder lives on the stack of this coroutine, which is the one that runs: `current` gave it out.
        unsafe { &*yielder }.suspend(ask)
    }
}

/// The load is over: ends the script in a way that no `catch` swallows.
fn ended(ctx: &NativeCallContext) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::from(Error::cancelled()), ctx.call_position()).into()
}

/// Does `work` with the journey that this thread is running; none outside journeys.
pub fn current<T>(work: impl FnOnce(&Running) -> T) -> Option<T> {
    let current = CURRENT.get();
    // SAFETY: not null only between `Entered::new` and its drop, while the borrow it was made of lasts. During a
    // suspension inside `work` another journey may be current; this one is alive, since it is resumed.
    (!current.is_null()).then(|| work(unsafe { &*current }))
}

pub fn is_running() -> bool {
    !CURRENT.get().is_null()
}

/// While it lives, the journey is the current one and its stack the one that is measured.
pub struct Entered {
    outer: *const Running,
    stack: usize,
}

impl Entered {
    pub fn new(running: &Running) -> Self {
        Self { outer: CURRENT.replace(running), stack: stack::switch(running.lowest) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        stack::switch(self.stack);
    }
}

/// Makes the scripts of `engine`, on this thread, give up at the end of the load and before their stack is used up.
pub fn watch(engine: &mut Engine, ending: Ending) {
    ENDING.set(Some(ending));
    engine.on_progress(|operations| {
        if operations % DEPTH_LOOK != 0 {
            return None;
        }
        if operations % CLOCK_LOOK == 0
            && ENDING.with_borrow(|ending| ending.as_ref().is_some_and(Ending::has_come))
        {
            return Some(Dynamic::from(Error::cancelled()));
        }
        stack::is_low().then(|| Dynamic::from(stack::too_deep()))
    });
}
