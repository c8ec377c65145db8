//! `<trial>/schedule.csv`: when each call of an open loop was due, for `trace` to replay.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use tokio_util::sync::CancellationToken;

use super::atomic::cannot_write;
use crate::error::{Error, Result};
use crate::load::Calls;

/// Calls between two looks at the cancel token.
const LOOK: u64 = 100_000;

/// Writes the due times in seconds from the start of the load, exact to the nanosecond.
pub fn write(path: &Path, calls: Calls, cancel: &CancellationToken) -> Result<()> {
    let failed = |error: std::io::Error| cannot_write(path, &error);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    file.write_all(b"due_s\n").map_err(failed)?;
    for (turn, due) in calls {
        if turn % LOOK == 0 && cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        let (seconds, nanos) = (due / 1_000_000_000, due % 1_000_000_000);
        writeln!(file, "{seconds}.{nanos:09}").map_err(failed)?;
    }
    file.flush().map_err(failed)
}
