//! The options of an operation on objects: its own, and parameters for the places of its key.

use rhai::{Array, Dynamic, Map};

use crate::error::{Error, Result, nearest};
use crate::load::payload::{Generator, KeySpace, Keys};
use crate::script::{
    explain::a,
    modules::fields::{SPACE, key_space, param, parameter, params, size, text, whole},
    options::with_hint,
};
use crate::services::s3::{ListOptions, Objects, Range, Sizes};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Put,
    Get,
    Head,
    Delete,
    Multipart,
    Fill,
    List,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Head => "head",
            Self::Delete => "delete",
            Self::Multipart => "multipart",
            Self::Fill => "fill",
            Self::List => "list",
        }
    }

    /// Its options; where it has a text to say so, it draws no key.
    fn options(self, has_text: bool) -> Vec<&'static str> {
        let mut known = vec!["name"];
        match self {
            Self::List => {
                known.extend(["max_keys", "all"]);
                known.extend((!has_text).then_some("prefix"));
                return known;
            }
            _ if has_text => known.push("params"),
            _ => known.extend(SPACE),
        }
        if !matches!(self, Self::Head | Self::Delete) {
            known.extend(["object_size_bytes", "sizes"]);
        }
        match self {
            Self::Get => known.extend(["range", "checksum"]),
            Self::Multipart => known.push("part_size_bytes"),
            _ => {}
        }
        known
    }
}

/// Everything that the options of any operation say.
pub struct Built {
    pub objects: Objects,
    /// Whether sizes were given.
    pub has_sizes: bool,
    pub range: Option<Range>,
    pub checksum: bool,
    pub part_size: u64,
    pub list: ListOptions,
    pub name: Option<String>,
}

/// Bytes of a part unless given.
const PART: u64 = 16 << 20;

/// Options and parameters of an operation out of the map that a script gives. `text_of` is its key or, of a list, its prefix.
pub fn built(verb: Verb, text_of: Option<&str>, settings: Map) -> Result<Built> {
    let known = verb.options(text_of.is_some());
    let mut space = KeySpace::default();
    let mut parameters = Vec::new();
    let mut built = Built {
        objects: Objects { keys: Keys::Text(String::new()), params: Vec::new(), sizes: Sizes::default() },
        has_sizes: settings.contains_key("object_size_bytes") || settings.contains_key("sizes"),
        range: None,
        checksum: false,
        part_size: PART,
        list: ListOptions::default(),
        name: None,
    };
    if settings.contains_key("object_size_bytes") && settings.contains_key("sizes") {
        return Err(
            Error::usage("`object_size_bytes` and `sizes` contradict each other").hint("give one of them")
        );
    }
    let takes_parameters = text_of.is_some() && verb != Verb::List;
    for (name, value) in settings {
        let name = name.as_str();
        if !known.contains(&name) {
            if !takes_parameters {
                return Err(no_option(verb, name, &known));
            }
            let is_meant = text_of.is_some_and(|text| text.contains(&format!("{{{name}}}")));
            parameters.push(match is_meant {
                true => param(name, value)?,
                false => parameter(verb.word(), name, value, &known)?,
            });
            continue;
        }
        match name {
            "name" => built.name = Some(text(name, &value)?),
            "params" => parameters.extend(params(value)?),
            "prefix" if verb == Verb::List => built.list.prefix = text(name, &value)?,
            "max_keys" => built.list.max_keys = u32::try_from(whole(name, &value)?).unwrap_or(u32::MAX),
            "all" => built.list.all = flag(name, &value)?,
            "object_size_bytes" => {
                built.objects.sizes = match value.clone().try_cast::<Generator>() {
                    Some(generator) => Sizes::Drawn(generator),
                    None => Sizes::Fixed(size(name, &value)?),
                };
            }
            "sizes" => built.objects.sizes = Sizes::Drawn(sizes(&value)?),
            "part_size_bytes" => built.part_size = size(name, &value)?,
            "range" => {
                built.range = Some(text(name, &value)?.parse().map_err(|said: String| with_hint(&said))?)
            }
            "checksum" => built.checksum = flag(name, &value)?,
            _ => key_space(&mut space, name, &value)?,
        }
    }
    built.objects.params = parameters;
    match text_of {
        Some(prefix) if verb == Verb::List => built.list.prefix = prefix.to_owned(),
        Some(key) => built.objects.keys = Keys::Text(key.to_owned()),
        None => built.objects.keys = Keys::Space(space),
    }
    Ok(built)
}

fn no_option(verb: Verb, name: &str, known: &[&str]) -> Error {
    let error = Error::usage(format!("`{}` has no option `{name}`", verb.word()));
    match nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("options: {}", known.join(", "))),
    }
}

/// `[[0.9, "4 KiB"], [0.1, "1 MiB"]]`: shares and sizes.
fn sizes(value: &Dynamic) -> Result<Generator> {
    let wrong = |found: &str| {
        Error::usage(format!("`sizes` must be an array of shares and sizes, not {found}"))
            .hint("`sizes: [[0.9, \"4 KiB\"], [0.1, \"1 MiB\"]]`, or draw them: `object_size_bytes: data::uniform(...)`")
    };
    let all = value.clone().try_cast::<Array>().ok_or_else(|| wrong(&a(value.type_name())))?;
    let pairs = all.into_iter().map(|pair| {
        let found = pair.to_string();
        let pair = pair.try_cast::<Array>().filter(|pair| pair.len() == 2).ok_or_else(|| wrong(&found))?;
        let share = pair[0].as_float().or_else(|_| pair[0].as_int().map(|whole| whole as f64));
        Ok((size("sizes", &pair[1])?.into(), share.map_err(|_| wrong(&found))?))
    });
    Generator::weighted(pairs.collect::<Result<Vec<_>>>()?)
}

fn flag(field: &str, value: &Dynamic) -> Result<bool> {
    value
        .as_bool()
        .map_err(|found| Error::usage(format!("`{field}` must be true or false, not {}", a(found))))
}
