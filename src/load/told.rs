//! What an operation tells of what went on inside one of its calls: samples and numbers of its own.

use std::sync::Arc;

use crate::measure::{Failure, Moment, Outcome, metric::Note};

/// Told items that one call may have; what a session keeps of it is bounded by this.
pub const MOST_TOLD: usize = 200_000;

/// One thing told.
#[derive(Debug, Clone)]
pub enum Told {
    /// Something timed by another clock than ours, counted in the row of its name.
    Sample {
        name: Arc<str>,
        /// Nanoseconds that it took.
        took: u64,
        /// When it was told, which is taken for its end.
        at: Moment,
        result: Result<Outcome, Failure>,
    },
    /// A number, with when it was told.
    Number(Note, Moment),
}
