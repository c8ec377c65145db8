//! The behaviour of file loads, through `Session::call`, with both engines.

use std::{
    collections::HashSet,
    fs,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    ptr::null_mut,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use serde_json::{Value, from_value, json};
use tokio::task;
use tokio_util::sync::CancellationToken;

use super::testing::{TempFolder, Tmpfs, on_a_thread};
use super::*;
use crate::error::{Error, ErrorKind};
use crate::load::{Operation, Turn};
use crate::measure::{Outcome, Summary};

fn engines() -> Vec<&'static str> {
    match engine::probe() {
        Ok(()) => vec!["io_uring", "threads"],
        Err(reason) => {
            println!("skipped: needs io_uring: {reason}");
            vec!["threads"]
        }
    }
}

fn client_of(folder: &TempFolder, options: Value) -> Arc<FilesClient> {
    client(folder.path(), from_value(options).unwrap()).unwrap()
}

fn reads(folder: &TempFolder, engine: &str, options: Value) -> FileOperation {
    client_of(folder, json!({ "engine": engine })).read(from_value(options).unwrap()).unwrap()
}

fn writes(folder: &TempFolder, engine: &str, options: Value) -> FileOperation {
    client_of(folder, json!({ "engine": engine })).write(from_value(options).unwrap()).unwrap()
}

fn prepare(operation: &FileOperation) -> Result<(), Error> {
    operation.prepare(7, &CancellationToken::new())
}

fn turn(number: u64) -> Turn {
    Turn { seed: 7, number, step: 0 }
}

type Answer = Result<(Outcome, FileReply), Failure>;

/// Turns 0 to `turns`, by one virtual user.
fn call(operation: &FileOperation, turns: u64) -> Vec<Answer> {
    on_a_thread(async {
        let mut session = operation.client().open().await.unwrap();
        let mut answers = Vec::new();
        for number in 0..turns {
            let called = session.call(operation, turn(number), true).await;
            answers.push(called.map(|outcome| (outcome, *session.reply().downcast().unwrap())));
        }
        answers
    })
}

fn replies(operation: &FileOperation, turns: u64) -> Vec<FileReply> {
    call(operation, turns).into_iter().map(|answer| answer.unwrap().1).collect()
}

/// The files in our folder inside `folder`, sorted.
fn made(folder: &TempFolder) -> Vec<PathBuf> {
    let private = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let mut files: Vec<_> = fs::read_dir(private).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_is_written_is_what_the_pattern_says() {
    for engine in engines() {
        let folder = TempFolder::new("written");
        let options = json!({ "file_size": "32 KiB", "block_size": "8 KiB", "files": 2, "fsync": 3 });
        let operation = writes(&folder, engine, options);
        assert_eq!(operation.name(), "write sequential 8 KiB");
        prepare(&operation).unwrap();
        for (number, reply) in replies(&operation, 8).into_iter().enumerate() {
            let (file, offset) = (number as u32 % 2, number as u64 / 2 * 8192);
            assert_eq!(reply, FileReply { bytes: 8192, offset, file });
        }
        for (number, path) in made(&folder).iter().enumerate() {
            let data = fs::read(path).unwrap();
            assert_eq!(data.len(), 32 << 10);
            assert_eq!(contents::check(&data, number as u32, 0), Ok(()));
            assert!(zstd::bulk::compress(&data[..8192], 3).unwrap().len() > 8000);
        }
        operation.cleanup().unwrap();
        assert!(folder.is_empty());
    }
}

#[test]
fn positions_are_the_same_with_both_engines_and_each_time() {
    let folder = TempFolder::new("positions");
    let options = json!({ "file_size": "256 KiB", "files": 3, "verify": true });
    let mut seen = HashSet::new();
    for engine in engines().into_iter().chain(["auto", "threads"]) {
        let operation = reads(&folder, engine, options.clone());
        assert_eq!(operation.name(), "read random 4 KiB");
        seen.insert(replies(&operation, 200).iter().map(|r| (r.file, r.offset)).collect::<Vec<_>>());
    }
    assert_eq!(seen.len(), 1);
    assert!(folder.is_empty(), "dropping an operation removes its files");
}

#[test]
fn sequential_reads_cover_every_block_once_also_from_many_users() {
    for engine in engines() {
        let folder = TempFolder::new("sequential");
        let options = json!({ "file_size": "256 KiB", "block_size": "4k", "pattern": "sequential", "files": 4,
            "verify": true, "cached": false });
        let operation = Arc::new(reads(&folder, engine, options));
        prepare(&operation).unwrap();
        let seen = on_a_thread(async {
            let users = (0..16).map(|user| {
                let operation = operation.clone();
                task::spawn_local(async move {
                    let mut session = operation.client().open().await.unwrap();
                    let mut seen = Vec::new();
                    for number in (user..256).step_by(16) {
                        let outcome = session.call(&*operation, turn(number), true).await.unwrap();
                        assert_eq!((outcome.bytes, outcome.items), (4096, 1));
                        let reply: FileReply = *session.reply().downcast().unwrap();
                        seen.push((reply.file, reply.offset));
                    }
                    seen
                })
            });
            let users: Vec<_> = users.collect();
            let mut seen = HashSet::new();
            for user in users {
                seen.extend(user.await.unwrap());
            }
            seen
        });
        assert_eq!(seen.len(), 256);
        operation.cleanup().unwrap();
        assert!(folder.is_empty());
    }
}

#[test]
fn every_fsync_policy_works_with_both_engines() {
    for engine in engines() {
        for fsync in [json!("never"), json!("each"), json!(2), json!("end")] {
            for pattern in ["sequential", "random"] {
                let folder = TempFolder::new("fsync");
                let options = json!({ "file_size": "16k", "block_size": "4k", "files": 2, "fsync": fsync,
                    "pattern": pattern, "preallocate": false });
                assert_eq!(replies(&writes(&folder, engine, options), 9).len(), 9);
            }
        }
    }
}

#[test]
fn direct_reads_and_writes_work_where_the_file_system_allows() {
    for engine in engines() {
        let folder = TempFolder::new("direct");
        let client = client_of(&folder, json!({ "engine": engine, "direct": true }));
        let write = client.write(from_value(json!({ "file_size": "4 MiB" })).unwrap()).unwrap();
        assert_eq!(write.name(), "write sequential 1 MiB direct");
        let read = client.read(from_value(json!({ "file_size": "1 MiB", "verify": true })).unwrap()).unwrap();
        if let Err(error) = prepare(&read) {
            println!("skipped: needs direct I/O: {error}");
            return;
        }
        assert_eq!(read.describe()["page_cache"], "bypassed");
        assert_eq!(replies(&read, 50).len(), 50);
        assert_eq!(replies(&write, 8).len(), 8);
        let overridden = json!({ "direct": false, "block_size": 100, "file_size": 1000 });
        assert_eq!(replies(&client.read(from_value(overridden).unwrap()).unwrap(), 3)[0].bytes, 100);
    }
}

#[test]
fn operations_of_one_client_have_files_of_their_own() {
    let folder = TempFolder::new("together");
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    let client = client_of(&folder, json!({}));
    let options = json!({ "file_size": "64k", "verify": true });
    let first = client.read(from_value(options.clone()).unwrap()).unwrap();
    let second = client.read(from_value(options).unwrap()).unwrap();
    let write = client.write(from_value(json!({ "file_size": "64k", "block_size": "4k" })).unwrap()).unwrap();
    for operation in [&first, &second, &write] {
        prepare(operation).unwrap();
    }
    on_a_thread(async {
        let mut session = first.client().open().await.unwrap();
        for number in 0..32 {
            for operation in [&write, &first, &second] {
                session.call(operation, turn(number), false).await.unwrap();
            }
        }
        // Prepared anew between two loads of one session.
        second.cleanup().unwrap();
        session.call(&second, turn(0), false).await.unwrap();
        session.call(&first, turn(0), false).await.unwrap();
    });
    for operation in [&first, &second, &write] {
        operation.cleanup().unwrap();
        operation.cleanup().unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(folder.path().join("mine.txt")).unwrap(), "mine");
}

#[test]
fn nothing_is_made_where_preparing_fails() {
    let folder = TempFolder::new("refused");
    let huge = reads(&folder, "auto", json!({ "file_size": "1000000 TiB" }));
    let error = prepare(&huge).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io);
    assert!(error.message.starts_with("not enough free space in"), "{error}");
    assert!(folder.is_empty());

    let cancel = CancellationToken::new();
    cancel.cancel();
    for operation in [reads(&folder, "auto", json!({})), writes(&folder, "auto", json!({}))] {
        assert_eq!(operation.prepare(7, &cancel).unwrap_err().kind, ErrorKind::Cancelled);
        assert!(folder.is_empty());
    }

    let missing = client(folder.path().join("missing"), ClientOptions::default()).unwrap();
    let error = prepare(&missing.read(ReadOptions::default()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("No such file or directory"), "{error}");
}

#[test]
fn a_cancel_while_files_are_written_leaves_nothing() {
    let folder = TempFolder::new("cancelled");
    let operation =
        reads(&folder, "auto", json!({ "file_size": "1 MiB", "block_size": "4k", "files": 2_000 }));
    let cancel = CancellationToken::new();
    let ended = AtomicBool::new(false);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Also where nothing is written, for want of space: else this would wait for ever.
            while !ended.load(Relaxed) && (folder.is_empty() || made(&folder).len() < 2) {
                std::thread::yield_now();
            }
            cancel.cancel();
        });
        let outcome = operation.prepare(7, &cancel);
        ended.store(true, Relaxed);
        outcome.unwrap_err()
    });
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(folder.is_empty());
}

/// How many bytes of a file the page cache holds.
fn resident(path: &Path) -> usize {
    let file = fs::File::open(path).unwrap();
    let length = file.metadata().unwrap().len() as usize;
    let mut pages = vec![0u8; length.div_ceil(4096)];
    // SAFETY: a mapping of a file that is open and long enough, and `pages` has a byte for each of its pages.
    let asked = unsafe {
        let map = libc::mmap(null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        assert_ne!(map, libc::MAP_FAILED);
        let asked = libc::mincore(map, length, pages.as_mut_ptr());
        libc::munmap(map, length);
        asked
    };
    assert_eq!(asked, 0);
    pages.iter().filter(|page| **page & 1 == 1).count() * 4096
}

#[test]
fn the_page_cache_holds_what_the_policy_says() {
    for engine in engines() {
        for pattern in ["random", "sequential"] {
            let left = |cached: Value| {
                let folder = TempFolder::new("cached");
                let options = json!({ "file_size": "2 MiB", "block_size": "64 KiB", "pattern": pattern,
                    "cached": cached, "verify": true });
                let operation = reads(&folder, engine, options);
                prepare(&operation).unwrap();
                let before = resident(&made(&folder)[0]);
                assert_eq!(replies(&operation, 32).len(), 32);
                (before, resident(&made(&folder)[0]))
            };
            assert_eq!(left(json!(true)), (2 << 20, 2 << 20));
            let (before, after) = left(json!(false));
            if before > 0 {
                return println!("skipped: needs a file system that drops pages");
            }
            assert!(after > 1 << 20, "{after}");
            assert_eq!(left(json!("drop")), (0, 0), "{engine}, {pattern}");
        }
    }
}

#[test]
fn short_and_wrong_data_are_failures_that_keep_the_session() {
    for engine in engines() {
        let folder = TempFolder::new("damaged");
        let options =
            json!({ "file_size": "16k", "pattern": "sequential", "block_size": "8k", "verify": true });
        let operation = reads(&folder, engine, options);
        prepare(&operation).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&made(&folder)[0]).unwrap();
        file.set_len(10_000).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"damage", 4096).unwrap();
        let answers: Vec<Failure> =
            call(&operation, 2).into_iter().map(|answer| answer.unwrap_err()).collect();
        assert_eq!(answers[0].class, failure::CHECK);
        assert_eq!(answers[0].detail, "the data at offset 4096 of file 0 is not what was written there");
        assert_eq!(answers[1].class, failure::IO);
        assert_eq!(answers[1].detail, "short read: 1808 of 8192 bytes at offset 8192 of file 0");
        assert!(answers.iter().all(|answer| !answer.session_lost));
    }
}

#[test]
fn a_call_that_is_dropped_half_way_leaves_the_session_sound() {
    for engine in engines() {
        let folder = TempFolder::new("dropped");
        let options = json!({ "file_size": "64k", "block_size": "4k", "fsync": "each" });
        let operation = writes(&folder, engine, options);
        prepare(&operation).unwrap();
        on_a_thread(async {
            // The second session keeps the first from answering without giving way.
            let mut session = operation.client().open().await.unwrap();
            let _other = operation.client().open().await.unwrap();
            for number in 0..64 {
                tokio::select! {
                    biased;
                    _ = session.call(&operation, turn(number), false) => {}
                    () = task::yield_now() => {}
                }
            }
            session.call(&operation, turn(0), false).await.unwrap();
        });
        operation.cleanup().unwrap();
        assert!(folder.is_empty());
    }
}

#[test]
fn the_description_says_all_that_decides_the_numbers() {
    let folder = TempFolder::new("described");
    let operation = reads(&folder, "threads", json!({ "file_size": "10 KB", "files": 2 }));
    let expected = json!({
        "operation": "read",
        "folder": folder.path().to_str().unwrap(),
        "pattern": "random",
        "block_size_bytes": 4096,
        "file_size_bytes": 8192,
        "files": 2,
        "layout": "shared",
        "total_bytes": 16384,
        "direct": false,
        "page_cache": "may serve every read",
        "cached": true,
        "verify": false,
        "fsync": "never",
        "engine": "threads",
        "engine_threads": 64,
    });
    assert_eq!(operation.describe(), expected);
    let described = writes(&folder, "auto", json!({ "fsync": 8 })).describe();
    assert_eq!(described["fsync"], "every 8 writes");
    assert!(["io_uring", "threads"].contains(&described["engine"].as_str().unwrap()));
    assert!(folder.is_empty(), "describing touches no disk");
}

#[test]
fn extras_are_megabytes_and_calls_a_second() {
    let folder = TempFolder::new("extras");
    let row = Summary { throughput: 500.0, bytes_per_second: 2_048_000.0, ..Summary::default() };
    let extras = reads(&folder, "auto", json!({})).extras(&row);
    assert_eq!(extras, [("read_mb_per_second", 2.048), ("read_iops", 500.0)]);
    let extras = writes(&folder, "auto", json!({})).extras(&row);
    assert_eq!(extras, [("write_mb_per_second", 2.048), ("write_iops", 500.0)]);
}

#[test]
fn a_disk_that_fills_up_is_a_clear_error_and_is_cleaned() {
    // Room for one file and our folder, though there are bytes enough.
    let Some(disk) = Tmpfs::mount("size=1m,nr_inodes=3") else { return };
    let error = prepare(&reads(&disk.0, "auto", json!({ "file_size": "64k", "files": 4 }))).unwrap_err();
    assert!(error.message.starts_with("cannot make the file `read-0.1` in"), "{error}");
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert!(error.hints[0].starts_with("the disk is full"), "{error:?}");
    assert!(disk.0.is_empty());
}

#[test]
fn a_disk_that_fills_up_during_the_load_fails_the_calls() {
    for engine in engines() {
        let Some(disk) = Tmpfs::mount("size=1m") else { return };
        let options = json!({ "file_size": "900 KiB", "block_size": "100 KiB", "preallocate": false });
        let operation = writes(&disk.0, engine, options);
        prepare(&operation).unwrap();
        fs::write(disk.0.path().join("someone-elses"), vec![0; 500 << 10]).unwrap();
        let answers = call(&operation, 9);
        let failed = answers.iter().find_map(|answer| answer.as_ref().err()).unwrap();
        assert!(failed.detail.starts_with("short write") || failed.class == failure::NO_SPACE, "{failed:?}");
        assert!(answers.iter().flatten().count() < 9);
        let last = answers[8].as_ref().unwrap_err();
        assert_eq!(last.class, failure::NO_SPACE);
        assert!(last.detail.contains("No space left"), "{}", last.detail);
        operation.cleanup().unwrap();
        assert_eq!(fs::read_dir(disk.0.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_read_only_file_system_is_refused() {
    let Some(disk) = Tmpfs::mount("ro") else { return };
    let error = prepare(&reads(&disk.0, "auto", json!({ "file_size": "64k" }))).unwrap_err();
    assert!(error.to_string().contains("Read-only file system"), "{error}");
    assert_eq!(error.hints, ["give a folder on a file system that is mounted for writing"]);
}

#[test]
fn each_user_has_a_file_of_its_own() {
    for engine in engines() {
        for pattern in ["sequential", "random"] {
            let folder = TempFolder::new("own");
            let operation = writes(
                &folder,
                engine,
                json!({ "file_size": "64 KiB", "block_size": "4 KiB", "files": 2, "layout": "per_user", "pattern": pattern }),
            );
            prepare(&operation).unwrap();
            let places = on_a_thread(async {
                let mut sessions = Vec::new();
                for _ in 0..3 {
                    sessions.push(operation.client().open().await.unwrap());
                }
                let mut places = vec![Vec::new(); 3];
                for number in 0..40 {
                    for (user, session) in sessions.iter_mut().enumerate() {
                        // Whichever turn a user has, it goes on in its own file.
                        session.call(&operation, turn(number * 3 + 2 - user as u64), true).await.unwrap();
                        let reply: FileReply = *session.reply().downcast().unwrap();
                        places[user].push((reply.file, reply.offset / 4096));
                    }
                }
                places
            });
            for (user, places) in places.iter().enumerate() {
                assert!(places.iter().all(|(file, _)| *file == user as u32 % 2), "{places:?}");
                let blocks: Vec<u64> = places.iter().map(|(_, block)| *block).collect();
                let in_order: Vec<u64> = (0..40).map(|call| call % 16).collect();
                assert_eq!(blocks == in_order, pattern == "sequential", "{blocks:?}");
                assert!(blocks.iter().collect::<HashSet<_>>().len() > 10, "{blocks:?}");
            }
            operation.cleanup().unwrap();
            let remarks = operation.remarks();
            assert!(remarks[0].contains("3 users had 2 files"), "{remarks:?}");
            assert!(folder.is_empty());
        }
    }
}

#[test]
fn blocks_of_different_sizes_are_where_they_were_written() {
    let sizes = json!([[0.9, "4 KiB"], [0.1, "64 KiB"]]);
    for engine in engines() {
        for (pattern, cached) in [("sequential", json!(true)), ("random", json!("drop"))] {
            let folder = TempFolder::new("sizes");
            let operation = reads(
                &folder,
                engine,
                json!({ "file_size": "2 MiB", "files": 2, "block_sizes": sizes, "pattern": pattern, "cached": cached, "verify": true }),
            );
            prepare(&operation).unwrap();
            assert_eq!(operation.name(), format!("read {pattern} 4 KiB to 64 KiB"));
            let replies = replies(&operation, 400);
            let large = replies.iter().filter(|reply| reply.bytes == 65_536).count();
            assert!((15..80).contains(&large), "{large} of 400 are large");
            assert!(replies.iter().all(|reply| [4_096, 65_536].contains(&reply.bytes)));
            if pattern == "sequential" {
                let mut ends = [0; 2];
                for reply in &replies[..200] {
                    assert_eq!(reply.offset, ends[reply.file as usize], "{reply:?}");
                    ends[reply.file as usize] += reply.bytes;
                }
            }
            operation.cleanup().unwrap();
        }
        let folder = TempFolder::new("sizes");
        let operation = writes(
            &folder,
            engine,
            json!({ "file_size": "1 MiB", "block_sizes": sizes, "fsync": "end", "pattern": "sequential" }),
        );
        prepare(&operation).unwrap();
        let blocks = operation.shape.blocks;
        let written: u64 = replies(&operation, blocks).iter().map(|reply| reply.bytes).sum();
        assert_eq!(written, operation.shape.file_bytes());
        assert!((1 << 20) - written < 65_536, "{written}");
        let file = fs::read(&made(&folder)[0]).unwrap();
        for block in 0..blocks {
            let (offset, size) = operation.shape.block_at(block);
            let bytes = &file[offset as usize..(offset + size) as usize];
            assert_eq!(contents::check(bytes, 0, offset), Ok(()));
        }
        operation.cleanup().unwrap();
    }
}
