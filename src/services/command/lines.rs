//! The samples and numbers that a command tells in JSON lines on its standard output.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::load::{MOST_TOLD, Told};
use crate::measure::{
    Failure, Moment, Outcome, failure,
    metric::{Kind, Note},
};

/// A longer line is not read: bytes.
const LONGEST: usize = 64 * 1024;

/// Longer names of samples and numbers are cut or left out: bytes.
const LONGEST_NAME: usize = 100;

/// What a sample is called that gives itself no name.
const SAMPLE: &str = "sample";

/// Fields of a sample that are no numbers of their own.
const ABOUT: &[&str] = &["latency_s", "latency_ms", "success", "bytes", "http_status", "request_id"];

/// The lines of one call, taken apart as they come.
#[derive(Default)]
pub struct Lines {
    /// The beginning of a line whose end has not come.
    open: Vec<u8>,
    /// The line is too long, and is passed over up to its end.
    passing: bool,
    pub heard: Heard,
    names: Vec<Arc<str>>,
}

/// What was in the lines.
#[derive(Default)]
pub struct Heard {
    pub told: Vec<Told>,
    /// Lines that could be used.
    pub good: u64,
    /// Lines that could not, and the first of them.
    pub other: u64,
    pub first_other: Option<String>,
    /// Samples and numbers beyond those that are kept.
    pub left_out: u64,
}

impl Lines {
    /// Takes a piece of the output that came at `at`.
    pub fn push(&mut self, mut bytes: &[u8], at: Moment) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.take(&bytes[..end]);
            self.end(at);
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
    }

    /// The line is over.
    pub fn end(&mut self, at: Moment) {
        let line = std::mem::take(&mut self.open);
        let too_long = std::mem::take(&mut self.passing);
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let map = if too_long { None } else { serde_json::from_slice::<Map<String, Value>>(text).ok() };
        if map.is_some_and(|map| self.read(&map, at)) {
            self.heard.good += 1;
        } else {
            self.heard.other += 1;
            self.heard.first_other.get_or_insert_with(|| shown(text));
        }
        // The next line needs memory too.
        self.open = line;
        self.open.clear();
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.open.len();
        self.passing |= bytes.len() > room;
        self.open.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Takes the sample and the numbers of a line; `false` if they make no sense.
    fn read(&mut self, line: &Map<String, Value>, at: Moment) -> bool {
        let time = line.get("latency_s").map(|time| (time, 1e9));
        let time = time.or_else(|| line.get("latency_ms").map(|time| (time, 1e6)));
        if let Some((time, nanos)) = time {
            let Some(took) = time.as_f64().filter(|time| *time >= 0.0) else { return false };
            let given = ["name", "operation_type"].into_iter().find_map(|key| line.get(key)?.as_str());
            let name = self.named(given.unwrap_or(SAMPLE));
            self.tell(Told::Sample { name, took: (took * nanos) as u64, at, result: result(line) });
        }
        for (name, value) in line {
            let is_about = time.is_some() && ABOUT.contains(&name.as_str()) || name.starts_with("timestamp");
            let (kind, value) = match value {
                _ if is_about || name.is_empty() || name.len() > LONGEST_NAME => continue,
                Value::Bool(flag) => (Kind::Rate, f64::from(u8::from(*flag))),
                Value::Number(number) => (Kind::Trend, number.as_f64().unwrap_or_default()),
                _ => continue,
            };
            self.tell(Told::Number(Note { name: name.clone(), kind, value }, at));
        }
        true
    }

    fn tell(&mut self, told: Told) {
        match self.heard.told.len() < MOST_TOLD {
            true => self.heard.told.push(told),
            false => self.heard.left_out += 1,
        }
    }

    /// A name, kept once while there are few.
    fn named(&mut self, name: &str) -> Arc<str> {
        let name = cut(name, LONGEST_NAME);
        if let Some(known) = self.names.iter().find(|known| &***known == name) {
            return known.clone();
        }
        let made: Arc<str> = name.into();
        if self.names.len() < 64 {
            self.names.push(made.clone());
        }
        made
    }
}

/// How a sample ended, by its own account.
fn result(line: &Map<String, Value>) -> Result<Outcome, Failure> {
    let whole = |key: &str| line.get(key).and_then(Value::as_u64);
    let status = whole("http_status").and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
    let error = line.get("error").filter(|error| !error.is_null());
    let success = line.get("success").and_then(Value::as_bool).unwrap_or(error.is_none());
    if success {
        return Ok(Outcome { bytes: whole("bytes").unwrap_or(0), items: 1, status, first_byte: None });
    }
    let said = error.map_or_else(String::new, |error| match error {
        Value::String(text) => cut(text, 200).to_owned(),
        other => shown(other.to_string().as_bytes()),
    });
    let class = failure::named(&said).unwrap_or(match status {
        400.. => failure::status_class(status),
        _ => failure::REPORTED,
    });
    let detail = if said.is_empty() { "the command says no more of it".to_owned() } else { said };
    Err(Failure { status, ..Failure::kept(class, detail) })
}

/// The first `bytes` of a text, and no part of a letter.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The beginning of a line, for a message.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(400)]);
    let start: String = text.chars().take(80).collect();
    if start.len() < line.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(pieces: &[&str]) -> Heard {
        let mut lines = Lines::default();
        pieces.iter().for_each(|piece| lines.push(piece.as_bytes(), Moment(7)));
        lines.end(Moment(8));
        lines.heard
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let heard = heard(&["{\"a\"", ": 1}\n\n  \n{\"b\": true, \"s\": \"x\"", "}\nplain\n{\"c\": 2}"]);
        let told: Vec<_> = heard.told.iter().map(|told| format!("{told:?}")).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("\"a\", kind: Trend, value: 1.0 }, Moment(7)"), "{told:?}");
        assert!(told[1].contains("\"b\", kind: Rate, value: 1.0 }, Moment(7)"), "{told:?}");
        assert!(told[2].contains("\"c\", kind: Trend, value: 2.0 }, Moment(8)"), "{told:?}");
        assert_eq!((heard.good, heard.other, heard.first_other.as_deref()), (3, 1, Some("plain")));
    }

    #[test]
    fn a_sample_tells_how_it_ended() {
        let sample = |line: &str| match heard(&[line]).told.into_iter().next() {
            Some(Told::Sample { name, took, result, .. }) => (name.to_string(), took, result),
            other => panic!("{line}: {other:?}"),
        };
        let (name, took, result) = sample(r#"{"latency_s": 0.25, "operation_type": "get", "bytes": 9}"#);
        assert_eq!((name.as_str(), took, result.unwrap().bytes), ("get", 250_000_000, 9));
        let class = |line: &str| sample(line).2.unwrap_err().class;
        assert_eq!(class(r#"{"latency_ms": 1, "error": "timeout"}"#), "timeout");
        assert_eq!(class(r#"{"latency_ms": 1, "success": false, "http_status": 503}"#), "status_5xx");
        assert_eq!(class(r#"{"latency_ms": 1, "success": false}"#), "reported");
        assert_eq!(sample(r#"{"latency_ms": 2, "success": true, "error": null}"#).0, "sample");
    }

    #[test]
    fn nothing_grows_without_bounds() {
        let long = format!("{{\"a\": \"{}\"}}\n{{\"b\": 1}}\n", "x".repeat(LONGEST));
        let heard_long = heard(&[&long]);
        assert_eq!((heard_long.good, heard_long.other), (1, 1));
        let many = "{\"a\": 1}\n".repeat(MOST_TOLD + 5);
        let heard_many = heard(&[&many]);
        assert_eq!((heard_many.told.len(), heard_many.left_out), (MOST_TOLD, 5));
        for strange in [r#"{"latency_s": -1}"#, r#"{"latency_s": "soon"}"#, "[1]", "1", "{"] {
            assert_eq!(heard(&[strange]).other, 1, "{strange}");
        }
    }
}
