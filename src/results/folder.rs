//! The folder of a run while it is being written.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    atomic::{self, cannot_write},
    facts,
    schema::{Check, Run, SCHEMA, Source, Status},
};
use crate::error::{Error, Result};
use crate::measure::secrets;

/// What is known of a run before it starts.
pub struct NewRun {
    pub scenario: String,
    pub question: Option<String>,
    /// The script as given on the command line, and its text.
    pub script: PathBuf,
    pub text: String,
    /// Secrets are masked when they are stored.
    pub parameters: Map<String, Value>,
    pub seed: u64,
    pub why: Option<String>,
    pub note: Option<String>,
    /// What the script declares.
    pub declared: Map<String, Value>,
    /// The run whose stored scenario this is.
    pub rerun_of: Option<String>,
}

/// `DIR/results/<run>/`, and the `run.json` in it.
pub struct RunFolder {
    pub path: PathBuf,
    /// `DIR/reports/<run>/`.
    pub reports: PathBuf,
    pub run: Run,
}

impl RunFolder {
    /// Makes the folder below `out` and writes what is known already.
    pub fn create(out: &Path, new: NewRun) -> Result<Self> {
        let name = format!("{}-{}-{}", slug(&new.scenario), facts::stamp(), facts::random_hex(2));
        let path = out.join("results").join(&name);
        for folder in ["scenario", "logs"] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        }
        let beside = new.script.parent().filter(|parent| !parent.as_os_str().is_empty());
        let run = Run {
            schema: SCHEMA,
            run_id: name.clone(),
            scenario: new.scenario,
            question: new.question,
            why: new.why,
            note: new.note,
            declared: new.declared,
            answers: Vec::new(),
            rerun_of: new.rerun_of,
            resumed_at: Vec::new(),
            created_at: facts::now(),
            ended_at: None,
            status: Status::Running,
            reason: None,
            pid: std::process::id(),
            process_start: facts::process_start(std::process::id()),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            git: facts::git(beside.unwrap_or(Path::new("."))),
            script: source(&new.script.display().to_string(), &new.text),
            imports: Vec::new(),
            parameters: secrets::masked(new.parameters),
            seed: new.seed,
            host: facts::host(),
            tags: Vec::new(),
            checks: Vec::new(),
            metrics: Map::new(),
            services: Vec::new(),
            notes: Vec::new(),
        };
        let reports = out.join("reports").join(&name);
        let mut folder = Self { path, reports, run };
        // What became a script is stored as one.
        let file = new.script.with_extension("rhai");
        let file = file.file_name().map_or_else(|| "session.rhai".into(), PathBuf::from);
        folder.store(&file, &new.text)?;
        folder.save()?;
        Ok(folder)
    }

    /// Goes on with a run that did not come to its end, in its folder `path`.
    pub fn reopen(path: &Path, out: &Path) -> Result<Self> {
        let mut run = super::stored::read_run(path)?;
        if run.status == Status::Running {
            return Err(Error::usage(format!("`{}` is still running, as process {}", run.run_id, run.pid)));
        }
        let reports = out.join("reports").join(&run.run_id);
        run.status = Status::Running;
        run.reason = None;
        run.ended_at = None;
        run.pid = std::process::id();
        run.process_start = facts::process_start(std::process::id());
        run.resumed_at.push(facts::now());
        // Of the trials that are there the checks and services of then are no longer of use.
        run.checks.clear();
        run.answers.clear();
        let folder = Self { path: path.to_owned(), reports, run };
        folder.save()?;
        Ok(folder)
    }

    /// Keeps an imported file with its hash, and the version that it says it is.
    pub fn add_import(&mut self, path: &str, text: &str) -> Result<()> {
        let import = Source { version: version(text), ..source(path, text) };
        if self.run.imports.contains(&import) {
            return Ok(());
        }
        let name = format!("imports/{}-{}", &import.sha256[..8], path.rsplit('/').next().unwrap_or(path));
        self.run.imports.push(import);
        self.store(Path::new(&name), text)
    }

    /// Stores a script that has grown since the run began, as a session of the REPL does.
    pub fn replace_script(&mut self, name: &str, text: &str) -> Result<()> {
        self.run.script = source(name, text);
        self.store(Path::new(name), text)
    }

    pub fn add_check(&mut self, check: Check) {
        self.run.checks.push(check);
    }

    /// Appends a line to `logs/events.jsonl`. An event that cannot be written is no reason to end a run: whatever
    /// keeps it from being written also meets the results, which say so.
    pub fn log(&self, event: &str, fields: Value) {
        let mut line = json!({ "time": facts::now(), "event": event });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(secrets::masked(fields));
        }
        let file = fs::OpenOptions::new().create(true).append(true).open(self.path.join("logs/events.jsonl"));
        file.and_then(|mut file| writeln!(file, "{line}")).ok();
    }

    /// Writes `run.json`, and the parameters beside the stored script.
    pub fn save(&self) -> Result<()> {
        atomic::put_json(&self.path.join("scenario/parameters.json"), &self.run.parameters)?;
        atomic::put_json(&self.path.join("run.json"), &self.run)
    }

    /// Marks the end and writes `run.json`.
    pub fn end(&mut self, status: Status, reason: Option<String>) -> Result<()> {
        self.run.status = status;
        self.run.reason = reason;
        self.run.ended_at = Some(facts::now());
        self.save()
    }

    /// Puts a script into `scenario/`; passwords in URLs are masked there, and a note says so.
    fn store(&mut self, name: &Path, text: &str) -> Result<()> {
        let path = self.path.join("scenario").join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
        }
        let masked = secrets::mask_urls(text);
        if masked != text {
            let name = name.display();
            let note = format!("a password in a URL of `{name}` is masked in the stored copy; use env(...)");
            if !self.run.notes.contains(&note) {
                self.run.notes.push(note);
            }
        }
        atomic::put(&path, masked.as_bytes())
    }
}

/// The hash of a text, in hexadecimal.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), sha256: sha256(text), version: None }
}

/// What a file says of its version in the lines at its top: `//! version: 1.2.0`.
fn version(text: &str) -> Option<String> {
    let mut head = text.trim_start().lines().map_while(|line| line.strip_prefix("//!"));
    head.find_map(|line| Some(line.trim().strip_prefix("version:")?.trim().to_owned()))
}

/// A name as part of a file's name: letters, digits, `_` and `-`.
pub fn slug(name: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let slug: String = name.chars().take(60).map(clean).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "run".to_owned() } else { slug.to_owned() }
}

/// Fails early, with a clear error, where results could not be written.
pub fn check_writable(out: &Path) -> Result<()> {
    let results = out.join("results");
    fs::create_dir_all(&results).map_err(|error| cannot_write(&results, &error))?;
    let probe = results.join(format!(".probe-{}", std::process::id()));
    let written = fs::write(&probe, b"x");
    fs::remove_file(&probe).ok();
    written.map_err(|error| cannot_write(&results, &error))
}

/// An error that says which run could not be read, and why.
pub fn unreadable(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::io(format!("cannot read `{}`", path.display())).because(error)
}
