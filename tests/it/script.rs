//! The script host: scope, imports, results, parameters, output, interruption, secrets.

mod examples;
mod imports;
mod output;
mod results;
mod stopping;
mod values;

use crate::http::fake::{Fake, ok};
use crate::support::{Done, Folder, run};

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
