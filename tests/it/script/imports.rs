//! Where imports are looked for, that each is loaded once, and that a run keeps them.

use std::{fs, process::Command};

use sha2::{Digest, Sha256};

use crate::support::{Done, Folder, call, json, program, run, run_folder};

#[test]
fn each_file_is_loaded_once_and_kept_with_the_run() {
    let folder = Folder::new();
    let shared = "print(\"loaded\");\n\nfn value() { 4 }\n";
    folder.write("team/shared.rhai", shared);
    folder.write("team/one.rhai", "import \"shared\" as s;\n\nfn one() { s::value() + 1 }\n");
    folder.write("team/two.rhai", "import \"shared\" as s;\n\nfn two() { s::value() + 2 }\n");
    let script = r#"
        import "team/one" as a;
        import "team/two.rhai" as b;
        import "team/shared" as s;
        print(a::one() + b::two() + s::value());
    "#;
    assert_eq!(run(&folder, script, &["--quiet"]).stdout, "loaded\n15\n");

    let path = run_folder(&folder);
    let stored = json(&path.join("run.json"));
    let imports = stored["imports"].as_array().unwrap();
    let paths: Vec<&str> = imports.iter().map(|import| import["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["team/one.rhai", "team/shared.rhai", "team/two.rhai"]);
    let hash: String = Sha256::digest(shared).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(imports[1]["sha256"], hash.as_str());
    let copy = path.join(format!("scenario/imports/{}-shared.rhai", &hash[..8]));
    assert_eq!(fs::read_to_string(copy).unwrap(), shared);
}

#[test]
fn folders_are_searched_in_order() {
    let folder = Folder::new();
    let places = ["", "given/", "listed/", "data/benchscript/lib/"];
    for place in places {
        folder.write(&format!("{place}llm.rhai"), &format!("fn place() {{ \"{place}\" }}\n"));
    }
    folder.write("scenario.rhai", "import \"llm\" as llm;\nprint(llm::place());\n");
    for place in places {
        let done: Done = Command::new(program())
            .args(["run", "scenario.rhai", "--quiet", "--lib", "given"])
            .current_dir(folder.path())
            .env("BENCHSCRIPT_PATH", folder.path().join("listed"))
            .env("XDG_DATA_HOME", folder.path().join("data"))
            .output()
            .unwrap()
            .into();
        assert_eq!(done.stdout, format!("{place}\n"), "{}", done.stderr);
        // The next place has its turn once this one has none.
        fs::remove_file(folder.path().join(format!("{place}llm.rhai"))).unwrap();
    }
}

/// The script's folder counts, not the one that the program is started in.
#[test]
fn beside_the_script_means_beside_the_script() {
    let folder = Folder::new();
    folder.write("deep/scenario.rhai", "import \"lib/a\" as a;\nprint(a::a());\n");
    folder.write("deep/lib/a.rhai", "import \"b\" as b;\n\nfn a() { b::b() }\n");
    folder.write("deep/lib/b.rhai", "fn b() { \"beside\" }\n");
    let done = crate::support::call(&folder, &["run", "deep/scenario.rhai", "--quiet"]);
    assert_eq!(done.stdout, "beside\n", "{}", done.stderr);
}

/// Rhai remembers what a call resolved to by name alone, from the second time on.
#[test]
fn files_keep_their_own_functions_of_one_name() {
    let folder = Folder::new();
    folder.write("a.rhai", "fn start() { helper(1) }\nfn helper(n) { `a${n}` }\n");
    folder.write("b.rhai", "fn start() { helper(1) }\nprivate fn helper(n) { `b${n}` }\n");
    let script = r#"
        import "a" as a;
        import "b" as b;
        fn helper(n) { `main${n}` }
        let seen = "";
        for turn in 0..4 { seen += a::start() + b::start() + helper(1) + " "; }
        for turn in 0..4 { seen += helper(1) + b::start() + a::start() + " "; }
        print(seen);
    "#;
    let printed = run(&folder, script, &["--quiet"]).stdout;
    assert_eq!(printed.trim(), format!("{} {}", ["a1b1main1"; 4].join(" "), ["main1b1a1"; 4].join(" ")));
}

#[test]
fn what_a_file_offers_is_reached() {
    let folder = Folder::new();
    folder.write("inner.rhai", "fn value() { 2 }\n");
    folder.write(
        "lib.rhai",
        r#"
        import "inner" as inner;
        const FACTOR = 5;
        export const SHOWN = 7;
        fn int.twice() { this * 2 }
        fn nothing() { FACTOR }
        fn five(a, b, c, d, e) { a + b + c + d + e + FACTOR }
        fn changed(list) { list.push(1); list }
        fn each(list, f) { list.map(|x| f.call(x) + plus()) }
        fn plus() { 100 }
        fn deep(n) { if n == 0 { 0 } else { 1 + deep(n - 1) } }
        "#,
    );
    let script = r#"
        import "lib" as lib;
        fn tenfold(x) { x * 10 }
        let four = 4;
        let list = [0];
        print([lib::SHOWN, lib::inner::value(), four.twice(), lib::nothing(), lib::five(1, 2.5, 3, 4, 5)]);
        print([lib::changed(list), list, lib::each([1, 2], |x| tenfold(x)), lib::deep(300)]);
    "#;
    let done = run(&folder, script, &["--quiet"]);
    assert_eq!(done.stdout, "[7, 2, 8, 5, 20.5]\n[[0, 1], [0], [110, 120], 300]\n", "{}", done.stderr);
}

#[test]
fn versions_are_checked_and_kept() {
    let folder = Folder::new();
    folder
        .write("team/llm.rhai", "//! Chats.\n//! version: 1.2\n//! needs benchscript 0.1\nfn chat() { 7 }\n");
    let script =
        "//! Is it fast?\n//! needs team/llm 1.1\nimport \"team/llm\" as llm;\nprint(llm::chat());\n";
    assert_eq!(run(&folder, script, &["--quiet"]).stdout, "7\n");
    let stored = json(&run_folder(&folder).join("run.json"));
    assert_eq!(stored["imports"][0]["version"], "1.2");
    assert_eq!(stored["question"], "Is it fast?");
    // A second file has its own needs, also where the library is loaded already.
    folder.write("other.rhai", "//! needs team/llm 1.3\nimport \"team/llm\" as llm;\nfn f() { 1 }\n");
    let both = format!("{script}import \"other\" as other;\n");
    let done = crate::support::try_run(&folder, &both, &["--quiet"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("is version 1.2.0, but line 1 of this file needs 1.3.0"), "{}", done.stderr);
    assert!(done.stderr.contains("--> other.rhai:2:8"), "{}", done.stderr);
}

/// What an imported file would call is looked at before anything runs, theirs too.
#[test]
fn check_looks_into_imports() {
    let folder = Folder::new();
    folder.write("a.rhai", "import \"b\" as b;\nfn a() { b::b() }\n");
    folder.write("b.rhai", "fn b() { load::rnu(1) }\n");
    folder.write("scenario.rhai", "import \"a\" as a;\nprint(1);\n");
    let done = call(&folder, &["check", "scenario.rhai"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""));
    for part in
        ["there is no function `load::rnu`", "--> b.rhai:1:16", "imported at a.rhai:1:8", "scenario.rhai:1:8"]
    {
        assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
    }
}

#[test]
fn a_library_explains_itself() {
    let folder = Folder::new();
    let text = "//! How we chat.\n//! version: 1.2.0\n\n/// Asks once.\n///\n/// It waits.\nfn chat(url) { url }\n\
                fn chat(url, options) { url }\n\n/// Not for others.\nprivate fn inner() { 1 }\n";
    folder.write("shared/team/llm.rhai", text);
    let doc = |arguments: &[&str]| call(&folder, &[&["doc"], arguments].concat());
    let done = doc(&["team/llm", "--lib", "shared"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for part in [
        "How we chat.\n",
        "version: 1.2.0",
        "import \"team/llm\" as llm;",
        "### llm::chat",
        "llm::chat(url, options)",
        "It waits.",
    ] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    assert!(!done.stdout.contains("inner"), "{}", done.stdout);
    let one = doc(&["team/llm::chat", "--lib", "shared"]);
    assert!(one.stdout.starts_with("### llm::chat\n"), "{}", one.stdout);
    assert!(doc(&["team/llm::chta", "--lib", "shared"]).stderr.contains("did you mean `team/llm::chat`?"));
    assert!(doc(&["team/llm"]).stderr.contains("add folders with `--lib` or BENCHSCRIPT_PATH"));
    // As an import would find it.
    let listed = Command::new(program())
        .args(["doc", "team/llm"])
        .current_dir(folder.path())
        .env("BENCHSCRIPT_PATH", folder.path().join("shared"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("### llm::chat"));
}
