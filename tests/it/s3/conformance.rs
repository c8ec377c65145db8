//! The same requests at two servers that have nothing in common but the protocol.

use super::{Kind, Server};
use crate::support::{Folder, run};

/// What the requests make the script print, after `CLIENT` was put in its place.
const SCRIPT: &str = r#"
    let store = CLIENT;
    store.create_bucket().run();
    store.create_bucket().run();
    let key = "dir/a +&=%?#'é.txt";
    print(store.put(key, #{ object_size_bytes: 5_000 }).run().size);
    let whole = store.get(key, #{ checksum: true, object_size_bytes: 5_000 }).run();
    print(`${whole.status} ${whole.size} ${whole.bytes.len()} ${whole.etag == store.head(key).run().etag}`);
    for range in ["10-1009", "4000-", "-1000"] {
        let part = store.get(key, #{ checksum: true, range: range }).run();
        let from = if range == "10-1009" { 10 } else { 4_000 };
        print(`${part.size} ${part.bytes == whole.bytes.extract(from, 1_000)}`);
    }
    store.put("empty", #{ object_size_bytes: 0 }).run();
    print(store.get("empty", #{ checksum: true, object_size_bytes: 0 }).run().bytes.len());
    print(store.head("empty").run().size);
    store.put("large", #{ object_size_bytes: 3_333_333 }).run();
    print(store.get("large", #{ checksum: true, object_size_bytes: 3_333_333 }).run().size);
    store.multipart("parts", #{ object_size_bytes: "11 MiB", part_size_bytes: "5 MiB" }).run();
    print(store.get("parts", #{ checksum: true, object_size_bytes: "11 MiB" }).run().size);
    print(store.list().run().keys);
    print(store.list("dir/").run().sizes);
    store.fill(#{ keys: 25, object_size_bytes: 10, prefix: "many/" }).run();
    print(store.list("many/", #{ all: true, max_keys: 10 }).run().keys.len());
    for attempt in [
        || store.get("nobody").run(),
        || store.get(key, #{ checksum: true, object_size_bytes: 4_999 }).run(),
        || store.head("nobody").run(),
    ] {
        try { attempt.call(); print("it succeeded"); } catch (err) { print(`${err.kind} ${err.class}`); }
    }
    store.delete(key).run();
    print(store.list("dir/").run().keys.len());
"#;

fn conforms(kind: Kind, settings: &[&str]) {
    let Some(server) = Server::start(kind) else { return };
    for settings in settings {
        let script = SCRIPT.replace("CLIENT", &server.client(settings));
        let said = run(&Folder::new(), &script, &["--quiet"]).stdout;
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(
            lines,
            [
                "5000",
                "200 5000 5000 true",
                "1000 true",
                "1000 true",
                "1000 true",
                "0",
                "0",
                "3333333",
                "11534336",
                r#"["dir/a +&=%?#'é.txt", "empty", "large", "parts"]"#,
                "[5000]",
                "25",
                "unavailable no_such_key",
                "unavailable corrupt",
                "unavailable status_4xx",
                "0",
            ],
            "{kind:?} {settings}"
        );
        let remove = "let store = CLIENT;\nfor key in store.list(#{ all: true }).run().keys { store.delete(key, #{ params: #{} }).run(); }";
        run(&Folder::new(), &remove.replace("CLIENT", &server.client(settings)), &["--quiet"]);
    }
}

#[test]
fn seaweedfs_unsigned_signed_and_with_the_bucket_in_the_host() {
    conforms(Kind::SeaweedFs, &["", "payload: \"signed\"", "style: \"virtual\", payload: \"signed\""]);
}

#[test]
fn rclone_unsigned_and_signed() {
    conforms(Kind::Rclone, &["", "payload: \"signed\""]);
}
