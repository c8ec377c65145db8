//! Arrival times from a file: recorded elsewhere, or the saved schedule of an earlier trial.

use std::{
    fmt,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, nearest};

/// The times of a trace are held in memory, 8 bytes each.
const MOST_TIMES: usize = 50_000_000;
/// A time beyond this is a date, not a time since the start of a load: over a year of seconds.
const LONGEST: f64 = 4e7;
/// The length of the busiest stretch that tells the peak rate, in nanoseconds.
const PEAK_OVER: u64 = 10_000_000;

/// A file of times, as a script names it: its path, or a map with further options.
#[derive(Debug, Clone)]
pub struct Trace {
    pub file: PathBuf,
    /// The column of a CSV, or the field of JSON lines, that holds the times.
    pub column: Option<String>,
    /// How many times faster than recorded.
    pub speed: Option<f64>,
    /// What the file held, once it was read.
    pub times: Option<Arc<Times>>,
}

/// Times of calls in order.
#[derive(Debug)]
pub struct Times {
    /// Nanoseconds from the start of the load.
    pub due: Vec<u64>,
    /// Of the file as it was read, in hexadecimal.
    pub sha256: String,
    /// Times that were smaller than the one before: sorting moved them.
    pub out_of_order: usize,
    /// Calls a second in the busiest 10 ms.
    pub peak: f64,
}

impl Trace {
    /// Reads the file. A usage error names the line that is no time.
    pub fn read(self) -> Result<Self> {
        let speed = self.speed.unwrap_or(1.0);
        if !(speed > 0.0 && speed.is_finite()) {
            return Err(Error::usage(format!("the `speed` of a trace must be more than 0, not {speed}"))
                .hint("2.0 replays it in half the time, 0.5 in twice the time"));
        }
        let times = Reader { file: &self.file, column: self.column.as_deref(), speed }.read()?;
        Ok(Self { times: Some(Arc::new(times)), ..self })
    }
}

struct Reader<'a> {
    file: &'a Path,
    column: Option<&'a str>,
    speed: f64,
}

/// How the lines of a file tell their time.
enum Format<'a> {
    Plain,
    /// The number of the column, from 0.
    Column(usize),
    Json(Option<&'a str>),
}

impl Reader<'_> {
    fn read(&self) -> Result<Times> {
        let shown = self.file.display();
        let failed =
            |error: std::io::Error| Error::io(format!("cannot read the trace `{shown}`")).because(&error);
        let mut input = BufReader::new(File::open(self.file).map_err(failed)?);
        let mut format = match self.file.extension().and_then(|ending| ending.to_str()) {
            Some("jsonl" | "ndjson") => Some(Format::Json(self.column)),
            _ => None,
        };
        let (mut hash, mut line, mut number) = (Sha256::new(), Vec::new(), 0);
        let (mut due, mut out_of_order) = (Vec::new(), 0);
        while input.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            number += 1;
            hash.update(&line);
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            line.clear();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let known = match &format {
                Some(known) => known,
                None => {
                    let (found, is_header) = self.format(&text, number)?;
                    let found = format.insert(found);
                    if is_header {
                        continue;
                    }
                    found
                }
            };
            let time = self.time(&text, known, number)?;
            out_of_order += usize::from(due.last().is_some_and(|last| time < *last));
            due.push(time);
            if due.len() > MOST_TIMES {
                return Err(Error::usage(format!("the trace `{shown}` has more than {MOST_TIMES} times"))
                    .hint("they are held in memory: replay a part of it"));
            }
        }
        if due.is_empty() {
            return Err(Error::usage(format!("the trace `{shown}` holds no times"))
                .hint("one time a line, in seconds from the start of the load"));
        }
        due.sort_unstable();
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Times { peak: peak(&due), due, sha256, out_of_order })
    }

    /// What the first line tells, and whether it only names columns.
    fn format(&self, first: &str, number: usize) -> Result<(Format<'static>, bool)> {
        let names: Vec<String> = fields(first).collect();
        let Some(column) = self.column else {
            return match names.as_slice() {
                [one] => Ok((Format::Plain, one.parse::<f64>().is_err())),
                several => Err(self
                    .error(number, format!("`{first}` has {} columns", several.len()))
                    .hint("say which holds the times: `trace: #{ file: \"...\", column: \"...\" }`")),
            };
        };
        match names.iter().position(|name| name == column) {
            Some(at) => Ok((Format::Column(at), true)),
            None => {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let error = self.error(number, format!("no column is called `{column}`"));
                Err(match nearest(column, &known) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(format!("columns: {}", known.join(", "))),
                })
            }
        }
    }

    /// The time of one line in nanoseconds.
    fn time(&self, line: &str, format: &Format, number: usize) -> Result<u64> {
        let written = match format {
            Format::Plain => Some(line.to_owned()),
            Format::Column(at) => fields(line).nth(*at),
            Format::Json(field) => {
                let value: Value = serde_json::from_str(line)
                    .map_err(|error| self.error(number, format!("not JSON: {error}")))?;
                match (field, value) {
                    (Some(field), Value::Object(mut map)) => map.remove(*field).map(|time| time.to_string()),
                    (None, Value::Object(_)) => {
                        return Err(self.error(number, "an object, but no `column` is given").hint(
                            "say which field holds the times: `trace: #{ file: \"...\", column: \"...\" }`",
                        ));
                    }
                    (_, other) => Some(other.to_string()),
                }
            }
        };
        let Some(written) = written else {
            return Err(self.error(number, format!("`{}` is missing", self.column.unwrap_or_default())));
        };
        let seconds = written.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        let Some(seconds) = seconds else {
            return Err(self
                .error(number, format!("`{written}` is not a time"))
                .hint("times are seconds from the start of the load, 0 or more"));
        };
        let seconds = seconds / self.speed;
        if seconds > LONGEST {
            return Err(self
                .error(number, format!("{written} s is more than a year after the start of the load"))
                .hint("times count from the start of the load: subtract the first one from all"));
        }
        Ok((seconds * 1e9).round() as u64)
    }

    fn error(&self, line: usize, what: impl fmt::Display) -> Error {
        Error::usage(format!("the trace `{}`, line {line}: {what}", self.file.display()))
    }
}

/// The fields of a line of CSV, without their quotes. A quoted field does not go on in the next line.
fn fields(line: &str) -> impl Iterator<Item = String> {
    let mut quoted = false;
    line.split(move |letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    })
    .map(|field| field.trim().trim_matches('"').to_owned())
}

/// Calls a second in the busiest 10 ms.
fn peak(due: &[u64]) -> f64 {
    let mut first = 0;
    let most = due.iter().enumerate().map(|(at, time)| {
        while due[first] + PEAK_OVER <= *time {
            first += 1;
        }
        at + 1 - first
    });
    most.max().unwrap_or(0) as f64 * 1e9 / PEAK_OVER as f64
}

/// Enough to know the file again.
impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.file)?;
        if let Some(column) = &self.column {
            map.serialize_entry("column", column)?;
        }
        if let Some(speed) = self.speed {
            map.serialize_entry("speed", &speed)?;
        }
        if let Some(times) = &self.times {
            map.serialize_entry("times", &times.due.len())?;
            map.serialize_entry("sha256", &times.sha256)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// A visitor instead of an untagged enum, which would hide what is wrong with the map.
struct Written;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    file: PathBuf,
    column: Option<String>,
    speed: Option<f64>,
}

impl<'de> de::Visitor<'de> for Written {
    type Value = Trace;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a file, or a map `#{ file: \"times.csv\", column: \"at\" }`")
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<Trace, E> {
        Ok(Trace { file: path.into(), column: None, speed: None, times: None })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Trace, A::Error> {
        let Options { file, column, speed } =
            Options::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Trace { file, column, speed, times: None })
    }
}
