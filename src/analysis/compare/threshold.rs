//! How far a figure may move: `p99_ms=+10%`.

use std::str::FromStr;

use serde::Serialize;

use super::{super::figure::refuse_misspelt, Difference};
use crate::error::{Error, Result};

/// The most that a figure may rise, or fall.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    pub metric: String,
    /// As written: `+10%`.
    pub limit: String,
    #[serde(skip)]
    by: f64,
    /// `by` is a share of the base, else in the figure's unit.
    #[serde(skip)]
    relative: bool,
}

/// A threshold that was crossed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossing {
    #[serde(flatten)]
    pub threshold: Threshold,
    /// What moved how far, in the words of the threshold; none if the figure was not measured.
    pub effect: Option<f64>,
    /// The whole interval lies beyond it.
    pub sure: bool,
}

impl FromStr for Threshold {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("`{text}` is not a threshold"))
                .hint("write METRIC=LIMIT with a sign: `p99_ms=+10%` may rise by 10 %, `throughput=-5%` may fall by 5 %")
        };
        let (metric, limit) = text.split_once('=').ok_or_else(wrong)?;
        refuse_misspelt("metric", metric)?;
        let (digits, relative) = limit.strip_suffix('%').map_or((limit, false), |digits| (digits, true));
        if metric.is_empty() || !digits.starts_with(['+', '-']) {
            return Err(wrong());
        }
        let number: f64 = digits.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(wrong)?;
        let by = if relative { number / 100.0 } else { number };
        // `-0%` may not fall at all.
        let by = if digits.starts_with('-') { -by.abs() } else { by };
        Ok(Self { metric: metric.to_owned(), limit: limit.to_owned(), by, relative })
    }
}

impl Threshold {
    /// How it was crossed, if it was. What was not measured crosses it: nobody can say that it held.
    pub fn crossed(&self, difference: &Difference) -> Option<Crossing> {
        let beyond = |effect: f64| {
            if self.by.is_sign_negative() { effect < self.by } else { effect > self.by }
        };
        let crossing = |effect, sure| Some(Crossing { threshold: self.clone(), effect, sure });
        let (Some(base), Some(effect)) = (difference.base, difference.effect) else {
            return crossing(None, false);
        };
        let moved = |effect: f64| match (self.relative, difference.absolute) {
            (true, true) if effect == 0.0 => 0.0,
            (true, true) => effect / base,
            (false, false) => effect * base,
            _ => effect,
        };
        let ends = [difference.low, difference.high];
        let sure = ends.into_iter().all(|end| end.is_some_and(|end| beyond(moved(end))));
        if beyond(moved(effect)) { crossing(Some(moved(effect)), sure) } else { None }
    }
}
