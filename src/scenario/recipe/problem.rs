//! Mistakes in a recipe: all of them at once, each with its place.

use crate::error::{Error, nearest};

/// A place in a recipe; both numbers begin at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub line: usize,
    pub column: usize,
}

/// One mistake.
#[derive(Debug)]
pub struct Problem {
    at: At,
    message: String,
    hint: Option<String>,
    /// Its line holds what nobody should see.
    is_secret: bool,
}

impl Problem {
    pub fn new(at: At, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None, is_secret: false }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Leaves the line out of the message.
    pub fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// Adds the nearest of the right names, or all of them.
    pub fn names(self, wrong: &str, what: &str, known: &[&str]) -> Self {
        match nearest(wrong, known) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self.hint(format!("{what}: {}", known.join(", "))),
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them as one error, in the order of the file, each with its line.
    pub fn error(mut self, file: &str, text: &str) -> Error {
        self.0.sort_by_key(|problem| problem.at);
        let mut found: Vec<(Problem, Vec<usize>)> = Vec::new();
        for problem in self.0 {
            match found.iter_mut().find(|(first, _)| first.message == problem.message) {
                // What holds for several services is read for each of them.
                Some((first, _)) if first.at == problem.at => {}
                Some((first, again)) => {
                    if first.at.line != problem.at.line && again.last() != Some(&problem.at.line) {
                        again.push(problem.at.line);
                    }
                }
                None => found.push((problem, Vec::new())),
            }
        }
        let lines: Vec<&str> = text.lines().collect();
        let shown = found.iter().map(|(problem, again)| {
            let At { line, column } = problem.at;
            let quoted = lines.get(line - 1).copied().unwrap_or_default();
            let width = line.to_string().len();
            let pad = " ".repeat(column - 1);
            let quoted = format!("\n{line} | {quoted}\n{:width$} | {pad}^", "");
            let quoted = if problem.is_secret { String::new() } else { quoted };
            let mut hint = problem.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
            if !again.is_empty() {
                let again: Vec<String> = again.iter().map(usize::to_string).collect();
                hint += &format!("\nhint: the same in line {}", again.join(", "));
            }
            format!("{}\n  --> {file}:{line}:{column}{quoted}{hint}", problem.message)
        });
        Error::usage(shown.collect::<Vec<_>>().join("\n\nerror: "))
    }
}
