//! `benchscript doctor`: what is wrong with this machine for benchmarking.

use clap::Args;

use super::{Ending, Outcome};

#[derive(Args)]
pub struct Doctor {}

impl Doctor {
    pub fn execute(self) -> Outcome {
        Ok(Ending::Done)
    }
}
