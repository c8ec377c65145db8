//! `benchscript clean`: removes old runs, never one that has a tag.

use std::{fs, path::Path};

use clap::Args;

use super::{Ending, Out, Outcome, output};
use crate::error::{Error, Result};
use crate::measure::Span;
use crate::results::{index, schema::Run, schema::Status};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript clean --keep 20                   keeps the last 20 runs of each scenario\n  benchscript clean --older-than 30d --dry-run   shows what would be removed"
)]
pub struct Clean {
    /// Keep so many of the latest runs of each scenario
    #[arg(long, value_name = "N", required_unless_present = "older_than")]
    keep: Option<usize>,

    /// Remove only runs that began longer ago: 30d, 12h
    #[arg(long, value_name = "TIME", value_parser = age)]
    older_than: Option<i64>,

    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    out: Out,
}

impl Clean {
    pub fn execute(self) -> Outcome {
        let runs = index::list(&self.out.out);
        let now = jiff::Timestamp::now().as_second();
        let mut removed = 0;
        for (at, (path, run)) in runs.iter().enumerate() {
            let later = runs[at + 1..].iter().filter(|(_, other)| other.scenario == run.scenario).count();
            let kept = self.keep.is_some_and(|keep| later < keep);
            let young = self.older_than.is_some_and(|age| began(run).is_none_or(|began| now - began < age));
            if kept || young || !run.tags.is_empty() || run.status == Status::Running {
                continue;
            }
            removed += 1;
            if self.dry_run {
                output::line(&format!("would remove {}", run.run_id));
                continue;
            }
            remove(&self.out.out.join("reports").join(&run.run_id))?;
            remove(path)?;
            output::line(&format!("removed {}", run.run_id));
        }
        if removed == 0 {
            output::line("nothing to remove; runs with a tag and those that are running stay");
        }
        Ok(Ending::Done)
    }
}

/// Seconds since 1970.
fn began(run: &Run) -> Option<i64> {
    run.created_at.parse::<jiff::Timestamp>().ok().map(|at| at.as_second())
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove `{}`", folder.display())).because(&error))
        }
        _ => Ok(()),
    }
}

/// Seconds of `30d`, `2w` or a length of time as scripts write it.
fn age(text: &str) -> std::result::Result<i64, String> {
    let days = |number: &str, days: i64| {
        number.parse::<i64>().ok().and_then(|number| number.checked_mul(days * 86_400))
    };
    let counted = text
        .strip_suffix('d')
        .map(|number| days(number, 1))
        .or_else(|| text.strip_suffix('w').map(|number| days(number, 7)));
    match counted {
        Some(Some(seconds)) => Ok(seconds),
        Some(None) => Err("write a number of days or weeks, e.g. 30d".to_owned()),
        None => text
            .parse::<Span>()
            .map(|span| span.seconds() as i64)
            .map_err(|error| format!("{error}; or days and weeks: 30d, 2w")),
    }
}
