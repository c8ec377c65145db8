//! The run folder: its schema, how it is written so that a crash loses at most a second, how it is read back.

pub mod schema;
mod stored;

pub use stored::{Point, StoredRun, StoredTrial};
