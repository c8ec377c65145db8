//! One virtual user's connection in HTTP/2: one request at a time, like its sibling of HTTP/1.1.

mod form;
mod socket;

use std::{
    any::Any,
    error::Error as StdError,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Waker},
};

use async_trait::async_trait;
use http_body_util::Full;
use hyper::{
    Response,
    body::{Body, Bytes, Incoming},
    client::conn::http2::{Builder, Connection, SendRequest},
};

pub use form::{Form, Parts};

use self::socket::{Ending, Socket, Started, Tasks};
use super::{
    answer::Notes as _,
    answer::{Answer, Ask},
    client::Endpoint,
    request::Request,
};
use crate::load::{Operation, Session, Turn};
use crate::measure::{Failure, Moment, Outcome, failure};

/// How many bytes of an answer the server may send ahead of what was read. Large enough for a fast network, small enough
/// for thousands of users.
const WINDOW: u32 = 1024 * 1024;

pub struct H2Session {
    endpoint: Arc<Endpoint>,
    line: Line,
    answer: Answer,
    /// The connection carries no further request.
    closing: bool,
    first_byte: Option<Moment>,
}

/// A connection with what `hyper` does on it.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<Socket, Full<Bytes>, Started>,
    tasks: Tasks,
    ending: Ending,
    ended: bool,
}

impl Line {
    async fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        let stream = endpoint.connect().await?;
        let (tasks, ending) = (Tasks::default(), Ending::default());
        let socket = Socket { stream, ending: ending.clone() };
        let shaken = Builder::new(tasks.started.clone())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(socket)
            .await;
        let (sender, connection) = shaken.map_err(|error| failed("opening HTTP/2", &error, &ending))?;
        Ok(Self { sender, connection, tasks, ending, ended: false })
    }

    /// Writes what is to be written and reads what has come.
    fn poll(&mut self, cx: &mut Context<'_>) {
        self.tasks.poll(cx);
        if !self.ended {
            self.ended = Pin::new(&mut self.connection).poll(cx).is_ready();
        }
        if self.tasks.has_new() {
            self.tasks.poll(cx);
        }
    }
}

impl H2Session {
    pub(super) async fn open(endpoint: Arc<Endpoint>) -> Result<Self, Failure> {
        let line = Line::open(&endpoint).await?;
        Ok(Self { endpoint, line, answer: Answer::default(), closing: false, first_byte: None })
    }

    /// Sends one request and reads its answer to the end.
    async fn exchange(
        &mut self,
        form: &Form,
        turn: Turn,
        target: Option<&str>,
        ask: Ask,
    ) -> Result<(), Failure> {
        let request = form.request(turn, target)?;
        if !self.reusable() {
            self.line = Line::open(&self.endpoint).await?;
        }
        self.closing = true;
        self.first_byte = None;
        self.answer.start(ask);
        let Self { line, answer, first_byte, .. } = self;
        let mut response = pin!(line.sender.send_request(request));
        let sent = poll_fn(|cx| {
            // What came with the last poll of the tasks is there for the response in the same turn.
            line.poll(cx);
            response.as_mut().poll(cx)
        });
        let (head, mut body) = match sent.await {
            Ok(response) => Response::into_parts(response),
            Err(error) => return Err(self.broken("no answer", &error)),
        };
        *first_byte = Some(Moment::now());
        answer.set_status(head.status.as_u16());
        for (name, value) in &head.headers {
            answer.header(name.as_str(), value.as_bytes());
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                answer.lines(part);
            }
        }
        while let Some(part) = next_part(line, &mut body).await {
            match part {
                Ok(part) => answer.body(&part)?,
                Err(error) => {
                    let so_far = format!("{} bytes of the body", answer.body_bytes());
                    return Err(self.broken(&format!("no more after {so_far}"), &error));
                }
            }
        }
        // An answer that came before the whole request was sent leaves a task that still sends it.
        let whole = self.line.tasks.count() <= 1;
        self.closing = !(whole && self.endpoint.keep_alive);
        Ok(())
    }

    /// The failure of an exchange. A stream that the server gave up leaves the connection as it was.
    fn broken(&mut self, what: &str, error: &hyper::Error) -> Failure {
        let failure = failed(what, error, &self.line.ending);
        self.closing = failure.session_lost;
        failure
    }
}

/// The next part of a body; none at its end. Trailers are read past.
async fn next_part(line: &mut Line, body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        let frame = poll_fn(|cx| {
            // What has come already is taken first, so that the window opens again.
            let frame = Pin::new(&mut *body).poll_frame(cx);
            if frame.is_ready() {
                return frame;
            }
            line.poll(cx);
            Pin::new(&mut *body).poll_frame(cx)
        });
        match frame.await? {
            Ok(frame) => match frame.into_data() {
                Ok(part) => return Some(Ok(part)),
                Err(_) => continue,
            },
            Err(error) => return Some(Err(error)),
        }
    }
}

#[async_trait(?Send)]
impl Session for H2Session {
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        let request = (operation as &dyn Any)
            .downcast_ref::<Request>()
            .expect("a session is given only operations of its own client, which makes requests alone");
        let form = request.form().expect("a client of HTTP/2 makes requests of that form");
        let hops = request.hop();
        let ask = Ask { head_request: request.method() == "HEAD", keep, follow: hops.is_some() };
        self.exchange(form, turn, None, ask).await?;
        if let Some(hop) = hops {
            let mut target = hop.target(turn);
            for _ in 0..hop.most {
                match self.answer.next_target(request, &self.endpoint.url, &target)? {
                    Some(next) => target = next,
                    None => break,
                }
                self.exchange(form, turn, Some(&target), ask).await?;
            }
        }
        self.answer.outcome(request, self.first_byte)
    }

    /// Reads what has come meanwhile: a farewell (GOAWAY) is noticed before the next call.
    fn reusable(&mut self) -> bool {
        if !self.closing {
            self.line.poll(&mut Context::from_waker(Waker::noop()));
            self.closing = self.line.ended || self.line.sender.is_closed();
        }
        !self.closing
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        self.answer.take_reply().unwrap_or_default()
    }
}

/// What went wrong, by what the socket saw and what the server said.
fn failed(what: &str, error: &hyper::Error, ending: &Ending) -> Failure {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    let said = cause.map_or_else(|| error.to_string(), ToString::to_string);
    let detail = format!("{what}: {said}");
    match (cause, ending.get()) {
        (Some(h2), _) if h2.is_reset() && h2.is_remote() => Failure::kept(failure::RESET, detail),
        (Some(h2), _) if h2.is_go_away() && h2.is_remote() => Failure::lost(failure::CLOSED, detail),
        (Some(h2), _) if h2.is_go_away() => {
            Failure::lost(failure::PROTOCOL, format!("{detail} (does the server speak HTTP/2?)"))
        }
        (Some(h2), _) if h2.is_reset() => Failure::lost(failure::PROTOCOL, detail),
        (_, Some(io::ErrorKind::UnexpectedEof)) => {
            Failure::lost(failure::CLOSED, format!("{what}: the server closed the connection"))
        }
        (_, Some(kind)) => Failure::from_io(what, &kind.into()),
        (None, None) if error.is_canceled() || error.is_closed() => Failure::lost(failure::CLOSED, detail),
        (_, None) => Failure::lost(failure::PROTOCOL, detail),
    }
}
