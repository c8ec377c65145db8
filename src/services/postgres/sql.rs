//! Where values stand in a statement: `$1` outside of quotes and comments, or `{name}`.

use crate::error::{Error, Result};

/// A part of a statement's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// The value of this number, from 0.
    Value(usize),
}

/// Splits at `$1`, `$2` and so on. In quotes, comments and `$tag$ ... $tag$` they mean themselves.
pub fn numbered(sql: &str) -> Vec<Piece> {
    let bytes = sql.as_bytes();
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => {
                // `E'...'` has backslashes that hide a quote.
                let escapes = quote == b'\'' && at > 0 && bytes[at - 1].eq_ignore_ascii_case(&b'e');
                at = after_quote(bytes, at, quote, escapes);
            }
            b'-' if bytes[at..].starts_with(b"--") => at = find(bytes, at, b"\n"),
            b'/' if bytes[at..].starts_with(b"/*") => at = find(bytes, at + 2, b"*/"),
            b'$' => {
                let end = end_of(bytes, at + 1, u8::is_ascii_digit);
                let in_a_name = at > 0 && is_word(&bytes[at - 1]);
                let number = sql[at + 1..end].parse::<usize>().ok().filter(|number| *number > 0);
                if let Some(number) = number.filter(|_| !in_a_name) {
                    pieces.push(Piece::Text(sql[from..at].to_owned()));
                    pieces.push(Piece::Value(number - 1));
                    (from, at) = (end, end);
                    continue;
                }
                let tag = end_of(bytes, at + 1, is_word);
                match bytes.get(tag) {
                    Some(b'$') if !in_a_name => at = find(bytes, tag + 1, &bytes[at..=tag]),
                    _ => at = end.max(at + 1),
                }
            }
            _ => at += 1,
        }
    }
    pieces.push(Piece::Text(sql[from..].to_owned()));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    pieces
}

/// Splits at `{name}`, whose number `number` knows; `{{` and `}}` are braces.
pub fn named(sql: &str, mut number: impl FnMut(&str) -> Result<usize>) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let (mut text, mut rest) = (String::new(), sql);
    while let Some(at) = rest.find(['{', '}']) {
        text += &rest[..at];
        let brace = &rest[at..];
        rest = if let Some(rest) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
            text += &brace[..1];
            rest
        } else if let Some((name, rest)) = brace[1..].split_once('}').filter(|_| brace.starts_with('{')) {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Value(number(name.trim())?));
            rest
        } else {
            return Err(Error::usage(format!("a lone `{}` in `{sql}`", &brace[..1]))
                .hint("write `{name}` for a value, `{{` and `}}` for braces"));
        };
    }
    pieces.push(Piece::Text(text + rest));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Ok(pieces)
}

/// The statement in one line, as it is called in results.
pub fn shown(sql: &str) -> String {
    const MOST: usize = 80;
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// An identifier in quotes, so that it means itself whatever it is; each part of `schema.table` by itself.
pub fn quoted(name: &str) -> String {
    let parts = name.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    parts.collect::<Vec<_>>().join(".")
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii()
}

fn end_of(bytes: &[u8], from: usize, belongs: impl Fn(&u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !belongs(byte)).map_or(bytes.len(), |at| from + at)
}

/// Behind the next `end`, or the end of the text.
fn find(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let from = from.min(bytes.len());
    bytes[from..]
        .windows(end.len())
        .position(|window| window == end)
        .map_or(bytes.len(), |at| from + at + end.len())
}

fn after_quote(bytes: &[u8], at: usize, quote: u8, escapes: bool) -> usize {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            // Two quotes are one that is meant: the text goes on.
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(sql: &str) -> Vec<usize> {
        let pieces = numbered(sql);
        pieces
            .iter()
            .filter_map(|piece| if let Piece::Value(at) = piece { Some(*at) } else { None })
            .collect()
    }

    #[test]
    fn numbers_stand_outside_of_quotes_and_comments() {
        assert_eq!(values("select $1, '$2', \"$3\", $4"), [0, 3]);
        assert_eq!(values("select $10 -- $2\n, /* $3 */ $1"), [9, 0]);
        assert_eq!(values("select $$ $1 $$, $a$ $2 $$ $a$, $3"), [2]);
        assert_eq!(values("select 'it''s $1', E'\\'$2', a$1, $2"), [1]);
        assert_eq!(values("select 'open $1"), [] as [usize; 0]);
        assert_eq!(numbered("$1"), [Piece::Value(0)]);
    }

    #[test]
    fn names_stand_in_braces() {
        let mut seen = Vec::new();
        let pieces = named("a = {x} and b = '{{}}' or {y} = { x }", |name| {
            seen.push(name.to_owned());
            Ok(seen.len() - 1)
        });
        assert_eq!(seen, ["x", "y", "x"]);
        assert_eq!(pieces.unwrap()[2], Piece::Text(" and b = '{}' or ".to_owned()));
        assert!(named("a {x", |_| Ok(0)).is_err());
    }

    #[test]
    fn a_name_is_quoted() {
        assert_eq!(quoted("shop.a\"b"), "\"shop\".\"a\"\"b\"");
        assert_eq!(shown("select\n  1"), "select 1");
    }
}
