//! HTTP/2 against nginx, plain and with TLS, and against servers that do not speak it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use benchscript::load::payload::{Generator, Param};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::*;
use crate::support::{Folder, skip};

const SERVER: &str = "/usr/sbin/nginx";

/// An nginx with two ports of HTTP/2 and one of HTTP/1.1 with TLS. It ends with the test.
struct Nginx {
    process: Child,
    folder: Folder,
    plain: String,
    tls: String,
    old: String,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Nginx {
    /// None where it is not installed.
    fn start() -> Option<Self> {
        if !Path::new(SERVER).exists() {
            skip("nginx");
            return None;
        }
        let folder = Folder::new();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        folder.write("cert.pem", &cert.pem());
        folder.write("key.pem", &signing_key.serialize_pem());
        folder.write("www/text", &"x".repeat(5_000));
        folder.write("www/large", &"x".repeat(20_000_000));
        let [plain, tls, old] = [free(), free(), free()];
        let here = folder.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
            .concat();
        let config = format!(
            r#"
            daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
            events {{ worker_connections 200; }}
            http {{
                access_log off; {temporary} root {here}/www; keepalive_requests 50;
                ssl_certificate {here}/cert.pem; ssl_certificate_key {here}/key.pem; client_max_body_size 10m;
                server {{ listen {old} ssl; }}
                server {{
                    listen {plain} http2;
                    listen {tls} ssl http2;
                    location = /seen {{
                        add_header x-seen "$request_method $server_protocol $scheme $host $http_x_own $content_length";
                        return 200 "$request_uri";
                    }}
                    location = /moved {{ return 302 /text; }}
                    location = /busy {{ return 503 "try later"; }}
                    location = /nothing {{ return 204; }}
                    location = /gone {{ return 444; }}
                }}
            }}"#,
        );
        let path = folder.write("nginx.conf", &config);
        let process = Command::new(SERVER)
            .args(["-p".as_ref(), folder.path(), "-c".as_ref(), &path, "-e".as_ref(), Path::new("stderr")])
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let [plain_url, tls_url, old_url] =
            [format!("http://{plain}"), format!("https://{tls}"), format!("https://{old}")]
                .map(|url| url.replace("https://127.0.0.1", "https://localhost"));
        let server = Self { process, folder, plain: plain_url, tls: tls_url, old: old_url };
        for _ in 0..1_000 {
            if std::net::TcpStream::connect(old).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nginx does not listen");
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// A client of each port that speaks HTTP/2.
    fn clients(&self) -> [Arc<HttpClient>; 2] {
        let secure = ClientOptions { version: 2, ca: Some(self.authority()), ..Default::default() };
        [speaking(&self.plain), client(&self.tls, secure).unwrap()]
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn speaking(url: &str) -> Arc<HttpClient> {
    client(url, ClientOptions { version: 2, ..Default::default() }).unwrap()
}

fn header(reply: &HttpReply, name: &str) -> String {
    reply.headers.list().into_iter().find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn calls_are_answered_plain_and_with_tls() {
    let Some(server) = Nginx::start() else { return };
    for (client, scheme) in server.clients().iter().zip(["http", "https"]) {
        let own = vec![("X-Own".to_owned(), Param::Drawn(Generator::sequence(0, 1)))];
        let options = RequestOptions { headers: own, ..Default::default() };
        let seen = Request::new(client, "GET", "/seen?a={turn}", options).unwrap();
        block_on(async {
            let mut session = client.open().await.unwrap();
            for number in [0, 7] {
                let outcome = session.call(&seen, turn(number), true).await.unwrap();
                let reply: HttpReply = *session.reply().downcast().unwrap();
                let path = format!("/seen?a={number}");
                assert_eq!((outcome.status, outcome.bytes, outcome.items), (200, path.len() as u64, 1));
                assert!(outcome.first_byte.is_some() && session.reusable());
                assert_eq!((reply.status, &reply.body[..]), (200, path.as_bytes()));
                let host = server.tls.split(['/', ':']).nth(3).unwrap();
                let host = if scheme == "https" { host } else { "127.0.0.1" };
                let expected = format!("GET HTTP/2.0 {scheme} {host} {number} ");
                assert_eq!(header(&reply, "x-seen").trim_end(), expected.trim_end());
            }
        });
    }
}

#[test]
fn bodies_of_every_size_are_counted() {
    let Some(server) = Nginx::start() else { return };
    for client in &server.clients() {
        block_on(async {
            let mut session = client.open().await.unwrap();
            for (method, path, status, bytes) in [
                ("GET", "/text", 200, 5_000),
                ("HEAD", "/text", 200, 0),
                ("GET", "/nothing", 204, 0),
                ("GET", "/large", 200, 20_000_000),
                ("GET", "/text", 200, 5_000),
            ] {
                let request = Request::new(client, method, path, RequestOptions::default()).unwrap();
                let outcome = call(&mut session, &request).await.unwrap();
                assert_eq!((outcome.status, outcome.bytes), (status, bytes), "{method} {path}");
            }
        });
    }
}

#[test]
fn bodies_are_sent() {
    let Some(server) = Nginx::start() else { return };
    for client in &server.clients() {
        for (body, length) in [
            (Body::Text("x".repeat(700_000)), "700000"),
            (Body::Template("{turn}{turn}".to_owned()), "2"),
            (Body::None, "0"),
        ] {
            let options = RequestOptions { body, ..Default::default() };
            let post = Request::new(client, "POST", "/seen", options).unwrap();
            let reply = block_on(reply(client, &post, 5));
            assert!(header(&reply, "x-seen").ends_with(&format!(" {length}")), "{reply:?}");
        }
    }
}

#[test]
fn statuses_and_redirects_are_those_of_the_other_version() {
    let Some(server) = Nginx::start() else { return };
    let client = speaking(&server.plain);
    block_on(async {
        let mut session = client.open().await.unwrap();
        for (path, class) in [("/moved", "status_3xx"), ("/no", "status_4xx"), ("/busy", "status_5xx")] {
            let failure = call(&mut session, &get(&client, path)).await.unwrap_err();
            assert_eq!((failure.class, failure.session_lost), (class, false));
        }
        let failure = call(&mut session, &get(&client, "/busy")).await.unwrap_err();
        assert_eq!(failure.detail, "status 503, expected 2xx: `try later`");
        let options = RequestOptions { follow_redirects: 1, ..Default::default() };
        let followed = Request::new(&client, "GET", "/moved", options).unwrap();
        assert_eq!(call(&mut session, &followed).await.unwrap().bytes, 5_000);
    });
}

#[test]
fn after_a_farewell_the_connection_is_opened_again() {
    let Some(server) = Nginx::start() else { return };
    // The server says goodbye after 50 requests.
    for client in &server.clients() {
        block_on(async {
            let mut session = client.open().await.unwrap();
            let mut farewells = 0;
            for _ in 0..220 {
                farewells += usize::from(!session.reusable());
                assert_eq!(call(&mut session, &get(client, "/text")).await.unwrap().bytes, 5_000);
            }
            assert_eq!(farewells, 4);
        });
    }
}

#[test]
fn failures_have_their_class() {
    let Some(server) = Nginx::start() else { return };
    let client = speaking(&server.plain);
    block_on(async {
        let mut session = client.open().await.unwrap();
        let failure = call(&mut session, &get(&client, "/gone")).await.unwrap_err();
        assert!(matches!(failure.class, "reset" | "closed"), "{failure:?}");
        call(&mut session, &get(&client, "/text")).await.unwrap();
        let failure = speaking(&format!("http://{}", free())).open().await.err().unwrap();
        assert_eq!(failure.class, "refused");
        let failure = speaking(&server.tls).open().await.err().unwrap();
        assert_eq!(failure.class, "tls", "{failure:?}");
        let secure = ClientOptions { version: 2, ca: Some(server.authority()), ..Default::default() };
        let failure = super::client(&server.old, secure).unwrap().open().await.err().unwrap();
        assert!(failure.class == "protocol" && failure.detail.contains("`version`"), "{failure:?}");
    });
    drop(server);
    let old = Fake::new(|_, mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").ok();
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let client = speaking(&old.url);
    let failure =
        block_on(async { call(&mut client.open().await.unwrap(), &get(&client, "/")).await.unwrap_err() });
    assert!(failure.class == "protocol" && failure.detail.contains("HTTP/2?"), "{failure:?}");
    assert!(failure.session_lost);
    let leaving = Fake::new(|_, mut stream| drop(stream.read(&mut [0; 10])));
    let client = speaking(&leaving.url);
    let failure =
        block_on(async { call(&mut client.open().await.unwrap(), &get(&client, "/")).await.unwrap_err() });
    assert!(matches!(failure.class, "closed" | "reset") && failure.session_lost, "{failure:?}");
}

#[test]
fn what_the_version_does_not_have_is_refused() {
    let error = |options| client("http://h", options).err().unwrap().to_string();
    let options = ClientOptions { version: 3, ..Default::default() };
    assert!(error(options).contains("`version` must be 1 or 2"));
    let options = RequestOptions {
        headers: vec![("Upgrade".to_owned(), Param::Fixed(json!("websocket")))],
        ..Default::default()
    };
    let refused = Request::new(&speaking("http://h"), "GET", "/", options).err().unwrap();
    assert!(refused.to_string().contains("does not exist in HTTP/2"), "{refused}");
}
