//! `benchscript repl`: try things out, line by line.

use clap::Args;

use super::{Ending, Outcome};

#[derive(Args)]
pub struct Repl {}

impl Repl {
    pub fn execute(self) -> Outcome {
        Ok(Ending::Done)
    }
}
