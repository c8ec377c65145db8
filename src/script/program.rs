//! A script on its way from text to run: compiled once, checked, run.

use std::{collections::BTreeSet, sync::Arc};

use rhai::{AST, Engine, EvalAltResult};

use super::{
    Diagnostic, ScriptResult, course, engine,
    library::{Library, Resolver, at_line},
    lint::{self, Asked, Known},
    version::{Head, is_about_versions},
};
use crate::error::{Error, nearest};
use crate::host::Host;
use crate::scenario::campaign::End;

/// A script's text and the name it goes by in messages: its path as given.
#[derive(Debug, Clone)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// The first paragraph of a script's `//!` lines, without what it says of versions: the question it answers.
pub fn question(text: &str) -> Option<String> {
    let lines = text
        .lines()
        .skip_while(|line| line.trim().is_empty())
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty());
    let question = lines.filter(|line| !is_about_versions(line)).collect::<Vec<_>>().join(" ");
    (!question.is_empty()).then_some(question)
}

/// An engine with what it has loaded, ready to run scripts for one host.
pub struct Program {
    engine: Engine,
    library: Arc<Library>,
    host: Arc<Host>,
}

impl Program {
    pub fn new(host: &Arc<Host>) -> Self {
        let library = Arc::new(Library::new(host.clone()));
        let mut engine = engine(host);
        engine.set_module_resolver(Resolver(library.clone()));
        Self { engine, library, host: host.clone() }
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    /// Compiles, and finds calls of functions and parameters that do not exist, here and in what is imported.
    pub fn compile(&self, source: &Source) -> Result<AST, Diagnostic> {
        let ast = self.parse(source, &source.text)?;
        let mut look = Look::default();
        self.look_through(&ast, source, &mut look).map_err(|error| self.diagnose(&error, source))?;
        // A declared scenario has those of its sweep too, which are known once its top level has run.
        if !lint::declares(&ast) {
            self.refuse_unknown(look.asked, source, &[]).map_err(Diagnostic::plain)?;
        }
        Ok(ast)
    }

    /// Looks for mistakes in a file and in what it imports, and collects the parameters that they ask for. What cannot be
    /// read or compiled is told where it is imported.
    fn look_through(&self, ast: &AST, source: &Source, look: &mut Look) -> ScriptResult<()> {
        let imports = lint::imported_files(ast);
        let head = Head::of(&source.text).and_then(|head| head.allows_this_program().map(|()| head));
        let head = head.map_err(at_line)?;
        if imports.iter().all(|import| import.path.is_some()) {
            let paths: Vec<String> = imports.iter().filter_map(|import| import.path.clone()).collect();
            head.names_imports(&paths).map_err(at_line)?;
        }
        if let Some(error) = lint::first_unknown_call(&self.engine, ast, &look.known) {
            return Err(error.into());
        }
        lint::parameters(ast, &mut look.asked);
        for import in imports {
            let found = import.path.and_then(|path| self.library.find(&source.name, &path));
            let Some((name, text)) = found else {
                look.asked.any = true;
                continue;
            };
            if !look.seen.insert(name.clone()) {
                continue;
            }
            if let Ok(ast) = self.engine.compile(&text) {
                self.library.add_source(&name, &text);
                let source = Source { name, text };
                self.look_through(&ast, &source, look)
                    .map_err(|error| EvalAltResult::ErrorInModule(source.name, error, import.position))?;
            }
        }
        Ok(())
    }

    /// Refuses `-p` for a parameter that neither the script nor what it imports asks for, and that is none of `swept`.
    fn refuse_unknown(&self, mut asked: Asked, source: &Source, swept: &[&str]) -> Result<(), Error> {
        asked.names.extend(swept.iter().map(|name| (*name).to_owned()));
        for (name, _) in &self.host.settings.parameters {
            if asked.any || asked.names.contains(name) {
                continue;
            }
            let known: Vec<&str> = asked.names.iter().map(String::as_str).collect();
            let error = Error::usage(format!("`{}` has no parameter `{name}`", source.name));
            return Err(match (nearest(name, &known), known.is_empty()) {
                (Some(near), _) => error.hint(format!("did you mean `{near}`?")),
                (None, true) => error.hint("a script asks for one with `param(\"name\", default)`"),
                (None, false) => error.hint(format!("parameters: {}", known.join(", "))),
            });
        }
        Ok(())
    }

    /// Compiles without further checks, as an input of the REPL needs it: earlier ones may define what it calls.
    /// Messages quote lines of `shown`.
    pub(super) fn parse(&self, source: &Source, shown: &str) -> Result<AST, Diagnostic> {
        self.library.add_source(&source.name, shown);
        let mut ast =
            self.engine.compile(&source.text).map_err(|error| self.diagnose(&error.into(), source))?;
        ast.set_source(source.name.as_str());
        Ok(ast)
    }

    /// Whether the script declares its trials: then its run has a folder only once it has declared.
    pub fn declares(&self, ast: &AST) -> bool {
        lint::declares(ast)
    }

    /// Runs a script from its top to its bottom, or the trials that it declares.
    pub fn run(&self, ast: &AST, source: &Source) -> Result<(), Diagnostic> {
        if !lint::declares(ast) {
            return self.engine.run_ast(ast).map_err(|error| self.diagnose(&error, source));
        }
        let refuse = |swept: &[&str]| {
            if self.host.settings.parameters.is_empty() {
                return Ok(());
            }
            let mut look = Look::default();
            // What is wrong there has been told when it was compiled.
            self.look_through(ast, source, &mut look).ok();
            self.refuse_unknown(look.asked, source, swept)
        };
        course::run(&self.engine, &self.host, ast, refuse).map_err(|end| match end {
            End::Fault(fault) => self.diagnose(&fault, source),
            End::Error(error) => Diagnostic::plain(error),
        })
    }

    pub(super) fn diagnose(&self, error: &EvalAltResult, source: &Source) -> Diagnostic {
        Diagnostic::new(error, source, &self.library, &self.engine)
    }
}

/// What looking through a script and its imports has found so far.
#[derive(Default)]
struct Look {
    asked: Asked,
    /// Files that were looked through.
    seen: BTreeSet<String>,
    known: Known,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_the_first_paragraph() {
        assert_eq!(
            question("\n//! How fast\n//! is it?\n//!\n//! Takes 5 s.\nlet x = 1;").as_deref(),
            Some("How fast is it?")
        );
        assert_eq!(question("//!\n//! Late?").as_deref(), Some("Late?"));
        assert_eq!(question("let x = 1;\n//! no question"), None);
        assert_eq!(question("//! How fast?\n//! needs team/llm 1.1\n").as_deref(), Some("How fast?"));
    }
}
