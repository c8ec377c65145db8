//! The head of a request: parsed into what decides how it is read on and answered.

use std::mem::MaybeUninit;

use httparse::{Error, Header, Request, Status};
use serde_json::{Map, Value};

use super::route::Route;

/// All of it is copied out, so that the input buffer is free again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    pub bytes: usize,
    pub route: Route,
    /// The number that the request wants its draws made with.
    pub turn: Option<u64>,
    pub body: Body,
    pub expects_continue: bool,
    pub keep_alive: bool,
    pub is_head: bool,
    /// HTTP/1.0: knows no chunks and no keep-alive unless it is told.
    pub is_old: bool,
}

/// How the body that follows ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body {
    Length(u64),
    Chunked,
}

/// The request cannot be served; the connection is closed after saying why.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub why: String,
}

impl Refusal {
    pub fn new(status: u16, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }
}

const MOST_HEADERS: usize = 100;

/// `None` while the head is incomplete.
pub fn parse(input: &[u8]) -> Result<Option<Head>, Refusal> {
    let mut headers = [const { MaybeUninit::<Header>::uninit() }; MOST_HEADERS];
    let mut request = Request::new(&mut []);
    let bytes = match request.parse_with_uninit_headers(input, &mut headers) {
        Ok(Status::Complete(bytes)) => bytes,
        Ok(Status::Partial) => return Ok(None),
        Err(Error::TooManyHeaders) => return Err(Refusal::new(431, "more than 100 headers")),
        Err(error) => return Err(Refusal::new(400, format!("not an HTTP request: {error}"))),
    };
    let method = request.method.unwrap_or_default();
    let (route, turn) = Route::of(method, request.path.unwrap_or_default())?;
    let is_old = request.version == Some(0);
    let mut head = Head {
        bytes,
        route,
        turn,
        body: Body::Length(0),
        expects_continue: false,
        keep_alive: !is_old,
        is_head: method == "HEAD",
        is_old,
    };
    read_headers(&mut head, request.headers)?;
    Ok(Some(head))
}

fn read_headers(head: &mut Head, headers: &[Header]) -> Result<(), Refusal> {
    let mut length = None;
    let mut is_chunked = false;
    for Header { name, value } in headers {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // Nearly all headers are told apart by their lengths alone.
        match name.len() {
            14 if is("content-length") => {
                let number =
                    number(value).ok_or_else(|| Refusal::new(400, "`content-length` is not a number"))?;
                if length.replace(number).is_some_and(|other| other != number) {
                    return Err(Refusal::new(400, "two different `content-length`"));
                }
            }
            17 if is("transfer-encoding") => {
                if !value.eq_ignore_ascii_case(b"chunked") || is_chunked {
                    return Err(Refusal::new(501, "the only `transfer-encoding` known is `chunked`"));
                }
                is_chunked = true;
            }
            10 if is("connection") => {
                for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if option.eq_ignore_ascii_case(b"close") {
                        head.keep_alive = false;
                    } else if option.eq_ignore_ascii_case(b"keep-alive") {
                        head.keep_alive = true;
                    }
                }
            }
            6 if is("expect") => head.expects_continue = value.eq_ignore_ascii_case(b"100-continue"),
            6 if is("x-turn") => {
                let turn = number(value).ok_or_else(|| Refusal::new(400, "`x-turn` is not a number"))?;
                head.turn = Some(turn);
            }
            _ => {}
        }
    }
    head.body = match (is_chunked, length) {
        (true, Some(_)) => return Err(Refusal::new(400, "both `content-length` and `transfer-encoding`")),
        (true, None) => Body::Chunked,
        (false, length) => Body::Length(length.unwrap_or(0)),
    };
    Ok(())
}

/// Digits only: `+5` would parse as a number but is none in HTTP.
fn number(value: &[u8]) -> Option<u64> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()
}

/// A parsed head again, as JSON: names in lower case, values of equal names joined.
pub fn describe(head: &[u8], body: &[u8]) -> Value {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = Request::new(&mut headers);
    // It was parsed before; a failure could only leave fields empty.
    let _ = request.parse(head);
    let mut named = Map::new();
    for header in request.headers.iter().filter(|header| !header.name.is_empty()) {
        let value = String::from_utf8_lossy(header.value);
        match named.entry(header.name.to_ascii_lowercase()).or_insert(Value::Null) {
            Value::String(known) => *known = format!("{known}, {value}"),
            empty => *empty = value.into(),
        }
    }
    serde_json::json!({
        "method": request.method,
        "path": request.path,
        "headers": named,
        "body": String::from_utf8_lossy(body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Result<Option<Head>, Refusal> {
        parse(lines.replace('\n', "\r\n").as_bytes())
    }

    fn read(lines: &str) -> Head {
        head(lines).unwrap().unwrap()
    }

    #[test]
    fn reads_what_decides_about_the_rest() {
        let get = read("GET / HTTP/1.1\nhost: a\n\nrest");
        assert_eq!((get.bytes, get.body, get.keep_alive, get.is_head), (27, Body::Length(0), true, false));
        assert_eq!(read("POST / HTTP/1.1\nContent-Length: 12\n\n").body, Body::Length(12));
        assert_eq!(read("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n").body, Body::Chunked);
        assert_eq!(read("POST /?n=4 HTTP/1.1\nx-turn: 123\n\n").turn, Some(123));
        assert!(read("PUT / HTTP/1.1\nExpect: 100-continue\n\n").expects_continue);
        assert!(!read("GET / HTTP/1.1\nConnection: foo, Close\n\n").keep_alive);
        assert!(!read("GET / HTTP/1.0\n\n").keep_alive);
        assert!(read("GET / HTTP/1.0\nconnection: keep-alive\n\n").keep_alive);
        assert!(read("HEAD / HTTP/1.1\n\n").is_head);
        assert_eq!(head("GET / HTTP/1.1\nhost: a\n"), Ok(None));
    }

    #[test]
    fn refuses_what_is_garbage_or_two_faced() {
        let status = |lines: &str| head(lines).unwrap_err().status;
        assert_eq!(status("\u{1}\u{2}garbage\n\n"), 400);
        assert_eq!(status("GET / HTTP/7.1\n\n"), 400);
        assert_eq!(status("POST / HTTP/1.1\ncontent-length: +5\n\n"), 400);
        assert_eq!(status("POST / HTTP/1.1\ncontent-length: 5\ncontent-length: 6\n\n"), 400);
        assert_eq!(status("POST / HTTP/1.1\ncontent-length: 5\ntransfer-encoding: chunked\n\n"), 400);
        assert_eq!(status("POST / HTTP/1.1\ntransfer-encoding: gzip, chunked\n\n"), 501);
        assert_eq!(status("GET / HTTP/1.1\nx-turn: soon\n\n"), 400);
        assert_eq!(status(&format!("GET / HTTP/1.1\n{}\n", "a: b\n".repeat(101))), 431);
    }

    #[test]
    fn describes_a_request_as_json() {
        let json = describe(b"PUT /echo?json HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n", b"body");
        let expected = r#"{"method":"PUT","path":"/echo?json","headers":{"a":"1, 3","b":"2"},"body":"body"}"#;
        assert_eq!(json.to_string(), expected);
    }
}
