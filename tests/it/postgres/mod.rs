//! PostgreSQL against a real server.

mod faults;
pub mod server;
mod statements;
mod transactions;
mod workloads;

use std::path::PathBuf;

use serde_json::Value;
use server::Server;

use crate::support::{Folder, json, run, run_folder, trials};

/// A script with `URL`, run against a server; what it printed.
fn on(server: &Server, script: &str) -> String {
    on_in(&Folder::new(), server, script)
}

/// The same in a folder that the test looks into.
fn on_in(folder: &Folder, server: &Server, script: &str) -> String {
    run(folder, &format!("const URL = \"{}\";\n{script}", server.url()), &["--quiet", "--seed", "1"]).stdout
}

/// `metrics.json` of the trials in a folder.
fn metrics(folder: &Folder) -> Vec<Value> {
    let trials: Vec<PathBuf> = trials(&run_folder(folder));
    trials.iter().map(|trial| json(&trial.join("metrics.json"))).collect()
}
