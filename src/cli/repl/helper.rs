//! What the line editor asks while a person types: is this complete, what may follow.

use rustyline::{
    Context, Helper, Highlighter, Hinter,
    completion::{Completer, FilenameCompleter, Pair},
    validate::{ValidationContext, ValidationResult, Validator},
};

use super::{command, input::goes_on};
use crate::script::Completion;

#[derive(Helper, Highlighter, Hinter)]
pub struct Assistant {
    pub completion: Completion,
    files: FilenameCompleter,
}

impl Assistant {
    pub fn new(completion: Completion) -> Self {
        Self { completion, files: FilenameCompleter::new() }
    }

    fn commands(typed: &str) -> Vec<Pair> {
        command::names().filter(|name| name.starts_with(typed)).map(|name| pair(format!("{name} "))).collect()
    }
}

fn pair(text: String) -> Pair {
    Pair { display: text.clone(), replacement: text }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..at];
        if let Some(path) = typed.strip_prefix(":load ") {
            let before = typed.len() - path.len();
            let (start, files) = self.files.complete(path, path.len(), context)?;
            return Ok((before + start, files));
        }
        if typed.starts_with(':') && !typed.contains(' ') {
            return Ok((0, Self::commands(typed)));
        }
        // `:doc` names functions, not calls of them.
        let named = typed.starts_with(":doc ");
        let (start, found) = self.completion.candidates(typed);
        let shown = |name: String| if named { name.trim_end_matches('(').to_owned() } else { name };
        Ok((start, found.into_iter().map(|name| pair(shown(name))).collect()))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let unfinished = goes_on(context.input());
        Ok(if unfinished { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}
