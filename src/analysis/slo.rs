//! Service level objectives: what the numbers of a load are asked to hold, and which of them did.

use serde_json::{Map, Value};

use super::figure::{
    ERROR_RATE, figure, is_low_confidence, is_response_time, more_is_better, refuse_misspelt,
};
use crate::error::{Error, Result};
use crate::measure::Span;
use crate::results::schema::{Metrics, Objective};

/// Objectives in the order in which they were written; all of them must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slo {
    goals: Vec<Goal>,
}

#[derive(Debug, Clone, PartialEq)]
struct Goal {
    /// With its unit: `p99_ms`.
    name: String,
    /// In that unit.
    limit: f64,
}

impl Slo {
    /// Reads `#{ p99: "50ms", p95_ms: 20, error_rate: 0.001, throughput: 1000, ttft_p99: "500ms" }`.
    ///
    /// `p50 p90 p95 p99 p999 avg max` are response times of successes, each with a time as text or, named with `_ms`, a number.
    /// `error_rate` is a share from 0 to 1. Other names are figures of a trial's `extras`: a text is a time (`ttft_p99` means
    /// `ttft_p99_ms`, or `ttft_p99_s`). Of `throughput`, `..._per_second` and the like at least so much is wanted, of all others
    /// at most.
    ///
    /// A usage error names what is not an objective.
    pub fn read(map: &Map<String, Value>) -> Result<Self> {
        let mut slo = Self::default();
        for (key, value) in map {
            let goal = goal(key, value)?;
            if slo.goals.iter().any(|known| known.name == goal.name) {
                return Err(Error::usage(format!("the objective `{}` is there twice", goal.name)));
            }
            slo.goals.push(goal);
        }
        Ok(slo)
    }

    pub fn is_empty(&self) -> bool {
        self.goals.is_empty()
    }

    /// What became of each objective, in the order in which they were written.
    pub fn judge(&self, metrics: &Metrics) -> Vec<Objective> {
        self.goals.iter().map(|goal| goal.judge(metrics)).collect()
    }
}

impl Goal {
    fn judge(&self, metrics: &Metrics) -> Objective {
        // What is asked for in milliseconds may be there in seconds.
        let in_seconds = || {
            let plain = self.name.strip_suffix("_ms")?;
            figure(metrics, &format!("{plain}_s")).map(|seconds| seconds * 1e3)
        };
        let value = figure(metrics, &self.name).or_else(in_seconds);
        let at_least = more_is_better(&self.name);
        let holds = |value: f64| if at_least { value >= self.limit } else { value <= self.limit };
        Objective {
            name: self.name.clone(),
            limit: self.limit,
            at_least,
            value,
            held: value.is_some_and(holds),
            low_confidence: is_low_confidence(metrics, &self.name),
        }
    }
}

fn goal(key: &str, value: &Value) -> Result<Goal> {
    refuse_misspelt("objective", key)?;
    let (plain, has_unit) = key.strip_suffix("_ms").map_or((key, false), |plain| (plain, true));
    if is_response_time(plain) || (value.is_string() && key != ERROR_RATE && !more_is_better(key)) {
        let limit = time(plain, has_unit, value)?;
        return Ok(Goal { name: format!("{plain}_ms"), limit });
    }
    let limit = number(key, value)?;
    if key == ERROR_RATE && limit > 1.0 {
        return Err(
            Error::usage(format!("`{key}` is a share from 0 to 1, not {value}")).hint("0.1 % is 0.001")
        );
    }
    Ok(Goal { name: key.to_owned(), limit })
}

/// In milliseconds: a text with its unit, or a number where the name has it.
fn time(plain: &str, has_unit: bool, value: &Value) -> Result<f64> {
    let key = if has_unit { format!("{plain}_ms") } else { plain.to_owned() };
    match value {
        Value::Number(_) if has_unit => number(&key, value),
        // Without a unit a text asks the same as a number: seconds or milliseconds?
        Value::String(text) if !has_unit && text.parse::<f64>().is_err() => {
            let span: Span =
                text.parse().map_err(|error: Error| Error::usage(format!("`{key}`: {error}")))?;
            Ok(span.seconds() * 1e3)
        }
        _ => Err(Error::usage(format!("`{key}` cannot be {value}: it needs a time with its unit"))
            .hint(format!("write `{plain}: \"50ms\"` or `{plain}_ms: 50`"))),
    }
}

fn number(key: &str, value: &Value) -> Result<f64> {
    let number = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| Error::usage(format!("`{key}` must be a number of 0 or more, not {value}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::analysis::sample;

    fn read(value: Value) -> Result<Slo> {
        Slo::read(value.as_object().expect("a map"))
    }

    fn judged(slo: Value, metrics: &Metrics) -> Vec<(String, Option<f64>, bool)> {
        let objectives = read(slo).expect("an SLO").judge(metrics);
        objectives.into_iter().map(|one| (one.name, one.value, one.held)).collect()
    }

    #[test]
    fn each_name_finds_its_number() {
        let mut metrics = sample::metrics(1_000.0, 40.0);
        metrics.extras.insert("ttft_p99_ms".into(), json!(480.0));
        metrics.extras.insert("ttfb_s".into(), json!(0.004));
        metrics.extras.insert("rows_per_second".into(), json!(900));
        let slo = json!({
            "p99": "50ms", "p95_ms": 20, "error_rate": 0.001, "throughput": 1_000, "ttft_p99": "500ms", "ttfb": "3ms",
            "rows_per_second": 1_000, "no_such_figure": 3,
        });
        let expected = [
            ("p99_ms", Some(40.0), true),
            ("p95_ms", Some(32.0), false),
            ("error_rate", Some(0.0), true),
            ("throughput", Some(1_000.0), true),
            ("ttft_p99_ms", Some(480.0), true),
            ("ttfb_ms", Some(4.0), false),
            ("rows_per_second", Some(900.0), false),
            ("no_such_figure", None, false),
        ];
        assert_eq!(judged(slo, &metrics), expected.map(|(name, value, held)| (name.into(), value, held)));
    }

    #[test]
    fn nothing_measured_holds_nothing() {
        let mut metrics = sample::metrics(0.0, 0.0);
        metrics.latency_ms.count = 0;
        metrics.total.requests = 0;
        for slo in [json!({ "p99": "1h" }), json!({ "error_rate": 1 }), json!({ "throughput": 1 })] {
            assert!(!read(slo).unwrap().judge(&metrics)[0].held);
        }
    }

    #[test]
    fn a_guess_is_said_to_be_one() {
        let mut metrics = sample::metrics(100.0, 40.0);
        metrics.latency_ms.count = 999;
        let slo = read(json!({ "p99": "50ms", "p95": "50ms", "max": "1s" })).unwrap();
        let low: Vec<bool> = slo.judge(&metrics).iter().map(|one| one.low_confidence).collect();
        assert_eq!(low, [true, false, false]);
    }

    #[test]
    fn what_is_no_objective_is_named() {
        let cases = [
            (json!({ "p98": "5ms" }), "there is no objective `p98`", "percentiles: p50, p90, p95, p99, p999"),
            (
                json!({ "p99_msec": 5 }),
                "there is no objective `p99_msec`",
                "percentiles: p50, p90, p95, p99, p999",
            ),
            (json!({ "eror_rate": 0 }), "there is no objective `eror_rate`", "did you mean `error_rate`?"),
            (json!({ "througput": 1 }), "there is no objective `througput`", "did you mean `throughput`?"),
            (
                json!({ "p99": 50 }),
                "`p99` cannot be 50: it needs a time with its unit",
                "write `p99: \"50ms\"` or `p99_ms: 50`",
            ),
            (
                json!({ "p99": "50" }),
                "`p99` cannot be \"50\": it needs a time with its unit",
                "write `p99: \"50ms\"` or `p99_ms: 50`",
            ),
            (json!({ "error_rate": 5 }), "`error_rate` is a share from 0 to 1, not 5", "0.1 % is 0.001"),
            (json!({ "throughput": true }), "`throughput` must be a number of 0 or more, not true", ""),
            (json!({ "drops": -1 }), "`drops` must be a number of 0 or more, not -1", ""),
            (json!({ "p99": "1s", "p99_ms": 5 }), "the objective `p99_ms` is there twice", ""),
        ];
        for (slo, message, hint) in cases {
            let error = read(slo).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.kind.word()), (message, "usage"));
            assert_eq!(error.hints.first().map_or("", String::as_str), hint);
        }
        let wrong = read(json!({ "ttft": "soon" })).unwrap_err().to_string();
        assert_eq!(wrong, "`ttft`: `soon` is not a time; write e.g. \"250ms\", \"30s\", \"5m\"");
    }
}
