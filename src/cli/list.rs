//! `benchscript list`: the runs in a folder.

use clap::Args;

use super::{Ending, Out, Outcome, output};
use crate::report::Table;
use crate::results::{index, schema::Run};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript list\n  benchscript list --out /scratch/me --json\n  benchscript list --markdown > RUNS.md"
)]
pub struct List {
    #[command(flatten)]
    out: Out,

    /// Print the runs as JSON, one a line
    #[arg(long)]
    json: bool,

    /// Print the table as Markdown, for an index of runs
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

impl List {
    pub fn execute(self) -> Outcome {
        let runs = index::list(&self.out.out);
        if self.json {
            for (_, run) in &runs {
                output::line(&serde_json::to_string(run).unwrap_or_default());
            }
            return Ok(Ending::Done);
        }
        if runs.is_empty() {
            output::line(&format!("no runs in {}", self.out.out.join("results").display()));
            return Ok(Ending::Done);
        }
        let mut table = Table::new("")
            .words("run")
            .words("started (UTC)")
            .words("status")
            .words("checks")
            .words("tags")
            .words("purpose");
        for (_, run) in &runs {
            let failed = run.checks.iter().filter(|check| !check.passed).count();
            let checks = match (run.checks.len(), failed) {
                (0, _) => "-".to_owned(),
                (all, 0) => format!("{all} passed"),
                (all, failed) => format!("{failed} of {all} failed"),
            };
            let started = run.created_at.split('.').next().unwrap_or_default().replace('T', " ");
            table.row(vec![
                run.run_id.clone().into(),
                started.into(),
                run.status.word().into(),
                checks.into(),
                run.tags.join(", ").into(),
                purpose(run).into(),
            ]);
        }
        if self.markdown {
            output::print(&table.markdown());
        } else {
            output::print(&table.text(false));
        }
        Ok(Ending::Done)
    }
}

/// What a run is for: what a person noted, else the question it asks.
fn purpose(run: &Run) -> &str {
    run.note.as_deref().or(run.why.as_deref()).or(run.question.as_deref()).unwrap_or_default()
}
