//! Who wants to know what happens while a load runs: the run folder, the live line, probes.

use crate::error::Result;
use crate::measure::{Interval, Moment};

/// Receives every second of a load once all threads have delivered it. An error ends the load.
pub trait Sink {
    /// The sessions are open and the load begins at `begin`, which is `utc_ns` nanoseconds after the epoch.
    fn begin(&mut self, _begin: Moment, _utc_ns: u64) -> Result<()> {
        Ok(())
    }

    fn interval(&mut self, interval: &Interval) -> Result<()>;
}
