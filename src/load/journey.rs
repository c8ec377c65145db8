//! What a scripted journey is to the engine: steps that ask for calls and pauses, one after the other.

use std::{any::Any, cell::Cell, rc::Rc, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Answer, Operation, Turn};
use crate::error::Result;
use crate::measure::{Failure, Moment, Site, metric::Note};

/// Several calls by one virtual user, each depending on the last: a script function. Shared by all threads.
pub trait Journey: Any + Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// The operations that are known to be in it before it runs: they are prepared, and their sessions opened.
    fn operations(&self) -> &[Arc<dyn Operation>];

    /// What a reader of the results must know of it.
    fn describe(&self) -> serde_json::Value;

    /// What one generator thread needs to run it. Called on that thread, before the load begins.
    fn on_thread(self: Arc<Self>, ending: Ending) -> Result<Rc<dyn Cast>>;
}

/// A journey on one thread, where virtual users of it are made.
pub trait Cast {
    /// Virtual user number `number` of the load. Fails if the system refuses what it needs.
    fn user(&self, number: u64) -> Result<Box<dyn Steps>, Failure>;
}

/// One virtual user's way through the journey, over and over. Dropping it ends it wherever it is.
pub trait Steps {
    /// Goes on until something is wanted. The first input, and the one after [`Ask::Done`], is [`Input::Begin`].
    fn resume(&mut self, input: Input) -> Ask;
}

/// What a journey gets.
pub enum Input {
    /// Begin anew, as this turn.
    Begin(Turn),
    /// The answer to [`Ask::Call`].
    Answer(Result<Answer, Failure>),
    /// The pause is over.
    Rested,
    /// The load has ended: give up, with [`Ask::Done`].
    Stop,
}

/// What a journey wants.
pub enum Ask {
    Call {
        operation: Arc<dyn Operation>,
        turn: Turn,
        site: Site,
    },
    Pause(Duration),
    /// The journey has ended, and what its script noted meanwhile.
    Done(Result<(), Failure>, Vec<Note>),
}

/// When a script has to give up although it asks for nothing.
#[derive(Clone)]
pub struct Ending {
    pub cancel: CancellationToken,
    /// The end of the drain; set when the load begins.
    pub last: Rc<Cell<Moment>>,
}

impl Ending {
    pub fn new(cancel: CancellationToken) -> Self {
        Self { cancel, last: Rc::new(Cell::new(Moment(u64::MAX))) }
    }

    pub fn has_come(&self) -> bool {
        self.cancel.is_cancelled() || Moment::now() >= self.last.get()
    }
}
