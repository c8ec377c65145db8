//! Feeds any bytes to the reader of HTTP/1.1 answers, in any pieces: all must read the same, and nothing may panic.
//!
//! ```text
//! cargo install cargo-fuzz
//! mkdir -p tests/fuzz/corpus/answer
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none answer \
//!     tests/fuzz/corpus/answer tests/it/http/odd -- -max_total_time=600 -max_len=8192
//! ```
//!
//! The seeds are the odd answers of the tests; what is found new goes to `corpus/`, which git does not keep. An input
//! that breaks it becomes one more of them, or a line of the reader's own tests.

#![no_main]

mod pieces;

use benchscript::services::http::{Ask, HttpReply, Reader};
use benchscript::services::net::{Progress, Reads};
use libfuzzer_sys::fuzz_target;
use pieces::{seed, split};

/// What came of an answer.
#[derive(Debug, PartialEq)]
struct Read {
    status: u16,
    body_bytes: u64,
    keep_alive: bool,
    location: Option<String>,
    excerpt: Vec<u8>,
    reply: Option<HttpReply>,
}

/// Feeds the pieces and then the end of the connection; none if the answer is refused.
fn read<'a>(ask: Ask, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Read> {
    let mut reader = Reader::default();
    // A reader is used again and again: what an answer before left must not matter.
    reader.start(Ask { keep: true, follow: true, ..Ask::default() });
    reader.feed(b"HTTP/1.1 404 No\r\nLocation: /\r\nContent-Length: 9\r\n\r\nhalf").ok()?;
    reader.start(ask);
    let mut progress = Progress::More;
    let mut fed = 0;
    for piece in pieces {
        progress = reader.feed(piece).ok()?;
        fed += piece.len() as u64;
        assert!(reader.answer().body_bytes() <= fed, "more of a body than came");
    }
    if progress == Progress::More {
        reader.end().ok()?;
    }
    let answer = reader.answer();
    assert!((200..1000).contains(&answer.status()) || answer.status() < 100, "an interim answer is none");
    let (status, body_bytes) = (answer.status(), answer.body_bytes());
    let (location, excerpt) = (answer.location().map(str::to_owned), answer.excerpt().to_vec());
    let keep_alive = reader.keep_alive();
    let reply = reader.take_reply().map(|reply| *reply);
    assert_eq!(reply.is_some(), ask.keep);
    if let Some(reply) = &reply {
        assert_eq!((reply.status, reply.body.len() as u64), (status, body_bytes));
    }
    if ask.head_request {
        assert_eq!(body_bytes, 0, "an answer to HEAD has no body");
    }
    Some(Read { status, body_bytes, keep_alive, location, excerpt, reply })
}

fuzz_target!(|bytes: &[u8]| {
    let seed = seed(bytes);
    for head_request in [false, true] {
        let kept = Ask { head_request, keep: true, follow: true };
        let whole = read(kept, [bytes]);
        assert_eq!(read(kept, bytes.chunks(1)), whole, "byte by byte");
        assert_eq!(read(kept, split(bytes, seed)), whole, "in pieces");
        // What is not kept is read the same.
        let light = read(Ask { head_request, ..Ask::default() }, split(bytes, !seed));
        let outline = |read: &Read| (read.status, read.body_bytes, read.keep_alive, read.excerpt.clone());
        assert_eq!(light.as_ref().map(outline), whole.as_ref().map(outline), "without keeping it");
    }
});
