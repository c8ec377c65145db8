//! One virtual user's connection: writes a request, reads its answer, nothing else. The hot path of S3.

use std::{any::Any, borrow::Cow, sync::Arc};

use async_trait::async_trait;
use tokio::task::{JoinSet, yield_now};

use super::{
    content::{Content, key_number},
    notes::{Ask, Body, Expected, S3Notes},
    objects::Drawn,
    operation::{Kind, ListOptions, S3Operation, Sized, Work},
    refusal,
    reply::{Page, S3Reply},
    sign::{EMPTY, PayloadHash, Stamp, UNSIGNED},
    store::{Head, Store, in_query},
    xml,
};
use crate::load::{Operation, Session, Turn};
use crate::measure::{Failure, Moment, Outcome, failure};
use crate::services::{
    http::{AnswerReader, still_usable},
    net::{Watched, Wire, protocol},
};

/// Larger bodies are made and sent in pieces of this size, bytes.
const PIECE: u64 = 256 * 1024;
/// Connections that a fill uses.
const FILLERS: u64 = 8;

pub struct S3Session {
    store: Arc<Store>,
    wire: Wire,
    reader: AnswerReader<S3Notes>,
    stamp: Stamp,
    /// The connection carries no further request: it is in the middle of one, or the last answer said so.
    closing: bool,
    /// A failure that is seen before it can be reported.
    noticed: Option<Failure>,
    first_byte: Option<Moment>,
    /// The key of the call.
    key: Vec<u8>,
    reply: S3Reply,
}

/// What stands in a request besides its key.
struct Request<'a> {
    method: &'static str,
    query: &'a str,
    more: &'a str,
    body: Sent<'a>,
    ask: Ask,
    expected: Option<Expected>,
}

/// The body of a request.
#[derive(Clone, Copy)]
enum Sent<'a> {
    Nothing,
    Document(&'a str),
    /// A part of an object: from which byte on, and how many.
    Part(Content, u64, u64),
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self { method: "GET", query: "", more: "", body: Sent::Nothing, ask: Ask::default(), expected: None }
    }
}

impl S3Session {
    pub(super) async fn open(store: &Arc<Store>) -> Result<Self, Failure> {
        let wire = Wire::new(store.endpoint.connect().await?);
        Ok(Self {
            store: store.clone(),
            wire,
            reader: AnswerReader::default(),
            stamp: Stamp::default(),
            closing: false,
            noticed: None,
            first_byte: None,
            key: Vec::new(),
            reply: S3Reply::default(),
        })
    }

    async fn reopen(&mut self) -> Result<(), Failure> {
        self.wire = Wire::new(self.store.endpoint.connect().await?);
        // The old connection may have ended in the middle of an answer.
        self.reader = AnswerReader::default();
        self.closing = false;
        self.noticed = None;
        Ok(())
    }

    /// Sends one request, about the key of the call unless it is about the bucket, and reads its answer to the end.
    async fn exchange(&mut self, request: &Request<'_>, has_key: bool) -> Result<(), Failure> {
        if !self.reusable() {
            // Boxed, so that the future of every call does not hold room for a handshake.
            Box::pin(self.reopen()).await?;
        }
        if let Some(failure) = self.noticed.take() {
            self.closing = true;
            return Err(failure);
        }
        let (payload, length) = match request.body {
            Sent::Nothing => (Cow::Borrowed(EMPTY), None),
            Sent::Document(text) => (hash_of(text.as_bytes()).into(), Some(text.len() as u64)),
            Sent::Part(_, _, len) if !self.store.signs_payload => (Cow::Borrowed(UNSIGNED), Some(len)),
            Sent::Part(content, from, len) => {
                (Box::pin(hash_of_part(content, from, len)).await.into(), Some(len))
            }
        };
        self.closing = true;
        self.first_byte = None;
        self.reader.await_next().start(request.ask, request.expected);
        let head = Head {
            method: request.method,
            key: has_key.then_some(&self.key),
            query: request.query,
            payload: &payload,
            length,
            more: request.more,
        };
        let (store, stamp) = (&self.store, &mut self.stamp);
        let mut watched = Watched { reader: &mut self.reader, first_byte: &mut self.first_byte };
        let whole = match request.body {
            Sent::Part(content, from, len) if len > PIECE => {
                let (mut at, end) = (from, from + len);
                let mut head = Some(head);
                let next = |out: &mut Vec<u8>| {
                    if let Some(head) = head.take() {
                        store.write(&head, stamp, out);
                    }
                    let piece = PIECE.min(end - at);
                    content.write(at, piece as usize, out);
                    at += piece;
                    at < end
                };
                self.wire.exchange_in_pieces(next, &mut watched).await?
            }
            body => {
                let write = |out: &mut Vec<u8>| {
                    store.write(&head, stamp, out);
                    match body {
                        Sent::Nothing => {}
                        Sent::Document(text) => out.extend_from_slice(text.as_bytes()),
                        Sent::Part(content, from, len) => content.write(from, len as usize, out),
                    }
                };
                self.wire.exchange(None, write, &mut watched).await?
            }
        };
        self.closing = !(whole && self.reader.keep_alive());
        Ok(())
    }

    fn notes(&self) -> &S3Notes {
        self.reader.answer()
    }

    /// The answer must have one of these statuses.
    fn expect(&self, statuses: &[u16]) -> Result<(), Failure> {
        let status = self.notes().status();
        if statuses.contains(&status) {
            return Ok(());
        }
        if status >= 300 {
            return Err(refusal::of(status, self.notes().document()));
        }
        let detail = format!("status {status}, expected {}", statuses[0]);
        Err(Failure { status, ..Failure::kept(failure::status_class(status), detail) })
    }

    fn outcome(&self, bytes: u64, items: u64) -> Outcome {
        Outcome { bytes, items, status: self.notes().status(), first_byte: self.first_byte }
    }

    fn replied(&mut self, size: u64) -> S3Reply {
        let notes = self.reader.answer();
        S3Reply { status: notes.status(), size, etag: notes.etag().to_owned(), ..S3Reply::default() }
    }

    fn draw(&mut self, objects: &Drawn, turn: Turn) {
        self.key.clear();
        objects.key(turn, &mut self.key);
    }

    async fn put(&mut self, objects: &Drawn, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        self.draw(objects, turn);
        let (number, size) = objects.number_and_size(&self.key);
        let body = Sent::Part(Content::of(number, size), 0, size);
        let ask = Ask { etag: keep, ..Ask::default() };
        self.exchange(&Request { method: "PUT", body, ask, ..Request::default() }, true).await?;
        self.expect(&[200, 201, 204])?;
        if keep {
            self.reply = self.replied(size);
        }
        Ok(self.outcome(size, 1))
    }

    async fn get(
        &mut self,
        objects: &Drawn,
        range: Option<&str>,
        checks: Option<Sized>,
        turn: Turn,
        keep: bool,
    ) -> Result<Outcome, Failure> {
        self.draw(objects, turn);
        let expected = checks.map(|sized| match sized {
            Sized::Known => {
                let (key_number, size) = objects.number_and_size(&self.key);
                Expected { key_number, size: Some(size) }
            }
            Sized::Unknown => Expected { key_number: key_number(&self.key), size: None },
        });
        let body = if keep { Body::Kept } else { Body::Counted };
        let ask = Ask { body, etag: keep, ..Ask::default() };
        let more = range.unwrap_or_default();
        self.exchange(&Request { more, ask, expected, ..Request::default() }, true).await?;
        self.expect(match range {
            // Some servers send a part and say so, but with the status of a whole.
            Some(_) if self.notes().is_part() => &[206, 200],
            Some(_) => &[206],
            None => &[200],
        })?;
        if let Some(wrong) = self.notes().wrong() {
            let detail = format!("`{}`: {wrong}", self.key.escape_ascii());
            let status = self.notes().status();
            return Err(Failure { status, ..Failure::kept(failure::CORRUPT, detail) });
        }
        let bytes = self.body_bytes();
        if keep {
            self.reply = S3Reply { body: self.reader.answer_mut().take_body(), ..self.replied(bytes) };
        }
        Ok(self.outcome(bytes, 1))
    }

    fn body_bytes(&self) -> u64 {
        use crate::services::http::Notes;
        self.notes().body_bytes()
    }

    async fn head(&mut self, objects: &Drawn, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        self.draw(objects, turn);
        let ask = Ask { is_to_head: true, etag: keep, ..Ask::default() };
        self.exchange(&Request { method: "HEAD", ask, ..Request::default() }, true).await?;
        self.expect(&[200])?;
        if keep {
            let size = self.notes().object_size().unwrap_or_default();
            self.reply = self.replied(size);
        }
        Ok(self.outcome(0, 1))
    }

    async fn delete(&mut self, objects: &Drawn, turn: Turn) -> Result<Outcome, Failure> {
        self.draw(objects, turn);
        self.exchange(&Request { method: "DELETE", ..Request::default() }, true).await?;
        self.expect(&[204, 200])?;
        self.reply = S3Reply { status: self.notes().status(), ..S3Reply::default() };
        Ok(self.outcome(0, 1))
    }

    async fn list(&mut self, options: &ListOptions, keep: bool) -> Result<Outcome, Failure> {
        let (mut bytes, mut items, mut first_byte) = (0, 0, None);
        let mut token: Option<String> = None;
        self.reply = S3Reply::default();
        loop {
            let mut query = String::new();
            if let Some(token) = &token {
                query = format!("continuation-token={}&", in_query(token));
            }
            query +=
                &format!("list-type=2&max-keys={}&prefix={}", options.max_keys, in_query(&options.prefix));
            self.exchange(&Request { query: &query, ask: document(), ..Request::default() }, false).await?;
            self.expect(&[200])?;
            first_byte = first_byte.or(self.first_byte);
            bytes += self.body_bytes();
            let document = self.notes().document();
            let page = Page::parse(document).filter(|_| !self.notes().is_cut());
            let page = page.ok_or_else(|| kept_protocol("no list of objects", document))?;
            items += page.objects.len() as u64;
            if keep {
                self.reply.status = self.notes().status();
                self.reply.is_truncated = page.is_truncated;
                self.reply.objects.extend(page.objects);
            }
            match page.next.filter(|_| page.is_truncated && options.all) {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                Some(_) => return Err(kept_protocol("a list that leads to itself", b"")),
                None if page.is_truncated && options.all => {
                    return Err(kept_protocol("a list that is not complete and has no token", b""));
                }
                None => break,
            }
        }
        self.reply.size = items;
        Ok(Outcome { first_byte, ..self.outcome(bytes, items) })
    }

    /// Starts an upload, sends its parts one after the other, and completes it; gives it up where a part fails.
    async fn multipart(
        &mut self,
        objects: &Drawn,
        part_size: u64,
        turn: Turn,
        keep: bool,
    ) -> Result<Outcome, Failure> {
        self.draw(objects, turn);
        let (number, size) = objects.number_and_size(&self.key);
        let post = Request { method: "POST", ask: document(), ..Request::default() };
        self.exchange(&Request { query: "uploads=", body: Sent::Document(""), ..post }, true).await?;
        self.expect(&[200])?;
        let said = String::from_utf8_lossy(self.notes().document());
        let Some(id) = xml::text_of(&said, "UploadId").filter(|id| !id.is_empty()) else {
            return Err(kept_protocol("no upload id", said.as_bytes()));
        };
        let id = format!("uploadId={}", in_query(&id));
        let uploaded = self.parts(Content::of(number, size), size, part_size, &id).await;
        if let Err(failure) = uploaded {
            let abort = Request { method: "DELETE", query: &id, ..Request::default() };
            // Its own failure would hide why the upload was given up. Over a new connection where this one is lost, which
            // may show only now: some servers hang up after a refusal.
            if self.exchange(&abort, true).await.is_err() {
                let _ = self.exchange(&abort, true).await;
            }
            return Err(failure);
        }
        if keep {
            let said = String::from_utf8_lossy(self.notes().document());
            let etag = xml::text_of(&said, "ETag").unwrap_or_default().trim_matches('"').to_owned();
            self.reply = S3Reply { etag, ..self.replied(size) };
        }
        Ok(Outcome { first_byte: None, ..self.outcome(size, 1) })
    }

    async fn parts(&mut self, content: Content, size: u64, part_size: u64, id: &str) -> Result<(), Failure> {
        let mut list = "<CompleteMultipartUpload>".to_owned();
        for number in 1..=size.div_ceil(part_size).max(1) {
            let from = (number - 1) * part_size;
            let body = Sent::Part(content, from, part_size.min(size - from));
            let query = format!("partNumber={number}&{id}");
            let ask = Ask { etag: true, ..Ask::default() };
            self.exchange(&Request { method: "PUT", query: &query, body, ask, ..Request::default() }, true)
                .await?;
            self.expect(&[200])?;
            let etag = xml::escaped(self.notes().etag());
            list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>");
        }
        list += "</CompleteMultipartUpload>";
        let body = Sent::Document(&list);
        let complete = Request { method: "POST", query: id, body, ask: document(), ..Request::default() };
        self.exchange(&complete, true).await?;
        self.expect(&[200])?;
        // The status comes before the server knows how it ends.
        match xml::text_of(&String::from_utf8_lossy(self.notes().document()), "Code") {
            Some(_) => Err(refusal::of(self.notes().status(), self.notes().document())),
            None => Ok(()),
        }
    }

    /// Writes the keys with the numbers below `count`, over several connections at once.
    async fn fill(&mut self, work: &Arc<Work>, count: u64, turn: Turn) -> Result<Outcome, Failure> {
        let mut fillers = JoinSet::new();
        for first in 0..FILLERS.min(count) {
            let (store, work) = (self.store.clone(), work.clone());
            fillers.spawn_local(async move {
                let mut session = Self::open(&store).await?;
                let mut bytes = 0;
                let objects = work.objects.as_ref().expect("a fill has objects");
                for number in (first..count).step_by(FILLERS as usize) {
                    bytes += session.put(objects, Turn { number, ..turn }, false).await?.bytes;
                }
                Ok(bytes)
            });
        }
        let mut bytes = 0;
        while let Some(done) = fillers.join_next().await {
            bytes += done.unwrap_or_else(|error| {
                Err(Failure::lost(failure::IO, format!("writing the objects ended early: {error}")))
            })?;
        }
        self.reply = S3Reply { status: 200, size: count, ..S3Reply::default() };
        Ok(Outcome { bytes, items: count, status: 200, first_byte: None })
    }

    async fn create_bucket(&mut self) -> Result<Outcome, Failure> {
        let text = match self.store.region.as_str() {
            "us-east-1" => String::new(),
            region => format!(
                "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            ),
        };
        let body = Sent::Document(&text);
        self.exchange(&Request { method: "PUT", body, ..Request::default() }, false).await?;
        let said = String::from_utf8_lossy(self.notes().document());
        let code = xml::text_of(&said, "Code").unwrap_or_default();
        if !matches!(code.as_str(), "BucketAlreadyOwnedByYou" | "BucketAlreadyExists") {
            self.expect(&[200, 201, 204])?;
        }
        self.reply = S3Reply { status: self.notes().status(), ..S3Reply::default() };
        Ok(self.outcome(0, 1))
    }

    async fn delete_bucket(&mut self) -> Result<Outcome, Failure> {
        self.exchange(&Request { method: "DELETE", ..Request::default() }, false).await?;
        self.expect(&[204, 200])?;
        self.reply = S3Reply { status: self.notes().status(), ..S3Reply::default() };
        Ok(self.outcome(0, 1))
    }
}

#[async_trait(?Send)]
impl Session for S3Session {
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        let operation = (operation as &dyn Any)
            .downcast_ref::<S3Operation>()
            .expect("a session is given only operations of its own client, which makes these alone");
        let work = &operation.work;
        match (&work.kind, &work.objects) {
            (Kind::Put, Some(objects)) => self.put(objects, turn, keep).await,
            (Kind::Get { range, checks }, Some(objects)) => {
                self.get(objects, range.as_deref(), *checks, turn, keep).await
            }
            (Kind::Head, Some(objects)) => self.head(objects, turn, keep).await,
            (Kind::Delete, Some(objects)) => self.delete(objects, turn).await,
            // Boxed, so that the future of every call does not hold room for these.
            (Kind::Multipart { part_size }, Some(objects)) => {
                Box::pin(self.multipart(objects, *part_size, turn, keep)).await
            }
            (Kind::Fill(count), Some(_)) => Box::pin(self.fill(work, *count, turn)).await,
            (Kind::List(options), _) => Box::pin(self.list(options, keep)).await,
            (Kind::CreateBucket, _) => Box::pin(self.create_bucket()).await,
            (Kind::DeleteBucket, _) => Box::pin(self.delete_bucket()).await,
            (_, None) => unreachable!("what is about objects has some"),
        }
    }

    fn reusable(&mut self) -> bool {
        still_usable(&mut self.wire, &mut self.closing, &mut self.noticed)
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        Box::new(std::mem::take(&mut self.reply))
    }
}

fn document() -> Ask {
    Ask { body: Body::Document, ..Ask::default() }
}

/// An answer that cannot be understood, read to its end.
fn kept_protocol(what: &str, bytes: &[u8]) -> Failure {
    Failure { session_lost: false, ..protocol(what, bytes) }
}

fn hash_of(bytes: &[u8]) -> String {
    let mut hash = PayloadHash::start();
    hash.add(bytes);
    hash.finish()
}

/// The hash of a part of an object, which is made twice: a gigabyte is not kept for the sake of its hash.
async fn hash_of_part(content: Content, from: u64, len: u64) -> String {
    let mut hash = PayloadHash::start();
    let mut piece = Vec::new();
    let (mut at, end) = (from, from + len);
    while at < end {
        piece.clear();
        content.write(at, PIECE.min(end - at) as usize, &mut piece);
        hash.add(&piece);
        at += piece.len() as u64;
        if at < end {
            // Others of this thread are not held up for as long as a gigabyte takes.
            yield_now().await;
        }
    }
    hash.finish()
}
