//! The script host: scope, imports, results, parameters, output, interruption, secrets.

mod examples;
mod imports;
mod journeys;
mod output;
mod replay;
mod results;
mod stopping;
mod values;

use crate::http::fake::{Fake, ok};
use crate::support::{Done, Folder, run, try_run};

/// Runs a script that needs nothing else; what it printed.
fn printed(script: &str) -> String {
    run(&Folder::new(), script, &["--quiet", "--seed", "1"]).stdout
}

/// Runs a script against a server that answers everything; `{url}` stands for its address.
fn against(script: &str, arguments: &[&str]) -> (Folder, Done) {
    let server = Fake::answering(|_| ok("fine"));
    let folder = Folder::new();
    let done = run(&folder, &script.replace("{url}", &server.url), arguments);
    (folder, done)
}

/// Runs a script against the built-in target; `{url}` stands for its address. Lines keep their numbers.
fn on_target(script: &str, arguments: &[&str]) -> (Folder, Done) {
    let folder = Folder::new();
    let done = on_target_in(&folder, script, arguments);
    (folder, done)
}

/// The same in a folder that has files already.
fn on_target_in(folder: &Folder, script: &str, arguments: &[&str]) -> Done {
    let done = try_run(folder, &targeted(script), arguments);
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    done
}

/// The same, however it ends.
fn try_on_target(script: &str, arguments: &[&str]) -> (Folder, Done) {
    let folder = Folder::new();
    let done = try_run(&folder, &targeted(script), arguments);
    (folder, done)
}

fn targeted(script: &str) -> String {
    format!(
        "let server = target::http(#{{}}); const URL = server.url; {}",
        script.replace("\"{url}\"", "URL")
    )
}
