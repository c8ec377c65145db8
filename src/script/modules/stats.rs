//! The Rhai module `stats`.

use rhai::{Array, plugin::*};

use crate::error::{Error, Result};
use crate::measure::{Totals, is_guess, tally::percentile_ms};
use crate::script::{LoadResult, ScriptResult, explain::a, host, raise};

/// Percentiles and aggregates of arrays of numbers and of results.
#[export_module]
pub mod stats {
    /// The sum; 0 for an empty array.
    ///
    /// ```rhai
    /// print(stats::sum([1, 2.5, 3]));                         // 6.5
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sum(ctx: NativeCallContext, values: Array) -> ScriptResult<f64> {
        floats(&values).map(|values| values.iter().sum()).map_err(raise(&ctx))
    }

    /// The arithmetic mean.
    ///
    /// ```rhai
    /// print(stats::mean([1, 2, 6]));                          // 3.0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mean(ctx: NativeCallContext, values: Array) -> ScriptResult<f64> {
        some_floats("mean", &values).map(|values| average(&values)).map_err(raise(&ctx))
    }

    /// The median: the middle value, or the mean of the two in the middle.
    ///
    /// ```rhai
    /// print(stats::median([5, 1, 3]));                        // 3.0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn median(ctx: NativeCallContext, values: Array) -> ScriptResult<f64> {
        some_floats("median", &values).map(|values| interpolated(values, 50.0)).map_err(raise(&ctx))
    }

    /// The standard deviation of a sample (divided by n − 1); 0 for a single value.
    ///
    /// ```rhai
    /// print(stats::stddev([2, 4, 4, 4, 5, 5, 7, 9]));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn stddev(ctx: NativeCallContext, values: Array) -> ScriptResult<f64> {
        let values = some_floats("stddev", &values).map_err(raise(&ctx))?;
        let mean = average(&values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Ok((squares / (values.len().max(2) - 1) as f64).sqrt())
    }

    /// The smallest value.
    ///
    /// ```rhai
    /// print(stats::min([3, 1, 2]));                           // 1.0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn min(ctx: NativeCallContext, values: Array) -> ScriptResult<f64> {
        let values = some_floats("min", &values).map_err(raise(&ctx))?;
        Ok(values.into_iter().fold(f64::INFINITY, f64::min))
    }

    /// The largest value.
    ///
    /// ```rhai
    /// print(stats::max([3, 1, 2]));                           // 3.0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn max(ctx: NativeCallContext, values: Array) -> ScriptResult<f64> {
        let values = some_floats("max", &values).map_err(raise(&ctx))?;
        Ok(values.into_iter().fold(f64::NEG_INFINITY, f64::max))
    }

    /// A percentile, 0 to 100, with linear interpolation between the nearest values (Hyndman and Fan's type 7, as
    /// NumPy and R have it).
    ///
    /// ```rhai
    /// print(stats::percentile([1, 2, 3, 4], 50));             // 2.5
    /// ```
    #[rhai_fn(return_raw)]
    pub fn percentile(ctx: NativeCallContext, values: Array, percentile: Dynamic) -> ScriptResult<f64> {
        let values = some_floats("percentile", &values).map_err(raise(&ctx))?;
        let at = percentage(&percentile).map_err(raise(&ctx))?;
        Ok(interpolated(values, at))
    }

    /// A percentile of the response times of several results together, in milliseconds: from their merged
    /// histograms, never from their percentiles.
    ///
    /// ```rhai,no_run
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// let runs = (0..3).map(|i| load::run(home, #{ requests: 1_000 }));
    /// print(stats::pooled_percentile_ms(runs, 99));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pooled_percentile_ms(
        ctx: NativeCallContext,
        results: Array,
        percentile: Dynamic,
    ) -> ScriptResult<f64> {
        let at = percentage(&percentile).map_err(raise(&ctx))?;
        let Some(totals) = merged(&results).map_err(raise(&ctx))? else { return Ok(f64::NAN) };
        if totals.response.is_empty() {
            let error = Error::usage("no call of these results succeeded: there is no response time");
            return Err(raise(&ctx)(error.hint("look at their `errors.by_class` first")));
        }
        if at < 100.0 && is_guess(totals.response.len(), at) {
            host(&ctx).note(&format!("p{at} stands on fewer than 10 samples: take it with caution"));
        }
        Ok(percentile_ms(&totals.response, at))
    }
}

/// All results' histograms together; none in a plan.
fn merged(results: &Array) -> Result<Option<Totals>> {
    let mut totals = Totals::default();
    for result in results {
        let result = result.clone().try_cast::<LoadResult>().ok_or_else(|| {
            Error::usage(format!("expected results of loads, found {}", a(result.type_name())))
        })?;
        match result.totals() {
            Some(part) => totals.merge(part),
            None => return Ok(None),
        }
    }
    Ok(Some(totals))
}

fn floats(values: &Array) -> Result<Vec<f64>> {
    let one = |(at, value): (usize, &Dynamic)| {
        let number = value.as_float().or_else(|_| value.as_int().map(|whole| whole as f64));
        number.map_err(|found| {
            Error::usage(format!("value {at} of the array must be a number, not {}", a(found)))
        })
    };
    values.iter().enumerate().map(one).collect()
}

fn some_floats(what: &str, values: &Array) -> Result<Vec<f64>> {
    let values = floats(values)?;
    if values.is_empty() {
        return Err(Error::usage(format!("an empty array has no {what}")));
    }
    Ok(values)
}

fn percentage(value: &Dynamic) -> Result<f64> {
    let number = value.as_float().or_else(|_| value.as_int().map(|whole| whole as f64));
    number
        .ok()
        .filter(|at| (0.0..=100.0).contains(at))
        .ok_or_else(|| Error::usage(format!("a percentile is a number from 0 to 100, not {value}")))
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn interpolated(mut values: Vec<f64>, percentile: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let position = (values.len() - 1) as f64 * percentile / 100.0;
    let (below, part) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] + (values[above] - values[below]) * part
}
