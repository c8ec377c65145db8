//! Odd but legal answers, read by ours and by `hyper`'s reader of HTTP/1: both see the same, or it is said why not.
//!
//! The answers lie in `odd/`, byte by byte as a server sends them before it closes; they are also the seeds of the
//! fuzzer (tests/fuzz).

use std::{collections::BTreeSet, net::TcpStream, path::Path};

use hyper::{
    body::{Body, Bytes},
    client::conn::http1,
    rt::{Read as HyperRead, ReadBufCursor, Write as HyperWrite},
};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;

/// How `hyper` reads an answer.
enum Hyper {
    Same,
    /// As another answer: status and bytes of the body, and why.
    Otherwise(u16, u64, &'static str),
    /// Not at all, and why.
    Refuses(&'static str),
}
use Hyper::{Otherwise, Refuses, Same};

/// Name of the file, status, bytes of the body, what `hyper` makes of it. Names with `head_` answer HEAD.
const CASES: &[(&str, u16, u64, Hyper)] = &[
    ("chunked", 200, 5, Same),
    ("chunked_after_gzip", 200, 5, Same),
    ("chunked_close", 200, 5, Same),
    ("chunked_empty", 200, 0, Same),
    ("chunked_error", 503, 9, Same),
    ("chunked_extension", 200, 5, Same),
    ("chunked_extension_long", 200, 5, Same),
    ("chunked_extension_quoted", 200, 5, Same),
    ("chunked_extension_spaced", 200, 5, Same),
    ("chunked_in_two_headers", 200, 5, Same),
    ("chunked_large", 200, 20480, Same),
    ("chunked_leading_zeros", 200, 5, Same),
    ("chunked_line_ends_in_chunk", 200, 4, Same),
    (
        "chunked_line_feeds_only",
        200,
        5,
        Refuses("it wants CR LF; a lone LF may be taken for a line end (RFC 9112, section 2.2)"),
    ),
    (
        "chunked_list_with_gaps",
        200,
        5,
        Otherwise(
            200,
            15,
            "it sees no `chunked` before the last comma; empty elements count for nothing (RFC 9110, 5.6.1)",
        ),
    ),
    ("chunked_many_zeros", 200, 5, Same),
    ("chunked_single_bytes", 200, 5, Same),
    ("chunked_size_then_space", 200, 5, Same),
    ("chunked_sizes_in_both_cases", 200, 20, Same),
    ("chunked_trailer", 200, 5, Same),
    ("chunked_trailer_framing", 200, 5, Same),
    ("chunked_trailers_many", 200, 5, Same),
    ("chunked_upper_case", 200, 5, Same),
    ("connection_close", 200, 5, Same),
    ("connection_keep_alive", 200, 5, Same),
    ("connection_list", 200, 5, Same),
    ("empty_line_before", 200, 5, Same),
    ("head_chunked", 200, 0, Same),
    ("head_length", 200, 0, Same),
    ("head_not_found", 404, 0, Same),
    ("head_nothing", 200, 0, Same),
    (
        "header_folded",
        200,
        5,
        Refuses("it must be told to take folded headers; a client reads each fold as spaces (RFC 9112, 5.2)"),
    ),
    ("header_folded_length", 200, 5, Refuses("as above")),
    ("header_name_odd", 200, 5, Same),
    ("header_repeated", 200, 5, Same),
    ("header_value_empty", 200, 5, Same),
    ("header_value_latin", 200, 5, Same),
    ("header_very_long", 200, 5, Same),
    ("headers_ninety", 200, 5, Same),
    ("interim_continue", 200, 5, Same),
    ("interim_hints", 200, 5, Same),
    ("interim_many", 200, 5, Same),
    ("interim_unknown", 200, 5, Same),
    ("interim_with_length", 200, 5, Same),
    ("length", 200, 5, Same),
    ("length_binary", 200, 256, Same),
    ("length_body_looks_like_an_answer", 200, 19, Same),
    ("length_large", 200, 70000, Same),
    ("length_leading_zeros", 200, 5, Same),
    ("length_list", 200, 5, Same),
    ("length_mixed_case", 200, 5, Same),
    ("length_no_space", 200, 5, Same),
    ("length_tabs", 200, 5, Same),
    ("length_twice", 200, 5, Same),
    ("length_with_line_ends_in_body", 200, 6, Same),
    ("length_zero", 200, 0, Same),
    ("line_feeds_only", 200, 5, Same),
    ("no_content", 204, 0, Same),
    ("no_content_length_zero", 204, 0, Same),
    ("not_modified", 304, 0, Same),
    ("not_modified_chunked", 304, 0, Same),
    ("not_modified_length", 304, 0, Same),
    ("old_keep_alive", 200, 5, Same),
    ("old_keep_alive_until_close", 200, 13, Same),
    ("old_length", 200, 5, Same),
    ("old_until_close", 200, 13, Same),
    ("reason_empty", 200, 5, Same),
    ("reason_latin", 200, 5, Same),
    ("reason_long", 200, 5, Same),
    ("reason_missing", 200, 5, Same),
    ("reason_tab", 200, 5, Same),
    ("redirect_without_length", 302, 5, Same),
    ("reset_content", 205, 0, Same),
    ("status_299", 299, 5, Same),
    ("status_599", 599, 5, Same),
    ("until_close", 200, 13, Same),
    ("until_close_chunked_not_last", 200, 15, Same),
    ("until_close_empty", 200, 0, Same),
    ("until_close_gzip_coding", 200, 10, Same),
];

/// Sends the answer in pieces of `size` bytes.
fn server(answer: &'static [u8], size: usize) -> Fake {
    Fake::new(move |_, mut stream: TcpStream| {
        request(&mut stream);
        for piece in answer.chunks(size) {
            // Who has read enough may leave.
            if stream.write_all(piece).is_err() {
                return;
            }
        }
    })
}

fn method(name: &str) -> &'static str {
    if name.starts_with("head_") { "HEAD" } else { "GET" }
}

async fn read_by_us(name: &str, url: &str) -> Result<(u16, u64), Failure> {
    let client = plain(url);
    let expect = Statuses::parse(&json!(["2xx", "3xx", "4xx", "5xx"])).unwrap();
    let options = RequestOptions { expect, ..Default::default() };
    let request = Request::new(&client, method(name), "/", options).unwrap();
    let outcome = call(&mut client.open().await.unwrap(), &request).await?;
    Ok((outcome.status, outcome.bytes))
}

async fn read_by_hyper(name: &str, url: &str) -> hyper::Result<(u16, u64)> {
    let stream = tokio::net::TcpStream::connect(&url["http://".len()..]).await.unwrap();
    let (mut sender, connection) = http1::handshake(Socket(stream)).await?;
    tokio::spawn(connection);
    let request = hyper::Request::builder().method(method(name)).uri("/").header("host", "x");
    let mut answer =
        sender.send_request(request.body(http_body_util::Empty::<Bytes>::new()).unwrap()).await?;
    let mut bytes = 0;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(answer.body_mut()).poll_frame(cx)).await {
        bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok((answer.status().as_u16(), bytes))
}

#[test]
fn odd_answers_are_read_as_hyper_reads_them_or_it_is_said_why_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/http/odd");
    let mut files: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|file| {
            file.unwrap().file_name().to_str().unwrap().strip_suffix(".http").map(str::to_owned)
        })
        .collect();
    for (name, status, bytes, hyper) in CASES {
        assert!(files.remove(*name), "no file for `{name}`, or it is listed twice");
        let answer: &'static [u8] = std::fs::read(folder.join(format!("{name}.http"))).unwrap().leak();
        // In small pieces, but large answers not in more than some thousand of them.
        for size in [answer.len(), 1 + answer.len() / 2000] {
            let server = server(answer, size);
            let ours = block_on(read_by_us(name, &server.url));
            let ours = ours.unwrap_or_else(|failure| panic!("{name} by {size}: {}", failure.detail));
            assert_eq!(ours, (*status, *bytes), "{name} by {size}");
            let theirs = block_on(read_by_hyper(name, &server.url));
            let shown = format!("{name} by {size}: {theirs:?}");
            let (expected, why) = match hyper {
                Same => (Some((*status, *bytes)), "both read the same"),
                Otherwise(status, bytes, why) => (Some((*status, *bytes)), *why),
                Refuses(why) => (None, *why),
            };
            assert_eq!(theirs.ok(), expected, "{shown}, but {why}");
        }
    }
    assert!(files.is_empty(), "files without a case: {files:?}");
}

/// A connection, seen by `hyper`.
struct Socket(tokio::net::TcpStream);

impl HyperRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut space: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut buffer = [0; 4096];
        let most = space.remaining().min(buffer.len());
        let mut read = ReadBuf::new(&mut buffer[..most]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut read))?;
        space.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl HyperWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
