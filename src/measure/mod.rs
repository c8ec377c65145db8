//! From single calls to numbers: [`Sample`] → [`Recorder`] (one a thread) → [`Interval`] (one a second) →
//! [`Totals`] → [`Summary`].

mod blocks;
pub mod clock;
mod counts;
pub mod failure;
pub mod hash;
mod interval;
pub mod metric;
mod recorder;
pub mod row;
mod rows;
mod sample;
pub mod secrets;
mod size;
mod span;
pub mod steady;
mod summary;
pub mod tally;
mod totals;
mod usage;

pub use blocks::{Blocks, Cut};
pub use clock::{Alarm, Moment};
pub use counts::Counts;
pub use failure::Failure;
pub use interval::{Interval, Level, OperationInterval, ThreadUse};
pub use metric::Metric;
pub use recorder::{Batch, Place, Recorder};
pub use row::{Row, Thinning};
pub use rows::{RowName, Rows, Site, is_shown_as};
pub use sample::{Outcome, Sample};
pub use size::Size;
pub use span::Span;
pub use summary::{Errors, FailureClass, Quantiles, Summary, Validity, Verdict};
pub use tally::{Phase, Tally, Window};
pub use totals::{Totals, is_guess, quantiles};
pub use usage::Usage;
