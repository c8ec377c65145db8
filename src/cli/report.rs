//! `benchscript report`: writes the report of a run again.

use clap::Args;

use super::{Ending, Out, Outcome, output, stored};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript report latest\n  benchscript report quickstart-20260131 --out /scratch/me"
)]
pub struct Report {
    /// The run: its id, a unique prefix of it, a tag, or `latest`
    run: String,

    #[command(flatten)]
    out: Out,
}

impl Report {
    pub fn execute(self) -> Outcome {
        let run = stored(&self.out, &self.run)?;
        let folder = self.out.out.join("reports").join(&run.run.run_id);
        for path in crate::report::write(&run, &folder)? {
            output::line(&path.display().to_string());
        }
        Ok(Ending::Done)
    }
}
