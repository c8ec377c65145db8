//! Recipes in YAML: read with their positions, checked against tables of keys, translated to the text of a scenario.
//!
//! A recipe can do nothing that a script cannot: the script is what runs and what is stored.

mod forms;
mod key;
mod keys;
mod literal;
mod load;
mod problem;
mod schema;
mod script;
mod section;
mod services;
mod value;
mod variables;
mod yaml;

use std::path::Path;

pub use schema::schema;

use self::{
    problem::Problems,
    yaml::{Node, Value},
};
use crate::error::{Error, Result};

/// Whether a path is that of a recipe: it ends in `.yaml` or `.yml`.
pub fn is_recipe(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// The script of the recipe `text`, which lies at `path`.
///
/// # Errors
///
/// Everything that is wrong with it, each with its line, as one error.
pub fn translate(path: &Path, text: &str) -> Result<String> {
    let file = path.display().to_string();
    let mut problems = Problems::default();
    let root = match Node::parse(text) {
        Ok(root) => root,
        Err(problem) => {
            problems.add(problem);
            return Err(problems.error(&file, text));
        }
    };
    if !matches!(root.value, Value::Map(_)) {
        return Err(Error::usage(format!("`{file}` is no recipe: it is not a map of keys"))
            .hint("`docs/guide.md` shows the forms of recipes; `benchscript new NAME` makes a script"));
    }
    let stem =
        path.file_stem().map_or_else(|| "recipe".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let recipe = forms::read(&root, &stem, &mut problems);
    if !problems.is_empty() {
        return Err(problems.error(&file, text));
    }
    let name = path.file_name().map_or_else(|| file.clone(), |name| name.to_string_lossy().into_owned());
    Ok(script::text(&recipe, &name))
}
