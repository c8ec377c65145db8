//! The run folder: its schema, how it is written so that a crash loses at most a second, how it is read back.

pub mod atomic;
pub mod facts;
mod folder;
pub mod hlog;
pub mod index;
mod outcome;
mod requests;
mod resources;
pub mod schedule;
pub mod schema;
mod series;
mod stored;
mod trial;
mod unit;

pub use folder::{NewRun, RunFolder, check_writable, sha256, slug};
pub use outcome::Outcome;
pub use resources::{ResourceRow, ResourceUse, Resources, Spread, Used};
pub use stored::{Point, StoredRun, StoredTrial, read_json};
pub use trial::{RESOURCES, ResourceFile, TrialFolder};
pub use unit::{UnitFolder, load_folder};
