//! HTTP against servers that behave, misbehave and vanish.

pub mod fake;
mod h2;
mod odd;
mod requests;
mod tls;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use benchscript::error::Result;
use benchscript::load::{Client, Session, Turn};
use benchscript::measure::{Failure, Outcome};
use benchscript::services::http::{
    Body, ClientOptions, HttpClient, HttpReply, Request, RequestOptions, Statuses, client,
};
use fake::{Fake, ok, request};
use serde_json::json;

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(20), work).await };
    runtime.block_on(limited).expect("the test waits for something that does not come")
}

fn turn(number: u64) -> Turn {
    Turn { seed: 1, number, step: 0 }
}

fn plain(url: &str) -> Arc<HttpClient> {
    client(url, ClientOptions::default()).unwrap()
}

fn get(client: &Arc<HttpClient>, path: &str) -> Request {
    Request::new(client, "GET", path, RequestOptions::default()).unwrap()
}

async fn call(session: &mut Box<dyn Session>, request: &Request) -> Result<Outcome, Failure> {
    session.call(request, turn(0), false).await
}

/// The answer of one call on a connection of its own.
async fn reply(client: &Arc<HttpClient>, request: &Request, number: u64) -> HttpReply {
    let mut session = client.open().await.unwrap();
    session.call(request, turn(number), true).await.unwrap();
    *session.reply().downcast().unwrap()
}

/// The failure of the first call against a server that says `answer` and closes.
fn failure_of(answer: &'static [u8]) -> Failure {
    let server = Fake::new(move |_, mut stream| {
        request(&mut stream);
        stream.write_all(answer).ok();
    });
    let client = plain(&server.url);
    block_on(async { call(&mut client.open().await.unwrap(), &get(&client, "/")).await.unwrap_err() })
}

#[test]
fn answers_in_single_bytes_are_put_together() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: 1\r\n\r\n";
    let server = Fake::new(move |_, mut stream| {
        while request(&mut stream).is_some() {
            chunked.bytes().for_each(|byte| stream.write_all(&[byte]).unwrap());
        }
    });
    let client = plain(&server.url);
    block_on(async {
        let mut session = client.open().await.unwrap();
        for number in 0..20 {
            let outcome = session.call(&get(&client, "/"), turn(number), true).await.unwrap();
            assert_eq!((outcome.bytes, outcome.items, outcome.status), (7, 1, 200));
            assert!(outcome.first_byte.is_some() && session.reusable());
            assert_eq!(session.reply().downcast::<HttpReply>().unwrap().body, b"abcdefg");
        }
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_large_answer_is_counted() {
    let server = Fake::answering(|_| ok(&"x".repeat(5_000_000)));
    let client = plain(&server.url);
    let outcome = block_on(async { call(&mut client.open().await.unwrap(), &get(&client, "/")).await });
    assert_eq!(outcome.unwrap().bytes, 5_000_000);
}

#[test]
fn unexpected_statuses_fail_and_keep_the_connection() {
    let server = Fake::answering(|request| {
        let status = request.split(['/', ' ']).nth(2).unwrap();
        format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\nsorry")
    });
    let client = plain(&server.url);
    block_on(async {
        let mut session = client.open().await.unwrap();
        for (path, class) in [("/302", "status_3xx"), ("/404", "status_4xx"), ("/503", "status_5xx")] {
            let failure = call(&mut session, &get(&client, path)).await.unwrap_err();
            assert_eq!((failure.class, failure.session_lost), (class, false));
            assert_eq!(failure.status, path[1..].parse::<u16>().unwrap());
        }
        let failure = call(&mut session, &get(&client, "/404")).await.unwrap_err();
        assert_eq!(failure.detail, "status 404, expected 2xx: `sorry`");
        let expect = Statuses::parse(&json!([204, "4xx"])).unwrap();
        let options = RequestOptions { expect, ..Default::default() };
        let wanted = Request::new(&client, "GET", "/404", options).unwrap();
        assert_eq!(call(&mut session, &wanted).await.unwrap().status, 404);
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn answers_that_break_off_or_make_no_sense_have_their_class() {
    for (answer, class, word) in [
        (&b""[..], "closed", "without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed", "within the head"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "closed", "after 4 of 10 bytes"),
        (b"SSH-2.0-OpenSSH\r\n", "protocol", "SSH-2.0-OpenSSH"),
        (b"\x00\x01\xfe\xff", "protocol", "\\x00\\x01\\xfe\\xff"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "protocol", " and more"),
    ] {
        let failure = failure_of(answer);
        assert!(failure.class == class && failure.session_lost, "{failure:?}");
        assert!(failure.detail.contains(word), "{failure:?}");
    }
}

#[test]
fn bytes_that_nobody_asked_for_fail_the_next_call() {
    let server = Fake::new(|_, mut stream| {
        request(&mut stream);
        stream.write_all(ok("x").as_bytes()).unwrap();
        stream.write_all(b"more").ok();
        request(&mut stream);
    });
    let client = plain(&server.url);
    block_on(async {
        let mut session = client.open().await.unwrap();
        // Both may come in one piece: then the first call fails already.
        let first = call(&mut session, &get(&client, "/")).await;
        let failure = match first {
            Ok(_) => call(&mut session, &get(&client, "/")).await.unwrap_err(),
            Err(failure) => failure,
        };
        assert!(failure.class == "protocol" && failure.detail.contains("more"), "{failure:?}");
        assert!(!session.reusable());
    });
}

#[test]
fn a_connection_that_the_server_ends_is_opened_again() {
    let server = Fake::new(|_, mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx").unwrap();
    });
    let client = plain(&server.url);
    block_on(async {
        let mut session = client.open().await.unwrap();
        for calls in 1..=3 {
            call(&mut session, &get(&client, "/")).await.unwrap();
            assert!(!session.reusable());
            assert_eq!(server.connections(), calls);
        }
    });
}

#[test]
fn an_idle_connection_that_was_closed_is_noticed_before_the_next_call() {
    for farewell in ["", "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"] {
        let (heard, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let server = Fake::new(move |_, mut stream| {
            request(&mut stream);
            stream.write_all(ok("x").as_bytes()).unwrap();
            // Not before the answer was read, so that both never come in one piece.
            wait.lock().unwrap().recv().ok();
            stream.write_all(farewell.as_bytes()).unwrap();
        });
        let client = plain(&server.url);
        block_on(async {
            let mut session = client.open().await.unwrap();
            call(&mut session, &get(&client, "/")).await.unwrap();
            heard.send(()).unwrap();
            while session.reusable() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            call(&mut session, &get(&client, "/")).await.unwrap();
        });
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn without_keep_alive_each_call_has_its_connection() {
    let server = Fake::echo();
    let options = ClientOptions { keep_alive: false, ..Default::default() };
    let client = client(&server.url, options).unwrap();
    block_on(async {
        let mut session = client.open().await.unwrap();
        for _ in 0..3 {
            session.call(&get(&client, "/"), turn(0), true).await.unwrap();
            let reply: HttpReply = *session.reply().downcast().unwrap();
            assert!(String::from_utf8(reply.body).unwrap().contains("connection: close\r\n"));
            assert!(!session.reusable());
        }
    });
    assert_eq!(server.connections(), 3);
}

#[test]
fn an_answer_before_the_end_of_the_request_is_heard() {
    let (done, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let server = Fake::new(move |_, mut stream| {
        stream.read_exact(&mut [0]).unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlong").unwrap();
        // No more is read, and the kernel's buffers do not hold the request.
        wait.lock().unwrap().recv().ok();
    });
    let client = plain(&server.url);
    let options = RequestOptions { body: Body::Bytes(vec![0; 64 << 20]), ..Default::default() };
    let upload = Request::new(&client, "PUT", "/", options).unwrap();
    block_on(async {
        let mut session = client.open().await.unwrap();
        let failure = call(&mut session, &upload).await.unwrap_err();
        assert_eq!((failure.class, failure.status), ("status_4xx", 413));
        assert!(!session.reusable(), "the connection is in the middle of a request");
    });
    drop(done);
}

#[test]
fn large_requests_arrive_whole() {
    let server = Fake::answering(|request| ok(&request.len().to_string()));
    let client = plain(&server.url);
    let text = format!("x{{turn}}{}", "y".repeat(9_000_000));
    for body in [Body::Text("x0".to_owned() + &text[7..]), Body::Template(text.clone())] {
        let request =
            Request::new(&client, "POST", "/", RequestOptions { body, ..Default::default() }).unwrap();
        let length: usize =
            String::from_utf8(block_on(reply(&client, &request, 0)).body).unwrap().parse().unwrap();
        assert!((9_000_002..9_000_300).contains(&length), "{length}");
    }
}

#[test]
fn a_server_that_is_not_there_has_a_class() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let open = |url: String| block_on(async { plain(&url).open().await.err().unwrap() });
    let failure = open(format!("http://{free}"));
    assert!(failure.class == "refused" && failure.detail.contains(&free.to_string()), "{failure:?}");
    // Too long for any name server, so none is asked.
    let failure = open(format!("http://{}.invalid", "a".repeat(64)));
    assert!(failure.class == "dns" && failure.detail.contains("resolving"), "{failure:?}");
}
