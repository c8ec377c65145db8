//! How long the server works on a request, as people write it: `"none"`, `"2ms"`, `"exponential:2ms"`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};
use crate::measure::Span;

/// The distribution of service times. [`super::draw`] draws from it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ServiceTime {
    /// Answers at once.
    #[default]
    None,
    Constant(Span),
    Exponential {
        mean: Span,
    },
    /// `slow` for this share of the requests, `fast` for the others.
    Bimodal {
        fast: Span,
        slow: Span,
        slow_share: f64,
    },
}

/// The histograms of the truth end there.
pub const LONGEST: Span = Span(Duration::from_secs(3600));

impl FromStr for ServiceTime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("`{text}` is not a service time"))
                .hint("write `none`, `2ms`, `exponential:2ms` or `bimodal:1ms,20ms,0.1` (fast, slow, share of slow)")
        };
        let (kind, value) = text.split_once(':').unwrap_or(("constant", text));
        match kind {
            _ if text == "none" => Ok(Self::None),
            // A word that is no time is more likely a misspelt kind: what a time looks like would mislead.
            _ if text == value && value.parse::<Span>().is_err() => Err(wrong()),
            "constant" => Ok(Self::Constant(span(value, wrong)?)),
            "exponential" => Ok(Self::Exponential { mean: span(value, wrong)? }),
            "bimodal" => {
                let [fast, slow, share] = value.split(',').collect::<Vec<_>>()[..] else {
                    return Err(wrong());
                };
                let slow_share =
                    share.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
                        let mut error = wrong();
                        error.causes.push(format!("`{share}` is not a share from 0 to 1"));
                        error
                    })?;
                Ok(Self::Bimodal { fast: span(fast, wrong)?, slow: span(slow, wrong)?, slow_share })
            }
            _ => Err(wrong()),
        }
    }
}

fn span(text: &str, wrong: impl Fn() -> Error) -> Result<Span> {
    let span: Span = text.parse().map_err(|error| wrong().because(&error))?;
    if span > LONGEST {
        let mut error = wrong();
        error.causes.push(format!("`{text}` is longer than {LONGEST}"));
        return Err(error);
    }
    Ok(span)
}

/// Reads back the same.
impl fmt::Display for ServiceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Constant(span) => write!(f, "{span}"),
            Self::Exponential { mean } => write!(f, "exponential:{mean}"),
            Self::Bimodal { fast, slow, slow_share } => write!(f, "bimodal:{fast},{slow},{slow_share}"),
        }
    }
}

impl Serialize for ServiceTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ServiceTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| {
            de::Error::custom(
                std::iter::once(error.to_string()).chain(error.hints).collect::<Vec<_>>().join("; "),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        for text in ["none", "2ms", "0s", "exponential:250us", "bimodal:1ms,20ms,0.1"] {
            assert_eq!(text.parse::<ServiceTime>().unwrap().to_string(), text);
        }
        assert_eq!("constant:2ms".parse::<ServiceTime>().unwrap().to_string(), "2ms");
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |text: &str| text.parse::<ServiceTime>().unwrap_err().to_string();
        assert_eq!(message("uniform:2ms"), "`uniform:2ms` is not a service time");
        assert_eq!(message("bimodal:1ms,2ms"), "`bimodal:1ms,2ms` is not a service time");
        assert!(message("bimodal:1ms,2ms,1.5").ends_with("`1.5` is not a share from 0 to 1"));
        assert!(message("exponential:soon").contains("`soon` is not a time; write e.g."));
        assert!(message("2h").ends_with("`2h` is longer than 1h"));
        let json = serde_json::from_str::<ServiceTime>("\"fast\"").unwrap_err().to_string();
        assert!(json.contains("`fast` is not a service time") && json.contains("write `none`"), "{json}");
    }
}
