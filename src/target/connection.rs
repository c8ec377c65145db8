//! One connection: reads requests, lets the model say when each is answered, and answers in order.

use std::rc::Rc;

use tokio::net::TcpStream;

use super::{
    body,
    draw::Fate,
    http::{self, Head},
    queue::Ticket,
    reply::Reply,
    route::Route,
    server::Lane,
    wire::{Stop, Wire},
};

/// Serves until the client leaves, a request is refused, or an answer is dropped.
pub async fn serve(stream: TcpStream, lane: Rc<Lane>) {
    let mut connection = Connection { wire: Wire::new(stream), unrecorded: Vec::new(), lane };
    match connection.requests().await {
        Ok(()) if connection.wire.unused().is_empty() => {}
        Err(Stop::Gone) => {}
        Err(Stop::Refused(refusal)) => {
            connection.refuse(refusal).await.ok();
            connection.wire.close().await;
        }
        Ok(()) | Err(Stop::Dropped) => connection.wire.close().await,
    }
}

pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) lane: Rc<Lane>,
    /// Answered, but the answers are not yet written to the socket.
    unrecorded: Vec<Ticket>,
}

impl Connection {
    async fn requests(&mut self) -> Result<(), Stop> {
        while let Some(head) = self.head().await? {
            let is_echo = matches!(head.route, Route::Echo { .. });
            let kept = if is_echo { self.wire.unused()[..head.bytes].to_vec() } else { Vec::new() };
            self.wire.used(head.bytes);
            let mut sink = is_echo.then(Vec::new);
            if head.body != http::Body::Length(0) {
                self.body(&head, &mut sink).await?;
            }
            match head.route {
                Route::Ordinary => self.serve(&head, None).await?,
                Route::Echo { json } => {
                    let reply = self.echo(&head, &kept, &sink.unwrap_or_default(), json);
                    self.serve(&head, Some(reply)).await?;
                }
                Route::Special(special) => self.special(&head, special).await?,
            }
            if !head.keep_alive {
                return self.flush().await;
            }
        }
        Ok(())
    }

    /// The next request, `None` if the client is done. Answers are written when nothing is left to read.
    async fn head(&mut self) -> Result<Option<Head>, Stop> {
        loop {
            if let Some(head) = http::parse(self.wire.unused())? {
                return Ok(Some(head));
            }
            self.flush().await?;
            if !self.wire.more().await? {
                return Ok(None);
            }
        }
    }

    async fn body(&mut self, head: &Head, sink: &mut body::Sink) -> Result<(), Stop> {
        if !body::is_here(&self.wire, head) {
            if head.expects_continue && !head.is_old {
                self.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            self.flush().await?;
        }
        body::read(&mut self.wire, head.body, sink).await
    }

    /// Answers as the model says: the ordinary answer or `reply`, when its service has ended.
    async fn serve(&mut self, head: &Head, reply: Option<Reply>) -> Result<(), Stop> {
        let lane = self.lane.clone();
        let shared = &*lane.shared;
        let ticket = shared.model.accept(&shared.settings, head.turn);
        if ticket.end > ticket.arrival {
            self.flush().await?;
            lane.timetable.until(ticket.end).await;
        }
        self.unrecorded.push(ticket);
        let answers = shared.answers(head);
        let reply = match (ticket.fate, &reply) {
            (Fate::Failed, _) => &answers.failed,
            (_, Some(reply)) => reply,
            (_, None) => &answers.served,
        };
        if ticket.fate == Fate::Dropped {
            let whole = reply.parts(head).concat();
            self.wire.write(&whole[..whole.len() / 2]).await?;
            self.flush().await?;
            return Err(Stop::Dropped);
        }
        self.send(head, reply).await
    }

    pub(super) async fn send(&mut self, head: &Head, reply: &Reply) -> Result<(), Stop> {
        for part in reply.parts(head) {
            self.wire.write(part).await?;
        }
        Ok(())
    }

    /// Writes what is ready, and records it as answered.
    pub(super) async fn flush(&mut self) -> Result<(), Stop> {
        self.wire.flush().await?;
        if !self.unrecorded.is_empty() {
            self.lane.record(&mut self.unrecorded);
        }
        Ok(())
    }
}
