//! `benchscript new`: a scenario or a library to start from.

mod library;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{Ending, Outcome, output, source};
use crate::error::{Error, Result};
use crate::scenario::recipe;

/// Runs as it is, against the built-in target.
const TEMPLATE: &str = include_str!("../../../examples/new.rhai");

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  benchscript new my_service\n  benchscript run my_service.rhai -p url=http://127.0.0.1:8080\n  benchscript new lib team/shop          functions that scenarios share\n  benchscript new --from recipe.yaml     the script of a recipe"
)]
pub struct New {
    /// Name of the scenario; NAME.rhai is written
    #[arg(required_unless_present = "from")]
    name: Option<String>,

    /// The script of this recipe: written if there is a NAME, else printed
    #[arg(long, value_name = "RECIPE")]
    from: Option<PathBuf>,

    #[command(subcommand)]
    library: Option<Kind>,
}

#[derive(Subcommand)]
enum Kind {
    /// Make a library to start from, and a scenario that tries it
    Lib(library::Lib),
}

impl New {
    pub fn execute(self) -> Outcome {
        if let Some(Kind::Lib(library)) = self.library {
            return library.execute();
        }
        let text = match &self.from {
            Some(recipe) if recipe::is_recipe(recipe) => source::of(recipe)?.text,
            Some(file) => {
                return Err(Error::usage(format!("`{}` is no recipe", file.display()))
                    .hint("a recipe is a file of YAML: its name ends in `.yaml` or `.yml`")
                    .into());
            }
            None => TEMPLATE.to_owned(),
        };
        let Some(name) = &self.name else {
            output::print(&text);
            return Ok(Ending::Done);
        };
        let path = script(name);
        create(&path, &text)?;
        output::line(&format!("wrote {0}; run it: benchscript run {0}", path.display()));
        Ok(Ending::Done)
    }
}

/// The file of a name, which may have the ending already.
fn script(name: &str) -> PathBuf {
    PathBuf::from(format!("{}.rhai", name.strip_suffix(".rhai").unwrap_or(name)))
}

/// Writes a file that must not be there.
fn create(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        let failed = Error::io(format!("cannot write `{}`", path.display())).because(&error);
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::usage(format!("`{}` is there already", path.display()))
                    .hint("choose another name, or move it away")
            }
            std::io::ErrorKind::NotFound => failed.hint("make its folder first"),
            _ => failed,
        }
    };
    let mut file = fs::File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
