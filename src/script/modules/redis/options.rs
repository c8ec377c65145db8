//! The options of a command: its own, and parameters for its places.

use rhai::{Dynamic, ImmutableString, Map};

use crate::error::{Error, Result};
use crate::load::payload::{Generator, KeySpace};
use crate::measure::Span;
use crate::script::{
    explain::a,
    modules::{
        fields::{SPACE, key_space, param, parameter, params, size, text, whole},
        globals::span,
    },
};
use crate::services::redis::{Argument, CommandOptions, Content, Field};

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
            let parameter =
                if is_meant { param(name, value) } else { parameter(verb.word(), name, value, &known) };
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
            _ if SPACE.contains(&name) => key_space(&mut built.space, name, &value)?,
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
