//! Loads of files as a person runs them.

use std::fs;

use crate::support::{Folder, run};

/// Runs `script`, where `{scratch}` is an empty folder, which must be empty again afterwards; what it printed.
fn in_scratch(script: &str) -> String {
    let folder = Folder::new();
    let scratch = folder.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let done = run(&folder, &script.replace("{scratch}", scratch.to_str().unwrap()), &["--quiet"]);
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "something was left behind");
    done.stdout
}

#[test]
fn a_mix_works_on_one_tree_and_tells_its_parts() {
    let script = r#"
        let scratch = files::client("{scratch}");
        let tree = scratch.tree(#{ files: 400, folders: 10, depth: 2, sizes: [[0.9, "4 KiB"], [0.1, "64 KiB"]] });
        let mix = load::mix(#{
            read: [6, tree.read(#{ verify: true, distribution: "zipf" })],
            make: [2, tree.create()],
            change: [1, tree.write(#{ fsync: false })],
            ask: [1, tree.stat()],
            remove: [1, tree.delete()],
            block: [1, scratch.read(#{ file_size: "1 MiB", cached: "drop" })],
        });
        let r = load::run(mix, #{ concurrency: 8, requests: 2_000 });
        check(r.failures == 0, `${r.errors}`);
        let calls = 0;
        for name in r.operations.keys() { calls += r.operations[name].requests; }
        check(calls == 2_000 && r.operations.len() == 6, "each call is one part's");
        let made = r.operations.make;
        check(made.bytes >= made.successes * 4_096 && made.bytes < made.successes * 65_536, "sizes as they are given");
        check(r.operations.remove.bytes == 0 && r.operations.ask.bytes == 0, "no bytes are moved");
        print(r.extras.keys());
        for name in ["ask", "block", "change", "read"] { print(`${name} ${r.operations[name].extras.keys()}`); }
        let sum = 0.0;
        for name in ["ask", "change", "make", "read", "remove"] { sum += r.operations[name].extras.metadata_ops_per_second; }
        check((sum / r.extras.metadata_ops_per_second - 1.0).abs() < 1e-6, "the whole is the sum of its parts");
        check(`${r}`.contains("metadata") && `${r}`.contains(": make"), "the table has them by part");
        // Where several loads run at once, each part stands behind the name of its load.
        let alone = scratch.read(#{ file_size: "1 MiB" });
        let both = load::together(#{ work: [mix, #{ concurrency: 2, requests_each: 100 }], reads: [alone, #{ requests: 50 }] });
        let rows = both.operations;
        check(rows["work: ask"].extras.metadata_ops_per_second > 0.0 && rows.reads.extras.read_iops > 0.0, "by load and part");
        check(rows.work.extras.last_done_s == both.extras.last_done_s && !rows.reads.extras.contains("last_done_s"), "done");
        let used = load::run(scratch.tree(#{ files: 20, file_size: 0 }).delete(), #{ requests: 25 });
        print([used.successes, used.errors.by_class]);
    "#;
    let stdout = in_scratch(script);
    assert_eq!(
        stdout,
        "[\"metadata_ops_per_second\", \"read_iops\", \"read_mb_per_second\", \"write_mb_per_second\"]\n\
         ask [\"metadata_ops_per_second\"]\n\
         block [\"read_iops\", \"read_mb_per_second\"]\n\
         change [\"metadata_ops_per_second\", \"write_mb_per_second\"]\n\
         read [\"metadata_ops_per_second\", \"read_mb_per_second\"]\n\
         [20, #{\"used_up\": 5}]\n"
    );
}

#[test]
fn single_calls_see_the_same_tree() {
    let script = r#"
        let tree = files::client("{scratch}").tree(#{ files: 2, file_size: 10 });
        let make = tree.create();
        let remove = tree.delete();
        let fetch = tree.read(#{ distribution: "sequential" });
        let first = make.run();
        print([first.bytes, fetch.run().bytes]);
        for turn in 0..3 { remove.run(turn); }
        try { fetch.run(); } catch (err) { print([err.class, `${err}`]); }
    "#;
    let stdout = in_scratch(script);
    assert!(stdout.starts_with("[10, 10]\n[\"used_up\", "), "{stdout}");
    assert!(stdout.contains("the tree has none left"), "{stdout}");
}

#[test]
fn users_with_a_fixed_amount_are_done_at_different_times() {
    let script = r#"
        // Every second call waits: with two users, all those of the second one.
        let odd_waits = command::client().shell("[ $(({n} % 2)) = 0 ] || sleep 0.5", #{ n: data::sequence(), name: "step" });
        let r = load::run(odd_waits, #{ concurrency: 2, requests_each: 2 });
        let e = r.extras;
        print(`${r.requests} ${r.failures}`);
        check(e.first_done_s < e.last_done_s && e.last_done_s >= 1.0, `${e}`);
        check((e.last_done_s - r.duration_s).abs() < 0.001, "the window ends when the last user is done");
        check((e.last_done_calls_per_second * e.last_done_s - 4.0).abs() < 0.001, "all four");
        check(e.first_done_calls_per_second * e.first_done_s < 3.5, "not all of them were there already");

        let write = files::client("{scratch}").write(#{ file_size: "1 MiB", block_size: "64 KiB", files: 4 });
        let r = load::run(write, #{ concurrency: 4, requests_each: 16, warmup: "10ms" });
        print(`${r.requests} ${r.bytes} ${r.operations[r.name].extras.contains("first_done_s")} ${`${r}`.contains("last done")}`);
        for wrong in [#{ requests: 3 }, #{ rate: 5 }, #{ stages: [#{ concurrency: 2, duration: "1s" }] }] {
            wrong.requests_each = 2;
            try { load::run(write, wrong) } catch (err) { print(err.message) }
        }
    "#;
    assert_eq!(
        in_scratch(script),
        "4 0\n64 4194304 true true\n\
         `requests_each` and `requests` are both given\n\
         `requests_each` is what each user of a closed loop has to do, but a schedule says when these calls are due\n\
         `requests_each` and `stages` are both given\n"
    );
}

#[test]
fn files_are_shared_or_each_users_own() {
    let script = r#"
        let scratch = files::client("{scratch}");
        let sizes = [[0.8, "4 KiB"], [0.2, "32 KiB"]];
        for layout in ["shared", "per_user"] {
            let read = scratch.read(#{ file_size: "1 MiB", files: 4, layout: layout, block_sizes: sizes, verify: true });
            let r = load::run(read, #{ concurrency: 4, requests_each: 200 });
            let s = r.config.operation.settings;
            print(`${r.name}: ${r.requests} ${r.failures} ${s.layout} ${s.block_sizes_bytes}`);
            check(r.extras.first_done_mb_per_second > 0.0 && r.bytes > 800 * 4_096, `${r.extras}`);
        }
        let few = scratch.write(#{ file_size: "64 KiB", block_size: "4 KiB", layout: "per_user" });
        let r = load::run(few, #{ concurrency: 3, requests_each: 64 });
        for wrong in [#{ block_sizes: sizes, block_size: 512 }, #{ block_sizes: [[1, 0]] }, #{ layout: "private" },
            #{ block_sizes: [[1, 600], [2, 1_024]], direct: true }] {
            try { scratch.write(wrong) } catch (err) { print(err.message) }
        }
    "#;
    let stdout = in_scratch(script);
    let sizes = "[[0.8, 4096], [0.2, 32768]]";
    assert!(stdout.starts_with(&format!(
        "read random 4 KiB to 32 KiB: 800 0 shared {sizes}\nread random 4 KiB to 32 KiB per user: 800 0 per_user {sizes}\n\
         `block_size` and `block_sizes` exclude each other\n\
         a size in `block_sizes` must not be 0\n"
    )), "{stdout}");
    assert!(
        stdout.contains("`layout` cannot be \"private\"") && stdout.contains("multiple of 512 B, not 600 B"),
        "{stdout}"
    );
}
