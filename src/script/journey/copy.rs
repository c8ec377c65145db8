//! Copies of captured values: each virtual user of a journey has its own.

use rhai::{Array, Dynamic, FnPtr, Map};

use crate::error::Error;
use crate::script::{explain::a, registry};

/// Values nested deeper than this hold themselves.
const DEEPEST: usize = 64;

/// A value that shares nothing with `value` that could change. Fails with what cannot be copied.
pub fn deep(value: &Dynamic) -> Result<Dynamic, String> {
    copy(value, 0)
}

fn copy(value: &Dynamic, depth: usize) -> Result<Dynamic, String> {
    if depth > DEEPEST {
        return Err("a value that holds itself".to_owned());
    }
    let value = value.flatten_clone();
    if let Some(array) = value.read_lock::<Array>() {
        return Ok(array.iter().map(|value| copy(value, depth + 1)).collect::<Result<Array, _>>()?.into());
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entries = map.iter().map(|(key, value)| Ok((key.clone(), copy(value, depth + 1)?)));
        return Ok(entries.collect::<Result<Map, String>>()?.into());
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        let mut function = function.clone();
        let own = function.curry().iter().map(|value| copy(value, depth + 1).map(Dynamic::into_shared));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        function.set_curry(own);
        return Ok(Dynamic::from(function));
    }
    let plain = value.is_unit()
        || value.is_bool()
        || value.is_int()
        || value.is_float()
        || value.is_char()
        || value.is_string()
        || value.is_blob();
    match plain || registry::never_changes(&value) {
        true => Ok(value),
        false => Err(a(value.type_name())),
    }
}

/// The error for the captured `variable`, which holds `what`.
pub fn refused(journey: &str, variable: &str, what: &str) -> Error {
    Error::usage(format!("the journey `{journey}` captures `{variable}`, which holds {what}: that cannot be copied"))
        .hint("each virtual user has its own copy of what a journey captures; take what it needs out before, e.g. `let url = server.url;`")
}

/// Visits a value and everything in it.
pub fn each(value: &Dynamic, visit: &mut impl FnMut(&Dynamic)) {
    visit(value);
    if let Some(array) = value.read_lock::<Array>() {
        array.iter().for_each(|value| each(value, visit));
    } else if let Some(map) = value.read_lock::<Map>() {
        map.values().for_each(|value| each(value, visit));
    } else if let Some(function) = value.read_lock::<FnPtr>() {
        function.curry().iter().for_each(|value| each(value, visit));
    }
}
