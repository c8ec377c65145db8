//! `benchscript bench`: a first answer about a service, without a script.

use clap::{Args, ValueEnum};

use super::{Outcome, run::Scenario};
use crate::script::Source;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript bench redis\n  benchscript bench postgres postgres://me@db1/scratch\n  benchscript bench files /scratch/me -p seconds=20\n  benchscript bench http http://127.0.0.1:8080 -p path=/search\n  benchscript bench redis --script              prints the scenario, to make your own of"
)]
pub struct Bench {
    /// What is measured
    #[arg(value_enum)]
    service: Service,

    /// Its address, or the folder of `files`; without one, the service is started here
    url: Option<String>,

    /// Print the scenario instead of running it
    #[arg(long)]
    script: bool,

    #[command(flatten)]
    scenario: Scenario,
}

#[derive(Clone, Copy, ValueEnum)]
enum Service {
    Files,
    Http,
    Postgres,
    Redis,
    S3,
}

impl Service {
    /// The scenario that answers the first question about it, and its parameter for the address.
    fn scenario(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Files => ("scratch_survey", include_str!("../../examples/scratch_survey.rhai"), "folder"),
            Self::Http => ("capacity_ladder", include_str!("../../examples/capacity_ladder.rhai"), "url"),
            Self::Postgres => {
                ("postgres_capacity", include_str!("../../examples/postgres_capacity.rhai"), "url")
            }
            Self::Redis => ("redis_pipelining", include_str!("../../examples/redis_pipelining.rhai"), "url"),
            Self::S3 => ("s3_bandwidth", include_str!("../../examples/s3_bandwidth.rhai"), "url"),
        }
    }
}

impl Bench {
    pub fn execute(mut self) -> Outcome {
        let (name, text, address) = self.service.scenario();
        if self.script {
            super::output::print(text);
            return Ok(super::Ending::Done);
        }
        if let Some(url) = self.url {
            self.scenario.give(address, url);
        }
        let file = format!("{name}.rhai");
        self.scenario.run(file.as_ref(), &Source { name: file.clone(), text: text.to_owned() })
    }
}
