//! `benchscript show`: the results of a run again.

use std::io;

use clap::Args;

use super::{Ending, Out, Outcome, output, stored};
use crate::report;

#[derive(Args)]
#[command(after_help = "Examples:\n  benchscript show latest\n  benchscript show quickstart-20260131 --json")]
pub struct Show {
    /// The run: its id, a unique prefix of it, a tag, or `latest`
    run: String,

    #[command(flatten)]
    out: Out,

    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn execute(self) -> Outcome {
        let run = stored(&self.out, &self.run)?;
        if self.json {
            output::line(report::json(&run)?.trim_end());
            return Ok(Ending::Done);
        }
        output::print(&report::text::run(&run, output::colored(&io::stdout())));
        output::line(&format!("\nresults  {}", run.path.display()));
        let page = self.out.out.join("reports").join(&run.run.run_id).join("index.html");
        if page.is_file() {
            output::line(&format!("report   {}", page.display()));
        } else {
            output::line(&format!("no report yet: benchscript report {}", run.run.run_id));
        }
        Ok(Ending::Done)
    }
}
