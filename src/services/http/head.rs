//! The head of an answer: its status, and how its body ends.

use std::mem::MaybeUninit;

use crate::measure::{Failure, failure};
use crate::services::net::protocol;

/// The largest head that is read, bytes.
pub const HEAD_LIMIT: usize = 64 * 1024;
const HEADER_LIMIT: usize = 128;

/// What the reader needs of a head.
#[derive(Debug)]
pub struct Head {
    /// Bytes up to and with the empty line.
    pub len: usize,
    /// How many of them come before the headers.
    pub start_line: usize,
    pub status: u16,
    pub framing: Framing,
    /// Whether the server will answer another request on this connection.
    pub keep_alive: bool,
}

/// How the body ends (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Parses the head at the start of `bytes`, the answer to HEAD if `head_request`; `None` if more of it must come.
/// Every header is also shown to `see`.
pub fn parse(
    bytes: &[u8],
    head_request: bool,
    mut see: impl FnMut(&str, &[u8]),
) -> Result<Option<Head>, Failure> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADER_LIMIT];
    let mut response = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    // Obsolete, but legal: a value that goes on in the next line.
    config.allow_obsolete_multiline_headers_in_responses(true);
    let len = match config.parse_response_with_uninit_headers(&mut response, bytes, &mut headers) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(malformed(error, bytes)),
    };
    let start_line = response.headers.first().map_or(len, |first| {
        // The names are parts of `bytes`.
        first.name.as_ptr() as usize - bytes.as_ptr() as usize
    });
    // A complete head has both; 0 and HTTP/1.0 are the cautious readings.
    let status = response.code.unwrap_or(0);
    let mut keep_alive = response.version == Some(1);
    let mut length = None;
    let mut coding = None;
    for header in response.headers.iter() {
        // Lengths differ, so a look at one number passes most headers by.
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                length = Some(content_length(header.value, length)?);
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                coding = tokens(header.value).next_back().or(coding);
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                for token in tokens(header.value) {
                    if token.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if token.eq_ignore_ascii_case(b"keep-alive") && response.version == Some(0) {
                        keep_alive = true;
                    }
                }
            }
            _ => {}
        }
        see(header.name, header.value);
    }
    let framing = match (length, coding) {
        _ if head_request || matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
        (Some(_), Some(_)) => {
            return Err(protocol("both a content-length and a transfer-encoding", bytes));
        }
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        (Some(length), None) => Framing::Length(length),
        (None, _) => Framing::UntilClose,
    };
    Ok(Some(Head {
        len,
        start_line,
        status,
        framing,
        keep_alive: keep_alive && framing != Framing::UntilClose,
    }))
}

/// One length, however often it is repeated.
fn content_length(value: &[u8], before: Option<u64>) -> Result<u64, Failure> {
    let mut length = before;
    for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        let digits = !token.is_empty() && token.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(token).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        match (number, length) {
            (Some(number), Some(known)) if number != known => {
                return Err(protocol("content-lengths that differ", value));
            }
            (Some(number), _) => length = Some(number),
            (None, _) => return Err(protocol("a content-length that is no number", value)),
        }
    }
    length.ok_or_else(|| protocol("an empty content-length", value))
}

fn tokens(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

fn malformed(error: httparse::Error, bytes: &[u8]) -> Failure {
    match error {
        httparse::Error::TooManyHeaders => {
            Failure::lost(failure::PROTOCOL, format!("an answer with more than {HEADER_LIMIT} headers"))
        }
        _ if matches!(bytes, [0x14..=0x17, 3, ..]) => {
            protocol("an answer in TLS to a plain request (is it `https://`?)", bytes)
        }
        error => protocol(&format!("no HTTP/1 answer ({error})"), bytes),
    }
}
