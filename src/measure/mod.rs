//! From single calls to numbers: samples, recorders, intervals, summaries.

pub mod clock;
pub mod failure;
mod sample;
mod span;
mod summary;

pub use clock::{Alarm, Moment};
pub use failure::Failure;
pub use sample::{Outcome, Sample};
pub use span::Span;
pub use summary::{Errors, FailureClass, Quantiles, Summary, Validity, Verdict};
