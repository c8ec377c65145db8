//! `benchscript trial`: one trial of a run, alone in its process.

use std::path::Path;

use clap::Args;

use super::{
    Outcome,
    run::{Scenario, Start},
    stored,
};
use crate::host::Pick;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript trial latest 3                    runs setup, the third trial and teardown"
)]
pub struct Trial {
    /// The run: an id, a unique prefix, a tag or `latest`
    run: String,

    /// The number of the trial, from 1
    index: u32,

    #[command(flatten)]
    scenario: Scenario,
}

impl Trial {
    pub fn execute(self) -> Outcome {
        let bundle = stored::declared(&self.scenario, &self.run)?;
        let start = Start {
            folder: Some(bundle.path.clone()),
            pick: Pick { only: Vec::new(), index: Some(self.index) },
            ..bundle.start()
        };
        self.scenario.run_from(Path::new(&bundle.run.script.path), &bundle.source, start)
    }
}
