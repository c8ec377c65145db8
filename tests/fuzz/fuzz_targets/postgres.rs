//! Feeds any bytes to the reader of PostgreSQL answers, in any pieces: all must read the same, and nothing may panic.
//!
//! ```text
//! mkdir -p tests/fuzz/corpus/postgres
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none postgres \
//!     tests/fuzz/corpus/postgres tests/fuzz/seeds/postgres -- -max_total_time=600 -max_len=8192
//! ```
//!
//! The seeds are answers of a real server.

#![no_main]

mod pieces;

use benchscript::services::net::{Progress, Reads};
use benchscript::services::postgres::{PostgresReply, Reader};
use libfuzzer_sys::fuzz_target;
use pieces::{seed, split};

/// What came of an answer.
#[derive(Debug, PartialEq)]
struct Read {
    ready: bool,
    bytes: u64,
    affected: u64,
    parsed: u32,
    status: u8,
    refusal: Option<(&'static str, String)>,
}

/// Feeds the pieces and then the end of the connection; none if the answer cannot be read.
fn read<'a>(keep: bool, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<(Read, PostgresReply)> {
    let mut reader = Reader::default();
    reader.start(keep);
    let mut ready = false;
    for piece in pieces {
        ready |= reader.feed(piece).ok()? == Progress::Done;
    }
    reader.end().expect_err("a server does not hang up without a word");
    let failure = reader.refusal.take().map(|refusal| refusal.failure());
    let refusal = failure.map(|failure| (failure.class, failure.detail));
    let Reader { bytes, affected, parsed, status, .. } = reader;
    Some((Read { ready, bytes, affected, parsed, status, refusal }, reader.take_reply()))
}

/// Without the message whose end has not come.
fn complete(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(head) = bytes[at..].first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length < 4 {
            return bytes;
        }
        if bytes.len() - at <= length {
            break;
        }
        at += length + 1;
    }
    &bytes[..at]
}

fuzz_target!(|bytes: &[u8]| {
    let seed = seed(bytes);
    let whole = read(true, [bytes]);
    assert_eq!(read(true, bytes.chunks(1)), whole, "byte by byte");
    assert_eq!(read(true, split(bytes, seed)), whole, "in pieces");
    // What is not kept is counted the same. Rows that are to be skipped are counted as they begin.
    let bytes = complete(bytes);
    let light = read(false, split(bytes, !seed)).map(|(read, _)| read);
    // Columns and values that make no sense are seen only where they are kept.
    if let Some((whole, _)) = read(true, [bytes]) {
        assert_eq!(light, Some(whole), "without keeping it");
    }
});
