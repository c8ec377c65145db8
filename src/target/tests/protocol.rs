//! What comes back, whatever is sent.

use super::*;
use crate::error::ErrorKind;

#[test]
fn answers_any_method_and_path_on_one_connection() {
    let target = start(r#"{"body_bytes": 300}"#);
    let mut client = Client::of(&target);
    for method in ["GET", "POST", "DELETE", "BREW", "HEAD", "PUT"] {
        client.send(&format!("{method} /some/path?x HTTP/1.1\nhost: x\n\n"));
        let answer = client.answer_to(method).unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, if method == "HEAD" { 0 } else { 300 }));
        assert!(answer.head.contains("content-length: 300\r\n"));
    }
    until_answered(&target, 6);
    let truth = target.truth();
    assert_eq!((truth.requests, truth.connections, truth.sojourn_ms.count), (6, 1, 6));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let target = start(r#"{"service_time": "bimodal:0s,1ms,0.1"}"#);
    let mut client = Client::of(&target);
    let ask = |n: usize| match n % 3 {
        0 => format!("GET /bytes/{n} HTTP/1.1\n\n"),
        1 => format!("POST /echo HTTP/1.1\ncontent-length: {n}\n\n{}", "y".repeat(n)),
        _ => format!(
            "POST /echo HTTP/1.1\ntransfer-encoding: chunked\n\n{n:x};ext\n{}\n0\na: b\n\n",
            "z".repeat(n)
        ),
    };
    client.send(&(0..500).map(ask).collect::<String>());
    for n in 0..500 {
        assert_eq!(client.answer().body, [b'x', b'y', b'z'].map(|byte| vec![byte; n])[n % 3]);
    }
}

#[test]
fn chunked_answers_end_where_they_should() {
    let target = start(r#"{"chunked": true, "body_bytes": 40000}"#);
    let mut client = Client::of(&target);
    let answer = client.get("/");
    assert!(answer.head.contains("transfer-encoding: chunked") && !answer.head.contains("content-length"));
    assert_eq!(answer.body, vec![b'x'; 40_000]);
    client.send("HEAD / HTTP/1.1\n\n");
    assert_eq!(client.answer_to("HEAD").unwrap().body, b"");
    assert_eq!(client.get("/status/404").body, b"404\n");
    client.send("GET / HTTP/1.0\nconnection: keep-alive\n\n");
    let old = client.answer();
    assert!(
        old.head.contains("content-length: 40000\r\n") && old.head.contains("connection: keep-alive\r\n")
    );
    assert_eq!(old.body.len(), 40_000);
    client.send("GET / HTTP/1.1\nconnection: close\n\n");
    assert!(client.answer().head.contains("connection: close\r\n"));
    assert_eq!(client.rest(), "");
}

#[test]
fn bodies_of_any_size_and_cut_are_read() {
    let target = start(r#"{"body_bytes": 1000000}"#);
    let mut client = Client::of(&target);
    client.send(&format!("PUT /a HTTP/1.1\ncontent-length: 5000000\n\n{}", "b".repeat(5_000_000)));
    assert_eq!(client.answer().body.len(), 1_000_000);
    for byte in "POST /echo?json HTTP/1.1\nA: 1\ntransfer-encoding: chunked\n\n3\nabc\n2\nde\n0\n\n".chars() {
        client.send(&byte.to_string());
    }
    let echo: serde_json::Value = serde_json::from_slice(&client.answer().body).unwrap();
    assert_eq!(echo["body"], "abcde");
    assert_eq!(echo["headers"]["a"], "1");
    assert_eq!((&echo["method"], &echo["path"]), (&"POST".into(), &"/echo?json".into()));
    assert_eq!(client.get("/bytes/3000000").body.len(), 3_000_000);
    assert_eq!(target.truth().requests, 2, "special paths leave no trace, `/echo` does");
}

#[test]
fn a_client_that_waits_to_be_told_is_told_to_go_on() {
    let target = start("{}");
    let mut client = Client::of(&target);
    client.send("POST /echo HTTP/1.1\ncontent-length: 2\nexpect: 100-continue\n\n");
    assert_eq!(client.answer().status, 100);
    client.send("ok");
    assert_eq!(client.answer().body, b"ok");
}

#[test]
fn garbage_gets_a_400_after_the_answers_before_it() {
    let target = start("{}");
    for garbage in ["\u{1}nonsense\n\n", "POST / HTTP/1.1\ntransfer-encoding: chunked\n\nxyz\n"] {
        let mut client = Client::of(&target);
        client.send(&format!("GET / HTTP/1.1\n\n{garbage}{}", "more garbage".repeat(10_000)));
        assert_eq!(client.answer().status, 200);
        let refusal = client.answer();
        assert_eq!(refusal.status, 400);
        assert!(refusal.head.contains("connection: close"));
        assert_eq!(client.rest(), "");
    }
    let mut client = Client::of(&target);
    client.send(&format!("GET / HTTP/1.1\na: {}", "a".repeat(70_000)));
    assert_eq!(client.answer().status, 431);
    assert_eq!(Client::of(&target).get("/").status, 200, "others are not disturbed");
}

#[test]
fn every_nth_answer_is_dropped_half_way() {
    let target = start(r#"{"drop_every": 3}"#);
    let whole = Client::of(&target).get("/");
    let whole = whole.head.len() + whole.body.len();
    for n in 1..9 {
        let mut client = Client::of(&target);
        client.send("GET / HTTP/1.1\n\n");
        if n % 3 == 2 {
            assert_eq!(client.rest().len(), whole / 2, "answer {n}");
        } else {
            assert_eq!(client.answer().status, 200, "answer {n}");
        }
    }
    until_answered(&target, 9);
    assert_eq!(target.truth().drops, 3);
}

#[test]
fn special_paths_do_what_they_say() {
    let target = start(r#"{"service_time": "1h"}"#);
    let mut client = Client::of(&target);
    assert_eq!(client.get("/status/503").status, 503);
    assert_eq!(client.get("/status/204").body, b"");
    assert!(client.get("/redirect/2").head.contains("location: /redirect/1\r\n"));
    assert_eq!(client.get("/redirect/0").status, 200);
    let start = Moment::now();
    assert_eq!(client.get("/delay/20ms").body, b"20ms\n");
    assert!(Moment::now().since(start) >= 20_000_000);
    assert_eq!(client.get("/status/zero").body, b"`zero` is not a status from 200 to 599\n");
    assert_eq!(target.truth().requests, 0);
}

#[test]
fn a_port_in_use_is_said_so() {
    let target = start("{}");
    let port = target.url().rsplit(':').next().unwrap();
    let error =
        start_in_thread(Settings { port: port.parse().unwrap(), ..Settings::default() }).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.to_string().starts_with(&format!("cannot listen on 127.0.0.1:{port}: Address already in use"))
    );
    assert!(error.hints[0].contains("leave `port` out to get a free one"));
}

#[test]
fn a_stopped_server_lets_go_of_its_clients() {
    let target = start(r#"{"service_time": "1h", "threads": 2}"#);
    let mut clients = [Client::of(&target), Client::of(&target)];
    clients.iter_mut().for_each(|client| client.send("GET / HTTP/1.1\n\n"));
    until(&target, |truth| truth.requests == 2);
    drop(target);
    clients.into_iter().for_each(|client| assert_eq!(client.rest(), ""));
}
