//! `benchscript export`: a run in the format of another tool.

use std::{io::Write, path::PathBuf};

use clap::Args;

use super::{Ending, Out, Outcome, output, stored};
use crate::report::export;
use crate::results::atomic;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript export latest --format csv --to trials.csv\n  benchscript export baseline --format go > old.txt\n  benchscript export latest --format sqlite | sqlite3 runs.db\n  benchscript export latest --format k6 --trial 3"
)]
pub struct Export {
    /// The run: its id, a unique prefix of it, a tag, or `latest`
    run: String,

    /// What to write
    #[arg(long, value_enum)]
    format: export::Format,

    /// Only the trial of this number
    #[arg(long, value_name = "NUMBER")]
    trial: Option<u32>,

    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    #[command(flatten)]
    out: Out,
}

impl Export {
    pub fn execute(self) -> Outcome {
        let run = stored(&self.out, &self.run)?;
        let text = export::export(&run, self.format, self.trial)?;
        match &self.to {
            Some(file) => {
                atomic::put(file, text.as_bytes())?;
                output::line(&file.display().to_string());
            }
            None => {
                // Whoever reads may stop early, as `head` does.
                std::io::stdout().write_all(text.as_bytes()).ok();
            }
        }
        Ok(Ending::Done)
    }
}
