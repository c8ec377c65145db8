//! The options of a command: its own, and parameters for its places.

use rhai::{Dynamic, ImmutableString, Map};

use crate::error::{Error, Result, nearest};
use crate::load::payload::{Generator, Param};
use crate::measure::{Size, Span};
use crate::script::{explain::a, modules::globals::span, options::to_json};
use crate::services::redis::{Argument, CommandOptions, Content, Count, Distribution, Field, KeySpace};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Set,
    Incr,
    Hset,
    Lpush,
    Fill,
    Command,
}

const SPACE: [&str; 4] = ["keys", "distribution", "key_size_bytes", "prefix"];
const VALUE: [&str; 2] = ["value_size_bytes", "value"];

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Incr => "incr",
            Self::Hset => "hset",
            Self::Lpush => "lpush",
            Self::Fill => "fill",
            Self::Command => "command",
        }
    }

    /// Its options; where it has a text to say so, it draws no key.
    fn options(self, has_text: bool) -> Vec<&'static str> {
        let mut known = vec!["name"];
        if self != Self::Fill {
            known.extend(["pipeline", "params"]);
        }
        if !has_text {
            known.extend(SPACE);
        }
        if matches!(self, Self::Set | Self::Hset | Self::Lpush | Self::Fill) {
            known.extend(VALUE);
        }
        match self {
            Self::Set | Self::Fill => known.push("ttl"),
            Self::Hset => known.extend(["fields", "field"]),
            _ => {}
        }
        known
    }
}

/// Everything that the options of any command say.
#[derive(Default)]
pub struct Built {
    pub space: KeySpace,
    pub value: Content,
    pub field: Field,
    pub ttl: Option<Span>,
    pub command: CommandOptions,
}

/// Options and parameters of a command out of the map that a script gives. `text_of` is what it is about, where that is no
/// key space: its places tell parameters from options.
pub fn built(verb: Verb, text_of: Option<&str>, settings: Map) -> Result<Built> {
    let known = verb.options(text_of.is_some());
    let mut built = Built::default();
    for pair in [["value", "value_size_bytes"], ["field", "fields"]] {
        if pair.iter().all(|name| settings.contains_key(*name)) {
            return Err(Error::usage(format!("`{}` and `{}` contradict each other", pair[0], pair[1]))
                .hint("give one of them"));
        }
    }
    let has_text = |name: &str| settings.get(name).is_some_and(Dynamic::is_string);
    let has_places = text_of.is_some() || has_text("value") || has_text("field");
    for (name, value) in settings {
        let name = name.as_str();
        if !known.contains(&name) && !has_places {
            let error = Error::usage(format!("`{}` has no option `{name}`", verb.word()));
            return Err(error.hint(format!("options: {}", known.join(", "))));
        }
        if !known.contains(&name) {
            let is_meant = text_of.is_some_and(|text| text.contains(&format!("{{{name}}}")));
            let parameter = if is_meant { param(name, value) } else { parameter(verb, name, value, &known) };
            built.command.params.push(parameter?);
            continue;
        }
        match name {
            "name" => built.command.name = Some(text(name, &value)?),
            "pipeline" => {
                let depth = u32::try_from(whole(name, &value)?);
                built.command.pipeline = depth.unwrap_or(u32::MAX);
            }
            "params" => built.command.params.extend(params(value)?),
            "keys" => {
                built.space.keys = match value.clone().try_cast::<Generator>() {
                    Some(generator) => Count::Drawn(generator),
                    None => Count::Fixed(whole(name, &value)?),
                };
            }
            "distribution" => built.space.distribution = Distribution::parse(&text(name, &value)?)?,
            "key_size_bytes" => built.space.size = size(name, &value)? as usize,
            "prefix" => built.space.prefix = Some(text(name, &value)?),
            "value_size_bytes" => {
                built.value = match value.clone().try_cast::<Generator>() {
                    Some(generator) => Content::Sizes(generator),
                    None => Content::Size(size(name, &value)?),
                };
            }
            "value" => {
                built.value = match argument(&value)? {
                    Argument::Text(text) => Content::Text(text),
                    Argument::Drawn(generator) => Content::Drawn(generator),
                };
            }
            "ttl" => built.ttl = Some(span(name, &value)?),
            "fields" => built.field = Field::One(whole(name, &value)?),
            _ => built.field = Field::Text(text(name, &value)?),
        }
    }
    Ok(built)
}

/// One word of a command.
pub fn argument(value: &Dynamic) -> Result<Argument> {
    if let Some(generator) = value.clone().try_cast::<Generator>() {
        return Ok(Argument::Drawn(generator));
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(Argument::Text(text.to_string()));
    }
    if value.is_int() || value.is_float() || value.is_char() {
        return Ok(Argument::Text(value.to_string()));
    }
    let found = a(value.type_name());
    Err(Error::usage(format!("what is sent must be a text, a number or a generator, not {found}")))
}

/// Whether anything has a place for it is checked when the command is compiled.
fn parameter(verb: Verb, name: &str, value: Dynamic, known: &[&str]) -> Result<(String, Param)> {
    let is_drawn = value.is::<Generator>();
    if let Some(near) = nearest(name, known).filter(|_| !is_drawn) {
        return Err(Error::usage(format!("`{}` has no option `{name}`", verb.word()))
            .hint(format!("did you mean `{near}`?"))
            .hint(format!(
                "a parameter would stand as `{{{name}}}` in a key or value; in `params` it may have any name"
            )));
    }
    param(name, value)
}

fn params(value: Dynamic) -> Result<Vec<(String, Param)>> {
    let found = value.type_name();
    let map = value
        .try_cast::<Map>()
        .ok_or_else(|| Error::usage(format!("`params` must be a map `#{{ ... }}`, not {}", a(found))))?;
    map.into_iter().map(|(name, value)| param(&name, value)).collect()
}

fn param(name: &str, value: Dynamic) -> Result<(String, Param)> {
    let param = match value.clone().try_cast::<Generator>() {
        Some(generator) => Param::Drawn(generator),
        None => Param::Fixed(to_json(&value, name)?),
    };
    Ok((name.to_owned(), param))
}

fn text(field: &str, value: &Dynamic) -> Result<String> {
    match value.read_lock::<ImmutableString>() {
        Some(text) => Ok(text.to_string()),
        None => Err(Error::usage(format!("`{field}` must be a text, not {}", a(value.type_name())))),
    }
}

fn whole(field: &str, value: &Dynamic) -> Result<u64> {
    value.as_int().ok().and_then(|number| u64::try_from(number).ok()).ok_or_else(|| {
        let found = to_json(value, field).map_or_else(|_| a(value.type_name()), |json| json.to_string());
        Error::usage(format!("`{field}` must be a whole number of 0 or more, not {found}"))
    })
}

/// A number of bytes, or a text such as `"4 KiB"`.
fn size(field: &str, value: &Dynamic) -> Result<u64> {
    let json = to_json(value, field)?;
    serde_json::from_value::<Size>(json)
        .map(|size| size.0)
        .map_err(|error| crate::script::options::with_hint(&format!("`{field}`: {error}")))
}
