//! `benchscript new lib`: a documented library and a scenario that tries it.

use std::{fs, path::PathBuf};

use clap::Args;

use super::{create, script};
use crate::cli::{Ending, Outcome, output};
use crate::error::Error;
use crate::script::library;

const LIBRARY: &str = include_str!("library.rhai");
const TRIAL: &str = include_str!("trial.rhai");

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript new lib team/shop\n  benchscript doc team/shop\n  benchscript run team/try_shop.rhai"
)]
pub struct Lib {
    /// Name of the library as scripts import it; NAME.rhai is written, and a scenario `try_...` beside it
    name: String,
}

impl Lib {
    pub fn execute(self) -> Outcome {
        let name = self.name.strip_suffix(".rhai").unwrap_or(&self.name);
        library::relative_file(name)?;
        let alias = library::alias(name);
        if library::is_built_in(&alias) {
            return Err(Error::usage(format!("`{alias}` is a built-in module: a script could not use both"))
                .hint(format!("call it something else, e.g. `{name}_calls`"))
                .into());
        }
        let path = script(name);
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let trial = folder.join(format!("try_{file}.rhai"));
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(&folder)
                .map_err(|error| Error::io(format!("cannot make `{}`", folder.display())).because(&error))?;
        }
        let filled = |text: &str| {
            let program = env!("CARGO_PKG_VERSION").rsplit_once('.').map_or("0.1", |(start, _)| start);
            text.replace("NAME", name)
                .replace("PROGRAM", program)
                .replace("FILE", &file)
                .replace("ALIAS", &alias)
        };
        create(&path, &filled(LIBRARY))?;
        create(&trial, &filled(TRIAL))?;
        output::line(&format!("wrote {}; its functions: benchscript doc {name}", path.display()));
        output::line(&format!("wrote {0}; try them: benchscript run {0}", trial.display()));
        Ok(Ending::Done)
    }
}
