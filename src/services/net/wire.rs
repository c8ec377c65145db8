//! An open connection on which a request is written and its answer read, nothing else: the hot path of HTTP, RESP and PostgreSQL.

use std::{
    cell::RefCell,
    future::poll_fn,
    task::{Context, Poll, Waker, ready},
};

use super::Stream;
use crate::measure::{Failure, Moment, failure};

/// What one read takes at most, bytes.
const READ_SIZE: usize = 64 * 1024;
/// Larger requests do not leave their buffer behind, bytes.
const WRITE_SPARE: usize = 1024 * 1024;

thread_local! {
    // Shared by all sessions of a thread, since none uses them across a wait: an idle one holds no buffer.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
    static WRITE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The answer is not complete.
    More,
    /// It is, and nothing came after it.
    Done,
}

/// What understands an answer, in whatever pieces it comes.
pub trait Reads {
    /// Takes what arrived. Bytes after the end of the answer are a failure.
    fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Failure>;

    /// The other side closed: fine only where that ends the answer.
    fn end(&mut self) -> Result<(), Failure>;
}

/// Notes when an answer begins.
pub struct Watched<'a, R> {
    pub reader: &'a mut R,
    pub first_byte: &'a mut Option<Moment>,
}

impl<R: Reads> Reads for Watched<'_, R> {
    #[inline]
    fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Failure> {
        self.first_byte.get_or_insert_with(Moment::now);
        self.reader.feed(bytes)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.reader.end()
    }
}

pub struct Wire {
    stream: Stream,
    /// Why sending failed: the answer may have come before.
    unsendable: Option<Failure>,
}

/// What of a request the kernel has not taken yet.
enum Unsent<'a> {
    /// A request that never changes is sent from where it was compiled.
    Constant(&'a [u8]),
    Rest(Vec<u8>, usize),
}

impl Wire {
    pub fn new(stream: Stream) -> Self {
        Self { stream, unsendable: None }
    }

    /// Sends one request, `constant` or else what `write` writes, and reads its answer to the end.
    ///
    /// Says whether all of the request was sent: an answer that came before leaves the connection in the middle of it.
    pub async fn exchange(
        &mut self,
        constant: Option<&[u8]>,
        write: impl FnOnce(&mut Vec<u8>),
        reader: &mut impl Reads,
    ) -> Result<bool, Failure> {
        let mut unsent = Unsent::Constant(constant.unwrap_or_default());
        let mut write = if constant.is_none() { Some(write) } else { None };
        poll_fn(|cx| {
            match write.take() {
                Some(write) => self.send_written(cx, write, &mut unsent),
                None => self.send(cx, &mut unsent),
            }
            self.receive(cx, reader)
        })
        .await?;
        Ok(self.unsendable.take().is_none() && unsent.bytes().is_empty())
    }

    /// Sends one request that `next` writes piece by piece, until it says that there is no more; reads its answer to the end.
    ///
    /// So much of a request is in memory as one piece has. Says whether all of it was sent, as [`Wire::exchange`] does.
    pub async fn exchange_in_pieces(
        &mut self,
        mut next: impl FnMut(&mut Vec<u8>) -> bool,
        reader: &mut impl Reads,
    ) -> Result<bool, Failure> {
        let mut unsent = Unsent::Rest(Vec::new(), 0);
        let mut is_more = true;
        poll_fn(|cx| {
            self.send(cx, &mut unsent);
            // A piece that went out whole makes room for the next: nothing would wake this up for it.
            while is_more && unsent.bytes().is_empty() && self.unsendable.is_none() {
                is_more = unsent.refill(&mut next);
                self.send(cx, &mut unsent);
            }
            self.receive(cx, reader)
        })
        .await?;
        Ok(self.unsendable.take().is_none() && !is_more && unsent.bytes().is_empty())
    }

    /// Writes the request into the thread's buffer and sends from there; only what does not fit is copied.
    fn send_written(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut Vec<u8>),
        unsent: &mut Unsent<'_>,
    ) {
        WRITE.with_borrow_mut(|buffer| {
            write(buffer);
            let mut now = Unsent::Constant(buffer);
            self.send(cx, &mut now);
            if !now.bytes().is_empty() {
                *unsent = Unsent::Rest(now.bytes().to_owned(), 0);
            }
            buffer.clear();
            buffer.shrink_to(WRITE_SPARE);
        });
    }

    /// Sends what the kernel takes at once. A failure is kept: the server may have answered before it.
    fn send(&mut self, cx: &mut Context<'_>, unsent: &mut Unsent<'_>) {
        while !unsent.bytes().is_empty() {
            match self.stream.poll_write(cx, unsent.bytes()) {
                Poll::Ready(Ok(sent)) => unsent.advance(sent),
                Poll::Ready(Err(error)) => {
                    self.unsendable = Some(Failure::from_io("sending the request", &error));
                    *unsent = Unsent::Constant(&[]);
                }
                Poll::Pending => return,
            }
        }
        if let Poll::Ready(Err(error)) = self.stream.poll_flush(cx) {
            self.unsendable = Some(Failure::from_io("sending the request", &error));
        }
    }

    fn receive(&mut self, cx: &mut Context<'_>, reader: &mut impl Reads) -> Poll<Result<(), Failure>> {
        READ.with_borrow_mut(|buffer| {
            loop {
                let ended = match ready!(self.stream.poll_read(cx, buffer)) {
                    Ok([]) => reader.end(),
                    Ok(bytes) => match reader.feed(bytes) {
                        Ok(Progress::More) => continue,
                        Ok(Progress::Done) => return Poll::Ready(Ok(())),
                        Err(failure) => return Poll::Ready(Err(failure)),
                    },
                    Err(error) => Err(Failure::from_io("reading the answer", &error)),
                };
                // Where sending failed first, that is why nothing came.
                return Poll::Ready(ended.map_err(|failure| self.unsendable.take().unwrap_or(failure)));
            }
        })
    }

    /// Says farewell, if the kernel takes it at once; nobody waits for it.
    pub fn farewell(&mut self, bytes: &[u8]) {
        let mut cx = Context::from_waker(Waker::noop());
        if self.stream.poll_write(&mut cx, bytes).is_ready() {
            let _ = self.stream.poll_flush(&mut cx);
        }
    }

    /// What lies there although nothing was asked: `see` gets the bytes, none if the other side closed. Not called if
    /// there is nothing, which needs no system call.
    pub fn idle<T>(&mut self, see: impl FnOnce(&[u8]) -> T) -> Option<T> {
        READ.with_borrow_mut(|buffer| match self.stream.read_now(buffer) {
            Poll::Pending => None,
            Poll::Ready(Ok(bytes)) => Some(see(bytes)),
            Poll::Ready(Err(_)) => Some(see(&[])),
        })
    }
}

impl Unsent<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Constant(bytes) => bytes,
            Self::Rest(bytes, sent) => &bytes[*sent..],
        }
    }

    /// Takes the next piece into the same memory; whether there is more behind it.
    fn refill(&mut self, next: &mut impl FnMut(&mut Vec<u8>) -> bool) -> bool {
        let mut bytes = match self {
            Self::Rest(bytes, _) => std::mem::take(bytes),
            Self::Constant(_) => Vec::new(),
        };
        bytes.clear();
        let is_more = next(&mut bytes);
        *self = Self::Rest(bytes, 0);
        is_more
    }

    fn advance(&mut self, sent: usize) {
        match self {
            Self::Constant(bytes) => *bytes = &bytes[sent..],
            Self::Rest(_, before) => *before += sent,
        }
    }
}

/// A failure that shows the first of the bytes it is about.
pub fn protocol(what: &str, bytes: &[u8]) -> Failure {
    Failure::lost(failure::PROTOCOL, format!("{what}: `{}`", excerpt(bytes, 64)))
}

/// At most `limit` of the bytes, as text with escapes.
pub fn excerpt(bytes: &[u8], limit: usize) -> String {
    let shown = &bytes[..bytes.len().min(limit)];
    let mut text = match std::str::from_utf8(shown) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => shown.escape_ascii().to_string(),
    };
    if shown.len() < bytes.len() {
        text.push('…');
    }
    text
}
