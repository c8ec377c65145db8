//! Where things run: launchers, the guardian that ends what they started, programs that are installed.
//!
//! A [`Launcher`] opens a [`Place`] for a service: a guardian process with a folder of its own. Through a [`Guarded`] that
//! guardian is told what to run; when the pipe to it ends, however that happens, it ends all it started and removes the
//! folder.

mod guarded;
mod guardian;
mod message;
mod place;
mod process;
pub mod programs;
mod resources;
mod tree;
mod user;

pub use guarded::{Ending, Guarded};
pub use guardian::guard;
pub use message::{Ended, Place, Ran, StopWith, Task};
pub use process::LocalProcesses;
pub use resources::Resources;
pub use tree::family;

use crate::error::Result;

/// A way to start processes.
pub trait Launcher: Send + Sync {
    /// As records of a run name it.
    fn word(&self) -> &'static str;

    /// The address at which what it starts can be reached.
    fn host(&self) -> String;

    /// Makes the place, guarded from then on.
    fn open(&self, place: &Place) -> Result<Guarded>;
}
