//! The parts of a result: distributions of times, failures, the verdict.

use rhai::{Array, Map, plugin::*};

use super::{Number, unmeasured};
use crate::error::{Error, ErrorKind, nearest};
use crate::measure::{Quantiles, Summary, Validity as Judged, failure};
use crate::report;
use crate::results::Outcome;
use crate::script::{ScriptResult, raise};

/// A distribution of times.
#[derive(Clone)]
pub struct Times {
    /// What it is a distribution of, for messages.
    what: &'static str,
    /// The row of the results that it belongs to, and its numbers; none in a plan.
    measured: Option<(Summary, Quantiles)>,
}

/// What failed.
#[derive(Clone)]
pub struct LoadErrors(Option<crate::measure::Errors>);

/// Whether the numbers are the service's own.
#[derive(Clone)]
pub struct Validity(Option<Judged>);

impl Times {
    pub fn of(what: &'static str, row: Option<&Summary>, field: impl Fn(&Summary) -> &Quantiles) -> Self {
        Self { what, measured: row.map(|row| (row.clone(), field(row).clone())) }
    }

    fn quantiles(&self) -> Option<&Quantiles> {
        self.measured.as_ref().map(|(_, quantiles)| quantiles)
    }

    fn get(&self, ctx: &NativeCallContext, field: impl Fn(&Quantiles) -> f64) -> ScriptResult<f64> {
        match &self.measured {
            None => Ok(unmeasured(ctx)),
            Some((row, quantiles)) if quantiles.count == 0 => {
                Err(raise(ctx)(no_samples(self.what, Some(row))))
            }
            Some((_, quantiles)) => Ok(field(quantiles)),
        }
    }
}

impl LoadErrors {
    pub fn of(row: Option<&Summary>) -> Self {
        Self(row.map(|row| row.errors.clone()))
    }
}

impl Validity {
    pub fn of(outcome: Option<&Outcome>) -> Self {
        Self(outcome.map(|outcome| outcome.metrics.validity.clone()))
    }
}

/// The error for a number of a distribution that holds nothing.
pub fn no_samples(what: &str, row: Option<&Summary>) -> Error {
    let name = row.map_or("the load", |row| row.name.as_str());
    let mut error =
        Error::new(ErrorKind::Unavailable, format!("there is no {what}: no call of `{name}` succeeded"));
    let classes = row.iter().flat_map(|row| &row.errors.by_class);
    let most = classes.max_by_key(|(_, failures)| failures.count);
    error
        .causes
        .extend(most.map(|(class, failures)| format!("{} × {class}: {}", failures.count, failures.first)));
    error.hint("ask first: `if result.successes > 0 { ... }`")
}

/// Fields of the parts of a result.
#[export_module]
pub mod fields {
    /// The mean in milliseconds.
    ///
    /// ```rhai
    /// fn mean(result) { result.latency.avg_ms }
    /// ```
    #[rhai_fn(get = "avg_ms", return_raw, pure)]
    pub fn avg_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.avg)
    }

    /// The standard deviation in milliseconds.
    ///
    /// ```rhai
    /// fn spread(result) { result.latency.stddev_ms / result.latency.avg_ms }
    /// ```
    #[rhai_fn(get = "stddev_ms", return_raw, pure)]
    pub fn stddev_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.stddev)
    }

    /// The shortest in milliseconds.
    ///
    /// ```rhai
    /// fn best_case(result) { result.latency.min_ms }
    /// ```
    #[rhai_fn(get = "min_ms", return_raw, pure)]
    pub fn min_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.min)
    }

    /// The longest in milliseconds.
    ///
    /// ```rhai
    /// fn worst_case(result) { result.latency.max_ms }
    /// ```
    #[rhai_fn(get = "max_ms", return_raw, pure)]
    pub fn max_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.max)
    }

    /// The median in milliseconds: half of the calls were faster.
    ///
    /// ```rhai
    /// fn typical(result) { result.latency.p50_ms }
    /// ```
    #[rhai_fn(get = "p50_ms", return_raw, pure)]
    pub fn p50_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.p50)
    }

    /// In milliseconds: 90 % of the calls were faster.
    ///
    /// ```rhai
    /// fn nine_of_ten(result) { result.latency.p90_ms }
    /// ```
    #[rhai_fn(get = "p90_ms", return_raw, pure)]
    pub fn p90_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.p90)
    }

    /// In milliseconds: 95 % of the calls were faster.
    ///
    /// ```rhai
    /// fn fast_enough(result) { result.latency.p95_ms < 20.0 }
    /// ```
    #[rhai_fn(get = "p95_ms", return_raw, pure)]
    pub fn p95_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.p95)
    }

    /// In milliseconds: 99 % of the calls were faster.
    ///
    /// ```rhai
    /// fn fast_enough(result) { result.latency.p99_ms < 50.0 }
    /// ```
    #[rhai_fn(get = "p99_ms", return_raw, pure)]
    pub fn p99_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.p99)
    }

    /// In milliseconds: 99.9 % of the calls were faster.
    ///
    /// ```rhai
    /// fn tail(result) { result.latency.p999_ms / result.latency.p50_ms }
    /// ```
    #[rhai_fn(get = "p999_ms", return_raw, pure)]
    pub fn p999_ms(ctx: NativeCallContext, times: &mut Times) -> ScriptResult<f64> {
        times.get(&ctx, |times| times.p999)
    }

    /// How many calls the distribution is made of.
    ///
    /// ```rhai
    /// fn samples(result) { result.latency.count }
    /// ```
    #[rhai_fn(get = "count", pure)]
    pub fn samples(ctx: NativeCallContext, times: &mut Times) -> Number {
        let count = times.quantiles().map(|quantiles| Dynamic::from_int(quantiles.count as i64));
        count.unwrap_or_else(|| unmeasured(&ctx).into())
    }

    /// Names of the percentiles that fewer than 10 samples lie beyond: tables mark them with `~`.
    ///
    /// ```rhai
    /// fn is_sure_of_p99(result) { !result.latency.low_confidence.contains("p99") }
    /// ```
    #[rhai_fn(get = "low_confidence", pure)]
    pub fn low_confidence(times: &mut Times) -> Array {
        let names = times.quantiles().into_iter().flat_map(|quantiles| &quantiles.low_confidence);
        names.map(|name| name.clone().into()).collect()
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn times_to_string(times: &mut Times) -> String {
        match times.quantiles() {
            Some(quantiles) => report::text::times(times.what, quantiles),
            None => format!("{}: not measured in a plan", times.what),
        }
    }

    /// Failed calls / all calls, 0 to 1.
    ///
    /// ```rhai
    /// fn acceptable(result) { result.errors.rate < 0.001 }
    /// ```
    #[rhai_fn(get = "rate", pure)]
    pub fn error_rate(ctx: NativeCallContext, errors: &mut LoadErrors) -> Number {
        errors.0.as_ref().map_or_else(|| unmeasured(&ctx), |errors| errors.rate).into()
    }

    /// How many calls had no answer within the plan's `timeout`.
    ///
    /// ```rhai
    /// fn patient_enough(result) { result.errors.timeouts == 0 }
    /// ```
    #[rhai_fn(get = "timeouts", pure)]
    pub fn timeouts(ctx: NativeCallContext, errors: &mut LoadErrors) -> Number {
        let count = errors.0.as_ref().map(|errors| Dynamic::from_int(errors.timeouts as i64));
        count.unwrap_or_else(|| unmeasured(&ctx).into())
    }

    /// How often each class of failure happened; a class that did not happen is not in the map.
    ///
    /// ```rhai
    /// fn classes(result) { result.errors.by_class.keys() }
    /// ```
    #[rhai_fn(get = "by_class", pure)]
    pub fn by_class(errors: &mut LoadErrors) -> Map {
        let classes = errors.0.iter().flat_map(|errors| &errors.by_class);
        classes.map(|(class, failures)| (class.as_str().into(), (failures.count as i64).into())).collect()
    }

    /// How often one class of failure happened: 0 if it did not.
    ///
    /// ```rhai
    /// fn refusals(result) { result.errors.count("refused") }
    /// ```
    #[rhai_fn(name = "count", return_raw, pure)]
    pub fn count_class(ctx: NativeCallContext, errors: &mut LoadErrors, class: &str) -> ScriptResult<Number> {
        if !failure::is_class(class) {
            let error = Error::usage(format!("there is no failure class `{class}`"));
            let error = match nearest(class, failure::classes()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("classes: {}", failure::classes().join(", "))),
            };
            return Err(raise(&ctx)(error));
        }
        let Some(errors) = &errors.0 else { return Ok(unmeasured(&ctx).into()) };
        Ok((errors.by_class.get(class).map_or(0, |failures| failures.count) as i64).into())
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn errors_to_string(errors: &mut LoadErrors) -> String {
        let Some(errors) = &errors.0 else { return "not measured in a plan".to_owned() };
        let classes: Vec<String> =
            errors.by_class.iter().map(|(class, failures)| format!("{} {class}", failures.count)).collect();
        if classes.is_empty() { "none".to_owned() } else { classes.join(", ") }
    }

    /// `valid`, `suspect` or `generator-limited`.
    ///
    /// ```rhai
    /// fn trustworthy(result) { result.validity.verdict == "valid" }
    /// ```
    #[rhai_fn(get = "verdict", pure)]
    pub fn verdict(validity: &mut Validity) -> String {
        validity.0.as_ref().map_or("valid", |validity| validity.verdict.word()).to_owned()
    }

    /// The evidence for the verdict, one sentence each.
    ///
    /// ```rhai
    /// fn explain(result) { for reason in result.validity.reasons { print(reason); } }
    /// ```
    #[rhai_fn(get = "reasons", pure)]
    pub fn reasons(validity: &mut Validity) -> Array {
        validity.0.iter().flat_map(|validity| &validity.reasons).map(|reason| reason.clone().into()).collect()
    }

    /// The highest rate that the generator could have driven, calls a second; `()` if it is not known.
    ///
    /// ```rhai
    /// fn headroom(result) { result.validity.ceiling_rate / result.throughput }
    /// ```
    #[rhai_fn(get = "ceiling_rate", pure)]
    pub fn ceiling_rate(validity: &mut Validity) -> Number {
        let ceiling = validity.0.as_ref().and_then(|validity| validity.ceiling_rate);
        ceiling.map_or(Dynamic::UNIT, Dynamic::from_float)
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn validity_to_string(validity: &mut Validity) -> String {
        let Some(validity) = &validity.0 else { return "not measured in a plan".to_owned() };
        let mut lines = vec![validity.verdict.word().to_owned()];
        lines.extend(validity.reasons.iter().cloned());
        lines.join(": ")
    }
}
