//! Where imports are looked for, that each is loaded once, and that a run keeps them.

use std::{fs, process::Command};

use sha2::{Digest, Sha256};

use crate::support::{Done, Folder, json, program, run, run_folder};

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
