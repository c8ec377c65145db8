use super::*;
use crate::measure::hash::Draws;
use crate::services::http::answer::EXCERPT_LIMIT;

const PLAIN: Ask = Ask { head_request: false, keep: true, follow: true };

/// What came of an answer, to compare ways of feeding it.
#[derive(Debug, PartialEq)]
struct Read {
    status: u16,
    body_bytes: u64,
    keep_alive: bool,
    location: Option<String>,
    reply: HttpReply,
}

/// Feeds the pieces, then the end of the connection unless the answer was complete before.
fn read<'a>(ask: Ask, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Read, Failure> {
    let mut reader = Reader::default();
    reader.start(ask);
    let mut progress = Progress::More;
    for piece in pieces {
        progress = reader.feed(piece)?;
    }
    if progress == Progress::More {
        reader.end()?;
    }
    Ok(Read {
        status: reader.answer().status(),
        body_bytes: reader.answer().body_bytes(),
        keep_alive: reader.keep_alive(),
        location: reader.answer().location().map(str::to_owned),
        reply: *reader.take_reply().unwrap_or_default(),
    })
}

fn whole(answer: &[u8]) -> Result<Read, Failure> {
    read(PLAIN, [answer])
}

/// Odd but legal: (answer, status, body, whether the connection is kept).
const LEGAL: &[(&str, u16, &str, bool)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true),
    ("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, "", true),
    ("HTTP/1.1 200 \r\nCONTENT-LENGTH:   2  \r\n\r\nok", 200, "ok", true),
    ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok", true),
    ("\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true),
    ("HTTP/1.1 200 Gr\u{fc}\u{df}e\r\nContent-Length: 2\r\nX: \u{e9}\r\n\r\nok", 200, "ok", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2, 2\r\n\r\nok", 200, "ok", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nok", 200, "ok", false),
    ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false),
    ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true),
    ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", false),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzipped", 200, "zipped", false),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", 204, "", true),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: \"x\"\r\n\r\n", 304, "", true),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true),
    (
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 7\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 500 No\r\n\
         Content-Length: 2\r\n\r\nno",
        500,
        "no",
        true,
    ),
    ("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", 302, "", true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", true),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, CHUNKED\r\n\r\n1;a=b;c=\"d e\"\r\nx\r\n00A ; y\r\n0123456789\r\n\
         000\r\nTrailer: 1\r\nOther: 2\r\n\r\n",
        200,
        "x0123456789",
        true,
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 200, "abc", true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n", 200, "\r\n", true),
];

/// Wrong in a way that has the given class, and a word that says how.
const BROKEN: &[(&str, &str, &str)] = &[
    ("SSH-2.0-OpenSSH_9.6\r\n", "protocol", "SSH-2.0"),
    ("HTTP/2 200\r\n\r\n", "protocol", "HTTP/2"),
    ("\x15\x03\x01\x00\x02\x02", "protocol", "TLS"),
    ("HTTP/1.1 abc\r\n\r\n", "protocol", "HTTP/1"),
    ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "protocol", "HTTP/1"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "protocol", "differ"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nok", "protocol", "differ"),
    ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "protocol", "no number"),
    ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", "protocol", "no number"),
    ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nx", "protocol", "no number"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx", "protocol", "no number"),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "protocol",
        "both",
    ),
    ("HTTP/1.1 101 Switching\r\n\r\n", "protocol", "change of protocol"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200", "protocol", "after the end"),
    ("HTTP/1.1 204 No Content\r\n\r\nx", "protocol", "1 bytes after the end"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", "protocol", "after the end"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "protocol", "without a size"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "protocol", "without a size"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\n", "protocol", "without a size"),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
        "protocol",
        "without a size",
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "protocol", "longer than its size"),
    ("", "closed", "without an answer"),
    ("HTTP/1.1 200 O", "closed", "within the head"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "closed", "after 3 of 5 bytes"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "closed", "after 3 bytes of a chunked"),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "closed",
        "5 bytes of a chunked",
    ),
    ("HTTP/1.1 100 Continue\r\n\r\n", "closed", "without an answer"),
];

#[test]
fn legal_answers_are_read_and_how_they_are_split_does_not_matter() {
    for (answer, status, body, keep_alive) in LEGAL {
        let bytes = answer.as_bytes();
        let expected = whole(bytes).unwrap_or_else(|failure| panic!("{answer:?}: {}", failure.detail));
        assert_eq!((expected.status, expected.keep_alive), (*status, *keep_alive), "{answer:?}");
        assert_eq!(
            (expected.reply.status, &expected.reply.body[..]),
            (*status, body.as_bytes()),
            "{answer:?}"
        );
        assert_eq!(expected.body_bytes, body.len() as u64);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read(PLAIN, pieces).unwrap(), expected, "{answer:?} at {first}, {second}");
            }
        }
        assert_eq!(read(PLAIN, bytes.chunks(1)).unwrap(), expected, "{answer:?} byte by byte");
    }
}

#[test]
fn broken_answers_are_named_however_they_are_split() {
    for (answer, class, word) in BROKEN {
        let bytes = answer.as_bytes();
        let check = |result: Result<Read, Failure>| {
            let failure = result.expect_err(answer);
            assert_eq!(failure.class, *class, "{answer:?}: {}", failure.detail);
            assert!(failure.session_lost);
            failure.detail
        };
        let detail = check(whole(bytes));
        assert!(detail.contains(word), "{answer:?}: {detail}");
        for at in 0..=bytes.len() {
            check(read(PLAIN, [&bytes[..at], &bytes[at..]]));
        }
        check(read(PLAIN, bytes.chunks(1)));
    }
}

#[test]
fn mutilated_answers_are_read_the_same_in_one_piece_and_in_many() {
    let mut draws = Draws::new(1, 2, 3, 4);
    for round in 0..20_000 {
        let mut bytes = LEGAL[round % LEGAL.len()].0.as_bytes().to_vec();
        for _ in 0..=draws.below(3) {
            let at = draws.below(bytes.len() as u64) as usize;
            match draws.below(4) {
                0 => bytes[at] = draws.bits() as u8,
                1 => bytes[at] = b"\r\n0 :,;-"[draws.below(8) as usize],
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[draws.below(bytes.len() as u64) as usize]),
            }
        }
        let (whole, at) = (whole(&bytes).ok(), draws.below(bytes.len() as u64) as usize);
        let shown = bytes.escape_ascii();
        assert_eq!(read(PLAIN, [&bytes[..at], &bytes[at..]]).ok(), whole, "{shown} at {at}");
        assert_eq!(read(PLAIN, bytes.chunks(1)).ok(), whole, "{shown}");
    }
}

#[test]
fn answers_to_head_have_no_body() {
    let ask = Ask { head_request: true, ..PLAIN };
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked", "X: y"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
        let answer = read(ask, [answer.as_bytes()]).unwrap();
        assert!(answer.keep_alive && answer.body_bytes == 0, "{framing}");
    }
}

#[test]
fn interim_headers_are_forgotten() {
    let answer = "HTTP/1.1 103 Hints\r\nLocation: /no\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nY: 2\r\nContent-Length: 0\r\n\r\n";
    let read = whole(answer.as_bytes()).unwrap();
    assert_eq!(read.location, None);
    let headers = [("y", "2"), ("content-length", "0")].map(|(name, value)| (name.into(), value.into()));
    let kept: Vec<_> = read.reply.headers.list();
    assert_eq!(kept, headers);
}

#[test]
fn heads_and_lines_have_limits() {
    let fails = |answer: String| {
        let failure = whole(answer.as_bytes()).unwrap_err();
        let piecewise = read(PLAIN, answer.as_bytes().chunks(1000)).unwrap_err();
        assert_eq!((failure.class, piecewise.class), ("protocol", "protocol"));
        assert!(failure.detail.len() < 300, "the detail shows only the beginning");
        failure.detail
    };
    let head = |len: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n", "x".repeat(len));
    assert!(whole(head(60_000).as_bytes()).is_ok());
    assert!(fails(head(70_000)).contains("64 KiB"));
    assert!(fails(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(70_000))).contains("64 KiB"));
    assert!(fails(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(129))).contains("128 headers"));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(fails(format!("{chunked}1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(5_000))).contains("endless"));
    assert!(fails(format!("{chunked}0\r\n{}\r\n", "X: 1234567890\r\n".repeat(6_000))).contains("64 KiB"));
}

#[test]
fn large_bodies_pass_through_but_are_not_kept() {
    let body = vec![b'x'; 1 << 20];
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n";
    let pieces = || std::iter::once(&head[..]).chain(std::iter::repeat_n(&body[..], 100));
    assert_eq!(read(Ask::default(), pieces()).unwrap().body_bytes, 100 << 20);
    let failure = read(PLAIN, pieces()).unwrap_err();
    assert!(failure.class == "io" && failure.detail.contains("64 MiB"), "{}", failure.detail);
}

#[test]
fn a_reader_serves_many_answers_and_holds_little_between_them() {
    let mut reader = Reader::default();
    for (answer, status, body, _) in LEGAL {
        for piece in [1, 7, usize::MAX] {
            reader.start(Ask::default());
            let mut progress = Progress::More;
            for part in answer.as_bytes().chunks(piece) {
                progress = reader.feed(part).unwrap();
            }
            if progress == Progress::More {
                reader.end().unwrap();
            }
            assert_eq!(
                (reader.answer().status(), reader.answer().body_bytes()),
                (*status, body.len() as u64),
                "{answer:?}"
            );
            assert!(reader.pending.capacity() <= SPARE_LIMIT && reader.take_reply().is_none());
        }
    }
}

#[test]
fn the_beginning_of_an_error_is_remembered() {
    let mut reader = Reader::default();
    reader.start(Ask::default());
    let answer = format!("HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\n{}", "try later ".repeat(100));
    reader.feed(answer.as_bytes()).unwrap();
    assert!(
        reader.answer().excerpt().starts_with(b"try later")
            && reader.answer().excerpt().len() <= EXCERPT_LIMIT + 1
    );
}
