//! One call: when it was due, started and ended, and what came of it.

use super::{Failure, Moment};

/// One call as the worker saw it. Borrows the result: recording never changes what happened.
pub struct Sample<'a> {
    /// The global number of the call.
    pub turn: u64,
    /// When it should have started. Response time = ended − due.
    pub due: Moment,
    /// When it did start, sessions opened. Service time = ended − started − paused.
    pub started: Moment,
    pub ended: Moment,
    /// Nanoseconds of these in which it meant to wait: the `sleep`s of a journey.
    pub paused: u64,
    pub result: &'a Result<Outcome, Failure>,
}

/// What a successful call moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Payload bytes moved in the direction that the operation is about.
    pub bytes: u64,
    /// Things moved: rows, vectors, tokens; 1 where a call is one thing.
    pub items: u64,
    /// The HTTP status; 0 where there is none.
    pub status: u16,
    /// When the first byte of the answer arrived, if the session saw that.
    pub first_byte: Option<Moment>,
}
