//! Where the inputs of the REPL come from: a line editor on a terminal, plain lines from a pipe.

use std::{
    env, fs,
    io::{self, BufRead},
    mem::MaybeUninit,
    path::PathBuf,
};

use rustyline::{CompletionType, Config, Editor, error::ReadlineError, history::FileHistory};

use super::helper::Assistant;
use crate::cli::output;
use crate::script::{Completion, Session, session::is_unfinished};

const PROMPT: &str = "> ";

/// Inputs that the history keeps.
const HISTORY: usize = 10_000;

pub enum Input {
    Terminal { editor: Box<Editor<Assistant, FileHistory>>, history: Option<PathBuf> },
    Lines,
}

pub enum Line {
    /// One input, of one or more lines.
    Text(String),
    /// Ctrl-C while typing.
    Cleared,
    End,
}

impl Input {
    pub fn new(completion: Completion) -> Self {
        if !super::is_interactive() {
            return Self::Lines;
        }
        Self::editor(completion).unwrap_or(Self::Lines)
    }

    fn editor(completion: Completion) -> rustyline::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Assistant::new(completion)));
        let history = history_file();
        if let Some(path) = &history {
            // There is none at the first start; one that cannot be read is no reason not to start.
            editor.load_history(path).ok();
        }
        Ok(Self::Terminal { editor: Box::new(editor), history })
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// Lets completion know what the last input defined.
    pub fn refresh(&mut self, session: &Session) {
        if let Self::Terminal { editor, .. } = self
            && let Some(assistant) = editor.helper_mut()
        {
            session.refresh(&mut assistant.completion);
        }
    }

    pub fn next(&mut self) -> Line {
        match self {
            Self::Lines => next_lines(),
            Self::Terminal { editor, history } => match editor.readline(PROMPT) {
                Ok(text) => {
                    editor.add_history_entry(&text).ok();
                    if let Some(path) = history {
                        // At once, so that a session that breaks down keeps it.
                        editor.append_history(path).ok();
                    }
                    Line::Text(text)
                }
                Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Line::Cleared,
                Err(ReadlineError::Eof) => Line::End,
                Err(error) => {
                    output::tell(&format!("error: cannot read from the terminal: {error}"));
                    Line::End
                }
            },
        }
    }
}

/// Whether an input needs more lines. An empty line ends it in any case.
pub fn goes_on(text: &str) -> bool {
    let ended = text.rsplit_once('\n').is_some_and(|(_, last)| last.trim().is_empty());
    !ended && !text.starts_with(':') && is_unfinished(text)
}

fn next_lines() -> Line {
    let mut text = String::new();
    loop {
        let before = text.len();
        match io::stdin().lock().read_line(&mut text) {
            Ok(1..) => {}
            Ok(0) if before > 0 => return Line::Text(text),
            Ok(0) => return Line::End,
            Err(error) => {
                output::tell(&format!("error: cannot read the input: {error}"));
                return Line::End;
            }
        }
        if !goes_on(text.trim_end_matches(['\n', '\r'])) || text[before..].trim().is_empty() {
            return Line::Text(text.trim_end().to_owned());
        }
    }
}

/// `$XDG_STATE_HOME/benchscript/history`; none where there is no place for it.
fn history_file() -> Option<PathBuf> {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let state =
        env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home)?;
    let folder = state.join("benchscript");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// How the terminal was set before the line editor changed it: what ends the process in its middle sets it back.
pub struct TerminalMode(Option<libc::termios>);

impl TerminalMode {
    pub fn now() -> Self {
        let mut mode = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the call fills the struct if it returns 0; only then is it read.
        let mode = unsafe {
            (libc::tcgetattr(libc::STDIN_FILENO, mode.as_mut_ptr()) == 0).then(|| mode.assume_init())
        };
        Self(mode)
    }

    pub fn restore(&self) {
        if let Some(mode) = &self.0 {
            // SAFETY: the struct was filled by the system.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, mode) };
            output::line("");
        }
    }
}
