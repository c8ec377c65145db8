//! `benchscript new`: a scenario to start from.

use std::{fs, io::Write, path::PathBuf};

use clap::Args;

use super::{Ending, Outcome, output};
use crate::error::Error;

/// Runs as it is, against the built-in target.
const TEMPLATE: &str = include_str!("../../examples/new.rhai");

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript new my_service\n  benchscript run my_service.rhai -p url=http://127.0.0.1:8080"
)]
pub struct New {
    /// Name of the scenario; NAME.rhai is written
    name: String,
}

impl New {
    pub fn execute(self) -> Outcome {
        let name = self.name.strip_suffix(".rhai").unwrap_or(&self.name);
        let path = PathBuf::from(format!("{name}.rhai"));
        let failed = |error: std::io::Error| {
            let failed = Error::io(format!("cannot write `{}`", path.display())).because(&error);
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    Error::usage(format!("`{}` is there already", path.display()))
                        .hint("choose another name, or move it away")
                }
                std::io::ErrorKind::NotFound => failed.hint("make its folder first"),
                _ => failed,
            }
        };
        let mut file = fs::File::create_new(&path).map_err(failed)?;
        file.write_all(TEMPLATE.as_bytes()).map_err(failed)?;
        output::line(&format!("wrote {0}; run it: benchscript run {0}", path.display()));
        Ok(Ending::Done)
    }
}
