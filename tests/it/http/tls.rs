//! HTTPS against a server with a certificate that it signed itself.

use std::{path::PathBuf, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

/// A server for `localhost` and the file with its certificate.
fn server() -> (Fake, PathBuf) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let mut server = Fake::new(move |_, stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        while let Some(request) = request(&mut stream) {
            let answer = ok(&request);
            // Several records, so that an answer is decrypted in pieces.
            for piece in answer.as_bytes().chunks(50) {
                stream.write_all(piece).ok();
            }
        }
    });
    server.url = server.url.replace("http://127.0.0.1", "https://localhost");
    let port = server.url.rsplit(':').next().unwrap();
    let file = std::env::temp_dir().join(format!("benchscript-ca-{}-{port}.pem", std::process::id()));
    std::fs::write(&file, cert.pem()).unwrap();
    (server, file)
}

fn open(url: &str, options: ClientOptions) -> Result<(), Failure> {
    block_on(async { client(url, options).unwrap().open().await.map(drop) })
}

#[test]
fn trusted_and_insecure_connections_carry_calls() {
    let (server, file) = server();
    for options in [
        ClientOptions { ca: Some(file.clone()), ..Default::default() },
        ClientOptions { insecure: true, ..Default::default() },
    ] {
        let client = client(&server.url, options).unwrap();
        let body = Body::Text("x".repeat(300_000));
        let request =
            Request::new(&client, "POST", "/", RequestOptions { body, ..Default::default() }).unwrap();
        block_on(async {
            let mut session = client.open().await.unwrap();
            for _ in 0..3 {
                assert!(call(&mut session, &request).await.unwrap().bytes > 300_000);
                assert!(session.reusable());
            }
        });
    }
    assert_eq!(server.connections(), 2);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn untrusted_certificates_fail_and_say_what_helps() {
    let (server, file) = server();
    let (_, other_file) = self::server();
    let foreign = open(&server.url, ClientOptions { ca: Some(other_file.clone()), ..Default::default() });
    std::fs::remove_file(other_file).unwrap();
    let name = Some("example.org".to_owned());
    let other = ClientOptions { ca: Some(file.clone()), server_name: name, ..Default::default() };
    for failure in [foreign.unwrap_err(), open(&server.url, other).unwrap_err()] {
        assert!(failure.class == "tls" && failure.detail.contains("certificate"), "{failure:?}");
        assert!(failure.detail.contains("insecure: true"), "{failure:?}");
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_plain_server_is_recognised() {
    let server = Fake::new(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let url = server.url.replace("http://", "https://");
    let failure = open(&url, ClientOptions { insecure: true, ..Default::default() }).unwrap_err();
    assert!(failure.class == "tls" && failure.detail.contains("plain `http://`"), "{failure:?}");
}
