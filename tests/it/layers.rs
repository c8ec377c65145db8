//! The layers stay apart: a folder uses only the ones below it, and Rhai appears in `script` alone.

use std::{fs, path::Path};

/// From the outside in, as in the library's map. What does not exist yet is not in the list.
const LAYERS: &[&str] = &[
    "cli", "script", "report", "scenario", "analysis", "services", "host", "probes", "results", "load",
    "cluster", "target", "measure", "error",
];

#[test]
fn a_folder_uses_only_those_below_it() {
    for (depth, layer) in LAYERS.iter().enumerate() {
        for (path, text) in sources(layer) {
            let code = text.lines().filter(|line| !line.starts_with("//!")).collect::<Vec<_>>().join("\n");
            for used in code.split("crate::").skip(1) {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let below = LAYERS.iter().position(|known| *known == used);
                let below =
                    below.unwrap_or_else(|| panic!("{path} uses `crate::{used}`, which is in no layer"));
                assert!(below >= depth, "{path}: `{layer}` must not use `{used}`, which is above it");
            }
        }
    }
}

#[test]
fn the_target_knows_only_how_to_measure() {
    for (path, text) in sources("target") {
        assert!(!text.contains("crate::load"), "{path} uses the load generator that it is the truth for");
    }
}

#[test]
fn rhai_appears_in_script_alone() {
    for layer in LAYERS.iter().filter(|layer| **layer != "script") {
        for (path, text) in sources(layer) {
            assert!(!text.contains("rhai::"), "{path} uses Rhai");
        }
    }
}

#[test]
fn every_folder_is_in_a_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(LAYERS.contains(&name) || ["lib", "main"].contains(&name), "`{name}` is in no layer");
    }
}

#[test]
fn every_file_says_what_it_is() {
    for layer in LAYERS {
        for (path, text) in sources(layer) {
            assert!(text.starts_with("//! "), "{path} does not open with a sentence");
        }
    }
}

/// Path and text of every source file of a layer, without its unit tests and, below its first line, its comments.
fn sources(layer: &str) -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let single = src.join(format!("{layer}.rs"));
    collect(if single.is_file() { &single } else { &src }, layer, &src, &mut found);
    found
}

fn collect(path: &Path, layer: &str, src: &Path, found: &mut Vec<(String, String)>) {
    if path.is_dir() {
        let folder = if path == src { src.join(layer) } else { path.to_owned() };
        for entry in fs::read_dir(folder).unwrap() {
            collect(&entry.unwrap().path(), layer, src, found);
        }
    } else if path.extension().is_some_and(|ending| ending == "rs") {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let is_code = |line: &&str| !line.trim_start().starts_with("//") || line.starts_with("//!");
        let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
        if !is_test {
            found.push((
                path.display().to_string(),
                code.lines().filter(is_code).collect::<Vec<_>>().join("\n"),
            ));
        }
    }
}
