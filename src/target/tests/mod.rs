//! The server as clients see it, over real sockets.

mod protocol;
mod truth;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use super::{Entry, Handle, Settings, Truth, start_in_thread};
use crate::measure::Moment;

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
