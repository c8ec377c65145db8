//! What is remembered of an answer while it is read, by HTTP/1.1 and HTTP/2 alike: counts always, texts where asked for.

use super::{request::Request, url::Url};
use crate::measure::{Failure, Moment, Outcome, failure};
use crate::services::net::excerpt;

/// The largest body that is kept, bytes. What is not kept may have any size.
const KEPT_LIMIT: usize = 64 * 1024 * 1024;
/// How much of the body of an unwelcome answer is shown, bytes.
pub const EXCERPT_LIMIT: usize = 160;

/// Header lines as they came; they are taken apart only if somebody reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<u8>);

impl Headers {
    /// Name and value of each, in the order in which they came; names in lower case.
    pub fn list(&self) -> Vec<(String, String)> {
        let mut list = Vec::new();
        let mut rest = &self.0[..];
        while !rest.is_empty() {
            // A line that begins with a blank goes on with the one before.
            let mut ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
            let end = ends.find(|end| !matches!(rest.get(*end), Some(b' ' | b'\t')));
            let (line, others) = rest.split_at(end.unwrap_or(rest.len()));
            if let Some(colon) = line.iter().position(|byte| *byte == b':') {
                let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
                list.push((name, unfolded(line[colon + 1..].trim_ascii())));
            }
            rest = others;
        }
        list
    }
}

/// The answer as scripts see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpReply {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// What is asked of the next answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask {
    /// The request was HEAD: no body comes, whatever the headers say.
    pub head_request: bool,
    /// Store headers and body for [`Answer::take_reply`].
    pub keep: bool,
    /// Store where a redirect leads.
    pub follow: bool,
}

/// What notes an answer while it is read.
pub trait Notes {
    /// Whether it is the answer to HEAD, which has no body, whatever its headers say.
    fn is_to_head(&self) -> bool;

    fn set_status(&mut self, status: u16);

    /// Looks at a header.
    fn header(&mut self, name: &str, value: &[u8]);

    /// Looks at all header lines, as they came.
    fn lines(&mut self, lines: &[u8]);

    /// An interim answer (1xx) says nothing about the one that follows.
    fn forget_interim(&mut self);

    /// A part of the body, without the framing of chunks.
    fn body(&mut self, part: &[u8]) -> Result<(), Failure>;

    /// Bytes of the body so far.
    fn body_bytes(&self) -> u64;
}

/// One answer, as far as it has come.
#[derive(Debug, Default)]
pub struct Answer {
    ask: Ask,
    status: u16,
    body_bytes: u64,
    location: Option<String>,
    /// The beginning of the body of an error.
    excerpt: Vec<u8>,
    reply: Option<Box<HttpReply>>,
}

impl Answer {
    /// Forgets the last answer.
    pub fn start(&mut self, ask: Ask) {
        self.ask = ask;
        self.body_bytes = 0;
        self.location = None;
        self.excerpt.clear();
        self.reply = ask.keep.then(Box::default);
    }

    pub fn ask(&self) -> Ask {
        self.ask
    }

    /// The status of the last answer whose head has come.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Bytes of the body so far, without the framing of chunks.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Where a redirect leads, if [`Ask::follow`] was set.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// How the body of an error begins.
    pub fn excerpt(&self) -> &[u8] {
        &self.excerpt
    }

    /// The answer, if [`Ask::keep`] was set.
    pub fn take_reply(&mut self) -> Option<Box<HttpReply>> {
        self.reply.take()
    }

    /// The target of the next hop, if the answer is a redirect that `request` does not expect.
    pub(super) fn next_target(
        &self,
        request: &Request,
        url: &Url,
        target: &str,
    ) -> Result<Option<String>, Failure> {
        let status = self.status;
        let Some(location) = self.location() else { return Ok(None) };
        if !matches!(status, 301 | 302 | 303 | 307 | 308) || request.expects(status) {
            return Ok(None);
        }
        url.redirected(target, location)
            .map(Some)
            .map_err(|detail| Failure { status, ..Failure::kept(failure::status_class(status), detail) })
    }

    /// Whether the whole answer is what `request` expects.
    pub(super) fn outcome(&self, request: &Request, first_byte: Option<Moment>) -> Result<Outcome, Failure> {
        let status = self.status;
        if request.expects(status) {
            return Ok(Outcome { bytes: self.body_bytes, items: 1, status, first_byte });
        }
        let said = match self.excerpt() {
            [] => String::new(),
            body => format!(": `{}`", excerpt(body, EXCERPT_LIMIT)),
        };
        let detail = format!("status {status}, expected {}{said}", request.expected());
        Err(Failure { status, ..Failure::kept(failure::status_class(status), detail) })
    }
}

impl Notes for Answer {
    fn is_to_head(&self) -> bool {
        self.ask.head_request
    }

    fn set_status(&mut self, status: u16) {
        self.status = status;
        if let Some(reply) = &mut self.reply {
            reply.status = status;
        }
    }

    #[inline]
    fn header(&mut self, name: &str, value: &[u8]) {
        if self.ask.follow && name.eq_ignore_ascii_case("location") {
            self.location = Some(unfolded(value));
        }
    }

    #[inline]
    fn lines(&mut self, lines: &[u8]) {
        if let Some(reply) = &mut self.reply {
            reply.headers.0.extend_from_slice(lines);
        }
    }

    fn forget_interim(&mut self) {
        self.location = None;
        if let Some(reply) = &mut self.reply {
            reply.headers.0.clear();
        }
    }

    #[inline]
    fn body(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.body_bytes += part.len() as u64;
        if self.status >= 400 && self.excerpt.len() <= EXCERPT_LIMIT {
            let room = EXCERPT_LIMIT + 1 - self.excerpt.len();
            self.excerpt.extend_from_slice(&part[..part.len().min(room)]);
        }
        if let Some(reply) = &mut self.reply {
            if reply.body.len() + part.len() > KEPT_LIMIT {
                let detail = "an answer of more than 64 MiB is too large to keep; under load it is not kept";
                return Err(Failure::lost(failure::IO, detail));
            }
            reply.body.extend_from_slice(part);
        }
        Ok(())
    }

    fn body_bytes(&self) -> u64 {
        self.body_bytes
    }
}

/// A value as text, in one line: where it was folded, old servers mean a space (RFC 9112, section 5.2).
fn unfolded(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    match text.contains('\n') {
        true => text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "),
        false => text.into_owned(),
    }
}
