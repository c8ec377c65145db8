//! `benchscript tag`: gives a run a name.

use clap::Args;

use super::{Ending, Out, Outcome, output};
use crate::results::index;

#[derive(Args)]
#[command(after_help = "Examples:\n  benchscript tag latest baseline\n  benchscript show baseline")]
pub struct Tag {
    /// The run: its id, a unique prefix of it, another tag, or `latest`
    run: String,

    /// The name; a run that had it loses it
    name: String,

    #[command(flatten)]
    out: Out,
}

impl Tag {
    pub fn execute(self) -> Outcome {
        let path = index::find(&self.out.out, &self.run)?;
        let taken_from = index::tag(&self.out.out, &path, &self.name)?;
        let run = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match taken_from {
            Some(other) => output::line(&format!("{run} is now `{}`; {other} was", self.name)),
            None => output::line(&format!("{run} is now `{}`", self.name)),
        }
        Ok(Ending::Done)
    }
}
