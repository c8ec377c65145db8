//! The API reference: complete, its examples compile and run, and docs/reference.md is up to date.

use std::{fs, path::Path, sync::Arc};

use benchscript::{
    host::{Host, Live, Mode, Progress, Settings, Stage},
    results::NewRun,
    script::{Program, Source, reference},
};

use crate::support::Folder;

struct Silent;

impl Progress for Silent {
    fn stage(&self, _trial: &str, _stage: &Stage) {}
    fn live(&self, _trial: &str, _live: &Live) {}
    fn note(&self, _text: &str) {}
    fn print(&self, _text: &str) {}
}

fn host(folder: &Folder, mode: Mode) -> Arc<Host> {
    let settings = Settings {
        seed_given: true,
        pick: Default::default(),
        bundle: None,
        seed: 1,
        out: folder.path().to_owned(),
        parameters: Vec::new(),
        libraries: Vec::new(),
        program: crate::support::program().to_owned(),
    };
    Host::new(settings, mode, Box::new(Silent))
}

#[test]
fn everything_has_words_and_an_example() {
    assert_eq!(reference::undocumented(), Vec::<String>::new());
}

#[test]
fn every_example_compiles() {
    let folder = Folder::new();
    let program = Program::new(&host(&folder, Mode::Plan));
    let examples = reference::examples();
    assert!(examples.len() > 80, "only {}", examples.len());
    for example in examples {
        let source = Source { name: example.of.clone(), text: example.code.clone() };
        if let Err(diagnostic) = program.compile(&source) {
            panic!("{diagnostic}\n\n{}", example.code);
        }
    }
}

#[test]
fn examples_that_need_no_server_run() {
    let folder = Folder::new();
    let host = host(&folder, Mode::Run);
    host.describe_run(NewRun {
        why: None,
        note: None,
        declared: Default::default(),
        rerun_of: None,
        scenario: "examples".to_owned(),
        question: None,
        script: "examples.rhai".into(),
        text: String::new(),
        parameters: serde_json::Map::new(),
        seed: 1,
    });
    let program = Program::new(&host);
    let mut ran = 0;
    for example in reference::examples().into_iter().filter(|example| example.runs) {
        let source = Source { name: example.of.clone(), text: example.code.clone() };
        let ast = program.compile(&source).unwrap_or_else(|diagnostic| panic!("{diagnostic}"));
        if let Err(diagnostic) = program.run(&ast, &source) {
            panic!("{diagnostic}\n\n{}", example.code);
        }
        ran += 1;
    }
    assert!(ran > 60, "only {ran}");
    assert!(host.state().checks.iter().all(|check| check.passed));
}

/// Comments behind the calls say what they print: that must be so.
#[test]
fn examples_print_what_their_comments_say() {
    let mut compared = 0;
    for example in reference::examples() {
        let Some((code, said)) = example.code.trim_end().rsplit_once(" // ") else { continue };
        if !example.runs || !code.trim_start().starts_with("print(") {
            continue;
        }
        let printed = crate::support::run(&Folder::new(), code, &["--quiet"]).stdout;
        assert_eq!(printed.trim_end(), said.trim(), "{}", example.of);
        compared += 1;
    }
    assert!(compared > 5, "only {compared}");
}

/// `UPDATE=1 cargo test --test it reference` rewrites it.
#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, reference::page()).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == reference::page(), "docs/reference.md is old (UPDATE=1 rewrites it)");
    let shown = crate::support::call(&Folder::new(), &["doc", "--all"]).stdout;
    assert_eq!(shown, stored);
}

#[test]
fn a_person_finds_modules_types_and_functions() {
    let folder = Folder::new();
    let doc = |name: &str| crate::support::call(&folder, &["doc", name]);
    for (name, held) in [
        ("load", "### load::sweep"),
        ("load::run", "* `concurrency`: the most calls in flight"),
        ("Result", "### Result.latency"),
        ("result.latency", ".latency -> Times"),
        ("http", "Options of a request:"),
        ("get", ".get(path: string) -> Operation"),
        ("check", "check(condition, name: string) -> bool"),
        ("Error", "### Error.class"),
    ] {
        let done = doc(name);
        assert_eq!(done.code, Some(0), "{name}: {}", done.stderr);
        assert!(done.stdout.contains(held), "{name}: {}", done.stdout);
    }
    let done = doc("load::rnu");
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("did you mean `load::run`?"), "{}", done.stderr);
    // The overview names every part.
    let overview = crate::support::call(&folder, &["doc"]).stdout;
    for part in
        ["Globals", "load", "http", "files", "target", "data", "stats", "report", "Result", "Response"]
    {
        assert!(overview.lines().any(|line| line.starts_with(part)), "{part}: {overview}");
    }
}
