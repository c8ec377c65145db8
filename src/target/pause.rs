//! A scripted pause: for that time, once, the whole server stands still.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::error::{Error, Result};
use crate::measure::Span;

/// Written as `#{ at: "2s", duration: "500ms" }` or `"2s+500ms"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// From the arrival of the first request.
    pub at: Span,
    pub duration: Span,
}

impl FromStr for Pause {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::usage(format!("`{text}` is not a pause; write e.g. \"2s+500ms\""));
        let (at, duration) = text.split_once('+').ok_or_else(wrong)?;
        Ok(Self {
            at: at.parse().map_err(|error| wrong().because(&error))?,
            duration: duration.parse().map_err(|error| wrong().because(&error))?,
        })
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.at, self.duration)
    }
}

/// Reads one pause or a list of them.
pub fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pause>, D::Error> {
    deserializer.deserialize_any(OneOrMany)
}

/// A visitor instead of an untagged enum, which would hide what is wrong with a field.
struct OneOrMany;

/// An element of a list.
struct Pauses(Vec<Pause>);

impl<'de> Deserialize<'de> for Pauses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(deserializer).map(Self)
    }
}

impl<'de> de::Visitor<'de> for OneOrMany {
    type Value = Vec<Pause>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pause with `at` and `duration`, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Pause>, E> {
        text.parse().map(|pause| vec![pause]).map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<Pause>, A::Error> {
        Pause::deserialize(de::value::MapAccessDeserializer::new(map)).map(|pause| vec![pause])
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Pause>, A::Error> {
        let mut all = Vec::new();
        while let Some(Pauses(more)) = list.next_element()? {
            all.extend(more);
        }
        Ok(all)
    }
}
