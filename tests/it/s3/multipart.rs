//! Uploads in parts that fail half-way: what was stored of them is given up at the server.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use crate::{
    http::fake::{Fake, request},
    support::{Folder, try_run},
};

const STARTED: &str =
    "<InitiateMultipartUploadResult><UploadId>a&amp;b</UploadId></InitiateMultipartUploadResult>";

/// A server that answers as S3 does, but with `fault` to requests that have `at` in their first line; then it closes.
/// What it was asked, line by line.
fn failing(at: &'static str, fault: &'static [u8]) -> (Fake, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let server = Fake::new(move |_, mut stream| {
        while let Some(request) = request(&mut stream) {
            let line = request.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
            seen.lock().unwrap().push(line.clone());
            if line.contains(at) {
                stream.write_all(fault).ok();
                return;
            }
            let body = if line.contains("uploads=") { STARTED } else { "" };
            let head = format!("HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).ok();
        }
    });
    (server, asked)
}

#[test]
fn an_upload_that_fails_is_given_up() {
    let busy = b"HTTP/1.1 503 Slow\r\nContent-Length: 36\r\n\r\n<Error><Code>SlowDown</Code></Error>";
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n<Error><Code>InternalError</Code></Error>";
    for (at, fault, class) in [
        ("partNumber=2", &busy[..], "slow_down"),
        ("partNumber=2", b"", "closed"),
        ("partNumber=2", b"HTTP/1.1 200 OK\r\nContent-", "closed"),
        ("POST /bench/x?uploadId", busy, "slow_down"),
        ("POST /bench/x?uploadId", late, "status_2xx"),
        ("POST /bench/x?uploadId", b"", "closed"),
    ] {
        let (server, asked) = failing(at, fault);
        let script = format!(
            "let s = s3::client(\"{}\", #{{ bucket: \"bench\", access_key: \"a\", secret_key: \"b\" }});\n\
             let op = s.multipart(\"x\", #{{ object_size_bytes: 1_000_000, part_size_bytes: 500_000 }});\n\
             try {{ op.run(); }} catch (err) {{ print(err.class); }}",
            server.url
        );
        let done = try_run(&Folder::new(), &script, &["--quiet"]);
        assert_eq!(done.stdout.trim(), class, "{at}: {}", done.stderr);
        let asked = asked.lock().unwrap();
        assert_eq!(asked[0], "POST /bench/x?uploads=");
        assert!(asked[asked.len() - 2].contains(at), "{asked:?}");
        assert_eq!(asked[asked.len() - 1], "DELETE /bench/x?uploadId=a%26b", "{at}: {asked:?}");
        assert_eq!(asked.len(), if at.contains("part") { 4 } else { 5 }, "{asked:?}");
    }
}
