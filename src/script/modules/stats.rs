//! The Rhai module `stats`.

use rhai::{Array, Map, plugin::*};

use super::comparison::{Comparison, Ranking};
use crate::analysis::stats::{Bootstrap, Interval, Welch};
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
    /// let runs = [1, 2, 3].map(|turn| load::run(home, #{ requests: 1_000 }));
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

    /// Whether two loads differ: `base` and `new` are results, or arrays of results of the same load made again. Prints as a table;
    /// its fields are about p99 of the response time: `verdict` (`"better"`, `"worse"`, `"same"` or `"undecided"`), `effect`, `low`, `high`,
    /// `p`, `needed`; `comparison.of("throughput")` has those of another figure.
    ///
    /// A repetition is the unit: with one a side the comparison stands on the seconds within it, which is weaker, and the
    /// table says so. Compared are `throughput`, `p50_ms`, `p95_ms`, `p99_ms` and `error_rate`.
    ///
    /// ```rhai,no_run
    /// let old = http::client("http://127.0.0.1:8080").get("/");
    /// let changed = http::client("http://127.0.0.1:8081").get("/");
    /// let plan = #{ concurrency: 8, duration: "10s" };
    /// let before = [];
    /// let after = [];
    /// for turn in 0..5 { before.push(load::run(old, plan)); after.push(load::run(changed, plan)); }
    /// let comparison = stats::compare(before, after);
    /// print(comparison);
    /// check(comparison.verdict != "worse", "p99 is no worse");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn compare(ctx: NativeCallContext, base: Dynamic, new: Dynamic) -> ScriptResult<Comparison> {
        Comparison::of(&base, &new, Map::new()).map_err(raise(&ctx))
    }

    /// The same with options.
    ///
    /// * `metrics`: which figures: those of `compare` above, `p90_ms`, `p999_ms`, `avg_ms`, `max_ms`, or names of `extras`
    /// * `metric`: the one that the fields are about (`"p99_ms"`, else the first)
    /// * `margin`: differences up to this share do not matter (0.05)
    ///
    /// ```rhai,no_run
    /// let cache = redis::client("redis://127.0.0.1").get("key");
    /// let one = load::run(cache, #{ concurrency: 8, duration: "30s" });
    /// let two = load::run(cache, #{ concurrency: 8, duration: "30s" });
    /// print(stats::compare(one, two, #{ metrics: ["throughput", "hit_rate"], margin: 0.02 }).verdict);
    /// ```
    #[rhai_fn(name = "compare", return_raw)]
    pub fn compare_with(
        ctx: NativeCallContext,
        base: Dynamic,
        new: Dynamic,
        options: Map,
    ) -> ScriptResult<Comparison> {
        Comparison::of(&base, &new, options).map_err(raise(&ctx))
    }

    /// Loads from best to worst under one figure, each with its difference to the best: `values` are what was varied, `results` has for
    /// each of them a result or an array of results. Prints as a table; `best`, `median` and `worst` are of `values`.
    ///
    /// ```rhai,no_run
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// let users = [4, 16, 64];
    /// let results = users.map(|users| [1, 2, 3].map(|turn| load::run(home, #{ concurrency: users, duration: "10s" })));
    /// let ranking = stats::rank(users, results, "throughput");
    /// print(ranking);
    /// print(`${ranking.best} users are best`);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rank(
        ctx: NativeCallContext,
        values: Array,
        results: Array,
        metric: &str,
    ) -> ScriptResult<Ranking> {
        Ranking::of(values, &results, metric).map_err(raise(&ctx))
    }

    /// The interval that holds the mean of such values in 95 of 100 cases, by bootstrap with correction of bias and skew (BCa):
    /// `#{ low, high }`. Of fewer than ten values it is too narrow.
    ///
    /// ```rhai
    /// let interval = stats::interval([12, 15, 11, 19, 14, 13, 17, 12, 14, 16, 13, 15]);
    /// print(interval.low < 14.25 && 14.25 < interval.high);   // true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn interval(ctx: NativeCallContext, values: Array) -> ScriptResult<Map> {
        let values = some_floats("interval", &values).map_err(raise(&ctx))?;
        let drawn = Bootstrap::of(&[&values], host(&ctx).settings.seed, |samples| average(&samples[0]));
        let Interval { low, high } = drawn.bca_interval(0.95);
        Ok(Map::from_iter([("low".into(), low.into()), ("high".into(), high.into())]))
    }

    /// How likely two means lie so far apart by chance: Welch's t test, which lets the variances differ. The p value of both
    /// sides. Each array needs at least two values.
    ///
    /// ```rhai
    /// print(stats::welch([10, 11, 12, 11], [15, 16, 14, 15]) < 0.01);  // true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn welch(ctx: NativeCallContext, first: Array, second: Array) -> ScriptResult<f64> {
        let (first, second) = two_samples(&first, &second, 2).map_err(raise(&ctx))?;
        Ok(Welch::of(&first, &second).p())
    }

    /// How likely the values of one array tend so much higher than those of the other by chance: the test of Mann and Whitney. It
    /// looks at their order alone, so that single far-off values do not decide.
    ///
    /// ```rhai
    /// print(stats::mann_whitney([1, 2, 3, 4], [5, 6, 7, 800]));       // 0.0285714
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mann_whitney(ctx: NativeCallContext, first: Array, second: Array) -> ScriptResult<f64> {
        let (first, second) = two_samples(&first, &second, 1).map_err(raise(&ctx))?;
        Ok(crate::analysis::stats::mann_whitney(&first, &second).1)
    }

    /// How likely two means lie so far apart if it means nothing which value is in which array: the permutation test. Exact for few
    /// values, else by 20,000 draws with the run's seed.
    ///
    /// ```rhai
    /// print(stats::permutation([1, 2, 3, 4], [5, 6, 7, 8]));          // 0.0285714
    /// ```
    #[rhai_fn(return_raw)]
    pub fn permutation(ctx: NativeCallContext, first: Array, second: Array) -> ScriptResult<f64> {
        let (first, second) = two_samples(&first, &second, 1).map_err(raise(&ctx))?;
        Ok(crate::analysis::stats::permutation(&first, &second, host(&ctx).settings.seed))
    }

    /// How likely two means seem to lie within `margin` of each other by chance, when in truth they do not: two one-sided
    /// tests. Small values show that they are the same for all purposes; large ones show nothing.
    ///
    /// ```rhai
    /// print(stats::equivalence([10, 11, 12, 11], [11, 10, 11, 12], 3) < 0.05);   // true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn equivalence(
        ctx: NativeCallContext,
        first: Array,
        second: Array,
        margin: Dynamic,
    ) -> ScriptResult<f64> {
        let (first, second) = two_samples(&first, &second, 2).map_err(raise(&ctx))?;
        let margin = floats(&vec![margin]).map_err(raise(&ctx))?[0];
        Ok(crate::analysis::stats::equivalence(&Welch::of(&first, &second), margin))
    }

    /// The p values of several tests, adjusted so that the chance of any false finding among them is that of one (Holm).
    ///
    /// ```rhai
    /// print(stats::holm([0.01, 0.04, 0.03]));                 // [0.03, 0.06, 0.06]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn holm(ctx: NativeCallContext, p_values: Array) -> ScriptResult<Array> {
        let p_values = floats(&p_values).map_err(raise(&ctx))?;
        Ok(crate::analysis::stats::holm(&p_values).into_iter().map(Dynamic::from_float).collect())
    }
}

/// Numbers of two arrays, each of at least `fewest`.
fn two_samples(first: &Array, second: &Array, fewest: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let samples = (floats(first)?, floats(second)?);
    let count = samples.0.len().min(samples.1.len());
    if count < fewest {
        let values = if fewest == 1 { "value" } else { "values" };
        return Err(Error::usage(format!("each array needs at least {fewest} {values}, one has {count}")));
    }
    Ok(samples)
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
