//! A script that grows input by input: what the REPL runs.
//!
//! Variables, constants, imports and functions of earlier inputs stay. All typed inputs are one text, so that a line
//! keeps its number in messages, in checks and in the stored script.

use std::{path::Path, sync::Arc};

use rhai::{Caches, GlobalRuntimeState, Module, Scope, Shared};

use super::{Completion, Diagnostic, Program, Source, display, read, reference};
use crate::error::Result;
use crate::host::Host;

/// What the inputs of a session are called in messages, and the stored script.
pub const NAME: &str = "session.rhai";

pub struct Session {
    program: Program,
    host: Arc<Host>,
    scope: Scope<'static>,
    /// Holds the imports and constants from one input to the next.
    global: GlobalRuntimeState,
    /// The functions of each input, oldest first. Each is a module of its own: it knows which text it came from.
    functions: Vec<Shared<Module>>,
    /// All inputs so far; those that failed are comments, so that the text can be run.
    text: String,
}

/// A variable as `:vars` lists it.
pub struct Variable {
    pub name: String,
    pub kind: String,
    pub value: String,
    pub is_constant: bool,
}

impl Session {
    pub fn new(host: &Arc<Host>) -> Self {
        let program = Program::new(host);
        let global = program.engine().new_global_runtime_state();
        Self {
            program,
            host: host.clone(),
            scope: Scope::new(),
            global,
            functions: Vec::new(),
            text: String::new(),
        }
    }

    /// Runs what was typed; the value as a person reads it, nothing for `()`.
    pub fn evaluate(&mut self, input: &str) -> Result<Option<String>, Diagnostic> {
        let above = self.text.lines().count();
        let typed = format!("{}{input}\n", "\n".repeat(above));
        let shown = format!("{}{input}\n", self.text);
        let outcome = self.run(&Source { name: NAME.to_owned(), text: typed }, &shown);
        self.remember(input, outcome.as_ref().err());
        outcome
    }

    /// Runs a file as if it had been typed.
    pub fn load(&mut self, path: &Path) -> Result<Option<String>, Diagnostic> {
        let source = Source { name: path.display().to_string(), text: read(path)? };
        let outcome = self.run(&source, &source.text);
        let input = format!("// :load {}\n{}", source.name, source.text.trim_end());
        self.remember(&input, outcome.as_ref().err());
        outcome
    }

    /// What was typed and loaded so far, as a script.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Variables and constants that can be seen, in the order of their names.
    pub fn variables(&self) -> Vec<Variable> {
        let engine = self.program.engine();
        let mut variables: Vec<Variable> = Vec::new();
        for (name, is_constant, value) in self.scope.iter_raw() {
            // A later declaration hides an earlier one of the same name.
            variables.retain(|known| known.name != name);
            variables.push(Variable {
                name: name.to_owned(),
                kind: display::kind(value),
                value: display::short(engine, value),
                is_constant,
            });
        }
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        variables
    }

    /// Signatures of the functions defined so far.
    pub fn functions(&self) -> Vec<String> {
        let defined = self.functions.iter().flat_map(|module| module.iter_script_fn_info());
        let mut names: Vec<String> = defined
            .filter(|(.., name, _, _)| !name.starts_with("anon$"))
            .map(|(.., name, _, function)| format!("{name}({})", function.params.join(", ")))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// What there is to say about a name of this session: a function's own comment, the type of a variable.
    pub fn about(&self, name: &str) -> Option<String> {
        let newest_first = self.functions.iter().rev().flat_map(|module| module.iter_script_fn_info());
        let mut same = newest_first.filter(|(.., known, _, _)| *known == name);
        if let Some((.., function)) = same.next() {
            let lines = function.comments.iter().flat_map(|comment| comment.lines());
            let words: Vec<&str> = lines.map(|line| line.trim_start_matches("///").trim()).collect();
            let head = format!("### {name}\n\n```\n{name}({})\n```\n", function.params.join(", "));
            return Some(format!("{head}\n{}", words.join("\n")).trim_end().to_owned() + "\n");
        }
        let (.., value) = self.scope.iter_raw().filter(|(known, ..)| *known == name).last()?;
        let kind = display::kind(value);
        let about = reference::markdown(&kind).unwrap_or_default();
        Some(format!("`{name}` is of type {kind}\n{about}"))
    }

    /// What can be typed now.
    pub fn completion(&self) -> Completion {
        let mut completion = Completion::new(self.program.engine());
        self.refresh(&mut completion);
        completion
    }

    /// Tells `completion` of what the last input has added.
    pub fn refresh(&self, completion: &mut Completion) {
        let variables = self.scope.iter_raw().map(|(name, _, value)| (name.to_owned(), value.clone()));
        completion.variables = variables.collect();
        completion.functions_here = self.functions();
        completion.imports = self.global.scan_imports_raw().map(|(name, _)| name.to_string()).collect();
    }

    /// `shown` is the text that messages quote lines of.
    fn run(&mut self, source: &Source, shown: &str) -> Result<Option<String>, Diagnostic> {
        let ast = self.program.parse(source, shown)?;
        let functions: Shared<Module> = ast.shared_lib().clone();
        if !functions.is_empty() {
            self.functions.push(functions);
        }
        self.global.source = ast.source().map(Into::into);
        self.global.lib = self.functions.iter().cloned().collect();
        let caches = &mut Caches::new();
        #[allow(
            deprecated,
            reason = "the only way to keep imports and constants; it is marked volatile, not going away"
        )]
        let value = self.program.engine().eval_statements_raw(
            &mut self.global,
            caches,
            &mut self.scope,
            ast.statements(),
        );
        self.keep_constants();
        let value = value.map_err(|error| self.program.diagnose(&error, source))?;
        Ok(display::full(self.program.engine(), &value))
    }

    /// Rhai itself shows constants to functions only where the same text has both.
    fn keep_constants(&mut self) {
        let constants = self.global.constants.get_or_insert_default();
        let mut constants = constants.write().expect("nothing panics while it holds the constants");
        for (name, is_constant, value) in self.scope.iter_raw() {
            if is_constant {
                constants.insert(name.into(), value.clone());
            }
        }
    }

    fn remember(&mut self, input: &str, failure: Option<&Diagnostic>) {
        let failed = failure.is_some_and(|diagnostic| !diagnostic.is_interrupt());
        for line in input.trim_end().lines() {
            self.text += if failed { "// failed: " } else { "" };
            self.text += line;
            self.text.push('\n');
        }
        // At the prompt a line ends by itself; in a script it needs a semicolon.
        let commented = input.trim_end().lines().last().is_some_and(|line| line.contains("//"));
        if !failed && !commented && !self.text.ends_with(";\n") {
            self.text.pop();
            self.text += ";\n";
        }
        if let Some(folder) = &mut self.host.state().folder {
            // A run whose script could not be written says so at its end, when it is written again.
            folder.replace_script(NAME, &self.text).ok();
            // Those that were read before the first load made the folder are not in it yet.
            for (name, text) in self.program.library().sources() {
                if name != NAME {
                    folder.add_import(&name, &text).ok();
                }
            }
        }
    }
}

/// Whether an input is not finished: a bracket, text or comment is open, or it ends with an operator or with the
/// comment of a function that is to come.
pub fn is_unfinished(text: &str) -> bool {
    if text.lines().last().is_some_and(|line| line.trim_start().starts_with("///")) {
        return true;
    }
    let mut open: Vec<char> = Vec::new();
    let mut rest = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = rest.next() {
        match (c, open.last().copied()) {
            ('\\', Some('"' | '`' | '\'')) => drop(rest.next()),
            ('$', Some('`')) if rest.peek() == Some(&'{') => {
                rest.next();
                open.push('{');
            }
            (quote, Some(opened @ ('"' | '`' | '\''))) if quote == opened => drop(open.pop()),
            (_, Some('"' | '`' | '\'')) => {}
            ('/', Some('*')) if rest.peek() == Some(&'*') => {
                rest.next();
                open.push('*');
                continue;
            }
            (_, Some('*')) => {
                if c == '*' && rest.next_if_eq(&'/').is_some() {
                    open.pop();
                }
                continue;
            }
            ('/', _) if rest.peek() == Some(&'/') => {
                rest.by_ref().find(|c| *c == '\n');
                continue;
            }
            ('/', _) if rest.next_if_eq(&'*').is_some() => {
                open.push('*');
                continue;
            }
            ('"' | '`' | '\'' | '(' | '[' | '{', _) => open.push(c),
            // One too many is a mistake that the parser will name; more input cannot mend it.
            (')' | ']' | '}', None) => return false,
            (')' | ']' | '}', _) => drop(open.pop()),
            _ => {}
        }
        if !c.is_whitespace() {
            last = c;
        }
    }
    !open.is_empty() || "=,+-*%&|.:<".contains(last)
}

#[cfg(test)]
mod tests {
    use super::is_unfinished;

    #[test]
    fn open_input_goes_on() {
        for text in [
            "fn f() {",
            "let x = [1,",
            "\"abc",
            "`a ${ f(",
            "`a ${1} b",
            "/* a",
            "let x =",
            "a +",
            "x.",
            "/// Says hello.",
            "'(",
        ] {
            assert!(is_unfinished(text), "{text}");
        }
    }

    #[test]
    fn closed_input_ends() {
        for text in [
            "1 + 1",
            "fn f() { 1 }",
            "\"(\"",
            "// (",
            "let c = '\"';",
            "`${ f(\"}\") }`",
            "/* ( */ 1",
            "a)",
            "1 // +",
        ] {
            assert!(!is_unfinished(text), "{text}");
        }
    }
}
