//! `benchscript completions`: the completion script of a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Ending, Outcome, output};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript completions bash > ~/.local/share/bash-completion/completions/benchscript\n  benchscript completions zsh > ~/.zfunc/_benchscript"
)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn execute(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "benchscript", &mut script);
        output::print(&String::from_utf8_lossy(&script));
        Ok(Ending::Done)
    }
}
