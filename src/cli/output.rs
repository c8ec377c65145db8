//! What goes to the terminal: results to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};

use crate::script::Diagnostic;

/// Prints to stdout. A reader that has gone, as `head` does, is no error.
pub fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).ok();
}

/// Prints a line to stdout.
pub fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// Prints a line to stderr.
pub fn tell(text: &str) {
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// Shows an error on stderr.
pub fn error(diagnostic: &Diagnostic) {
    let text = diagnostic.to_string();
    match text.strip_prefix("error:") {
        Some(rest) if colored(&io::stderr()) => tell(&format!("\x1b[31;1merror:\x1b[0m{rest}")),
        _ => tell(&text),
    }
}

/// Whether colour may be used there: only on a terminal, and not against NO_COLOR.
pub fn colored(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
