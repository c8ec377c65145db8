//! How a value is written where it goes: a path, a header, a JSON document, or as it is.

use std::io::Write;

use serde_json::Value;

/// Where a value goes. Every encoding keeps it inside its place: nothing drawn can end a header or a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is: a body of text or bytes.
    Raw,
    /// A segment of a path: all but letters, digits and `-._~` percent-encoded. In the written text around it,
    /// characters that shape a path keep their meaning.
    Path,
    /// A name or value in a query: encoded as in a path, the written text too.
    Query,
    /// A header value: control characters left out.
    Header,
    /// A JSON value: text in quotes and escaped.
    Json,
}

impl Encoding {
    /// Appends `text`.
    pub fn text(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Json => serde_json::to_writer(out, text).expect("a Vec takes every write"),
            _ => self.bytes(text.as_bytes(), out),
        }
    }

    /// Appends text of letters, digits and dashes, which no place changes.
    pub fn plain(self, text: &str, out: &mut Vec<u8>) {
        debug_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        let quote: &[u8] = if self == Self::Json { b"\"" } else { b"" };
        out.extend_from_slice(quote);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(quote);
    }

    /// Appends an integer: digits are the same everywhere.
    pub fn int(self, value: i64, out: &mut Vec<u8>) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            at -= 1;
            digits[at] = b'-';
        }
        out.extend_from_slice(&digits[at..]);
    }

    /// Appends a finite float, all digits that tell it apart from its neighbours.
    pub fn float(self, value: f64, out: &mut Vec<u8>) {
        match self {
            Self::Path | Self::Query => {
                let from = out.len();
                serde_json::to_writer(&mut *out, &value).expect("a Vec takes every write");
                // `2.0` is `2` in a path. An exponent may have a `+`, so it is written out: some four times slower.
                if out[from..].contains(&b'e') {
                    out.truncate(from);
                    write!(out, "{value}").expect("a Vec takes every write");
                } else if out.ends_with(b".0") {
                    out.truncate(out.len() - 2);
                }
                debug_assert!(out[from..].iter().all(|byte| unreserved(*byte)));
            }
            _ => serde_json::to_writer(out, &value).expect("a Vec takes every write"),
        }
    }

    /// Appends bytes that need not be text: where only text fits, as base64.
    pub fn binary(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw | Self::Path | Self::Query => self.bytes(bytes, out),
            Self::Header => base64(bytes, out),
            Self::Json => {
                out.push(b'"');
                base64(bytes, out);
                out.push(b'"');
            }
        }
    }

    /// Appends any value: text without quotes (except in JSON), what has parts as JSON text.
    pub fn value(self, value: &Value, out: &mut Vec<u8>) {
        match (self, value) {
            (_, Value::String(text)) => self.text(text, out),
            (Self::Json, other) => serde_json::to_writer(out, other).expect("a Vec takes every write"),
            (_, other) => match other.as_i64() {
                Some(number) => self.int(number, out),
                None => self.text(&other.to_string(), out),
            },
        }
    }

    /// Appends text that was written, not drawn: reserved characters keep their meaning in a path.
    pub fn literal(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Path => {
                percent(text.as_bytes(), |byte| byte.is_ascii_graphic() && !unsafe_in_path(byte), out)
            }
            Self::Header | Self::Query => self.bytes(text.as_bytes(), out),
            Self::Raw | Self::Json => out.extend_from_slice(text.as_bytes()),
        }
    }

    fn bytes(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Path | Self::Query => percent(bytes, unreserved, out),
            Self::Header => out.extend(bytes.iter().filter(|byte| !splits_headers(**byte))),
            Self::Raw | Self::Json => out.extend_from_slice(bytes),
        }
    }
}

fn percent(bytes: &[u8], keep: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if keep(*byte) {
            out.push(*byte);
        } else {
            out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// A control character, which would end a header or hide in it; a tab does neither.
pub(super) fn splits_headers(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// RFC 3986, section 2.3.
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Printable, but not allowed in a request target.
fn unsafe_in_path(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#')
}

/// Appends `bytes` as base64 with padding (RFC 4648).
pub fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32, place: u32| DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
    out.reserve(bytes.len().div_ceil(3) * 4);
    let mut groups = bytes.chunks_exact(3);
    for group in &mut groups {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        out.extend([digit(bits, 0), digit(bits, 1), digit(bits, 2), digit(bits, 3)]);
    }
    match *groups.remainder() {
        [first] => {
            let bits = u32::from_be_bytes([0, first, 0, 0]);
            out.extend([digit(bits, 0), digit(bits, 1), b'=', b'=']);
        }
        [first, second] => {
            let bits = u32::from_be_bytes([0, first, second, 0]);
            out.extend([digit(bits, 0), digit(bits, 1), digit(bits, 2), b'=']);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn base64_pads() {
        let known = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ];
        for (plain, coded) in known {
            assert_eq!(written(|out| base64(plain.as_bytes(), out)), coded);
        }
    }

    #[test]
    fn integers_at_their_limits() {
        for value in [0, 7, -7, 10, i64::MAX, i64::MIN] {
            assert_eq!(written(|out| Encoding::Raw.int(value, out)), value.to_string());
        }
    }

    #[test]
    fn every_place_keeps_a_value_inside() {
        let wild = "a/b?\"é\r\nX: y";
        assert_eq!(written(|out| Encoding::Path.text(wild, out)), "a%2Fb%3F%22%C3%A9%0D%0AX%3A%20y");
        assert_eq!(written(|out| Encoding::Header.text(wild, out)), "a/b?\"éX: y");
        assert_eq!(written(|out| Encoding::Json.text(wild, out)), r#""a/b?\"é\r\nX: y""#);
        assert_eq!(written(|out| Encoding::Raw.text(wild, out)), wild);
    }

    #[test]
    fn floats_fit_their_place() {
        assert_eq!(written(|out| Encoding::Json.float(1e300, out)), "1e+300");
        assert!(written(|out| Encoding::Path.float(1e30, out)).bytes().all(unreserved));
        assert_eq!(written(|out| Encoding::Raw.float(-0.5, out)), "-0.5");
        for value in [-0.5, 2.0, 100.0, 1e-7, 1e21, 0.1] {
            assert_eq!(written(|out| Encoding::Path.float(value, out)), value.to_string());
        }
    }
}
