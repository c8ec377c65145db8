//! Recipes: every `recipes/NAME.yaml` becomes the script, or is refused with the words, of `recipes/NAME.txt`.
//!
//! `UPDATE=1 cargo test --test it recipes` rewrites them; read the diff before committing it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use benchscript::scenario::recipe;
use serde_json::Value;

use crate::support::{Done, Folder, call, json, program, run_folder, skip, trials};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every recipe of a folder with its name.
fn all(folder: &Path) -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let recipes = files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let mut named: Vec<_> =
        recipes.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path)).collect();
    named.sort();
    named
}

/// Calls the program where recipes find what they name.
fn with_work(folder: &Folder, arguments: &[&str]) -> Done {
    let mut command = Command::new(program());
    command
        .current_dir(folder.path())
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("WORK", "/work")
        .env("HF_TOKEN", "hf_sesame");
    command.env_remove("SHOP_URL").env_remove("SHOP_TOKEN").env_remove("BENCHSCRIPT_SCRATCH");
    command.output().unwrap().into()
}

#[test]
fn recipes_read_as_written() {
    let mut wrong = Vec::new();
    for (name, path) in all(&root().join("tests/it/recipes")) {
        let folder = Folder::new();
        fs::copy(&path, folder.path().join(format!("{name}.yaml"))).unwrap();
        let done = with_work(&folder, &["new", "--from", &format!("{name}.yaml")]);
        let shown = match done.code {
            Some(0) => done.stdout,
            code => format!("{}exit: {}\n", done.stderr, code.unwrap_or(-1)),
        };
        assert_eq!(done.code == Some(0), name.ends_with("_ok"), "{name}: {shown}");
        assert!(!shown.contains("sesame"), "{name}: {shown}");
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &shown).unwrap();
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        if shown != wanted {
            wrong.push(format!("--- {name}: shown\n{shown}--- {name}: wanted\n{wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The scripts that they become have no mistakes of their own.
#[test]
fn what_they_become_can_be_planned() {
    for (name, path) in
        all(&root().join("tests/it/recipes")).into_iter().filter(|(name, _)| name.ends_with("_ok"))
    {
        let folder = Folder::new();
        fs::copy(&path, folder.path().join(format!("{name}.yaml"))).unwrap();
        for command in ["check", "plan"] {
            let done = with_work(&folder, &[command, &format!("{name}.yaml")]);
            assert_eq!(done.code, Some(0), "{name}: {}{}", done.stdout, done.stderr);
        }
        // The printed script is the same scenario.
        let script = with_work(&folder, &["new", "mine", "--from", &format!("{name}.yaml")]);
        assert_eq!(script.code, Some(0), "{}", script.stderr);
        let [recipe, script] = [format!("{name}.yaml"), "mine.rhai".to_owned()]
            .map(|file| with_work(&folder, &["plan", &file, "--json", "--seed", "1"]).stdout);
        assert_eq!(recipe, script, "{name}");
    }
}

#[test]
fn what_cannot_run_yet_says_so() {
    let folder = Folder::new();
    fs::copy(root().join("tests/it/recipes/llm_ok.yaml"), folder.path().join("llm.yaml")).unwrap();
    let done = with_work(&folder, &["run", "llm.yaml", "--quiet"]);
    assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("this version of benchscript cannot start `vllm`"), "{}", done.stderr);
}

/// What is stored is enough: the recipe may be gone.
#[test]
fn a_run_of_a_recipe_is_run_again() {
    let folder = Folder::new();
    let recipe = "workload: { service: http, rate: [50, 100], duration: 0.3 }\n";
    let path = folder.write("shop.yaml", recipe);
    let done = with_work(&folder, &["run", "shop.yaml", "--quiet", "--seed", "1"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    let first = run_folder(&folder);
    let script = fs::read_to_string(first.join("scenario/shop.rhai")).unwrap();
    assert!(script.contains("rate: [50, 100]"), "{script}");
    let import = json(&first.join("run.json"))["imports"][0].clone();
    assert_eq!(import["path"], "shop.yaml");
    let copy = format!("scenario/imports/{}-shop.yaml", &import["sha256"].as_str().unwrap()[..8]);
    assert_eq!(fs::read_to_string(first.join(copy)).unwrap(), recipe);

    fs::remove_file(path).unwrap();
    let again = with_work(&folder, &["rerun", "latest", "--quiet"]);
    assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);
    assert!(!again.stderr.contains("has changed since"), "{}", again.stderr);
    let runs = fs::read_dir(folder.path().join("results")).unwrap().map(|run| run.unwrap().path());
    let second = runs.into_iter().find(|run| *run != first && run.join("run.json").is_file()).unwrap();
    assert_eq!(json(&second.join("run.json"))["imports"][0]["path"], "shop.yaml");
    assert_eq!(trials(&second).len(), 2);
}

#[test]
fn a_password_in_a_url_is_stored_nowhere() {
    let folder = Folder::new();
    folder.write(
        "own.yaml",
        "workload:\n  service: command\n  url: http://me:${HF_TOKEN}@127.0.0.1:1\n  command: [sh, -c, 'test ${#SERVICE_URL} -gt 30']\n  requests: 1\n",
    );
    let done = with_work(&folder, &["run", "own.yaml", "--quiet"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    let found = Command::new("grep").args(["-r", "sesame", "."]).current_dir(folder.path()).output().unwrap();
    assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
}

/// `UPDATE=1 cargo test --test it recipes` rewrites it.
#[test]
fn the_schema_is_that_of_the_tables() {
    let path = root().join("docs/schema/recipe.schema.json");
    let mut schema = serde_json::to_string_pretty(&recipe::schema()).unwrap();
    schema.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &schema).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == schema,
        "docs/schema is old (UPDATE=1 rewrites it)"
    );
}

/// Whoever edits a recipe with the schema is told the same as by `check`, as far as a schema can tell.
#[test]
fn the_schema_takes_what_check_takes() {
    let python = "import json, sys, jsonschema, importlib.metadata\n\
                  schema = json.load(open(sys.argv[1]))\n\
                  validator = jsonschema.Draft202012Validator(schema)\n\
                  validator.check_schema(schema)\n\
                  recipes = json.load(sys.stdin)\n\
                  json.dump({name: [e.message for e in validator.iter_errors(recipe)] for name, recipe in recipes.items()}, sys.stdout)\n";
    if Command::new("python3")
        .args(["-c", "import jsonschema"])
        .output()
        .is_ok_and(|output| !output.status.success())
    {
        return skip("jsonschema: the PyPI package of this name");
    }
    let mut recipes = serde_json::Map::new();
    for (name, path) in all(&root().join("tests/it/recipes")).into_iter().chain(all(&root().join("examples")))
    {
        if let Ok(recipe) = serde_saphyr::from_str::<Value>(&fs::read_to_string(path).unwrap()) {
            recipes.insert(name, recipe);
        }
    }
    let folder = Folder::new();
    let input = folder.write("recipes.json", &Value::Object(recipes.clone()).to_string());
    let output = Command::new("python3")
        .args(["-c", python, root().join("docs/schema/recipe.schema.json").to_str().unwrap()])
        .stdin(fs::File::open(input).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    // What only `check` knows: which key belongs to which service, what contradicts what, what variables hold.
    let beyond = [
        "batch_of_chats",
        "client_of_another_database",
        "client_of_another_service",
        "command_for_a_known_service",
        "container_of_a_program",
        "key_of_another_service",
        "said_twice",
        "secret_in_the_open",
        "services_of_one_name",
        "services_of_two_sizes",
        "table_of_my_own",
        "unknown_operation",
        "variable_not_set",
        "workers_for_some",
        "wrong_component",
        "zip_of_nothing",
        "no_service",
    ];
    for name in recipes.keys() {
        let is_fine = said[name].as_array().unwrap().is_empty();
        let is_example = !root().join(format!("tests/it/recipes/{name}.yaml")).is_file();
        if beyond.contains(&name.as_str()) {
            continue;
        }
        assert_eq!(is_fine, is_example || name.ends_with("_ok"), "{name}: {}", said[name]);
    }
}

#[test]
fn only_recipes_become_scripts() {
    let folder = Folder::new();
    folder.write("scenario.rhai", "print(1);");
    let done = call(&folder, &["new", "--from", "scenario.rhai"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("`scenario.rhai` is no recipe"), "{}", done.stderr);
    let missing = call(&folder, &["check", "nowhere.yaml"]);
    assert!(missing.stderr.contains("cannot read `nowhere.yaml`"), "{}", missing.stderr);
}
