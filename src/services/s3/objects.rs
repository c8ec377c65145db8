//! Which object an operation is about, and how large it is.

use serde_json::{Map, Value, json};

use super::content::key_number;
use crate::error::{Error, Result};
use crate::load::{
    Turn,
    payload::{Encoding, Generator, KeyWriter, Keys, Param, Parameters, Template},
};

/// The object, or the objects, of an operation.
#[derive(Debug, Clone)]
pub struct Objects {
    pub keys: Keys,
    /// What stands for `{name}` in a key that is a text.
    pub params: Vec<(String, Param)>,
    pub sizes: Sizes,
}

/// How large an object is: a function of its key, so that it is as large whenever it is written.
#[derive(Debug, Clone)]
pub enum Sizes {
    Fixed(u64),
    /// What draws the size of each key.
    Drawn(Generator),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Fixed(1 << 20)
    }
}

/// The largest object of S3, bytes.
const LARGEST: u64 = 5 << 40;
/// The longest key of S3, bytes.
const LONGEST_KEY: usize = 1_024;
/// What keys of a key space begin with.
const PREFIX: &str = "object-";

impl Sizes {
    fn check(&self) -> Result<()> {
        let drawn = match self {
            Self::Fixed(size) if *size > LARGEST => {
                return Err(Error::usage(format!("`object_size_bytes: {size}` is more than S3 takes"))
                    .hint("an object has at most 5 TiB"));
            }
            Self::Fixed(_) => return Ok(()),
            Self::Drawn(generator) => generator,
        };
        match number(&drawn.value(0, Turn { seed: 0, number: 0, step: 0 })) {
            Some(_) => Ok(()),
            None => Err(Error::usage(format!("`{drawn}` draws no sizes"))
                .hint("draw numbers of bytes: `data::uniform(1_024, 65_536)`, or give `sizes: [[0.9, \"4 KiB\"], [0.1, \"1 MiB\"]]`")),
        }
    }

    fn shown(&self) -> Value {
        match self {
            Self::Fixed(size) => json!(size),
            Self::Drawn(generator) => json!(generator.to_string()),
        }
    }

    /// The largest that is known to come.
    pub fn fixed(&self) -> Option<u64> {
        if let Self::Fixed(size) = self { Some(*size) } else { None }
    }
}

/// Objects as an operation draws them.
pub struct Drawn {
    key: Key,
    sizes: Sizes,
    stream: u64,
}

enum Key {
    Space(KeyWriter),
    Text(Template),
}

impl Objects {
    /// Those of the operation called `operation`.
    pub fn drawn(&self, operation: &str) -> Result<Drawn> {
        self.sizes.check()?;
        let params = Parameters::new(operation, &self.params)?;
        let key = match &self.keys {
            Keys::Space(space) if space.size > LONGEST_KEY => {
                return Err(Error::usage(format!("`key_size_bytes: {}` is more than S3 takes", space.size))
                    .hint(format!("a key has at most {LONGEST_KEY} bytes")));
            }
            Keys::Space(space) => Key::Space(space.writer(PREFIX, operation, "key")?),
            Keys::Text(text) if text.is_empty() => {
                return Err(Error::usage("an object needs a key").hint("`store.get(\"name\")`"));
            }
            Keys::Text(text) => Key::Text(params.text(text, Encoding::Raw)?),
        };
        params.all_used()?;
        // The size of an object does not depend on who writes it.
        Ok(Drawn { key, sizes: self.sizes.clone(), stream: Generator::stream("s3", "size") })
    }

    /// What a reader of the results must know of them; `with_sizes` where the operation writes them.
    pub fn describe(&self, with_sizes: bool) -> Map<String, Value> {
        let mut told = match &self.keys {
            Keys::Text(text) => Map::from_iter([("key".to_owned(), json!(text))]),
            Keys::Space(space) => match space.describe() {
                Value::Object(map) => map,
                _ => Map::new(),
            },
        };
        if with_sizes {
            told.insert("object_size_bytes".to_owned(), self.sizes.shown());
        }
        told
    }
}

impl Drawn {
    /// Appends the key of this turn.
    pub fn key(&self, turn: Turn, out: &mut Vec<u8>) {
        match &self.key {
            Key::Space(writer) => writer.write(turn, out),
            Key::Text(template) => template.write(turn, out),
        }
    }

    /// The number of a key, and the size of its object.
    pub fn number_and_size(&self, key: &[u8]) -> (u64, u64) {
        let number = key_number(key);
        (number, self.size_of(number))
    }

    fn size_of(&self, key_number: u64) -> u64 {
        match &self.sizes {
            Sizes::Fixed(size) => *size,
            Sizes::Drawn(generator) => {
                // The number of a call is never as large, so the sign bit stays free.
                let turn = Turn { seed: 0, number: key_number >> 1, step: 0 };
                number(&generator.value(self.stream, turn)).unwrap_or_default().min(LARGEST)
            }
        }
    }
}

fn number(drawn: &Value) -> Option<u64> {
    drawn.as_u64().or_else(|| drawn.as_f64().filter(|size| *size >= 0.0).map(|size| size as u64))
}
