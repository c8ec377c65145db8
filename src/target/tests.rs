//! The server as clients see it, over real sockets: what comes back, and whether the truth is true.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use super::{Entry, Handle, Settings, Truth, draw, queue::Line, start_in_thread};
use crate::{error::ErrorKind, measure::Moment};

/// One connection, and the simplest HTTP reader that tells answers apart.
struct Client(BufReader<TcpStream>);

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Client {
    fn of(target: &Handle) -> Self {
        let stream = TcpStream::connect(target.url().strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.replace('\n', "\r\n").as_bytes()).unwrap();
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\nhost: x\n\n"));
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        self.answer_to("GET").unwrap()
    }

    /// `None` at the end of the stream.
    fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).unwrap() == 0 {
                return None;
            }
        }
        let status = head[9..12].parse().unwrap();
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let mut body = Vec::new();
        if method != "HEAD" && header("transfer-encoding:") == Some("chunked") {
            while self.chunk(&mut body) > 0 {}
        } else if method != "HEAD" {
            let length: usize = header("content-length:").map_or(0, |length| length.parse().unwrap());
            body.resize(length, 0);
            self.0.read_exact(&mut body).unwrap();
        }
        Some(Answer { status, head, body })
    }

    fn chunk(&mut self, body: &mut Vec<u8>) -> usize {
        let mut size = String::new();
        self.0.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let start = body.len();
        body.resize(start + size + 2, 0);
        self.0.read_exact(&mut body[start..]).unwrap();
        assert_eq!(body.split_off(start + size), b"\r\n");
        size
    }

    fn rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

fn start(json: &str) -> Handle {
    start_in_thread(serde_json::from_str(json).unwrap()).unwrap()
}

fn settings(json: &str) -> Settings {
    serde_json::from_str::<Settings>(json).unwrap().check().unwrap()
}

/// Each client asks its share one after the other; the log then holds all requests.
fn load(target: &Handle, clients: u64, requests: u64) -> Vec<Entry> {
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut client = Client::of(target);
                (0..requests / clients).for_each(|_| assert_eq!(client.get("/").status, 200));
            });
        }
    });
    until_answered(target, requests / clients * clients);
    target.log()
}

/// A client can have its answer a moment before the server writes that down.
fn until_answered(target: &Handle, requests: u64) {
    until(target, |truth| truth.answered >= requests);
}

fn until(target: &Handle, is_so: impl Fn(&Truth) -> bool) {
    let start = Moment::now();
    while !is_so(&target.truth()) {
        assert!(Moment::now().since(start) < 10_000_000_000, "{:?}", target.truth());
        thread::sleep(Duration::from_millis(1));
    }
}

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
fn errors_fall_on_the_requests_that_the_draws_say() {
    let json = r#"{"error_rate": 0.2, "error_status": 503, "seed": 5}"#;
    let (target, settings) = (start(json), settings(json));
    let mut client = Client::of(&target);
    client.send(&"GET / HTTP/1.1\n\n".repeat(2_000));
    let mut errors = 0;
    for n in 0..2_000 {
        let failed = draw::fate(&settings, n) == draw::Fate::Failed;
        assert_eq!(client.answer().status, if failed { 503 } else { 200 }, "request {n}");
        errors += u64::from(failed);
    }
    until_answered(&target, 2_000);
    assert_eq!(target.truth().errors, errors);
    assert!((310..=490).contains(&errors), "{errors} of 2,000 are not near a fifth");
}

/// The recursion by hand: a request starts when it has come and the server that is free first is free.
fn lindley(log: &[Entry], servers: usize) -> Vec<(u64, u64)> {
    let mut free = vec![0; servers];
    let serve = |entry: &Entry| {
        let server = (0..servers).min_by_key(|&server| free[server]).unwrap();
        let start = entry.arrival_ns.max(free[server]);
        free[server] = start + (entry.end_ns - entry.start_ns);
        (start, free[server])
    };
    log.iter().map(serve).collect()
}

#[test]
fn the_line_is_first_in_first_out_and_exact() {
    for (servers, threads) in [(1, 1), (3, 2)] {
        let json = format!(
            r#"{{"service_time": "exponential:300us", "servers": {servers}, "threads": {threads}, "log": true}}"#
        );
        let (target, settings) = (start(&json), settings(&json));
        let log = load(&target, 8, 800);
        assert_eq!(log.len(), 800);
        let logged: Vec<_> = log.iter().map(|entry| (entry.start_ns, entry.end_ns)).collect();
        assert_eq!(logged, lindley(&log, servers));
        for (n, entry) in log.iter().enumerate() {
            assert_eq!(entry.n, n as u64, "numbers are given in order of arrival");
            assert_eq!(entry.end_ns - entry.start_ns, draw::service_time(&settings, entry.n));
            assert!(entry.written_ns >= entry.end_ns, "answered before its service ended");
        }
        let waited = log.iter().filter(|entry| entry.start_ns > entry.arrival_ns).count();
        assert!(waited > 400, "only {waited} of 800 requests waited");
    }
}

#[test]
fn service_takes_the_time_it_was_given() {
    let target = start(r#"{"service_time": "2ms"}"#);
    load(&target, 4, 400);
    let truth = target.truth();
    assert_eq!((truth.service_ms.count, truth.waiting_ms.max), (400, 0.0));
    assert!((truth.service_ms.p50 - 2.0).abs() < 0.002);
    assert!(truth.sojourn_ms.min >= 1.999 && truth.sojourn_ms.p50 < 3.0, "{:?}", truth.sojourn_ms);
}

#[test]
fn a_request_can_choose_its_draw() {
    let json = r#"{"service_time": "exponential:1ms", "log": true}"#;
    let (target, settings) = (start(json), settings(json));
    let mut client = Client::of(&target);
    client.get("/?n=7");
    client.send("GET / HTTP/1.1\nx-turn: 7\n\n");
    client.answer();
    client.get("/");
    until_answered(&target, 3);
    let log = target.log();
    assert_eq!(log.iter().map(|entry| entry.n).collect::<Vec<_>>(), [7, 7, 2]);
    assert!(log.iter().all(|entry| entry.end_ns - entry.start_ns == draw::service_time(&settings, entry.n)));
}

#[test]
fn nothing_is_served_in_a_pause() {
    let json = r#"{"service_time": "1ms", "pause": {"at": "30ms", "duration": "50ms"}, "log": true}"#;
    let target = start(json);
    let log = load(&target, 2, 60);
    let (from, to) = (log[0].arrival_ns + 30_000_000, log[0].arrival_ns + 80_000_000);
    assert!(log.iter().all(|entry| entry.end_ns <= from || entry.end_ns >= to));
    assert!(log.iter().any(|entry| entry.end_ns - entry.arrival_ns > 50_000_000), "nobody met the pause");
    let mut line = Line::new(&settings(json));
    for entry in &log {
        let (start, end) = line.schedule(Moment(entry.arrival_ns), 1_000_000);
        assert_eq!((entry.start_ns, entry.end_ns), (start.0, end.0));
    }
}

#[test]
fn stats_and_log_tell_the_truth_until_reset() {
    let target = start(r#"{"service_time": "200us", "log": true, "threads": 2}"#);
    let log = load(&target, 4, 40);
    let mut client = Client::of(&target);
    let stats: Truth = serde_json::from_slice(&client.get("/stats").body).unwrap();
    assert_eq!((stats.requests, stats.answered, stats.connections), (40, 40, 5));
    assert_eq!(stats, target.truth());
    let lines = String::from_utf8(client.get("/log").body).unwrap();
    let read: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, log);
    client.send("POST /reset HTTP/1.1\n\n");
    assert_eq!(client.answer().status, 204);
    assert_eq!(target.truth(), Truth::default());
    assert_eq!(load(&target, 1, 1)[0].n, 0, "numbers start over");
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
fn a_stopped_server_lets_go_of_its_port_and_clients() {
    let target = start(r#"{"service_time": "1h", "threads": 2}"#);
    let mut clients = [Client::of(&target), Client::of(&target)];
    clients.iter_mut().for_each(|client| client.send("GET / HTTP/1.1\n\n"));
    until(&target, |truth| truth.requests == 2);
    let address = target.url().strip_prefix("http://").unwrap().to_owned();
    drop(target);
    clients.into_iter().for_each(|client| assert_eq!(client.rest(), ""));
    assert!(TcpStream::connect(address).is_err());
}
