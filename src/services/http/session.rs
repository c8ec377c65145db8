//! One virtual user's connection: writes a request, reads its answer, nothing else. The hot path of HTTP.

use std::{
    any::Any,
    cell::RefCell,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_trait::async_trait;

use super::{
    answer::Ask,
    client::Endpoint,
    head::protocol,
    request::{Hop, Request},
    response::{Progress, Reader},
    stream::Stream,
};
use crate::load::{Operation, Session, Turn};
use crate::measure::{Failure, Moment, Outcome};

/// What one read takes at most, bytes.
const READ_SIZE: usize = 64 * 1024;
/// Larger requests do not leave their buffer behind, bytes.
const WRITE_SPARE: usize = 1024 * 1024;

thread_local! {
    // Shared by all sessions of a thread, since none uses them across a wait: an idle one holds no buffer.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
    static WRITE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub struct HttpSession {
    endpoint: Arc<Endpoint>,
    stream: Stream,
    reader: Reader,
    /// The connection carries no further request: it is in the middle of one, or the last answer said so.
    closing: bool,
    /// A failure that is seen before it can be reported.
    noticed: Option<Failure>,
    first_byte: Option<Moment>,
}

/// What of a request the kernel has not taken yet.
enum Unsent<'a> {
    /// A request that never changes is sent from where it was compiled.
    Constant(&'a [u8]),
    Rest(Vec<u8>, usize),
}

impl HttpSession {
    pub(super) fn new(endpoint: Arc<Endpoint>, stream: Stream) -> Self {
        let reader = Reader::default();
        Self { endpoint, stream, reader, closing: false, noticed: None, first_byte: None }
    }

    async fn reopen(&mut self) -> Result<(), Failure> {
        self.stream = self.endpoint.connect().await?;
        self.closing = false;
        self.noticed = None;
        Ok(())
    }

    /// Sends one request, `constant` or else what `write` writes, and reads its answer to the end.
    async fn exchange(
        &mut self,
        constant: Option<&[u8]>,
        write: impl FnOnce(&mut Vec<u8>),
        ask: Ask,
    ) -> Result<(), Failure> {
        self.closing = true;
        self.first_byte = None;
        self.reader.start(ask);
        let mut unsent = Unsent::Constant(constant.unwrap_or_default());
        let mut write = if constant.is_none() { Some(write) } else { None };
        poll_fn(|cx| {
            match write.take() {
                Some(write) => self.send_written(cx, write, &mut unsent),
                None => self.send(cx, &mut unsent),
            }
            self.receive(cx)
        })
        .await?;
        // An answer that came before the whole request was sent leaves the connection in the middle of it.
        let whole = self.noticed.take().is_none() && unsent.bytes().is_empty();
        self.closing = !(whole && self.reader.keep_alive() && self.endpoint.keep_alive);
        Ok(())
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
                    self.noticed = Some(Failure::from_io("sending the request", &error));
                    *unsent = Unsent::Constant(&[]);
                }
                Poll::Pending => return,
            }
        }
        if let Poll::Ready(Err(error)) = self.stream.poll_flush(cx) {
            self.noticed = Some(Failure::from_io("sending the request", &error));
        }
    }

    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        READ.with_borrow_mut(|buffer| {
            loop {
                let ended = match ready!(self.stream.poll_read(cx, buffer)) {
                    Ok([]) => self.reader.end(),
                    Ok(bytes) => {
                        self.first_byte.get_or_insert_with(Moment::now);
                        match self.reader.feed(bytes) {
                            Ok(Progress::More) => continue,
                            Ok(Progress::Done) => return Poll::Ready(Ok(())),
                            Err(failure) => return Poll::Ready(Err(failure)),
                        }
                    }
                    Err(error) => Err(Failure::from_io("reading the answer", &error)),
                };
                // Where sending failed first, that is why nothing came.
                return Poll::Ready(ended.map_err(|failure| self.noticed.take().unwrap_or(failure)));
            }
        })
    }

    /// Goes where the answer leads, as often as the request allows.
    async fn follow(&mut self, request: &Request, hop: &Hop, turn: Turn, ask: Ask) -> Result<(), Failure> {
        let mut target = hop.target(turn);
        for _ in 0..hop.most {
            match self.reader.answer().next_target(request, &self.endpoint.url, &target)? {
                Some(next) => target = next,
                None => return Ok(()),
            }
            if !self.reusable() {
                self.reopen().await?;
            }
            self.exchange(None, |out| hop.write(request.method(), &target, turn, out), ask).await?;
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl Session for HttpSession {
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        let request = (operation as &dyn Any)
            .downcast_ref::<Request>()
            .expect("a session is given only operations of its own client, which makes requests alone");
        if !self.reusable() {
            // Boxed, so that the future of every call does not hold room for a handshake.
            Box::pin(self.reopen()).await?;
        }
        if let Some(failure) = self.noticed.take() {
            self.closing = true;
            return Err(failure);
        }
        let ask = Ask { head_request: request.method() == "HEAD", keep, follow: request.hop().is_some() };
        self.exchange(request.constant(), |out| request.write(turn, out), ask).await?;
        if let Some(hop) = request.hop() {
            Box::pin(self.follow(request, hop, turn, ask)).await?;
        }
        self.reader.answer().outcome(request, self.first_byte)
    }

    fn reusable(&mut self) -> bool {
        if self.closing || self.noticed.is_some() {
            return !self.closing;
        }
        READ.with_borrow_mut(|buffer| match self.stream.read_now(buffer) {
            Poll::Pending => true,
            // What some servers say before they close an idle connection.
            Poll::Ready(Ok(bytes)) if !bytes.is_empty() && !bytes.starts_with(b"HTTP/1.1 408") => {
                self.noticed = Some(protocol("an answer that nobody asked for", bytes));
                true
            }
            Poll::Ready(_) => {
                self.closing = true;
                false
            }
        })
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        self.reader.take_reply().unwrap_or_default()
    }
}

impl Unsent<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Constant(bytes) => bytes,
            Self::Rest(bytes, sent) => &bytes[*sent..],
        }
    }

    fn advance(&mut self, sent: usize) {
        match self {
            Self::Constant(bytes) => *bytes = &bytes[sent..],
            Self::Rest(_, before) => *before += sent,
        }
    }
}
