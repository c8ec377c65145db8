//! The behaviour of trees, through `Session::call`, and what then lies on disk.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, from_value, json};

use super::super::testing::{TempFolder, Tmpfs, on_a_thread};
use super::super::{FileReply, client, contents};
use super::*;
use crate::error::ErrorKind;
use crate::load::{Operation, Turn};
use crate::measure::{Failure, Summary, failure};

fn tree_in(folder: &TempFolder, options: Value) -> Arc<FileTree> {
    let client = client(folder.path(), from_value(json!({ "threads": 8 })).unwrap()).unwrap();
    Arc::new(client.tree(from_value(options).unwrap()).unwrap())
}

fn prepare(operation: &TreeOperation) -> Result<()> {
    operation.prepare(7, &CancellationToken::new())
}

fn turn(number: u64) -> Turn {
    Turn { seed: 7, number, step: 0 }
}

/// Turns 0 to `turns`, by one virtual user.
fn call(operation: &TreeOperation, turns: u64) -> Vec<Result<FileReply, Failure>> {
    on_a_thread(async {
        let mut session = operation.client().open().await.unwrap();
        let mut answers = Vec::new();
        for number in 0..turns {
            let called = session.call(operation, turn(number), true).await;
            answers.push(called.map(|outcome| {
                let reply: FileReply = *session.reply().downcast().unwrap();
                assert_eq!((outcome.bytes, outcome.items), (reply.bytes, 1));
                reply
            }));
        }
        answers
    })
}

fn replies(operation: &TreeOperation, turns: u64) -> Vec<FileReply> {
    call(operation, turns).into_iter().map(Result::unwrap).collect()
}

/// The files below `folder` with their sizes, by number.
fn lying(folder: &Path) -> BTreeMap<u32, (PathBuf, u64)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.append(&mut lying(&entry.path()));
        } else if let Some(number) = entry.file_name().to_str().unwrap().strip_prefix('f') {
            found.insert(number.parse().unwrap(), (entry.path(), entry.metadata().unwrap().len()));
        }
    }
    found
}

#[test]
fn what_lies_on_disk_is_what_was_counted() {
    let folder = TempFolder::new("tree");
    let options =
        json!({ "files": 60, "folders": 6, "depth": 2, "sizes": [[0.75, "4 KiB"], [0.25, "1.5 MiB"]] });
    let tree = tree_in(&folder, options);
    let create = tree.create(CreateOptions { fsync: false }).unwrap();
    let delete = tree.delete().unwrap();
    assert_eq!((create.name(), delete.name()), ("create file 4 KiB to 1536 KiB", "delete file"));
    prepare(&create).unwrap();
    prepare(&delete).unwrap();
    assert_eq!(lying(folder.path()).len(), 60);

    let made = replies(&create, 100);
    let deleted = replies(&delete, 30);
    let files = lying(folder.path());
    assert_eq!(files.keys().copied().collect::<Vec<_>>(), (30..160).collect::<Vec<_>>());
    assert!(made.iter().all(|reply| files[&reply.file].1 == reply.bytes));
    assert!(deleted.iter().all(|reply| reply.bytes == 0 && !files.contains_key(&reply.file)));
    let large = made.iter().filter(|reply| reply.bytes == 3 << 19).count();
    assert!((13..38).contains(&large), "{large} of 100, where 25 are asked for");
    assert!(made.iter().all(|reply| [4096, 3 << 19].contains(&reply.bytes)));
    let mut per_folder = BTreeMap::new();
    for (number, (path, size)) in &files {
        let data = fs::read(path).unwrap();
        assert_eq!((data.len() as u64, contents::check(&data, *number, 0)), (*size, Ok(())));
        *per_folder.entry(path.parent().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(per_folder.len(), 6);
    assert!(per_folder.values().all(|files| (21..=22).contains(files)), "{per_folder:?}");

    create.cleanup().unwrap();
    assert_eq!(lying(folder.path()).len(), 130, "the other operation still holds the tree");
    delete.cleanup().unwrap();
    assert!(folder.is_empty());
}

#[test]
fn files_are_read_written_and_asked_for_as_wholes() {
    let folder = TempFolder::new("wholes");
    for (distribution, cached) in
        [("uniform", json!(true)), ("zipf", json!(false)), ("sequential", json!("drop"))]
    {
        let tree = tree_in(&folder, json!({ "files": 20, "sizes": [[1, 0], [1, "1.5 MiB"], [3, 5000]] }));
        let read = json!({ "distribution": distribution, "cached": cached, "verify": true });
        let read = tree.read(from_value(read).unwrap()).unwrap();
        let write = json!({ "distribution": distribution, "fsync": distribution == "zipf" });
        let write = tree.write(from_value(write).unwrap()).unwrap();
        let stat = tree.stat(from_value(json!({ "distribution": distribution })).unwrap()).unwrap();
        prepare(&read).unwrap();
        let before = lying(folder.path());
        for reply in replies(&write, 40).into_iter().chain(replies(&read, 40)) {
            assert_eq!(reply.bytes, before[&reply.file].1);
        }
        assert!(replies(&stat, 40).iter().all(|reply| reply.bytes == 0));
        assert_eq!(lying(folder.path()), before);
        let chosen: Vec<u32> = replies(&stat, 40).iter().map(|reply| reply.file).collect();
        match distribution {
            "sequential" => assert_eq!(chosen, (0..20).chain(0..20).collect::<Vec<_>>()),
            "zipf" => assert!(chosen.iter().filter(|file| **file == 0).count() > 4, "{chosen:?}"),
            _ => assert!(chosen.iter().collect::<std::collections::BTreeSet<_>>().len() > 10),
        }
        drop((read, write, stat));
        assert!(folder.is_empty(), "dropping the last operation removes the tree");
    }
}

#[test]
fn what_is_not_as_it_was_written_is_a_failure_of_its_class() {
    let folder = TempFolder::new("damaged");
    let tree = tree_in(&folder, json!({ "files": 1, "file_size": "8 KiB" }));
    let read = tree.read(TreeReadOptions { verify: true, ..TreeReadOptions::default() }).unwrap();
    let stat = tree.stat(StatOptions::default()).unwrap();
    prepare(&read).unwrap();
    let path = lying(folder.path()).remove(&0).unwrap().0;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"damage", 4096).unwrap();
    let failed = |operation| call(operation, 1).remove(0).unwrap_err();
    let damaged = failed(&read);
    assert_eq!(damaged.class, failure::CHECK);
    assert!(damaged.detail.contains("offset 4096 of file 0 is not what was written there"), "{damaged:?}");
    file.set_len(100).unwrap();
    let cut = failed(&stat);
    assert_eq!(cut.class, failure::CHECK);
    let told = "stat of the file `d0/f0`: the file has 100 bytes, 8192 were written to it";
    assert_eq!((cut.detail.as_str(), cut.session_lost), (told, false));
    fs::remove_file(&path).unwrap();
    assert_eq!(failed(&stat).class, failure::IO);
}

#[test]
fn a_tree_that_is_used_up_says_so() {
    let folder = TempFolder::new("used-up");
    let tree = tree_in(&folder, json!({ "files": 3, "file_size": 0 }));
    let delete = tree.delete().unwrap();
    prepare(&delete).unwrap();
    let answers = call(&delete, 5);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    let failed = answers[4].as_ref().unwrap_err();
    assert_eq!(failed.class, failure::USED_UP);
    assert!(failed.detail.contains("it began with 3: give it more `files`"), "{failed:?}");
    let stat = tree.stat(StatOptions::default()).unwrap();
    assert_eq!(call(&stat, 1)[0].as_ref().unwrap_err().class, failure::USED_UP);
    drop(stat);
    delete.cleanup().unwrap();
    assert_eq!(replies(&delete, 3).len(), 3, "made anew for the next load");
}

#[test]
fn many_users_of_one_tree_never_trip_over_each_other() {
    let folder = TempFolder::new("crowd");
    let tree = tree_in(&folder, json!({ "files": 40, "folders": 4, "file_size": 100 }));
    let operations = Arc::new([
        tree.create(CreateOptions::default()).unwrap(),
        tree.delete().unwrap(),
        tree.read(TreeReadOptions { verify: true, ..TreeReadOptions::default() }).unwrap(),
        tree.stat(StatOptions::default()).unwrap(),
        tree.create(CreateOptions::default()).unwrap(),
    ]);
    operations.iter().for_each(|operation| prepare(operation).unwrap());
    on_a_thread(async {
        let users: Vec<_> = (0..16)
            .map(|user: u64| {
                let operations = operations.clone();
                tokio::task::spawn_local(async move {
                    let mut session = operations[0].client().open().await.unwrap();
                    for number in 0..100 {
                        let operation = &operations[((user + number) % 5) as usize];
                        session.call(operation, turn(user * 100 + number), false).await.unwrap();
                    }
                })
            })
            .collect();
        for user in users {
            user.await.unwrap();
        }
    });
    assert_eq!(lying(folder.path()).len(), 40 + 640 - 320);
    operations.iter().for_each(|operation| operation.cleanup().unwrap());
    assert!(folder.is_empty());
}

#[test]
fn a_disk_that_fills_up_fails_calls_and_keeps_no_part_of_a_file() {
    let Some(disk) = Tmpfs::mount("size=4m") else { return };
    let tree = tree_in(&disk.0, json!({ "files": 4, "file_size": "300 KiB" }));
    let create = tree.create(CreateOptions::default()).unwrap();
    let delete = tree.delete().unwrap();
    prepare(&create).unwrap();
    prepare(&delete).unwrap();
    let answers = call(&create, 30);
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((5..10).contains(&made), "{made}");
    for failed in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(failed.class, failure::NO_SPACE);
        assert!(failed.detail.contains("No space left on device") && !failed.session_lost, "{failed:?}");
    }
    let files = lying(disk.0.path());
    assert_eq!(files.len(), 4 + made);
    assert!(files.values().all(|(_, size)| *size == 300 << 10), "{files:?}");
    assert_eq!(replies(&delete, 2).len(), 2);
    assert_eq!(replies(&create, 2).len(), 2, "there is room again");
    create.cleanup().unwrap();
    delete.cleanup().unwrap();
    assert!(disk.0.is_empty());

    let large = tree_in(&disk.0, json!({ "files": 100, "file_size": "300 KiB" }));
    let error = prepare(&large.stat(StatOptions::default()).unwrap()).unwrap_err();
    assert!(error.message.starts_with("not enough free space"), "{error}");
    assert!(disk.0.is_empty());
}

#[test]
fn nothing_is_left_where_making_a_tree_fails() {
    let Some(disk) = Tmpfs::mount("size=1m,nr_inodes=20") else { return };
    let tree = tree_in(&disk.0, json!({ "files": 100, "folders": 2, "file_size": 0 }));
    let error = prepare(&tree.stat(StatOptions::default()).unwrap()).unwrap_err();
    assert!(error.message.starts_with("cannot make the file `d1/f"), "{error}");
    assert!(disk.0.is_empty());

    let folder = TempFolder::new("cancelled");
    let cancel = CancellationToken::new();
    cancel.cancel();
    let stat = tree_in(&folder, json!({})).stat(StatOptions::default()).unwrap();
    assert_eq!(stat.prepare(7, &cancel).unwrap_err().kind, ErrorKind::Cancelled);
    assert!(folder.is_empty());
}

#[test]
fn impossible_trees_are_refused_in_words() {
    let refused = |options: Value| {
        let client = client("/tmp", from_value(json!({})).unwrap()).unwrap();
        client.tree(from_value(options).unwrap()).err().unwrap().to_string()
    };
    assert_eq!(refused(json!({ "folders": 0 })), "`folders` must be from 1 to 1000000, not 0");
    assert_eq!(refused(json!({ "depth": 17 })), "`depth` must be from 1 to 16, not 17");
    let both = json!({ "file_size": 1, "sizes": [[1, 2]] });
    assert_eq!(refused(both), "`file_size` and `sizes` exclude each other");
    let weight = json!({ "sizes": [[0, "4 KiB"]] });
    assert_eq!(refused(weight), "the weight of 4 KiB in `sizes` must be more than 0, not 0");
    let direct = client("/tmp", from_value(json!({ "direct": true })).unwrap()).unwrap();
    let error = direct.tree(TreeOptions::default()).err().unwrap();
    assert_eq!(error.to_string(), "the files of a tree cannot bypass the page cache");
}

#[test]
fn the_description_and_the_extras_say_all_that_decides_the_numbers() {
    let folder = TempFolder::new("described");
    let tree = tree_in(&folder, json!({ "files": 5, "sizes": [[3, "4 KiB"], [1, 0]] }));
    let read = tree.read(from_value(json!({ "cached": "drop" })).unwrap()).unwrap();
    let expected = json!({
        "operation": "read",
        "folder": folder.path().to_str().unwrap(),
        "files": 5,
        "folders": 1,
        "depth": 1,
        "sizes_bytes": [[0.75, 4096], [0.25, 0]],
        "direct": false,
        "distribution": "uniform",
        "page_cache": "empty at the start, each call drops what it has read",
        "cached": "drop",
        "verify": false,
        "engine": "threads",
        "engine_reason": "io_uring hands these calls to threads of the kernel",
        "engine_threads": 8,
    });
    assert_eq!(read.describe(), expected);
    let row = Summary { throughput: 500.0, bytes_per_second: 2_000_000.0, ..Summary::default() };
    assert_eq!(read.extras(&row), [("metadata_ops_per_second", 500.0), ("read_mb_per_second", 2.0)]);
    let create = tree.create(CreateOptions { fsync: true }).unwrap();
    assert_eq!(create.describe()["fsync"], "each");
    assert_eq!(create.extras(&row), [("metadata_ops_per_second", 500.0), ("write_mb_per_second", 2.0)]);
    let stat = tree.stat(StatOptions::default()).unwrap();
    assert_eq!(stat.extras(&row), [("metadata_ops_per_second", 500.0)]);
    assert!(folder.is_empty(), "describing touches no disk");
}
