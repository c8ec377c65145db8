//! The documentation keeps its word: its scripts compile or run, its commands are understood, its links lead somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::support::{Folder, call};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and all pages of docs/, by their path from the root.
fn pages() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    paths.push(root().join("README.md"));
    paths.sort();
    let relative = |path: &PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    paths.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap())).collect()
}

/// A fenced block: the words after its fence, the line where it starts, its text.
struct Block {
    kind: String,
    place: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for (page, text) in pages() {
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(kind)) => {
                    let place = format!("{page}:{}", number + 1);
                    open = Some(Block { kind: kind.trim().to_owned(), place, text: String::new() });
                }
                (Some(_), Some("")) => blocks.extend(open.take()),
                (Some(block), _) => block.text += &format!("{line}\n"),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "a block of {page} does not end");
    }
    blocks
}

/// Scripts are blocks of ```` ```rhai ````; `run` behind it says that the block needs no server and can be run, `lib` that
/// it is a library, which is imported.
#[test]
fn every_script_compiles_and_those_marked_run() {
    let mut found = 0;
    for block in blocks() {
        let Some(flags) = block.kind.strip_prefix("rhai") else { continue };
        // The examples of the generated reference have a test of their own.
        if block.place.contains("reference.md") {
            continue;
        }
        found += 1;
        let folder = Folder::new();
        let text = if flags.contains("lib") {
            folder.write("team/library.rhai", &block.text);
            "import \"team/library\" as library;\nload::run(http::client(\"http://h\").get(\"/\"), #{ requests: 1 });"
        } else if block.text.contains("scenario(#{") {
            &block.text.clone()
        } else {
            // A block that shows how an operation is described makes no load, which `check` calls a mistake.
            &format!("{}\nload::run(http::client(\"http://h\").get(\"/\"), #{{ requests: 1 }});", block.text)
        };
        folder.write("scenario.rhai", text);
        let lib = folder.write("lib/team/http.rhai", "fn user(url) { http::client(url).get(\"/\") }");
        let lib = lib.parent().unwrap().parent().unwrap().to_str().unwrap();
        let done = call(&folder, &["check", "scenario.rhai", "--lib", lib]);
        assert_eq!(done.code, Some(0), "{}: {}{}", block.place, done.stdout, done.stderr);
        if flags.contains("run") {
            folder.write("scenario.rhai", &block.text);
            let done = call(&folder, &["run", "scenario.rhai", "--quiet"]);
            assert_eq!(done.code, Some(0), "{}: {}{}", block.place, done.stdout, done.stderr);
        }
    }
    assert!(found > 10, "only {found} scripts found: has the fence changed?");
}

/// Blocks of ```` ```yaml ```` are recipes.
#[test]
fn every_recipe_becomes_a_script() {
    let mut found = 0;
    for block in blocks().iter().filter(|block| block.kind == "yaml") {
        let folder = Folder::new();
        folder.write("recipe.yaml", &block.text);
        let done = call(&folder, &["new", "--from", "recipe.yaml"]);
        assert_eq!(done.code, Some(0), "{}: {}", block.place, done.stderr);
        found += 1;
    }
    assert!(found >= 3, "only {found} recipes found: has the fence changed?");
}

/// Names that are written in capitals stand for a value.
#[test]
fn every_command_line_is_understood() {
    let mut found = 0;
    for block in blocks().iter().filter(|block| block.kind == "sh") {
        for line in block.text.replace("\\\n", " ").lines() {
            let commands = line.split("&&").flat_map(|part| part.split('|')).map(str::trim);
            for command in commands.filter_map(|command| command.strip_prefix("benchscript ")) {
                let command = command.split(" #").next().unwrap().split('>').next().unwrap();
                found += 1;
                understood(&words(command), &block.place);
            }
        }
    }
    // Commands inside sentences: `benchscript show latest`.
    for (page, text) in pages() {
        for command in text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("benchscript "))
        {
            found += 1;
            understood(&words(command), &page);
        }
    }
    assert!(found > 15, "only {found} command lines found");
}

/// Asks for help with the same words: options and subcommands must exist, nothing is done.
fn understood(words: &[String], place: &str) {
    let folder = Folder::new();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    // `run FILE --help` reads the file, which is not there.
    if words.first() == Some(&"run") {
        folder.write("scenario.rhai", "print(1);");
        for word in words.iter_mut().filter(|word| word.ends_with(".yaml")) {
            folder.write("recipe.yaml", "workload: { service: http }");
            *word = "recipe.yaml";
        }
        for word in words.iter_mut().filter(|word| word.ends_with(".rhai") || **word == "FILE") {
            *word = "scenario.rhai";
        }
    }
    if !words.contains(&"--help") {
        words.push("--help");
    }
    let done = call(&folder, &words);
    assert_eq!(done.code, Some(0), "{place}: `{}`: {}", words.join(" "), done.stderr);
}

/// A command line as a shell splits it; quotes are all that the documentation uses.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in command.trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[test]
fn every_link_leads_to_a_file() {
    for (page, text) in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if path.is_empty() { root().join(&page) } else { folder.join(path) };
            assert!(path.starts_with("http") || file.exists(), "{page} links to `{link}`");
            if !anchor.is_empty() {
                let text = fs::read_to_string(file).unwrap();
                let found =
                    text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
                assert!(found, "{page}: there is no heading for `{link}`");
            }
        }
    }
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    heading.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}
