//! `benchscript doc`: explains modules and functions.

use std::path::PathBuf;

use clap::Args;

use super::{Ending, Outcome, output};
use crate::error::{Error, nearest};
use crate::report::Table;
use crate::script::{library, read, reference};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript doc\n  benchscript doc load\n  benchscript doc load::run\n  benchscript doc team/llm          a shared library's functions\n  benchscript doc team/llm::chat"
)]
pub struct Doc {
    /// A module, a function, or a library's import name; without it, what there is
    name: Option<String>,

    /// Look for libraries in this folder too
    #[arg(long = "lib", value_name = "DIR")]
    libraries: Vec<PathBuf>,

    /// Print the whole reference as Markdown
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

impl Doc {
    pub fn execute(self) -> Outcome {
        match &self.name {
            None if self.all => output::print(&reference::page()),
            None => output::print(&overview()),
            Some(name) => output::print(&about(name, &self.libraries)?),
        }
        Ok(Ending::Done)
    }
}

/// What there is to say about a module, type, function or library.
pub fn about(name: &str, libraries: &[PathBuf]) -> Result<String, Error> {
    if let Some(text) = reference::markdown(name) {
        return Ok(text);
    }
    let folders = library::search_path(None, libraries);
    let library = |name: &str| -> Result<Option<String>, Error> {
        let Ok(relative) = library::relative_file(name) else { return Ok(None) };
        let path = folders.iter().map(|folder| folder.join(&relative)).find(|path| path.is_file());
        path.map(|path| read(&path)).transpose()
    };
    if let Some(text) = library(name)? {
        return Ok(reference::of_library(name, &text));
    }
    if let Some((name, function)) = name.split_once("::")
        && let Some(text) = library(name)?
    {
        return reference::of_library_function(name, &text, function);
    }
    let topics = reference::topics();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let error = Error::usage(format!("there is nothing called `{name}`"));
    Err(match nearest(name, &topics) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`benchscript doc` lists what there is").hint(format!(
            "a library of this name would lie in {}; add folders with `--lib` or BENCHSCRIPT_PATH",
            folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(", ")
        )),
    })
}

/// What there is, a line each.
pub fn overview() -> String {
    let mut table = Table::new("").words("name").words("what it is for");
    for (name, about) in reference::overview() {
        table.row(vec![name.into(), about.into()]);
    }
    format!("{}\n`benchscript doc NAME` tells more, e.g. `benchscript doc load::run`\n", table.text(false))
}
