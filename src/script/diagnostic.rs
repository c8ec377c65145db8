//! Script failures as people read them: the message, the line, the calls that led there, hints.

use std::fmt;

use rhai::{Engine, EvalAltResult, ParseErrorType, Position};

use super::{Source, library::Library, lint, reference};
use crate::error::{Error, ErrorKind, nearest};

#[derive(Debug)]
pub struct Diagnostic {
    pub error: Error,
    /// Innermost first.
    frames: Vec<Frame>,
}

/// One place in a script.
#[derive(Debug)]
struct Frame {
    file: String,
    position: Position,
    line: String,
    /// The function that contains this place, if any.
    function: Option<String>,
}

/// Frames of an endless recursion are all alike: so many are shown from each end.
const SHOWN_FRAMES: usize = 4;

impl Diagnostic {
    /// An error without a place in a script.
    pub fn plain(error: Error) -> Self {
        Self { error, frames: Vec::new() }
    }

    pub(super) fn new(error: &EvalAltResult, source: &Source, library: &Library, engine: &Engine) -> Self {
        let frame = |file: &str, position: Position, function: Option<&str>| {
            let text = library.source(file).unwrap_or_default();
            let line = position.line().and_then(|number| text.lines().nth(number - 1)).unwrap_or_default();
            Frame {
                file: file.to_owned(),
                position,
                line: line.to_owned(),
                function: function.map(str::to_owned),
            }
        };
        let mut frames = Vec::new();
        let (mut inner, mut file, mut function) = (error, source.name.as_str(), None);
        loop {
            match inner {
                EvalAltResult::ErrorInFunctionCall(name, from, cause, position) => {
                    frames.push(frame(file, *position, function));
                    function = Some(if name.starts_with("anon$") { "a closure" } else { name.as_str() });
                    (inner, file) = (cause, if from.is_empty() { file } else { from });
                }
                EvalAltResult::ErrorInModule(name, cause, position) => {
                    if !position.is_none() {
                        frames.push(frame(file, *position, function));
                    }
                    function = None;
                    (inner, file) = (cause, if name.is_empty() { file } else { name });
                }
                _ => break,
            }
        }
        frames.push(frame(file, inner.position(), function));
        frames.reverse();
        let mut error = explain(inner, engine);
        if let EvalAltResult::ErrorVariableNotFound(name, _) = inner {
            let text = library.source(file).unwrap_or_default();
            error = hint_at_variable(error, name, &text, function.is_some());
        }
        Self { error, frames }
    }

    /// Whether the script was ended by Ctrl-C.
    pub fn is_interrupt(&self) -> bool {
        self.error.kind == ErrorKind::Cancelled
    }
}

/// Rhai's own errors, in our words and with hints.
fn explain(error: &EvalAltResult, engine: &Engine) -> Error {
    match error {
        EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => {
            match value.read_lock::<Error>() {
                Some(error) => error.clone(),
                None => Error::usage(thrown(value)),
            }
        }
        EvalAltResult::ErrorStackOverflow(_) => super::stack::too_deep(),
        EvalAltResult::ErrorModuleNotFound(name, _) => lint::unknown(name, "", &[])
            .unwrap_or_else(|| Error::usage(format!("there is no module `{name}`"))),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => unknown_function(signature, engine),
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            Error::usage(format!("there is no variable `{name}`"))
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            Error::usage(format!("the map has no field `{name}`")).hint("`if \"name\" in map` asks first")
        }
        EvalAltResult::ErrorDotExpr(text, _) => unknown_field(text, engine),
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
            Error::usage(format!("expected a {}, found a {}", word(wanted), word(found)))
        }
        EvalAltResult::ErrorMismatchOutputType(wanted, found, _) => {
            Error::usage(format!("expected a {}, found a {}", word(wanted), word(found)))
        }
        EvalAltResult::ErrorAssignmentToConstant(name, _) => {
            Error::usage(format!("`{name}` is a constant and cannot be changed"))
        }
        EvalAltResult::ErrorParsing(problem, _) => syntax(problem),
        other => Error::usage(bare(other)),
    }
}

/// What a script threw by itself.
fn thrown(value: &rhai::Dynamic) -> String {
    if value.is_unit() { "the script threw an error".to_owned() } else { value.to_string() }
}

fn syntax(problem: &ParseErrorType) -> Error {
    let text = problem.to_string();
    let error = Error::usage(format!("this is not Rhai: {}", text.trim_end_matches('.')));
    match problem {
        ParseErrorType::Reserved(word) => error.hint(format!(
            "`{word}` is a reserved word; as the name of a field write it in quotes: `\"{word}\": ...`"
        )),
        ParseErrorType::ExprExpected(_) | ParseErrorType::MissingToken(..) => {
            error.hint("is a bracket, a comma or a semicolon missing before this place?")
        }
        _ => error,
    }
}

fn unknown_function(signature: &str, engine: &Engine) -> Error {
    let name = signature.split(" (").next().unwrap_or(signature).trim();
    let shown = plain_signature(signature);
    let known = reference::signatures(engine);
    let same: Vec<&str> = known
        .iter()
        .filter(|known| known.full == name || known.name == name)
        .map(|known| known.shown.as_str())
        .collect();
    if !same.is_empty() {
        let error = Error::usage(format!("no function takes these arguments: `{shown}`"));
        return same.into_iter().fold(error, |error, shown| error.hint(format!("there is `{shown}`")));
    }
    if let Some((module, function)) = name.split_once("::")
        && let Some(error) = lint::unknown(module, function, &reference::names(engine))
    {
        return error;
    }
    let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
    let error = Error::usage(format!("there is no function `{shown}`"));
    match nearest(name, &names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// `Unknown property 'p98' - a getter is not registered for type 'Times'`, said for people.
fn unknown_field(text: &str, engine: &Engine) -> Error {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    let [field, of, ..] = quoted.as_slice() else { return Error::usage(text) };
    let of = word(of);
    let error = Error::usage(format!("a {of} has no field `{field}`"));
    let fields = reference::fields(engine, &of);
    let names: Vec<&str> = fields.iter().map(String::as_str).collect();
    match nearest(field, &names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => error,
        None => error.hint(format!("fields: {}", names.join(", "))),
    }
}

fn hint_at_variable(error: Error, name: &str, text: &str, in_function: bool) -> Error {
    let declared = text.lines().any(|line| {
        let line = line.strip_prefix("let ").map(str::trim_start);
        line.and_then(|line| line.strip_prefix(name))
            .is_some_and(|rest| rest.trim_start().starts_with(['=', ';']))
    });
    if declared && in_function {
        return error.hint(format!(
            "functions do not see variables of the top level: pass `{name}` as an argument, or make it a `const`"
        ));
    }
    let variables: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .zip(text.split(|c: char| !c.is_alphanumeric() && c != '_').skip(1))
        .filter(|(before, _)| ["let", "const", "for", "fn"].contains(before))
        .map(|(_, name)| name)
        .collect();
    match nearest(name, &variables) {
        Some(near) if near != name => error.hint(format!("did you mean `{near}`?")),
        _ => error,
    }
}

/// A signature with types as a script writer knows them.
fn plain_signature(signature: &str) -> String {
    let signature = signature.replace("&str | ImmutableString | String", "string").replace(" (", "(");
    let Some((name, types)) = signature.split_once('(') else { return signature };
    let types: Vec<String> = types.trim_end_matches(')').split(", ").map(word).collect();
    format!("{name}({})", types.join(", "))
}

/// A type as a script writer knows it.
fn word(of: &str) -> String {
    reference::plain_type(of)
}

/// Rhai's message without the position, which is shown apart.
fn bare(error: &EvalAltResult) -> String {
    let mut text = error.to_string();
    if let Some(place) = text.rfind(" (line ") {
        text.truncate(place);
    }
    text
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.error)?;
        let all: Vec<&Frame> = self.frames.iter().filter(|frame| frame.position.line().is_some()).collect();
        let hidden = all.len().saturating_sub(2 * SHOWN_FRAMES);
        for (depth, frame) in all.iter().enumerate() {
            if hidden > 0 && depth == SHOWN_FRAMES {
                write!(f, "\n  ... and {hidden} more calls ...")?;
            }
            if hidden > 0 && (SHOWN_FRAMES..SHOWN_FRAMES + hidden).contains(&depth) {
                continue;
            }
            frame.write(f, depth)?;
        }
        self.error.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl Frame {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let (line, column) = (self.position.line().unwrap_or(0), self.position.position().unwrap_or(1));
        let role = if depth == 0 { "  --> " } else { "  called at " };
        write!(f, "\n{role}{}:{line}:{column}", self.file)?;
        if let Some(function) = &self.function {
            write!(f, " in {function}")?;
        }
        // A prelude file failed: what the reader can change is the line of their own that called it.
        let own = !self.file.starts_with("prelude/");
        if depth == 0 || (depth == 1 && own) {
            let width = line.to_string().len();
            let pad = column.saturating_sub(1);
            write!(f, "\n{line} | {}\n{:width$} | {:pad$}^", self.line, "", "")?;
        }
        Ok(())
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self::plain(error)
    }
}
