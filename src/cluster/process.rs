//! The launcher of processes on this machine.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{Guarded, Launcher, Place};
use crate::error::{Error, Result};

pub struct LocalProcesses {
    /// The benchscript executable: the guardian is the same program.
    pub program: PathBuf,
}

impl Launcher for LocalProcesses {
    fn word(&self) -> &'static str {
        "process"
    }

    fn host(&self) -> String {
        "127.0.0.1".to_owned()
    }

    fn open(&self, place: &Place) -> Result<Guarded> {
        let mut command = Command::new(&self.program);
        command.arg("guard").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let guardian = command.spawn().map_err(|error| {
            Error::io(format!("cannot start `{} guard`", self.program.display())).because(&error)
        })?;
        Guarded::new(guardian, place)
    }
}
