//! What is sent: methods, paths, headers, bodies, redirects, and the mistakes that are refused before.

use benchscript::error::{Error, ErrorKind};
use benchscript::load::Operation;
use benchscript::load::payload::{Generator, Json, Param};

use super::*;

fn fixed(pairs: &[(&str, serde_json::Value)]) -> Vec<(String, Param)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Param::Fixed(value.clone()))).collect()
}

/// What an echoing server saw.
fn seen(client: &Arc<HttpClient>, request: &Request, number: u64) -> String {
    String::from_utf8(block_on(reply(client, request, number)).body).unwrap()
}

#[test]
fn a_plain_request_says_only_what_it_must() {
    let server = Fake::echo();
    let client = plain(&server.url);
    let host = &server.url["http://".len()..];
    let agent = concat!("benchscript/", env!("CARGO_PKG_VERSION"));
    let request = format!("GET /x HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\n\r\n");
    assert_eq!(seen(&client, &get(&client, "/x"), 0), request);
}

#[test]
fn everything_given_is_sent_where_it_belongs() {
    let server = Fake::echo();
    let url = server.url.replace("://", "://me:pass%20word@") + "/api/";
    let headers = [("X-Common", "a{b}"), ("X-Other", "client")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let client = client(&url, ClientOptions { headers, ..Default::default() }).unwrap();
    let options = RequestOptions {
        params: fixed(&[("user", json!("ü/1")), ("n", json!(7))]),
        query: fixed(&[("q&", json!("a b&{n}")), ("page", json!(2))]),
        headers: fixed(&[("x-other", json!("{n}-{turn}")), ("Content-Type", json!("application/x"))]),
        body: Body::Json(Json::Value(json!({"a": [1, "é"]}))),
        ..Default::default()
    };
    let request = Request::new(&client, "patch", "/u/{user}?x={n}", options).unwrap();
    let sent = seen(&client, &request, 5);
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(lines[0], "PATCH /api/u/%C3%BC%2F1?x=7&q%26=a%20b%267&page=2 HTTP/1.1");
    for line in ["X-Common: a{b}", "x-other: 7-5", "Content-Type: application/x", "content-length: 14"] {
        assert_eq!(lines.iter().filter(|sent| **sent == line).count(), 1, "{line}: {head}");
    }
    assert!(lines.contains(&"authorization: Basic bWU6cGFzcyB3b3Jk") && !head.contains("client"), "{head}");
    assert_eq!(body, r#"{"a":[1,"é"]}"#);
}

#[test]
fn drawn_requests_follow_seed_and_turn() {
    let server = Fake::echo();
    let client = plain(&server.url);
    let drawn = || Generator::text(1, 200).unwrap();
    let options = RequestOptions {
        params: vec![("user".into(), Param::Drawn(Generator::uniform(1, 1_000_000).unwrap()))],
        headers: vec![("x-id".into(), Param::Drawn(Generator::uuid()))],
        body: Body::Json(Json::Object(vec![("text".into(), Json::Drawn(drawn()))])),
        ..Default::default()
    };
    let request = Request::new(&client, "POST", "/users/{user}", options).unwrap();
    let sent: Vec<String> = (0..20).map(|number| seen(&client, &request, number)).collect();
    for (number, first) in sent.iter().enumerate() {
        let (head, body) = first.split_once("\r\n\r\n").unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        assert_eq!(length.trim().parse::<usize>().unwrap(), body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["text"].is_string());
        assert_eq!(&seen(&client, &request, number as u64), first);
    }
    assert_eq!(sent.iter().collect::<std::collections::BTreeSet<_>>().len(), 20);
}

#[test]
fn bodies_say_their_type_and_length() {
    let server = Fake::echo();
    let client = plain(&server.url);
    let bytes = Generator::bytes(100).unwrap();
    for (method, body, lines) in [
        ("POST", Body::None, &["content-length: 0"][..]),
        ("DELETE", Body::None, &[]),
        ("PUT", Body::Text("{x}".into()), &["content-length: 3", "content-type: text/plain; charset=utf-8"]),
        ("POST", Body::Bytes(vec![7; 3]), &["content-length: 3", "content-type: application/octet-stream"]),
        ("POST", Body::Drawn(bytes), &["content-length: 100", "content-type: application/octet-stream"]),
        ("POST", Body::Template("".into()), &["content-length: 0"]),
    ] {
        let options = RequestOptions { body, ..Default::default() };
        let sent = seen(&client, &Request::new(&client, method, "/", options).unwrap(), 0);
        assert!(sent.starts_with(method));
        assert!(lines.iter().all(|line| sent.contains(&format!("\r\n{line}\r\n"))), "{sent}");
        assert_eq!(sent.contains("content-"), !lines.is_empty(), "{sent}");
    }
}

#[test]
fn the_answer_to_head_leaves_the_connection_good() {
    let server = Fake::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".into());
    let client = plain(&server.url);
    let head = Request::new(&client, "HEAD", "/", RequestOptions::default()).unwrap();
    block_on(async {
        let mut session = client.open().await.unwrap();
        for _ in 0..2 {
            assert_eq!(call(&mut session, &head).await.unwrap().bytes, 0);
        }
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn redirects_are_followed_only_as_far_as_allowed() {
    let server = Fake::answering(|request| {
        let to =
            |place: &str| format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
        match request.split(' ').nth(1).unwrap() {
            "/a" => to("/b?x"),
            "/b?x" => to("c"),
            "/c" => ok("there"),
            "/away" => to("http://127.0.0.1:1/x"),
            // Closed in the middle of the way.
            "/close" => to("/c").replace("Found\r\n", "Found\r\nConnection: close\r\n"),
            _ => to("/loop"),
        }
    });
    let client = plain(&server.url);
    let following = |path: &str, follow_redirects| {
        let options = RequestOptions { follow_redirects, ..Default::default() };
        Request::new(&client, "GET", path, options).unwrap()
    };
    block_on(async {
        let mut session = client.open().await.unwrap();
        let outcome = call(&mut session, &following("/a", 2)).await.unwrap();
        assert_eq!((outcome.status, outcome.bytes), (200, 5));
        assert_eq!(call(&mut session, &following("/close", 1)).await.unwrap().status, 200);
        for (path, hops) in [("/a", 0), ("/a", 1), ("/loop", 9)] {
            let failure = call(&mut session, &following(path, hops)).await.unwrap_err();
            assert_eq!((failure.class, failure.session_lost), ("status_3xx", false), "{path}");
        }
        let failure = call(&mut session, &following("/away", 1)).await.unwrap_err();
        assert!(failure.class == "status_3xx" && failure.detail.contains("another server"), "{failure:?}");
    });
}

#[test]
fn descriptions_hold_no_secrets() {
    let headers = [("Authorization", "Bearer hunter2"), ("Cookie", "hunter2"), ("X-Trace", "seen")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let url = "http://me:hunter2@localhost:1/x";
    let client = client(url, ClientOptions { headers, ..Default::default() }).unwrap();
    let options = RequestOptions {
        params: fixed(&[("token", json!("hunter2")), ("tokens", json!(5))]),
        query: fixed(&[("api_key", json!("hunter2"))]),
        headers: fixed(&[("X-Auth-Token", json!("hunter2"))]),
        ..Default::default()
    };
    let request = Request::new(&client, "GET", "/{token}/{tokens}?secret=hunter2", options).unwrap();
    let described = request.describe();
    for text in [described.to_string(), request.name().to_owned(), client.endpoint()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert_eq!(described["url"], "http://localhost:1/x/{token}/{tokens}?secret=***");
    assert_eq!(
        (&described["headers"]["X-Trace"], &described["params"]["tokens"]),
        (&json!("seen"), &json!("5"))
    );
}

#[test]
fn mistakes_are_refused_before_anything_is_sent() {
    let client = plain("http://127.0.0.1:1");
    let make =
        |method: &str, path: &str, options| Request::new(&client, method, path, options).err().unwrap();
    let with_headers =
        |headers| make("GET", "/", RequestOptions { headers: fixed(headers), ..Default::default() });
    let header = |name: &str, value: &str| {
        let headers = [(name.to_owned(), value.to_owned())].into();
        super::client("http://h", ClientOptions { headers, ..Default::default() }).err().unwrap()
    };
    let of_client = |url: &str, options| super::client(url, options).err().unwrap();
    let errors: Vec<(Error, &str)> = vec![
        (make("GE T", "/", RequestOptions::default()), "method"),
        (make("CONNECT", "/", RequestOptions::default()), "tunnel"),
        (make("GET", "users", RequestOptions::default()), "start with `/`"),
        (make("GET", "http://h/x", RequestOptions::default()), "start with `/`"),
        (make("GET", "/{user}", RequestOptions::default()), "{user}"),
        (make("POST", "/", RequestOptions { follow_redirects: 1, ..Default::default() }), "POST"),
        (
            make(
                "GET",
                "/",
                RequestOptions { follow_redirects: 1, body: Body::Text("x".into()), ..Default::default() },
            ),
            "body",
        ),
        (
            make("GET", "/", RequestOptions { params: fixed(&[("x", json!(1))]), ..Default::default() }),
            "not used",
        ),
        (with_headers(&[("bad name", json!(1))]), "bad name"),
        (with_headers(&[("x", json!("a\r\nEvil: 1"))]), "line break"),
        (with_headers(&[("Content-Length", json!(1))]), "follows from the body"),
        (with_headers(&[("Connection", json!("close"))]), "settings"),
        (header("x", "a\nb"), "line break"),
        (header("", "x"), "header"),
        (of_client("h:80", ClientOptions::default()), "scheme"),
        (of_client("http://h", ClientOptions { insecure: true, ..Default::default() }), "https"),
        (
            of_client("https://h", ClientOptions { ca: Some("/no/file".into()), ..Default::default() }),
            "/no/file",
        ),
    ];
    for (error, word) in errors {
        assert!(error.kind == ErrorKind::Usage && error.message.contains(word), "{error}: {word}");
    }
    let unknown: Result<ClientOptions, _> = serde_json::from_value(json!({"http2": true}));
    assert!(unknown.unwrap_err().to_string().contains("http2"));
}
