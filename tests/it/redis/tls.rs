//! Redis with TLS, a certificate that nobody else vouches for, and a user who logs in.

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::Server;
use crate::support::{Folder, free_port, run, try_run};

#[test]
fn commands_go_through_tls() {
    let folder = Folder::new();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = folder.write("cert.pem", &cert.pem()).display().to_string();
    let key = folder.write("key.pem", &signing_key.serialize_pem()).display().to_string();
    let tls_port = free_port().to_string();
    let user = ["--user", "bench", "on", ">s@fe", "~*", "+@all"];
    let options = [
        &["--tls-port", &tls_port, "--tls-cert-file", &ca, "--tls-key-file", &key][..],
        &["--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"],
        &user,
    ]
    .concat();
    let Some(server) = Server::start(&options) else { return };
    let script = format!(
        r#"
        let cache = redis::client("rediss://bench:s%40fe@localhost:{tls_port}/1", #{{ ca: "{ca}" }});
        cache.set("big", #{{ value_size_bytes: 300_000 }}).run();
        check(cache.get("big").run().bytes.len() == 300_000, "whole");
        check(cache.command(["ACL", "WHOAMI"]).run().value == "bench", "logged in");
        let result = load::run(cache.get(#{{ keys: 10, pipeline: 20 }}), #{{ concurrency: 3, requests: 60 }});
        check(result.failures == 0, "none fails");
        "#
    );
    run(&folder, &script, &["--quiet"]);
    assert_eq!(server.calls("get"), 1 + 20 * 60);
    let untrusted = format!("redis::client(\"rediss://localhost:{tls_port}\").get(\"x\").run();");
    let done = try_run(&folder, &untrusted, &["--quiet"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("insecure: true"), "{}", done.stderr);
}
