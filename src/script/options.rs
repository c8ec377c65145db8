//! Option maps (`#{ concurrency: 8 }`) to checked Rust structs.

use rhai::{Dynamic, Map};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{explain::a, reference::plain_type};
use crate::error::{Error, Result, nearest};

/// Reads `map` as the options `T` of `what`, whose serde has `deny_unknown_fields`, so that no typo is ignored.
///
/// Goes through JSON, not `rhai::serde`: that one refuses `rate: 500` for an `f64`.
pub fn options<T: DeserializeOwned>(what: &str, map: Map) -> Result<T> {
    let mut json = serde_json::Map::new();
    for (key, value) in map {
        let value = to_json(&value, &key)?;
        json.insert(key.to_string(), value);
    }
    plain_options(what, json)
}

/// The same for what is JSON already.
pub fn plain_options<T: DeserializeOwned>(what: &str, json: serde_json::Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(json.clone()))
        .map_err(|error| explain::<T>(what, &json, &error.to_string()))
}

/// A script value as JSON. Operations, generators, closures and the like are refused with the name of the field:
/// through Rhai's own JSON they would silently become the name of their type.
pub fn to_json(value: &Dynamic, field: &str) -> Result<Value> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(flag.into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Ok(number) = value.as_float() {
        return serde_json::Number::from_f64(number).map(Value::Number).ok_or_else(|| {
            Error::usage(format!("`{field}` must be a finite number, not {number}"))
                .hint("a division by zero makes infinity or NaN")
        });
    }
    if let Ok(letter) = value.as_char() {
        return Ok(letter.to_string().into());
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return Ok(text.as_str().into());
    }
    if let Some(values) = value.read_lock::<rhai::Array>() {
        return values.iter().map(|value| to_json(value, field)).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entries = map.iter().map(|(key, value)| {
            let inner = format!("{field}.{key}");
            Ok((key.to_string(), to_json(value, &inner)?))
        });
        return entries.collect::<Result<serde_json::Map<_, _>>>().map(Value::Object);
    }
    let error = Error::usage(format!("`{field}` must be a plain value, not {}", a(value.type_name())));
    Err(match plain_type(value.type_name()).as_str() {
        "Generator" => error.hint("a generator draws anew for each call; this is fixed for all of them"),
        _ => error,
    })
}

/// JSON as a script value.
pub fn from_json(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(flag) => flag.into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.into(),
        Value::Array(values) => Dynamic::from_array(values.into_iter().map(from_json).collect()),
        Value::Object(map) => {
            Dynamic::from_map(map.into_iter().map(|(key, value)| (key.into(), from_json(value))).collect())
        }
    }
}

/// What serde says, in our words, with the name of the option.
fn explain<T: DeserializeOwned>(what: &str, json: &serde_json::Map<String, Value>, text: &str) -> Error {
    let names: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    if text.starts_with("unknown field") {
        // An option may be a map with options of its own.
        let inner = json.iter().find(|(key, value)| {
            let alone = Value::Object([((*key).clone(), (*value).clone())].into_iter().collect());
            !names[1..].contains(&key.as_str()) && names[0] != key.as_str() && {
                serde_json::from_value::<T>(alone).is_err_and(|error| error.to_string().contains(text))
            }
        });
        let what = inner.map_or(what, |(key, _)| key);
        let (wrong, known) = names.split_first().expect("serde names the field");
        let error = Error::usage(format!("`{what}` has no option `{wrong}`"));
        return match nearest(wrong, known) {
            Some(name) => error.hint(format!("did you mean `{name}`?")),
            None => error.hint(format!("options: {}", known.join(", "))),
        };
    }
    if text.starts_with("missing field") {
        let name = names.first().expect("serde names the field");
        return Error::usage(format!("`{what}` needs the option `{name}`"));
    }
    // serde_json does not name the field of a value of the wrong type: the one that fails alone is it.
    let wrong = json.iter().find_map(|(key, value)| {
        let alone = Value::Object([(key.clone(), value.clone())].into_iter().collect());
        let error = serde_json::from_value::<T>(alone).err()?.to_string();
        (!error.starts_with("missing field")).then_some((key, value, error))
    });
    match wrong {
        Some((key, value, error)) => in_our_words(key, value, &error),
        None => with_hint(&format!("bad options of `{what}`: {text}")),
    }
}

fn in_our_words(key: &str, value: &Value, error: &str) -> Error {
    let expected = error.rsplit_once("expected ").map_or("", |(_, expected)| expected);
    let wanted = match expected {
        "u16" | "u32" | "u64" | "usize" if value.is_u64() => {
            return Error::usage(format!("`{key}` is too large: {value}"));
        }
        "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i64" => "a whole number",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a map" => "a map `#{ ... }`",
        "a sequence" => "an array",
        _ if error.starts_with("unknown variant") => {
            let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
            let wrong = value.as_str().unwrap_or_default();
            let error = Error::usage(format!("`{key}` cannot be {value}"));
            let choice: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
            return match nearest(wrong, &known) {
                Some(near) if known.len() > 2 => error.hint(format!("did you mean \"{near}\"?")),
                _ => error.hint(format!("it may be {}", choice.join(" or "))),
            };
        }
        _ if error.starts_with("invalid type") || error.starts_with("invalid value") => expected,
        _ if error.starts_with("expected") => expected,
        _ => return with_hint(&format!("`{key}`: {error}")),
    };
    Error::usage(format!("`{key}` must be {wanted}, not {value}"))
}

/// A sentence whose part after a semicolon says what to do.
pub fn with_hint(text: &str) -> Error {
    match text.split_once("; ") {
        Some((message, hint)) => Error::usage(message).hint(hint),
        None => Error::usage(text),
    }
}
