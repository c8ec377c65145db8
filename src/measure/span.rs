//! A length of time as people write it: `"250us"`, `"2ms"`, `"1.5s"`, `"5m"`, `"1h"`, or seconds as a number.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::clock;
use crate::error::{Error, Result};

/// Never negative; at most 584 years, so that nanoseconds fit into 64 bits. Written as text, it reads back the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub Duration);

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

impl Span {
    pub fn from_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }

    pub fn from_seconds(seconds: f64) -> Result<Self> {
        Self::of(seconds, SECOND).ok_or_else(|| not_a_time(seconds))
    }

    pub fn nanos(self) -> u64 {
        clock::nanos(self.0)
    }

    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// `None` unless the number is finite, not negative and in range.
    fn of(number: f64, unit: u64) -> Option<Self> {
        let nanos = (number * unit as f64).round();
        (0.0..u64::MAX as f64).contains(&nanos).then(|| Self::from_nanos(nanos as u64))
    }
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = match unit {
            "us" | "µs" => MICROSECOND,
            "ms" => MILLISECOND,
            "s" | "" => SECOND,
            "m" => MINUTE,
            "h" => HOUR,
            _ => return Err(not_a_time(text)),
        };
        number.parse().ok().and_then(|number| Self::of(number, unit)).ok_or_else(|| not_a_time(text))
    }
}

fn not_a_time(written: impl fmt::Display) -> Error {
    Error::usage(format!("`{written}` is not a time; write e.g. \"250ms\", \"30s\", \"5m\""))
}

/// In the largest unit that it fills; minutes and hours only where they are whole.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos();
        let (unit, name) = match nanos {
            0 => (SECOND, "s"),
            HOUR.. if nanos.is_multiple_of(HOUR) => (HOUR, "h"),
            MINUTE.. if nanos.is_multiple_of(MINUTE) => (MINUTE, "m"),
            SECOND.. => (SECOND, "s"),
            MILLISECOND.. => (MILLISECOND, "ms"),
            _ => (MICROSECOND, "us"),
        };
        write!(f, "{}", nanos / unit)?;
        let rest = nanos % unit;
        if rest > 0 {
            let digits = unit.ilog10() as usize;
            write!(f, ".{}", format!("{rest:0digits$}").trim_end_matches('0'))?;
        }
        f.write_str(name)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// A visitor instead of an untagged enum, which would hide what is wrong with the text.
struct Written;

impl de::Visitor<'_> for Written {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"250ms\", \"30s\", \"5m\", or seconds as a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Span, E> {
        Span::from_seconds(seconds).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
        self.visit_f64(seconds as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> u64 {
        text.parse::<Span>().unwrap().nanos()
    }

    #[test]
    fn reads_every_unit_and_plain_seconds() {
        assert_eq!(nanos("250us"), 250_000);
        assert_eq!(nanos("2ms"), 2_000_000);
        assert_eq!(nanos("1.5s"), 1_500_000_000);
        assert_eq!(nanos("5m"), 300_000_000_000);
        assert_eq!(nanos("1h"), 3_600_000_000_000);
        assert_eq!(nanos("30"), 30_000_000_000);
        assert_eq!(nanos("0"), 0);
        assert_eq!(nanos("1.500000001s"), 1_500_000_001);
    }

    #[test]
    fn says_what_is_not_a_time() {
        for wrong in [
            "5 minutes",
            "",
            " ",
            "-5s",
            "ms",
            "NaN",
            "inf",
            "1e3s",
            "1.2.3s",
            ".",
            "5d",
            "9999999999h",
            "1ms ",
        ] {
            let error = wrong.parse::<Span>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{wrong}` is not a time; write e.g. \"250ms\", \"30s\", \"5m\"")
            );
            assert_eq!(error.kind.word(), "usage");
        }
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(Span::from_seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for (ns, text) in [
            (0, "0s"),
            (1, "0.001us"),
            (250_000, "250us"),
            (2_000_000, "2ms"),
            (2_500_000, "2.5ms"),
            (1_500_000_000, "1.5s"),
            (1_000_000_001, "1.000000001s"),
            (90_000_000_000, "90s"),
            (120_000_000_000, "2m"),
            (5_400_000_000_000, "90m"),
            (7_200_000_000_000, "2h"),
        ] {
            assert_eq!(Span::from_nanos(ns).to_string(), text);
            assert_eq!(nanos(text), ns, "{text}");
        }
    }

    #[test]
    fn json_holds_text_or_seconds() {
        let read = |json: &str| serde_json::from_str::<Span>(json);
        assert_eq!(read("\"250ms\"").unwrap(), read("0.25").unwrap());
        assert_eq!(read("30").unwrap().to_string(), "30s");
        assert_eq!(serde_json::to_string(&read("2").unwrap()).unwrap(), "\"2s\"");
        assert!(read("-1").unwrap_err().to_string().starts_with("`-1` is not a time; write"));
        assert!(read("\"soon\"").unwrap_err().to_string().starts_with("`soon` is not a time; write"));
        assert!(read("true").unwrap_err().to_string().contains("expected a time such as \"250ms\""));
    }
}
