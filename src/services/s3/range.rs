//! A part of an object, as a request asks for it.

use std::{fmt, str::FromStr};

/// Bytes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// From the first to the last, both included.
    Part(u64, u64),
    /// From the first to the end.
    From(u64),
    /// So many before the end.
    Last(u64),
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no part of an object; write \"0-1023\", \"1024-\" or \"-1024\" (the last 1,024 bytes)"
            )
        };
        let number = |text: &str| text.replace('_', "").parse::<u64>().ok();
        let (first, last) = text.trim().split_once('-').ok_or_else(wrong)?;
        let range = match (first, last) {
            ("", last) => number(last).filter(|last| *last > 0).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => Some(Self::Part(first, last)),
                _ => None,
            },
        };
        range.ok_or_else(wrong)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(first, last) => write!(f, "{first}-{last}"),
            Self::From(first) => write!(f, "{first}-"),
            Self::Last(count) => write!(f, "-{count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_back() {
        for (text, range) in [
            ("0-1023", Range::Part(0, 1_023)),
            (" 1_000-1_000", Range::Part(1_000, 1_000)),
            ("5-", Range::From(5)),
            ("-5", Range::Last(5)),
        ] {
            assert_eq!(text.parse::<Range>(), Ok(range), "{text}");
            assert_eq!(range.to_string().parse::<Range>(), Ok(range));
        }
        for text in ["", "-", "5", "9-8", "a-b", "-0", "1-2-3", "bytes=0-1"] {
            assert!(text.parse::<Range>().unwrap_err().contains("; write"), "{text}");
        }
    }
}
