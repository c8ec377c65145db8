//! `benchscript rerun`: the stored scenario of a run, in a new run.

use std::path::Path;

use clap::Args;

use super::{
    Outcome, output,
    run::{Scenario, Start},
    stored::Bundle,
};
use crate::results::index;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript rerun latest\n  benchscript rerun before-update --note updated"
)]
pub struct Rerun {
    /// The run: an id, a unique prefix, a tag or `latest`
    run: String,

    #[command(flatten)]
    scenario: Scenario,

    /// What the new run is for
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Rerun {
    pub fn execute(self) -> Outcome {
        let bundle = Bundle::read(&index::find(&self.scenario.out().out, &self.run)?)?;
        for difference in bundle.differences() {
            output::tell(&format!("differs: {difference}"));
        }
        let start =
            Start { note: self.note.clone(), rerun_of: Some(bundle.run.run_id.clone()), ..bundle.start() };
        self.scenario.run_from(Path::new(&bundle.run.script.path), &bundle.source, start)
    }
}
