//! One virtual user's connection: writes a request, reads its answer, nothing else. The hot path of HTTP.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;

use super::{
    answer::Ask,
    client::Endpoint,
    request::{Hop, Request},
    response::Reader,
};
use crate::load::{Operation, Session, Turn};
use crate::measure::{Failure, Moment, Outcome};
use crate::services::net::{Stream, Watched, Wire, protocol};

pub struct HttpSession {
    endpoint: Arc<Endpoint>,
    wire: Wire,
    reader: Reader,
    /// The connection carries no further request: it is in the middle of one, or the last answer said so.
    closing: bool,
    /// A failure that is seen before it can be reported.
    noticed: Option<Failure>,
    first_byte: Option<Moment>,
}

impl HttpSession {
    pub(super) fn new(endpoint: Arc<Endpoint>, stream: Stream) -> Self {
        let (wire, reader) = (Wire::new(stream), Reader::default());
        Self { endpoint, wire, reader, closing: false, noticed: None, first_byte: None }
    }

    async fn reopen(&mut self) -> Result<(), Failure> {
        self.wire = Wire::new(self.endpoint.connect().await?);
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
        let mut watched = Watched { reader: &mut self.reader, first_byte: &mut self.first_byte };
        let whole = self.wire.exchange(constant, write, &mut watched).await?;
        self.closing = !(whole && self.reader.keep_alive() && self.endpoint.keep_alive);
        Ok(())
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
        still_usable(&mut self.wire, &mut self.closing, &mut self.noticed)
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        self.reader.take_reply().unwrap_or_default()
    }
}

/// Whether a connection of HTTP/1.1 can carry another request. What came unasked is `noticed`, to be reported by the next call.
pub fn still_usable(wire: &mut Wire, closing: &mut bool, noticed: &mut Option<Failure>) -> bool {
    if *closing || noticed.is_some() {
        return !*closing;
    }
    // What some servers say before they close an idle connection is no answer.
    let unasked = wire.idle(|bytes| {
        let said = !bytes.is_empty() && !bytes.starts_with(b"HTTP/1.1 408");
        said.then(|| protocol("an answer that nobody asked for", bytes))
    });
    match unasked {
        None => true,
        Some(Some(failure)) => {
            *noticed = Some(failure);
            true
        }
        Some(None) => {
            *closing = true;
            false
        }
    }
}
