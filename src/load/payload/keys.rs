//! Which key an operation is about: one of a key space, drawn anew each time, or a text with parameters.

use serde_json::{Value, json};

use super::{Encoding, Generator};
use crate::error::{Error, Result};
use crate::load::Turn;

/// The key, or the keys, of an operation.
#[derive(Debug, Clone)]
pub enum Keys {
    Space(KeySpace),
    /// With `{name}` for parameters.
    Text(String),
}

/// Keys of equal length: a prefix and a number.
#[derive(Debug, Clone)]
pub struct KeySpace {
    pub keys: Count,
    pub distribution: Distribution,
    /// Bytes of a key.
    pub size: usize,
    /// What every key begins with; that of the operation unless given.
    pub prefix: Option<String>,
}

/// How many keys there are, or what draws their numbers.
#[derive(Debug, Clone)]
pub enum Count {
    Fixed(u64),
    Drawn(Generator),
}

/// How often each key is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// All equally often.
    Uniform,
    /// The k-th k^exponent times more rarely than the first.
    Zipf(f64),
    /// One after the other, over and over.
    Sequential,
}

/// The unevenness of `zipf` unless given, as YCSB has it.
const EXPONENT: f64 = 0.99;
/// The longest key, bytes: longer ones are a mistake.
const LARGEST: usize = 64 * 1024;

impl Default for KeySpace {
    fn default() -> Self {
        Self { keys: Count::Fixed(100_000), distribution: Distribution::Uniform, size: 32, prefix: None }
    }
}

impl Distribution {
    /// `uniform`, `sequential`, `zipf`, or `zipf:1.2` with an exponent.
    pub fn parse(text: &str) -> Result<Self> {
        let exponent = |text: &str| text.parse().ok().filter(|exponent| *exponent >= 0.0);
        let found = match text.split_once(':') {
            None if text == "uniform" => Some(Self::Uniform),
            None if text == "sequential" => Some(Self::Sequential),
            None if text == "zipf" => Some(Self::Zipf(EXPONENT)),
            Some(("zipf", number)) => exponent(number).map(Self::Zipf),
            _ => None,
        };
        found.ok_or_else(|| {
            Error::usage(format!("there is no `distribution` called `{text}`"))
                .hint("there are: uniform, zipf (zipf:1.2 with another exponent), sequential")
        })
    }

    fn shown(self) -> String {
        match self {
            Self::Uniform => "uniform".to_owned(),
            Self::Zipf(exponent) => format!("zipf:{exponent}"),
            Self::Sequential => "sequential".to_owned(),
        }
    }
}

/// Writes the keys of a key space.
#[derive(Debug, Clone)]
pub struct KeyWriter {
    /// The key with the number 0.
    zero: Vec<u8>,
    /// Bytes before the number.
    prefix: usize,
    pick: Pick,
    stream: u64,
}

#[derive(Debug, Clone)]
enum Pick {
    Drawn(Generator),
    /// The number of the call, modulo so many keys.
    Next(u64),
}

impl KeySpace {
    /// What writes the keys of an operation called `operation`, whose own prefix is `prefix`.
    pub fn writer(&self, prefix: &str, operation: &str, path: &str) -> Result<KeyWriter> {
        let prefix = self.prefix.as_deref().unwrap_or(prefix);
        let pick = self.pick()?;
        let digits = match self.keys {
            Count::Fixed(keys) => (keys - 1).max(1).ilog10() as usize + 1,
            Count::Drawn(_) => 1,
        };
        let least = prefix.len() + digits;
        if !(least..=LARGEST).contains(&self.size) {
            return Err(Error::usage(format!(
                "keys like `{prefix}{}` do not fit `key_size_bytes: {}`",
                "9".repeat(digits),
                self.size
            ))
            .hint(format!("give {least} to {LARGEST} bytes, fewer keys or a shorter `prefix`")));
        }
        let zero = format!("{prefix}{}", "0".repeat(self.size - prefix.len())).into_bytes();
        let stream = Generator::stream(operation, path);
        Ok(KeyWriter { zero, prefix: prefix.len(), pick, stream })
    }

    fn pick(&self) -> Result<Pick> {
        let keys = match &self.keys {
            Count::Drawn(generator) => {
                let first = generator.value(0, Turn { seed: 0, number: 0, step: 0 });
                if first.as_u64().is_none() {
                    return Err(Error::usage(format!(
                        "`keys: {generator}` draws no whole numbers of 0 or more"
                    ))
                    .hint("draw the numbers of keys: `data::uniform(0, 999)` or `data::zipf(0, 999)`"));
                }
                return Ok(Pick::Drawn(generator.clone()));
            }
            Count::Fixed(0) => return Err(Error::usage("`keys` must be at least 1")),
            Count::Fixed(keys) => *keys,
        };
        let last = i64::try_from(keys - 1).map_err(|_| Error::usage("`keys` is too large"))?;
        Ok(match self.distribution {
            Distribution::Uniform => Pick::Drawn(Generator::uniform(0, last)?),
            Distribution::Zipf(exponent) => Pick::Drawn(Generator::zipf(0, last, exponent)?),
            Distribution::Sequential => Pick::Next(keys),
        })
    }

    /// What a reader of the results must know of it.
    pub fn describe(&self) -> Value {
        match &self.keys {
            Count::Fixed(keys) => {
                json!({ "keys": keys, "distribution": self.distribution.shown(), "key_size_bytes": self.size })
            }
            Count::Drawn(generator) => json!({ "keys": generator.to_string(), "key_size_bytes": self.size }),
        }
    }
}

impl KeyWriter {
    /// Bytes of every key.
    pub fn width(&self) -> usize {
        self.zero.len()
    }

    /// Appends the key of this turn. Of a number that is too long for its place the last digits stay.
    #[inline]
    pub fn write(&self, turn: Turn, out: &mut Vec<u8>) {
        let number = match &self.pick {
            Pick::Drawn(generator) => generator.value(self.stream, turn).as_i64().unwrap_or_default(),
            Pick::Next(keys) => (turn.number % keys) as i64,
        };
        let start = out.len() + self.prefix;
        out.extend_from_slice(&self.zero);
        let end = out.len();
        Encoding::Raw.int(number.saturating_abs(), out);
        let written = out.len();
        let digits = (written - end).min(end - start);
        out.copy_within(written - digits..written, end - digits);
        out.truncate(end);
    }

    /// The key with the number 0, for messages and results.
    pub fn first(&self) -> String {
        String::from_utf8_lossy(&self.zero).into_owned()
    }
}
