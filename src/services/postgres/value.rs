//! A value of a statement, and how each way of sending writes it.

use serde_json::Value as Json;

use crate::load::Turn;
use crate::load::payload::{Encoding, Generator, Param};

/// Fixed or drawn.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    /// Text as it is sent, and whether it is a number, which needs no quotes.
    Fixed(Vec<u8>, bool),
    Drawn {
        generator: Generator,
        stream: u64,
    },
    /// The number of the call.
    Turn,
}

impl Value {
    /// `path` tells the value apart from the others of `operation`: it is its stream.
    pub fn new(param: &Param, operation: &str, path: &str) -> Self {
        match param {
            Param::Fixed(Json::Null) => Self::Null,
            Param::Fixed(value) => {
                let mut text = Vec::new();
                Encoding::Raw.value(value, &mut text);
                Self::Fixed(text, value.is_number() || value.is_boolean())
            }
            Param::Drawn(generator) => {
                Self::Drawn { generator: generator.clone(), stream: Generator::stream(operation, path) }
            }
        }
    }

    /// Bytes go as they are, all else as text.
    pub fn is_binary(&self) -> bool {
        matches!(self, Self::Drawn { generator, .. } if generator.draws_bytes())
    }

    pub fn is_constant(&self) -> bool {
        matches!(self, Self::Null | Self::Fixed(..))
    }

    /// As a value beside the statement: its length, then itself.
    #[inline]
    pub fn bind(&self, turn: Turn, out: &mut Vec<u8>) {
        if matches!(self, Self::Null) {
            out.extend_from_slice(&(-1i32).to_be_bytes());
            return;
        }
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        self.text(turn, out);
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// As a literal within the statement.
    pub fn literal(&self, turn: Turn, out: &mut Vec<u8>) {
        if matches!(self, Self::Null) {
            out.extend_from_slice(b"null");
            return;
        }
        let start = out.len();
        if self.is_binary() {
            self.text(turn, out);
            hex(out, start, b"'\\x");
            out.push(b'\'');
            return;
        }
        let bare = match self {
            Self::Drawn { generator, stream } => {
                // JSON has quotes where they belong.
                generator.write(*stream, turn, Encoding::Json, out);
                match out[start] {
                    b'"' | b'[' | b'{' => {
                        out.truncate(start);
                        false
                    }
                    _ => true,
                }
            }
            Self::Fixed(_, bare) => {
                self.text(turn, out);
                *bare
            }
            _ => {
                self.text(turn, out);
                true
            }
        };
        if bare {
            // `x -$1` must not become `x --5`, a comment.
            if out[start] == b'-' {
                out.insert(start, b' ');
            }
            return;
        }
        if out.len() == start {
            self.text(turn, out);
        }
        let text = out.split_off(start);
        out.push(b'\'');
        for byte in text {
            if byte == b'\'' {
                out.push(b'\'');
            }
            out.push(byte);
        }
        out.push(b'\'');
    }

    /// As a field of a row of COPY.
    pub fn copy(&self, turn: Turn, out: &mut Vec<u8>) {
        if matches!(self, Self::Null) {
            out.extend_from_slice(b"\\N");
            return;
        }
        let start = out.len();
        self.text(turn, out);
        if self.is_binary() {
            hex(out, start, b"\\\\x");
        } else if out[start..].iter().any(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r')) {
            let text = out.split_off(start);
            for byte in text {
                match byte {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    b'\t' => out.extend_from_slice(b"\\t"),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    plain => out.push(plain),
                }
            }
        }
    }

    #[inline]
    fn text(&self, turn: Turn, out: &mut Vec<u8>) {
        match self {
            Self::Null => {}
            Self::Fixed(text, _) => out.extend_from_slice(text),
            Self::Drawn { generator, stream } => generator.write(*stream, turn, Encoding::Raw, out),
            Self::Turn => Encoding::Raw.int(turn.number as i64, out),
        }
    }
}

/// Replaces the bytes from `start` on by `before` and their hexadecimal digits.
fn hex(out: &mut Vec<u8>, start: usize, before: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = out.split_off(start);
    out.extend_from_slice(before);
    out.extend(
        bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn literal(value: Json) -> String {
        let mut out = Vec::new();
        Value::new(&Param::Fixed(value), "op", "1").literal(Turn { seed: 1, number: 0, step: 0 }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn literals_stay_inside_their_quotes() {
        assert_eq!(literal(json!("it's; drop")), "'it''s; drop'");
        assert_eq!(literal(json!(-5)), " -5");
        assert_eq!(literal(json!(2.5)), "2.5");
        assert_eq!(literal(json!("5")), "'5'");
        assert_eq!((literal(json!(null)), literal(json!(true))), ("null".to_owned(), "true".to_owned()));
    }

    #[test]
    fn bytes_and_special_characters_in_rows() {
        let turn = Turn { seed: 1, number: 3, step: 0 };
        let mut out = Vec::new();
        Value::new(&Param::Fixed(json!("a\tb\\c\nd")), "op", "1").copy(turn, &mut out);
        assert_eq!(out, b"a\\tb\\\\c\\nd");
        let bytes = Value::new(&Param::Drawn(Generator::bytes(2).unwrap()), "op", "1");
        let (mut literal, mut copied, mut bound) = (Vec::new(), Vec::new(), Vec::new());
        bytes.literal(turn, &mut literal);
        bytes.copy(turn, &mut copied);
        bytes.bind(turn, &mut bound);
        assert_eq!(literal.len(), 8);
        assert_eq!(&literal[1..7], &copied[1..]);
        assert_eq!(bound[..4], [0, 0, 0, 2]);
    }
}
