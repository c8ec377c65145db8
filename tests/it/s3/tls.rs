//! S3 with TLS, and a certificate that nobody else vouches for.

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::{Kind, Server};
use crate::support::{Folder, run, try_run};

#[test]
fn objects_go_through_tls() {
    let folder = Folder::new();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = folder.write("cert.pem", &cert.pem()).display().to_string();
    let key = folder.write("key.pem", &signing_key.serialize_pem()).display().to_string();
    let Some(server) = Server::with(Kind::Rclone, &["--cert", &ca, "--key", &key]) else { return };
    let secure = |more: &str| server.client(more).replace("http://127.0.0.1", "https://localhost");
    let script = r#"
        let store = CLIENT;
        store.create_bucket().run();
        store.put("large", #{ object_size_bytes: "3 MiB" }).run();
        let read = store.get("large", #{ object_size_bytes: "3 MiB", checksum: true }).run();
        check(read.size == 3 * 1_048_576, "whole");
        let put = store.put(#{ keys: 100, object_size_bytes: 1_000, distribution: "sequential" });
        let result = load::run(put, #{ concurrency: 3, requests: 100 });
        check(result.failures == 0 && result.reconnects == 0, "none fails");
    "#;
    run(&folder, &script.replace("CLIENT", &secure(&format!("ca: \"{ca}\""))), &["--quiet"]);
    assert_eq!(server.objects(), 101);
    let there = "head(\"large\").run();";
    run(&Folder::new(), &format!("{}.{there}", secure("insecure: true")), &["--quiet"]);
    for (client, advice) in [
        (secure(""), "insecure: true"),
        (secure(&format!("ca: \"{ca}\"")).replace("localhost", "127.0.0.1"), "not valid for name"),
        (secure("").replace("https://", "http://"), "HTTP request to an HTTPS server"),
    ] {
        let done = try_run(&Folder::new(), &format!("{client}.{there}"), &["--quiet"]);
        assert_eq!(done.code, Some(1), "{client}: {}", done.stderr);
        assert!(done.stderr.contains(advice), "{client}: {}", done.stderr);
    }
}
