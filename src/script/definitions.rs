//! The service definitions of the prelude, and those in files, for those who do not write a script.

use std::{path::Path, sync::Arc};

use rhai::{Dynamic, EvalAltResult, Map, Scope};
use serde_json::Value;

use super::{
    Diagnostic, engine,
    options::{from_json, options, plain_options},
    prelude, read, reference,
};
use crate::error::{Error, Result, nearest};
use crate::host::Host;
use crate::services::lifecycle::Definition;

/// Names of the modules that have a definition, and what their services are.
pub fn known() -> Vec<(&'static str, &'static str)> {
    let defines = |text: &str| reference::functions_of(text).iter().any(|(name, _)| name == "definition");
    let files = prelude::FILES.iter().filter(|(_, text)| defines(text));
    files.map(|(name, text)| (*name, prelude::about(text))).collect()
}

/// The definition of the module `name`, with settings as the command line gives them.
pub fn named(host: &Arc<Host>, name: &str, settings: &[(String, String)]) -> Result<Definition, Diagnostic> {
    let names: Vec<&str> = known().iter().map(|(name, _)| *name).collect();
    if !names.contains(&name) {
        let error = Error::usage(format!("there is no service `{name}`"));
        return Err(Diagnostic::plain(match nearest(name, &names) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!(
                "there are {}; a file ending in `.json` holds a definition of your own",
                names.join(", ")
            )),
        }));
    }
    // What reads as JSON is that, anything else a text.
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let settings: Map = settings.iter().map(|(name, text)| (name.into(), from_json(value(text)))).collect();
    let mut scope = Scope::new();
    scope.push_dynamic("settings", Dynamic::from_map(settings));
    let made = engine(host).eval_with_scope::<Map>(&mut scope, &format!("{name}::definition(settings)"));
    let map = made.map_err(|error| Diagnostic::plain(inner(*error)))?;
    Ok(options::<Definition>(name, map)?.check()?)
}

/// The definition in a file of JSON.
pub fn in_file(path: &Path) -> Result<Definition> {
    let wrong = || Error::usage(format!("`{}` is not a definition of a service", path.display()));
    let json: Value = serde_json::from_str(&read(path)?).map_err(|error| wrong().because(&error))?;
    match json {
        Value::Object(json) => plain_options::<Definition>(&path.display().to_string(), json)?.check(),
        _ => Err(wrong().hint("it is a JSON object with `name`, `command` and `ready`")),
    }
}

/// The error that a function of the prelude raised; the place in it says nothing to somebody without a script.
fn inner(error: EvalAltResult) -> Error {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, cause, _) => inner(*cause),
        EvalAltResult::ErrorRuntime(value, _) if value.is::<Error>() => value.cast(),
        other => Error::usage(other.to_string()),
    }
}
