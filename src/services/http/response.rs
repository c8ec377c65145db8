//! Reads one answer of HTTP/1.1, in whatever pieces it comes. Knows no socket, so it can be fuzzed.

use std::mem::take;

use super::{
    answer::{Answer, Ask, HttpReply, Notes},
    head::{self, Framing, HEAD_LIMIT},
};
use crate::measure::{Failure, failure};
use crate::services::net::{Progress, Reads, excerpt, protocol};

/// The longest line with the size of a chunk, bytes; extensions are read past.
const CHUNK_LINE_LIMIT: usize = 4 * 1024;
/// Buffers that grew beyond this are given back after the answer, bytes.
const SPARE_LIMIT: usize = 2 * 1024;

/// A state machine fed with bytes. Whole answers in one piece pass through it without being copied.
#[derive(Debug, Default)]
pub struct AnswerReader<N> {
    state: State,
    /// The part that has come of a head or line.
    pending: Vec<u8>,
    keep_alive: bool,
    answer: N,
}

/// What reads answers as HTTP notes them.
pub type Reader = AnswerReader<Answer>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing is awaited.
    #[default]
    Idle,
    Head,
    /// So many bytes of the body are still to come.
    Length(u64),
    ChunkSize,
    /// So many bytes of the chunk are still to come.
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// The lines behind the last chunk, of which so many bytes have come.
    Trailers(usize),
    UntilClose,
}

impl Reader {
    /// Awaits the answer to the next request.
    pub fn start(&mut self, ask: Ask) {
        self.await_next().start(ask);
    }

    /// The answer, if [`Ask::keep`] was set.
    pub fn take_reply(&mut self) -> Option<Box<HttpReply>> {
        self.answer.take_reply()
    }
}

impl<N: Notes> AnswerReader<N> {
    /// Awaits the answer to the next request; what notes it must be told.
    pub fn await_next(&mut self) -> &mut N {
        self.state = State::Head;
        &mut self.answer
    }

    /// The answer so far.
    pub fn answer(&self) -> &N {
        &self.answer
    }

    pub fn answer_mut(&mut self) -> &mut N {
        &mut self.answer
    }

    /// Whether the connection can carry another request after this answer.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive && self.state == State::Idle
    }

    /// Returns what lies behind the head, if all of it has come.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Failure> {
        let before = self.pending.len();
        if before == 0 {
            let Some(len) = self.parse(bytes)? else {
                self.pending.extend_from_slice(bytes);
                return self.within_limit();
            };
            return Ok(Some(&bytes[len..]));
        }
        self.pending.extend_from_slice(bytes);
        // Trickled heads are not parsed again for every byte, but a wrong beginning shows at once.
        if self.pending.len() > 64 && !bytes.contains(&b'\n') {
            return self.within_limit();
        }
        let pending = take(&mut self.pending);
        let parsed = self.parse(&pending);
        self.pending = pending;
        let Some(len) = parsed? else { return self.within_limit() };
        self.clear_pending();
        Ok(Some(&bytes[len - before..]))
    }

    fn within_limit<T>(&self) -> Result<Option<T>, Failure> {
        if self.pending.len() <= HEAD_LIMIT {
            return Ok(None);
        }
        Err(protocol("a head of more than 64 KiB", &self.pending))
    }

    /// The length of the head, if all of it is there; what it says is noted.
    fn parse(&mut self, bytes: &[u8]) -> Result<Option<usize>, Failure> {
        let head_request = self.answer.is_to_head();
        let see = |name: &str, value: &[u8]| self.answer.header(name, value);
        let Some(head) = head::parse(bytes, head_request, see)? else { return Ok(None) };
        if head.len > HEAD_LIMIT {
            return Err(protocol("a head of more than 64 KiB", bytes));
        }
        match head.status {
            101 => return Err(protocol("a change of protocol that nobody asked for", bytes)),
            100..=199 => self.answer.forget_interim(),
            status => {
                self.answer.set_status(status);
                self.answer.lines(&bytes[head.start_line..head.len]);
                self.keep_alive = head.keep_alive;
                self.state = match head.framing {
                    Framing::Length(length) => State::Length(length),
                    Framing::Chunked => State::ChunkSize,
                    Framing::UntilClose => State::UntilClose,
                };
                self.finish_if(head.framing == Framing::Length(0));
            }
        }
        Ok(Some(head.len))
    }

    /// Takes bytes up to a line end, and acts on the line once it is complete.
    fn chunk_line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Failure> {
        let end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.pending.extend_from_slice(part);
        let limit = if self.state == State::ChunkSize { CHUNK_LINE_LIMIT } else { HEAD_LIMIT };
        if self.pending.len() > limit {
            return Err(protocol("an endless line between chunks", &self.pending));
        }
        if end.is_none() {
            return Ok(rest);
        }
        let line = self.pending.strip_suffix(b"\n").unwrap_or(&self.pending);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.state = match self.state {
            State::ChunkSize => match chunk_size(line)? {
                0 => State::Trailers(0),
                size => State::Chunk(size),
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::Trailers(_) if line.is_empty() => State::Idle,
            State::Trailers(seen) if seen + line.len() <= HEAD_LIMIT => State::Trailers(seen + line.len()),
            State::Trailers(_) => return Err(protocol("more than 64 KiB behind the last chunk", line)),
            _ => return Err(protocol("a chunk longer than its size", line)),
        };
        self.clear_pending();
        Ok(rest)
    }

    fn finish_if(&mut self, done: bool) {
        if done {
            self.state = State::Idle;
        }
    }

    fn clear_pending(&mut self) {
        self.pending.clear();
        self.pending.shrink_to(SPARE_LIMIT);
    }
}

impl<N: Notes> Reads for AnswerReader<N> {
    fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Failure> {
        let mut rest = bytes;
        loop {
            rest = match self.state {
                State::Idle if rest.is_empty() => return Ok(Progress::Done),
                State::Idle => {
                    return Err(protocol(&format!("{} bytes after the end of the answer", rest.len()), rest));
                }
                _ if rest.is_empty() => return Ok(Progress::More),
                State::Head => match self.head(rest)? {
                    Some(rest) => rest,
                    None => return Ok(Progress::More),
                },
                State::Length(left) => {
                    let (part, rest) = split(rest, left);
                    self.answer.body(part)?;
                    self.state = State::Length(left - part.len() as u64);
                    self.finish_if(left == part.len() as u64);
                    rest
                }
                State::Chunk(left) => {
                    let (part, rest) = split(rest, left);
                    self.answer.body(part)?;
                    let left = left - part.len() as u64;
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    rest
                }
                State::ChunkSize | State::ChunkEnd | State::Trailers(_) => self.chunk_line(rest)?,
                State::UntilClose => {
                    self.answer.body(rest)?;
                    return Ok(Progress::More);
                }
            };
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        let what = match self.state {
            State::Idle => return Ok(()),
            State::UntilClose => {
                self.state = State::Idle;
                return Ok(());
            }
            State::Head if self.pending.is_empty() => "closed the connection without an answer".to_owned(),
            State::Head => format!("closed the connection within the head: `{}`", excerpt(&self.pending, 64)),
            State::Length(left) => {
                let whole = self.answer.body_bytes() + left;
                format!(
                    "closed the connection after {} of {whole} bytes of the body",
                    self.answer.body_bytes()
                )
            }
            _ => format!("closed the connection after {} bytes of a chunked body", self.answer.body_bytes()),
        };
        Err(Failure::lost(failure::CLOSED, format!("the server {what}")))
    }
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len())))
}

/// Hexadecimal digits, then perhaps extensions.
fn chunk_size(line: &[u8]) -> Result<u64, Failure> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (number, extension) = line.split_at(digits);
    let plain = extension.trim_ascii_start();
    let number = std::str::from_utf8(number).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
    match number {
        Some(size) if plain.is_empty() || plain[0] == b';' => Ok(size),
        _ => Err(protocol("a chunk without a size", line)),
    }
}

#[cfg(test)]
mod tests;
