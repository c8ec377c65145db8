//! Feeds any bytes to the reader of Redis answers, in any pieces: all must read the same, and nothing may panic.
//!
//! ```text
//! mkdir -p tests/fuzz/corpus/resp
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none resp \
//!     tests/fuzz/corpus/resp tests/fuzz/seeds/resp -- -max_total_time=600 -max_len=8192
//! ```
//!
//! The seeds are answers of a real server.

#![no_main]

mod pieces;

use benchscript::services::net::{Progress, Reads};
use benchscript::services::redis::{Reader, RedisReply};
use libfuzzer_sys::fuzz_target;
use pieces::{seed, split};

/// What came of the answers to the commands of one call.
#[derive(Debug, PartialEq)]
struct Read {
    bytes: u64,
    nils: u32,
    refusals: u32,
    refusal: Vec<u8>,
}

/// The answers with their values, where they can be kept; none if they are refused or break off.
type Answers = Option<(Read, Option<RedisReply>)>;

fn read<'a>(answers: u32, keep: bool, pieces: impl IntoIterator<Item = &'a [u8]>) -> Answers {
    let mut reader = Reader::default();
    // A reader is used again and again: what an answer before left must not matter.
    reader.start(2, true);
    reader.feed(b"*2\r\n$3\r\nab").ok()?;
    reader.start(answers, keep);
    let mut progress = Progress::More;
    for piece in pieces {
        progress = reader.feed(piece).ok()?;
    }
    if progress == Progress::More {
        reader.end().expect_err("answers are missing");
        return None;
    }
    let seen = reader.seen();
    let (bytes, nils, refusals) = (seen.bytes, seen.nils, seen.refusals);
    assert!(nils + refusals <= answers, "more of them than answers");
    let read = Read { bytes, nils, refusals, refusal: seen.refusal.clone() };
    let reply = reader.reply().ok();
    if let Some(reply) = reply.as_ref().filter(|_| keep) {
        assert_eq!(reply.values.len(), answers as usize);
    }
    Some((read, reply))
}

fuzz_target!(|bytes: &[u8]| {
    let seed = seed(bytes);
    for answers in 1..=5 {
        let whole = read(answers, true, [bytes]);
        assert_eq!(read(answers, true, bytes.chunks(1)), whole, "byte by byte");
        assert_eq!(read(answers, true, split(bytes, seed)), whole, "in pieces");
        // What is not kept is read the same.
        let light = read(answers, false, split(bytes, !seed));
        assert_eq!(light.map(|(read, _)| read), whole.map(|(read, _)| read), "without keeping it");
    }
});
