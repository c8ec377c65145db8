//! `benchscript check`: finds mistakes without running a load.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{Ending, Outcome, Scripting, output, plan, progress::spoken};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript check examples/quickstart.rhai\n  benchscript check scenario.rhai -p url=http://127.0.0.1:8080"
)]
pub struct Check {
    /// The scenario: a script, or a recipe in YAML
    file: PathBuf,

    #[command(flatten)]
    scripting: Scripting,
}

impl Check {
    pub fn execute(self) -> Outcome {
        let source = super::source::of(&self.file)?;
        let host = plan::dry_run(&self.scripting, &source)?;
        plan::must_load(&host)?;
        let state = host.state();
        let loads = state.planned.len();
        let time = plan::seconds(&state.planned)
            .map_or(String::new(), |seconds| format!(", about {}", spoken(Duration::from_secs_f64(seconds))));
        let trials = match state.planned_trials.len() {
            0 => String::new(),
            trials => format!("{trials} trials, "),
        };
        output::line(&format!("{}: ok, {trials}{loads} loads{time}", self.file.display()));
        if let Some(place) = &state.plan_ends_at {
            output::line(&format!("checked up to {place}; what follows depends on it"));
        }
        Ok(Ending::Done)
    }
}
