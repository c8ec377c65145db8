//! `benchscript guard`: the process that ends services, started by benchscript itself.

use clap::Args;

use super::{Ending, Outcome};
use crate::cluster;

#[derive(Args)]
#[command(after_help = "Examples:\n  benchscript guard")]
pub struct Guard {}

impl Guard {
    pub fn execute(self) -> Outcome {
        cluster::guard()?;
        Ok(Ending::Done)
    }
}
