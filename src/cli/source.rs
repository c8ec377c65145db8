//! The scenario that a path names: a script, or the script that a recipe becomes.

use std::path::Path;

use crate::error::Result;
use crate::scenario::recipe;
use crate::script::{Source, read};

/// Reads a scenario.
pub fn of(file: &Path) -> Result<Source> {
    let text = read(file)?;
    let text = if recipe::is_recipe(file) { recipe::translate(file, &text)? } else { text };
    Ok(Source { name: name(file), text })
}

/// The text of the recipe itself, where it is one.
pub fn recipe(file: &Path) -> Result<Option<String>> {
    recipe::is_recipe(file).then(|| read(file)).transpose()
}

/// What messages call the script: lines of one that was a recipe are not those of its file.
pub fn name(file: &Path) -> String {
    let name = file.display();
    if recipe::is_recipe(file) { format!("{name} (as a script)") } else { name.to_string() }
}
