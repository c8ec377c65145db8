//! What is noted of an answer while it is read: counts always, an error whole, a body where it is kept or checked.

use super::content::Content;
use crate::measure::Failure;
use crate::services::http::Notes;

/// The largest body of an object that is kept for a script, bytes.
const KEPT_LIMIT: usize = 8 * 1024 * 1024;
/// The largest document that is read, bytes: a page of 1,000 keys of the longest has some 2 MiB.
const DOCUMENT_LIMIT: usize = 8 * 1024 * 1024;
/// How much of an error is read, bytes.
const ERROR_LIMIT: usize = 16 * 1024;

/// What is asked of the next answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask {
    pub is_to_head: bool,
    pub body: Body,
    /// The ETag is wanted.
    pub etag: bool,
}

/// What becomes of the body of a success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Body {
    /// Its bytes are counted.
    #[default]
    Counted,
    /// It is kept, if it is not too large.
    Kept,
    /// It is a document that must be kept.
    Document,
}

/// What the body of an object should be.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub key_number: u64,
    /// Bytes of the whole object, where they are known.
    pub size: Option<u64>,
}

/// One answer, as far as it has come.
#[derive(Debug, Default)]
pub struct S3Notes {
    ask: Ask,
    expected: Option<Expected>,
    status: u16,
    body_bytes: u64,
    /// What the headers say.
    length: Option<u64>,
    content_range: Option<(u64, u64)>,
    etag: String,
    body: Vec<u8>,
    is_cut: bool,
    /// Which bytes come: whose, and from where on.
    checking: Option<(Content, u64)>,
    /// How the body differs from what it should be.
    wrong: Option<String>,
}

impl S3Notes {
    /// Forgets the last answer.
    pub fn start(&mut self, ask: Ask, expected: Option<Expected>) {
        let (etag, body) = (std::mem::take(&mut self.etag), std::mem::take(&mut self.body));
        *self = Self { ask, expected, etag, body, ..Self::default() };
        self.etag.clear();
        self.body.clear();
        self.body.shrink_to(ERROR_LIMIT);
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// Without quotes.
    pub fn etag(&self) -> &str {
        self.etag.trim_matches('"')
    }

    /// What the headers say of the whole object.
    pub fn object_size(&self) -> Option<u64> {
        self.content_range.map(|(_, size)| size).or(self.length)
    }

    /// Whether the headers say that this is a part of the object.
    pub fn is_part(&self) -> bool {
        self.content_range.is_some()
    }

    /// What of the body was kept; of an error or document its beginning.
    pub fn document(&self) -> &[u8] {
        &self.body
    }

    /// The whole body, if it was kept.
    pub fn take_body(&mut self) -> Option<Vec<u8>> {
        let is_whole = self.ask.body != Body::Counted && !self.is_cut;
        is_whole.then(|| std::mem::take(&mut self.body))
    }

    /// Whether a document was too large to be kept.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How the body differs from what it should be.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// Looks at the headers before the first byte of the body.
    fn begin(&mut self, expected: Expected) {
        let Some(size) = self.object_size() else {
            self.wrong = Some("the server does not say how large it is".to_owned());
            return;
        };
        if let Some(wanted) = expected.size.filter(|wanted| *wanted != size) {
            self.wrong = Some(format!("it has {size} bytes instead of {wanted}"));
        }
        let from = self.content_range.map_or(0, |(from, _)| from);
        self.checking = Some((Content::of(expected.key_number, size), from));
    }

    fn check(&mut self, expected: Expected, part: &[u8]) {
        if self.wrong.is_none() && self.checking.is_none() {
            self.begin(expected);
        }
        if let Some((content, from)) = &mut self.checking
            && self.wrong.is_none()
        {
            if let Some(at) = content.difference(*from, part) {
                self.wrong = Some(format!("byte {at} is not what `put` and `fill` write there"));
            }
            *from += part.len() as u64;
        }
    }
}

impl Notes for S3Notes {
    fn is_to_head(&self) -> bool {
        self.ask.is_to_head
    }

    fn set_status(&mut self, status: u16) {
        self.status = status;
        // An empty object has no part that would begin it.
        if let (200..=299, Some(expected), Some(0)) = (status, self.expected, self.length) {
            self.begin(expected);
        }
    }

    #[inline]
    fn header(&mut self, name: &str, value: &[u8]) {
        match name.len() {
            4 if self.ask.etag && name.eq_ignore_ascii_case("etag") => {
                self.etag.clear();
                self.etag.push_str(&String::from_utf8_lossy(value));
            }
            13 if name.eq_ignore_ascii_case("content-range") => self.content_range = content_range(value),
            14 if name.eq_ignore_ascii_case("content-length") => {
                self.length = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
            }
            _ => {}
        }
    }

    fn lines(&mut self, _: &[u8]) {}

    fn forget_interim(&mut self) {
        (self.length, self.content_range) = (None, None);
        self.etag.clear();
    }

    #[inline]
    fn body(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.body_bytes += part.len() as u64;
        let limit = match self.ask.body {
            _ if self.status >= 300 => ERROR_LIMIT,
            Body::Counted => 0,
            Body::Kept => KEPT_LIMIT,
            Body::Document => DOCUMENT_LIMIT,
        };
        if limit > 0 && !self.is_cut {
            self.is_cut = self.body.len() + part.len() > limit;
            match self.is_cut {
                true if self.ask.body == Body::Kept && self.status < 300 => self.body = Vec::new(),
                true => self.body.extend_from_slice(&part[..limit - self.body.len()]),
                false => self.body.extend_from_slice(part),
            }
        }
        if let Some(expected) = self.expected
            && self.status < 300
        {
            self.check(expected, part);
        }
        Ok(())
    }

    fn body_bytes(&self) -> u64 {
        self.body_bytes
    }
}

/// `bytes 0-99/1000`: where it begins, and how large the whole is.
fn content_range(value: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(value).ok()?.trim().strip_prefix("bytes")?;
    let (part, size) = text.trim_start().split_once('/')?;
    let (from, _) = part.split_once('-')?;
    Some((from.trim().parse().ok()?, size.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{
        http::AnswerReader,
        net::{Progress, Reads},
        s3::content::key_number,
    };

    /// What is wrong with an answer of so many bytes of the object `key` of `size` bytes, from the `from`-th on.
    fn wrong(
        head: &str,
        (key, size, from, len): (&[u8], u64, u64, usize),
        known: Option<u64>,
    ) -> Option<String> {
        let mut answer = format!("HTTP/1.1 {head}\r\nContent-Length: {len}\r\n\r\n").into_bytes();
        Content::of(key_number(key), size).write(from, len, &mut answer);
        let mut reader = AnswerReader::<S3Notes>::default();
        let expected = Expected { key_number: key_number(b"key"), size: known };
        reader.await_next().start(Ask::default(), Some(expected));
        let mut progress = Progress::More;
        for piece in answer.chunks(13) {
            progress = reader.feed(piece).unwrap();
        }
        assert_eq!(progress, Progress::Done);
        reader.answer().wrong().map(str::to_owned)
    }

    #[test]
    fn what_was_written_is_told_from_all_else() {
        let ok = "200 OK";
        let part = "206 Partial\r\nContent-Range: bytes 50-99/1000";
        assert_eq!(wrong(ok, (b"key", 100, 0, 100), None), None);
        assert_eq!(wrong(ok, (b"key", 100, 0, 100), Some(100)), None);
        assert_eq!(wrong(part, (b"key", 1_000, 50, 50), Some(1_000)), None);
        assert_eq!(wrong(ok, (b"key", 0, 0, 0), Some(0)), None);
        for (head, object, known, word) in [
            (ok, (&b"other"[..], 100, 0, 100), None, "byte 0"),
            // Cut short, but announced as whole.
            (ok, (b"key", 100, 0, 99), None, "byte 0"),
            (ok, (b"key", 100, 0, 0), Some(100), "0 bytes instead of 100"),
            (ok, (b"key", 99, 0, 99), Some(100), "99 bytes instead of 100"),
            (part, (b"key", 1_000, 51, 50), None, "byte 50"),
            (part, (b"key", 999, 50, 50), None, "byte 50"),
        ] {
            let said = wrong(head, object, known).unwrap_or_default();
            assert!(said.contains(word), "{head} {object:?}: {said}");
        }
    }
}
