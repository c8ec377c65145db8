//! An answer, ready to be sent: built once, copied to the socket as often as it is asked for.

use std::fmt::Write;

use super::http::Head;

/// Head and body in one piece.
pub struct Reply {
    bytes: Vec<u8>,
    /// Where the head ends, its empty line included.
    head: usize,
}

pub const TEXT: &str = "text/plain";
pub const JSON: &str = "application/json";

/// Large enough that a body takes few chunks, small enough that clients see several.
const CHUNK: usize = 16 << 10;

impl Reply {
    pub fn new(status: u16, kind: &str, body: &[u8], chunked: bool) -> Self {
        let length = (!chunked).then_some(body.len() as u64);
        let mut reply = Self::opening(status, kind, length, "");
        if !has_body(status) {
            return reply;
        }
        if chunked {
            for chunk in body.chunks(CHUNK) {
                reply.bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                reply.bytes.extend_from_slice(chunk);
                reply.bytes.extend_from_slice(b"\r\n");
            }
            reply.bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            reply.bytes.extend_from_slice(body);
        }
        reply
    }

    pub fn redirect(to: &str) -> Self {
        Self::opening(302, TEXT, Some(0), &format!("location: {to}\r\n"))
    }

    /// Only the head, for a body that is sent apart; no length means chunks.
    pub fn opening(status: u16, kind: &str, length: Option<u64>, more: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        if has_body(status) {
            let written = match length {
                Some(length) => write!(head, "content-type: {kind}\r\ncontent-length: {length}\r\n"),
                None => write!(head, "content-type: {kind}\r\ntransfer-encoding: chunked\r\n"),
            };
            written.expect("a string takes everything");
        }
        head.push_str(more);
        head.push_str("\r\n");
        Self { head: head.len(), bytes: head.into_bytes() }
    }

    /// What goes to the socket in answer to `request`: the parts follow each other.
    pub fn parts(&self, request: &Head) -> [&[u8]; 3] {
        let end = if request.is_head { self.head } else { self.bytes.len() };
        let connection: &[u8] = match (request.keep_alive, request.is_old) {
            (true, false) => return [&self.bytes[..end], b"", b""],
            (true, true) => b"connection: keep-alive\r\n",
            (false, _) => b"connection: close\r\n",
        };
        let empty_line = self.head - 2;
        [&self.bytes[..empty_line], connection, &self.bytes[empty_line..end]]
    }
}

fn has_body(status: u16) -> bool {
    status != 204 && status != 304
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
