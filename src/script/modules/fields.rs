//! Single options out of the map that a script gives to an operation, where a struct would not do: generators are among them.

use rhai::{Dynamic, ImmutableString, Map};

use crate::error::{Error, Result, nearest};
use crate::load::payload::{Count, Distribution, Generator, KeySpace, Param};
use crate::measure::Size;
use crate::script::{
    explain::a,
    options::{to_json, with_hint},
};

/// The options of a key space.
pub const SPACE: [&str; 4] = ["keys", "distribution", "key_size_bytes", "prefix"];

/// Sets one of them.
pub fn key_space(space: &mut KeySpace, name: &str, value: &Dynamic) -> Result<()> {
    match name {
        "keys" => {
            space.keys = match value.clone().try_cast::<Generator>() {
                Some(generator) => Count::Drawn(generator),
                None => Count::Fixed(whole(name, value)?),
            };
        }
        "distribution" => space.distribution = Distribution::parse(&text(name, value)?)?,
        "key_size_bytes" => space.size = size(name, value)? as usize,
        _ => space.prefix = Some(text(name, value)?),
    }
    Ok(())
}

/// A parameter of `verb`, whose options are `known`: what looks like one of them is a mistake. Whether anything has a place for it is checked when the command is compiled.
pub fn parameter(verb: &str, name: &str, value: Dynamic, known: &[&str]) -> Result<(String, Param)> {
    let is_drawn = value.is::<Generator>();
    if let Some(near) = nearest(name, known).filter(|_| !is_drawn) {
        return Err(Error::usage(format!("`{}` has no option `{name}`", verb))
            .hint(format!("did you mean `{near}`?"))
            .hint(format!(
                "a parameter would stand as `{{{name}}}` in a key or value; in `params` it may have any name"
            )));
    }
    param(name, value)
}

/// What stands in the option `params`.
pub fn params(value: Dynamic) -> Result<Vec<(String, Param)>> {
    let found = value.type_name();
    let map = value
        .try_cast::<Map>()
        .ok_or_else(|| Error::usage(format!("`params` must be a map `#{{ ... }}`, not {}", a(found))))?;
    map.into_iter().map(|(name, value)| param(&name, value)).collect()
}

/// What stands for `{name}`.
pub fn param(name: &str, value: Dynamic) -> Result<(String, Param)> {
    let param = match value.clone().try_cast::<Generator>() {
        Some(generator) => Param::Drawn(generator),
        None => Param::Fixed(to_json(&value, name)?),
    };
    Ok((name.to_owned(), param))
}

/// A text.
pub fn text(field: &str, value: &Dynamic) -> Result<String> {
    match value.read_lock::<ImmutableString>() {
        Some(text) => Ok(text.to_string()),
        None => Err(Error::usage(format!("`{field}` must be a text, not {}", a(value.type_name())))),
    }
}

/// A whole number of 0 or more.
pub fn whole(field: &str, value: &Dynamic) -> Result<u64> {
    value.as_int().ok().and_then(|number| u64::try_from(number).ok()).ok_or_else(|| {
        let found = to_json(value, field).map_or_else(|_| a(value.type_name()), |json| json.to_string());
        Error::usage(format!("`{field}` must be a whole number of 0 or more, not {found}"))
    })
}

/// A number of bytes, or a text such as `"4 KiB"`.
pub fn size(field: &str, value: &Dynamic) -> Result<u64> {
    let json = to_json(value, field)?;
    serde_json::from_value::<Size>(json)
        .map(|size| size.0)
        .map_err(|error| with_hint(&format!("`{field}`: {error}")))
}
