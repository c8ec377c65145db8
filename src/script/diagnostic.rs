//! Script failures as people read them: the message, the line, the calls that led there, hints.

use std::fmt;

use rhai::{Engine, EvalAltResult, Position};

use super::{
    Source,
    explain::{Place, explain},
    library::Library,
};
use crate::error::{Error, ErrorKind};

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
    /// Whether this place imports the file of the frame before it; else it calls its function.
    imports: bool,
}

/// Frames of an endless recursion are all alike: so many are shown from each end.
const SHOWN_FRAMES: usize = 4;

impl Diagnostic {
    /// An error without a place in a script.
    pub fn plain(error: Error) -> Self {
        Self { error, frames: Vec::new() }
    }

    pub(super) fn new(error: &EvalAltResult, source: &Source, library: &Library, engine: &Engine) -> Self {
        let text = |file: &str| library.source(file).unwrap_or_default();
        let frame = |file: &str, position: Position, function: Option<&str>, imports: bool| {
            let text = text(file);
            let line = position.line().and_then(|number| text.lines().nth(number - 1)).unwrap_or_default();
            Frame {
                file: file.to_owned(),
                position,
                line: line.to_owned(),
                function: function.map(str::to_owned),
                imports,
            }
        };
        let mut frames = Vec::new();
        let (mut inner, mut file, mut function) = (error, source.name.as_str(), None);
        loop {
            match inner {
                EvalAltResult::ErrorInFunctionCall(name, from, cause, position) => {
                    frames.push(frame(file, *position, function, false));
                    function = Some(if name.starts_with("anon$") { "a closure" } else { name.as_str() });
                    (inner, file) = (cause, if from.is_empty() { file } else { from });
                }
                EvalAltResult::ErrorInModule(name, cause, position) => {
                    frames.push(frame(file, *position, function, true));
                    function = None;
                    (inner, file) = (cause, if name.is_empty() { file } else { name });
                }
                _ => break,
            }
        }
        frames.retain(|frame| frame.position.line().is_some());
        // Where it failed is shown in any case, if only the file.
        frames.push(frame(file, inner.position(), function, false));
        frames.reverse();
        let text = text(file);
        let place = Place { engine, library, file, text: &text, in_function: function.is_some() };
        Self { error: explain(inner, &place), frames }
    }

    /// Whether the script was ended by Ctrl-C.
    pub fn is_interrupt(&self) -> bool {
        self.error.kind == ErrorKind::Cancelled
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.error)?;
        // A prelude file failed: what the reader can change is the line of their own that called it.
        let own = self.frames.iter().position(|frame| !frame.is_prelude()).unwrap_or(0);
        let (inside, calls) = self.frames.split_at(own);
        if let Some((first, calls)) = calls.split_first() {
            first.write(f, "-->", true)?;
            for frame in inside.iter().rev() {
                frame.write(f, "which failed at", false)?;
            }
            let hidden = calls.len().saturating_sub(2 * SHOWN_FRAMES);
            let mut file = &first.file;
            for (depth, frame) in calls.iter().enumerate() {
                if hidden > 0 && depth == SHOWN_FRAMES {
                    write!(f, "\n  ... and {hidden} more calls ...")?;
                }
                if hidden > 0 && (SHOWN_FRAMES..SHOWN_FRAMES + hidden).contains(&depth) {
                    continue;
                }
                // Each file shows its line once: the one nearest to the mistake.
                frame.write(
                    f,
                    if frame.imports { "imported at" } else { "called at" },
                    frame.file != *file,
                )?;
                file = &frame.file;
            }
        }
        self.error.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl Frame {
    fn is_prelude(&self) -> bool {
        self.file.starts_with("prelude/")
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, role: &str, with_line: bool) -> fmt::Result {
        let (line, column) = (self.position.line(), self.position.position().unwrap_or(1));
        let Some(line) = line else { return write!(f, "\n  {role} {}", self.file) };
        write!(f, "\n  {role} {}:{line}:{column}", self.file)?;
        if let Some(function) = &self.function {
            write!(f, " in {function}")?;
        }
        if with_line {
            let width = line.to_string().len();
            // Tabs stay tabs, so that the caret stands below its place on any terminal.
            let before = self.line.chars().take(column.saturating_sub(1));
            let pad: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n{line} | {}\n{:width$} | {pad}^", self.line, "")?;
        }
        Ok(())
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self::plain(error)
    }
}
