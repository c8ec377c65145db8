//! The one error type that reaches a person: a kind, a sentence, its causes and hints.
//!
//! Failures of single calls inside a load are data, not errors: see [`crate::measure::Failure`].

use std::fmt;

/// A result whose error is an [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a script can match on (`err.kind`) and what the exit code follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The script or command line asked for something impossible.
    Usage,
    /// A service, node or scheduler could not be reached or refused.
    Unavailable,
    /// It answered, but not as its protocol says.
    Protocol,
    /// Local files and processes.
    Io,
    /// Ctrl-C, SIGTERM or a deadline.
    Cancelled,
}

impl ErrorKind {
    /// The word that scripts compare `err.kind` with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
            Self::Io => "io",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What was tried and on what, what came back (`causes`, outermost first), what to do (`hints`).
///
/// Messages are lower case without a final period; literals stand in backticks.
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    pub causes: Vec<String>,
    pub hints: Vec<String>,
    /// The failure class of the call that failed (`timeout`, `status_5xx`), where a call was made.
    pub class: Option<&'static str>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hints: Vec::new(), class: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    pub fn io(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Io, message)
    }

    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "interrupted")
    }

    /// Adds what the system or a library said, with its whole source chain; repeated words are left out.
    pub fn because(mut self, cause: &dyn std::error::Error) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !self.causes.last().is_some_and(|last| last.contains(&text)) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Adds something the reader can do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says which failure class a failed call had.
    pub fn class(mut self, class: &'static str) -> Self {
        self.class = Some(class);
        self
    }
}

/// The known name within a third of the length in edits, for `did you mean`.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, name) = known.iter().map(|name| (edits(wrong, name), *name)).min()?;
    (distance <= wrong.len().max(name.len()).div_ceil(3)).then_some(name)
}

/// How many characters must be added, left out, replaced or swapped with their neighbour to turn `a` into `b`.
pub fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The sentence and its causes on one line, then each hint on a line of its own is the caller's to print.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_needs_to_be_near() {
        assert_eq!(nearest("wokers", &["workers", "rate"]), Some("workers"));
        assert_eq!(nearest("ulr", &["url", "users"]), Some("url"));
        assert_eq!(nearest("concurrency", &["workers", "rate"]), None);
    }
}
