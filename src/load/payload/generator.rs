//! Seeded generators: values that are pure functions of the seed, the stream and the turn.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::{Encoding, rows::Rows, words::WORDS, zipf::Zipf};
use crate::error::{Error, Result};
use crate::load::Turn;
use crate::measure::hash::{Draws, exponential, hash_texts, standard_normal};

/// A kind of random value. Drawing keeps no state: the same (seed, stream, turn, step) gives the same value on
/// every thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Generator(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Sequence { start: i64, step: i64 },
    Uniform { low: i64, high: i64 },
    UniformFloat { low: f64, high: f64 },
    Zipf { low: i64, high: i64, exponent: f64, law: Zipf },
    Normal { mean: f64, stddev: f64 },
    Exponential { mean: f64 },
    Choice(Arc<Choice>),
    Uuid,
    Text { fewest: u32, most: u32 },
    Bytes { len: usize },
    Vector { dimension: usize },
    Column { rows: Arc<Rows>, column: usize },
    Row(Arc<Rows>),
}

#[derive(Debug)]
struct Choice {
    values: Vec<Value>,
    /// The sum of the weights up to each value; empty when all are equally likely.
    sums: Vec<f64>,
}

/// What was drawn; text and bytes go on drawing while they are written.
enum Drawn<'a> {
    Int(i64),
    Float(f64),
    Value(&'a Value),
    Uuid(u128),
    Words(u64),
    Bytes(usize),
    Vector(usize),
    Row(&'a Rows),
}

/// The most dimensions of a vector.
const MOST_DIMENSIONS: usize = 1 << 16;
/// The most bytes or words that one value may have.
const LARGEST: usize = 1 << 30;

impl Generator {
    /// `start` + `step` × the number of the call; inside a journey, the number of the journey. Wraps at 64 bits.
    pub fn sequence(start: i64, step: i64) -> Self {
        Self(Kind::Sequence { start, step })
    }

    /// Integers from `low` to `high`, both included, each equally often.
    pub fn uniform(low: i64, high: i64) -> Result<Self> {
        ordered("uniform", low, high)?;
        Ok(Self(Kind::Uniform { low, high }))
    }

    /// Floats from `low` to `high`, both included.
    pub fn uniform_float(low: f64, high: f64) -> Result<Self> {
        finite("uniform", &[low, high, high - low])?;
        ordered("uniform", low, high)?;
        Ok(Self(Kind::UniformFloat { low, high }))
    }

    /// Integers from `low` to `high`, both included; `low` is the most frequent, the k-th is k^`exponent` times rarer.
    pub fn zipf(low: i64, high: i64, exponent: f64) -> Result<Self> {
        ordered("zipf", low, high)?;
        finite("zipf", &[exponent])?;
        if exponent < 0.0 {
            return Err(Error::usage(format!("the exponent of `zipf` is {exponent}"))
                .hint("0 is uniform, 0.99 is common for caches, more is more uneven"));
        }
        if high.abs_diff(low) >= 1 << 53 {
            return Err(Error::usage("`zipf` can tell at most 2^53 values apart").hint("narrow the range"));
        }
        Ok(Self(Kind::Zipf { low, high, exponent, law: Zipf::new(high.abs_diff(low) + 1, exponent) }))
    }

    /// Normally distributed floats.
    pub fn normal(mean: f64, stddev: f64) -> Result<Self> {
        finite("normal", &[mean, stddev])?;
        if stddev < 0.0 {
            return Err(Error::usage(format!("the standard deviation of `normal` is {stddev}"))
                .hint("give 0 or more: `normal(mean, stddev)`"));
        }
        Ok(Self(Kind::Normal { mean, stddev }))
    }

    /// Exponentially distributed floats of 0 or more: times between independent events.
    pub fn exponential(mean: f64) -> Result<Self> {
        finite("exponential", &[mean])?;
        if mean <= 0.0 {
            return Err(Error::usage(format!("the mean of `exponential` is {mean}")).hint("give more than 0"));
        }
        Ok(Self(Kind::Exponential { mean }))
    }

    /// One of `values`, each equally often.
    pub fn choice(values: Vec<Value>) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::usage("`choice` has no values").hint("give at least one: `[\"a\", \"b\"]`"));
        }
        Ok(Self(Kind::Choice(Arc::new(Choice { values, sums: Vec::new() }))))
    }

    /// One of the values, each as often as its weight says; weights need not add up to anything.
    pub fn weighted(pairs: Vec<(Value, f64)>) -> Result<Self> {
        let (values, weights): (Vec<Value>, Vec<f64>) = pairs.into_iter().unzip();
        if let Some(weight) = weights.iter().find(|weight| !weight.is_finite() || **weight < 0.0) {
            return Err(Error::usage(format!("a weight of `choice` is {weight}")).hint("give 0 or more"));
        }
        let sums: Vec<f64> = weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        match sums.last() {
            Some(total) if *total > 0.0 && total.is_finite() => {
                Ok(Self(Kind::Choice(Arc::new(Choice { values, sums }))))
            }
            _ => Err(Error::usage("the weights of `choice` add up to nothing")
                .hint("give at least one value a weight above 0")),
        }
    }

    /// Random UUIDs (version 4).
    pub fn uuid() -> Self {
        Self(Kind::Uuid)
    }

    /// Text of `fewest` to `most` common English words, both included.
    pub fn text(fewest: i64, most: i64) -> Result<Self> {
        ordered("text", fewest, most)?;
        let count = |count: i64| match u32::try_from(count) {
            Ok(count) if count > 0 && (count as usize) < LARGEST => Ok(count),
            _ => Err(Error::usage(format!("a text of {count} words")).hint("give 1 to 1,000,000,000 words")),
        };
        Ok(Self(Kind::Text { fewest: count(fewest)?, most: count(most)? }))
    }

    /// `len` random bytes. In JSON and headers they are written as base64.
    pub fn bytes(len: i64) -> Result<Self> {
        match usize::try_from(len) {
            Ok(len) if len <= LARGEST => Ok(Self(Kind::Bytes { len })),
            _ => {
                Err(Error::usage(format!("{len} random bytes")).hint("give 0 to 1,073,741,824 bytes (1 GiB)"))
            }
        }
    }

    /// Vectors of `dimension` 32-bit floats, evenly spread over the unit sphere: normal draws, scaled to length 1
    /// (Muller 1959).
    pub fn vector(dimension: i64) -> Result<Self> {
        match usize::try_from(dimension) {
            Ok(dimension @ 1..=MOST_DIMENSIONS) => Ok(Self(Kind::Vector { dimension })),
            _ => Err(Error::usage(format!("a vector of {dimension} dimensions"))
                .hint(format!("give 1 to {MOST_DIMENSIONS}"))),
        }
    }

    /// The values of one column of a file, a row a call.
    pub fn column(rows: Arc<Rows>, name: &str) -> Result<Self> {
        let column = rows.column(name)?;
        Ok(Self(Kind::Column { rows, column }))
    }

    /// Whole rows of a file as objects.
    pub fn row(rows: Arc<Rows>) -> Self {
        Self(Kind::Row(rows))
    }

    /// The stream of the parameter at `path` of an operation: two parameters draw independently.
    pub fn stream(operation: &str, path: &str) -> u64 {
        hash_texts(&[operation, path])
    }

    /// Appends the value of this turn. Numbers, UUIDs and text allocate nothing.
    pub fn write(&self, stream: u64, turn: Turn, encoding: Encoding, out: &mut Vec<u8>) {
        let draws = &mut Draws::new(turn.seed, stream, turn.number, turn.step);
        match self.draw(turn, draws) {
            Drawn::Int(value) => encoding.int(value, out),
            Drawn::Float(value) => encoding.float(value, out),
            Drawn::Value(value) => encoding.value(value, out),
            Drawn::Uuid(bits) => encoding.plain(uuid_text(bits, &mut [0; 36]), out),
            Drawn::Words(count) => match encoding {
                Encoding::Json => {
                    out.push(b'"');
                    words(count, encoding, draws, out);
                    out.push(b'"');
                }
                _ => words(count, encoding, draws, out),
            },
            Drawn::Vector(dimension) => vector(dimension, draws, out),
            Drawn::Row(rows) if encoding == Encoding::Json => rows.write(turn, out),
            Drawn::Row(rows) => encoding.value(&rows.object(turn), out),
            Drawn::Bytes(len) if encoding == Encoding::Raw => fill(len, draws, out),
            Drawn::Bytes(len) => {
                let mut plain = Vec::with_capacity(len);
                fill(len, draws, &mut plain);
                encoding.binary(&plain, out);
            }
        }
    }

    /// The value of this turn, the same that [`Generator::write`] writes as JSON.
    pub fn value(&self, stream: u64, turn: Turn) -> Value {
        let draws = &mut Draws::new(turn.seed, stream, turn.number, turn.step);
        match self.draw(turn, draws) {
            Drawn::Int(value) => value.into(),
            Drawn::Float(value) => value.into(),
            Drawn::Value(value) => value.clone(),
            Drawn::Uuid(bits) => uuid_text(bits, &mut [0; 36]).into(),
            Drawn::Words(count) => text(|out| words(count, Encoding::Raw, draws, out)),
            Drawn::Vector(dimension) => unit_vector(dimension, draws).into(),
            Drawn::Row(rows) => rows.object(turn),
            Drawn::Bytes(len) => {
                let mut plain = Vec::with_capacity(len);
                fill(len, draws, &mut plain);
                text(|out| super::base64(&plain, out))
            }
        }
    }

    /// How many bytes it writes, if it always writes as many raw bytes.
    pub fn fixed_len(&self) -> Option<usize> {
        match &self.0 {
            Kind::Bytes { len } => Some(*len),
            Kind::Uuid => Some(36),
            _ => None,
        }
    }

    /// Whether what it writes raw is no text.
    pub fn draws_bytes(&self) -> bool {
        matches!(self.0, Kind::Bytes { .. })
    }

    fn draw(&self, turn: Turn, draws: &mut Draws) -> Drawn<'_> {
        match &self.0 {
            Kind::Sequence { start, step } => {
                Drawn::Int(start.wrapping_add(step.wrapping_mul(turn.number as i64)))
            }
            Kind::Uniform { low, high } => Drawn::Int(match high.abs_diff(*low) {
                u64::MAX => draws.bits() as i64,
                span => low.wrapping_add_unsigned(draws.below(span + 1)),
            }),
            Kind::UniformFloat { low, high } => {
                let steps = (1u64 << 53) - 1;
                let unit = draws.below(steps + 1) as f64 / steps as f64;
                Drawn::Float((low + unit * (high - low)).clamp(*low, *high))
            }
            Kind::Zipf { low, law, .. } => Drawn::Int(low.wrapping_add_unsigned(law.draw(draws) - 1)),
            Kind::Normal { mean, stddev } => Drawn::Float(mean + stddev * standard_normal(draws)),
            Kind::Exponential { mean } => Drawn::Float(mean * exponential(draws)),
            Kind::Choice(choice) => Drawn::Value(choice.draw(draws)),
            Kind::Uuid => Drawn::Uuid(u128::from(draws.bits()) << 64 | u128::from(draws.bits())),
            Kind::Text { fewest, most } => {
                Drawn::Words(u64::from(*fewest) + draws.below(u64::from(most - fewest) + 1))
            }
            Kind::Bytes { len } => Drawn::Bytes(*len),
            Kind::Vector { dimension } => Drawn::Vector(*dimension),
            Kind::Column { rows, column } => Drawn::Value(rows.value(*column, turn)),
            Kind::Row(rows) => Drawn::Row(rows),
        }
    }
}

/// As a script writes it: `uniform(1, 1000)`.
impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sequence { start, step } => write!(f, "sequence({start}, {step})"),
            Kind::Uniform { low, high } => write!(f, "uniform({low}, {high})"),
            Kind::UniformFloat { low, high } => write!(f, "uniform({low:?}, {high:?})"),
            Kind::Zipf { low, high, exponent, .. } => write!(f, "zipf({low}, {high}, {exponent})"),
            Kind::Normal { mean, stddev } => write!(f, "normal({mean}, {stddev})"),
            Kind::Exponential { mean } => write!(f, "exponential({mean:?})"),
            Kind::Choice(choice) => write!(f, "choice({} values)", choice.values.len()),
            Kind::Uuid => write!(f, "uuid()"),
            Kind::Text { fewest, most } => write!(f, "text({fewest}, {most})"),
            Kind::Bytes { len } => write!(f, "bytes({len})"),
            Kind::Vector { dimension } => write!(f, "vector({dimension})"),
            Kind::Column { rows, column } => {
                write!(f, "rows({}).column({})", rows.path().display(), rows.columns()[*column])
            }
            Kind::Row(rows) => write!(f, "rows({}).row()", rows.path().display()),
        }
    }
}

impl Choice {
    fn draw(&self, draws: &mut Draws) -> &Value {
        let at = match self.sums.last() {
            None => draws.below(self.values.len() as u64) as usize,
            Some(total) => {
                let point = draws.unit() * total;
                self.sums.partition_point(|sum| *sum <= point)
            }
        };
        // Rounding can carry a point to the total itself.
        &self.values[at.min(self.values.len() - 1)]
    }
}

/// The components of a vector of length 1, as the 32-bit floats that vector databases store.
fn unit_vector(dimension: usize, draws: &mut Draws) -> Vec<f32> {
    let mut components = Vec::with_capacity(dimension);
    let mut square = 0.0;
    while components.len() < dimension {
        let (first, second) = normal_pair(draws);
        components.push(first as f32);
        square += first * first;
        if components.len() < dimension {
            components.push(second as f32);
            square += second * second;
        }
    }
    let scale = 1.0 / square.sqrt().max(f64::MIN_POSITIVE);
    components.iter_mut().for_each(|component| *component = (f64::from(*component) * scale) as f32);
    components
}

/// Both numbers of a draw by Box and Muller, which are independent.
fn normal_pair(draws: &mut Draws) -> (f64, f64) {
    let radius = (-2.0 * (1.0 - draws.unit()).ln()).sqrt();
    let (sine, cosine) = (std::f64::consts::TAU * draws.unit()).sin_cos();
    (radius * cosine, radius * sine)
}

/// `[0.1,-0.2]`: JSON, and the same wherever else a vector is put.
fn vector(dimension: usize, draws: &mut Draws, out: &mut Vec<u8>) {
    let mut before = b'[';
    for component in unit_vector(dimension, draws) {
        out.push(before);
        serde_json::to_writer(&mut *out, &component).expect("a Vec takes every write");
        before = b',';
    }
    out.push(b']');
}

fn uuid_text(bits: u128, text: &mut [u8; 36]) -> &str {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bits = bits & !(0xF << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let mut at = 0;
    for (number, byte) in bits.to_be_bytes().into_iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            text[at] = b'-';
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    std::str::from_utf8(text).expect("hexadecimal digits and dashes are ASCII")
}

fn words(count: u64, encoding: Encoding, draws: &mut Draws, out: &mut Vec<u8>) {
    let space = if matches!(encoding, Encoding::Path | Encoding::Query) { "%20" } else { " " };
    let mut bits = 0;
    for number in 0..count {
        bits = if number % 8 == 0 { draws.bits() } else { bits >> 8 };
        if number > 0 {
            out.extend_from_slice(space.as_bytes());
        }
        out.extend_from_slice(WORDS[(bits & 255) as usize].as_bytes());
    }
}

fn fill(len: usize, draws: &mut Draws, out: &mut Vec<u8>) {
    out.reserve(len);
    for _ in 0..len / 8 {
        out.extend_from_slice(&draws.bits().to_le_bytes());
    }
    out.extend_from_slice(&draws.bits().to_le_bytes()[..len % 8]);
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut out = Vec::new();
    write(&mut out);
    Value::String(String::from_utf8(out).expect("words and base64 are ASCII"))
}

fn ordered<T: PartialOrd + fmt::Display>(name: &str, low: T, high: T) -> Result<()> {
    if low <= high {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` from {low} to {high} holds no value"))
        .hint(format!("swap them: `{name}({high}, {low})`")))
}

fn finite(name: &str, values: &[f64]) -> Result<()> {
    if values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` takes finite numbers")).hint("infinity and NaN cannot be sent"))
}

#[cfg(test)]
mod tests;
