//! Objects that are larger than the memory that may be used for them.

use std::{fs, thread, time::Duration};

use super::{Kind, Server};
use crate::support::{Folder, start};

#[test]
fn large_objects_pass_through_little_memory() {
    let Some(server) = Server::start(Kind::SeaweedFs) else { return };
    let folder = Folder::new();
    let script = r#"
        let store = CLIENT;
        store.create_bucket().run();
        let large = #{ object_size_bytes: "256 MiB" };
        store.put("one", large).run();
        let read = store.get("one", large + #{ checksum: true }).run();
        check(read.size == 256 * 1_048_576, "whole");
        store.multipart("parts", #{ object_size_bytes: "16 MiB", part_size_bytes: "8 MiB" }).run();
    "#;
    folder.write("scenario.rhai", &script.replace("CLIENT", &server.client("")));
    let mut running = start(&folder);
    let status = format!("/proc/{}/status", running.id());
    let mut peak = 0;
    while running.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        thread::sleep(Duration::from_millis(20));
    }
    assert!(running.wait().unwrap().success());
    assert!((1..64 * 1_024).contains(&peak), "{peak} KiB");
}
