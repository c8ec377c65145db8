//! What comparisons of loads return: `Comparison` and `Ranking`.

use std::sync::Arc;

use rhai::{Array, Map, plugin::*};
use serde::Deserialize;

use crate::analysis::{
    compare::{self, Difference, MARGIN, METRICS, Mark, Repetition},
    figure, refuse_misspelt,
};
use crate::error::{Error, ErrorKind, Result};
use crate::report::differences::{self, Compared};
use crate::script::{LoadResult, Measured, ScriptResult, explain::a, options::options, raise, unmeasured};

/// Two loads side by side; its fields are about one figure.
#[derive(Clone)]
pub struct Comparison {
    metric: String,
    /// None in a plan.
    found: Option<Arc<Found>>,
}

struct Found {
    repetitions: [usize; 2],
    differences: Vec<Difference>,
    margin: f64,
}

/// Loads in order.
#[derive(Clone)]
pub struct Ranking {
    values: Array,
    /// None in a plan.
    found: Option<Arc<compare::Ranking>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    metrics: Option<Vec<String>>,
    metric: Option<String>,
    margin: Option<f64>,
}

impl Comparison {
    pub fn of(base: &Dynamic, new: &Dynamic, given: Map) -> Result<Self> {
        let given: Options = options("stats::compare", given)?;
        let margin = given.margin.unwrap_or(MARGIN);
        if !(0.0..1.0).contains(&margin) {
            return Err(Error::usage(format!("`margin` is a share from 0 to 1, not {margin}")));
        }
        let mut metrics = given.metrics.unwrap_or_else(|| METRICS.map(str::to_owned).into());
        let metric = match given.metric {
            Some(metric) => metric,
            None if metrics.is_empty() => {
                return Err(Error::usage("`metrics` is empty: there is nothing to compare"));
            }
            None => metrics.iter().find(|name| *name == "p99_ms").unwrap_or(&metrics[0]).clone(),
        };
        if !metrics.contains(&metric) {
            metrics.push(metric.clone());
        }
        metrics.iter().try_for_each(|metric| refuse_misspelt("metric", metric))?;
        let (Some(base), Some(new)) = (measured("base", base)?, measured("new", new)?) else {
            return Ok(Self { metric, found: None });
        };
        let [base, new]: [Vec<Repetition<'_>>; 2] =
            [&base, &new].map(|side| side.iter().map(Measured::repetition).collect());
        if let Some(unknown) = metrics.iter().find(|metric| {
            base.iter().chain(&new).all(|repetition| figure(repetition.metrics, metric).is_none())
        }) {
            return Err(Error::usage(format!("`{unknown}` was measured in neither"))
                .hint("a metric is `throughput`, `p99_ms`, `error_rate` or the like, or a name of the results' `extras`"));
        }
        let repetitions = [base.len(), new.len()];
        let differences = compare::compare(&base, &new, &metrics, margin);
        Ok(Self { metric, found: Some(Arc::new(Found { repetitions, differences, margin })) })
    }

    fn difference(&self) -> Option<&Difference> {
        self.found.as_ref()?.differences.iter().find(|difference| difference.metric == self.metric)
    }

    /// A number of the figure; `()` where there is none.
    fn number(&self, ctx: &NativeCallContext, of: impl Fn(&Difference) -> Option<f64>) -> Dynamic {
        match self.difference() {
            None => unmeasured(ctx).into(),
            Some(difference) => of(difference).map_or(Dynamic::UNIT, Dynamic::from_float),
        }
    }
}

impl Ranking {
    pub fn of(values: Array, results: &Array, metric: &str) -> Result<Self> {
        refuse_misspelt("metric", metric)?;
        if values.len() != results.len() || values.is_empty() {
            return Err(Error::usage(format!(
                "`stats::rank` needs a result for each value: {} values, {} results",
                values.len(),
                results.len()
            )));
        }
        let mut groups = Vec::new();
        for (value, results) in values.iter().zip(results) {
            let Some(measured) = measured("results", results)? else {
                return Ok(Self { values, found: None });
            };
            groups.push((value.to_string(), measured));
        }
        let groups: Vec<(String, Vec<Repetition<'_>>)> = groups
            .iter()
            .map(|(label, results)| (label.clone(), results.iter().map(Measured::repetition).collect()))
            .collect();
        let found = compare::Ranking::of(&groups, metric, MARGIN);
        if found.rows.is_empty() {
            return Err(Error::usage(format!("`{metric}` was measured in none of the results")));
        }
        Ok(Self { values, found: Some(Arc::new(found)) })
    }

    fn marked(&self, mark: Mark) -> Dynamic {
        let rows = self.found.iter().flat_map(|found| &found.rows);
        let of_one = self.found.as_ref().is_some_and(|found| found.rows.len() < 3);
        let mut rows = rows.filter(|row| row.mark == Some(mark) || of_one);
        let found = if mark == Mark::Worst { rows.next_back() } else { rows.next() };
        // In a plan any of them.
        self.values[found.map_or(0, |row| row.index)].clone()
    }
}

/// The numbers of a result or of an array of them; none in a plan.
pub fn measured(what: &str, results: &Dynamic) -> Result<Option<Vec<Measured>>> {
    let one = |result: &Dynamic| {
        let found = result.clone().try_cast::<LoadResult>();
        found.ok_or_else(|| {
            Error::usage(format!(
                "`{what}` must be a result of a load or an array of them, found {}",
                a(result.type_name())
            ))
        })
    };
    let Some(several) = results.read_lock::<Array>() else {
        return Ok(one(results)?.measured().map(|measured| vec![measured]));
    };
    if several.is_empty() {
        return Err(Error::usage(format!("`{what}` is an empty array: there is nothing to compare")));
    }
    several.iter().map(|result| Ok(one(result)?.measured())).collect()
}

/// Fields of comparisons.
#[export_module]
pub mod face {
    /// The same comparison with the fields of another figure: `throughput`, `p50_ms`, `p95_ms`, `p99_ms`, `error_rate`, or one that `metrics`
    /// named.
    ///
    /// ```rhai
    /// fn is_faster(comparison) { comparison.of("throughput").verdict == "better" }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn of(ctx: NativeCallContext, comparison: &mut Comparison, metric: &str) -> ScriptResult<Comparison> {
        let known: Vec<&str> = match &comparison.found {
            Some(found) => found.differences.iter().map(|one| one.metric.as_str()).collect(),
            None => vec![metric],
        };
        if !known.contains(&metric) {
            let error = Error::usage(format!("`{metric}` is not compared"));
            return Err(raise(&ctx)(error.hint(format!("compared are {}", known.join(", ")))));
        }
        Ok(Comparison { metric: metric.to_owned(), found: comparison.found.clone() })
    }

    /// The figure that the other fields are about.
    ///
    /// ```rhai
    /// fn title(comparison) { `${comparison.metric}: ${comparison.verdict}` }
    /// ```
    #[rhai_fn(get = "metric", pure)]
    pub fn metric(comparison: &mut Comparison) -> String {
        comparison.metric.clone()
    }

    /// `"better"`, `"worse"`, `"same"` (the interval lies within the margin) or `"undecided"`.
    ///
    /// ```rhai
    /// fn is_safe(comparison) { comparison.verdict == "same" || comparison.verdict == "better" }
    /// ```
    #[rhai_fn(get = "verdict", pure)]
    pub fn compared_verdict(comparison: &mut Comparison) -> String {
        comparison.difference().map_or("undecided", |difference| difference.verdict.word()).to_owned()
    }

    /// new / base − 1: 0.1 is a tenth more. Of `error_rate`, new − base.
    ///
    /// ```rhai
    /// fn growth(comparison) { comparison.of("throughput").effect * 100.0 }
    /// ```
    #[rhai_fn(get = "effect", pure, return_raw)]
    pub fn effect(ctx: NativeCallContext, comparison: &mut Comparison) -> ScriptResult<f64> {
        let Some(difference) = comparison.difference() else { return Ok(unmeasured(&ctx)) };
        difference.effect.ok_or_else(|| {
            let why = difference.why.clone().unwrap_or_default();
            raise(&ctx)(Error::new(
                ErrorKind::Unavailable,
                format!("`{}` has no effect: {why}", difference.metric),
            ))
        })
    }

    /// The lower end of the interval that holds the true effect in 95 of 100 cases; `()` if nothing tells.
    ///
    /// ```rhai
    /// fn is_surely_more(comparison) { comparison.of("throughput").low > 0.0 }
    /// ```
    #[rhai_fn(get = "low", pure)]
    pub fn low(ctx: NativeCallContext, comparison: &mut Comparison) -> Dynamic {
        comparison.number(&ctx, |difference| difference.low)
    }

    /// The upper end of that interval.
    ///
    /// ```rhai
    /// fn is_surely_less(comparison) { comparison.high < 0.0 }
    /// ```
    #[rhai_fn(get = "high", pure)]
    pub fn high(ctx: NativeCallContext, comparison: &mut Comparison) -> Dynamic {
        comparison.number(&ctx, |difference| difference.high)
    }

    /// How likely an effect so far from 0 is where there is none, corrected for all figures that are compared at once (Holm); `()` if
    /// nothing tells.
    ///
    /// ```rhai
    /// fn is_significant(comparison) { comparison.p < 0.05 }
    /// ```
    #[rhai_fn(get = "p", pure)]
    pub fn p(ctx: NativeCallContext, comparison: &mut Comparison) -> Dynamic {
        comparison.number(&ctx, |difference| difference.adjusted_p)
    }

    /// How many more repetitions of each side would probably decide what is undecided; `()` if it is decided, or if no number would.
    ///
    /// ```rhai
    /// fn more(comparison) { if comparison.needed == () { 0 } else { comparison.needed } }
    /// ```
    #[rhai_fn(get = "needed", pure)]
    pub fn needed(comparison: &mut Comparison) -> Dynamic {
        let needed = comparison.difference().and_then(|difference| difference.needed);
        needed.map_or(Dynamic::UNIT, |needed| i64::from(needed).into())
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn comparison_to_string(comparison: &mut Comparison) -> String {
        let Some(found) = &comparison.found else { return "not measured in a plan".to_owned() };
        let shown = [Compared {
            label: String::new(),
            repetitions: found.repetitions,
            differences: &found.differences,
        }];
        let remarks: String =
            differences::remarks(&shown).iter().map(|remark| format!("{remark}\n")).collect();
        let answer = differences::answer(&shown, found.margin, false);
        let [base, new] = found.repetitions;
        format!("{answer}\n{}repetitions: {base} and {new}\n{remarks}", differences::table(&shown, false))
    }

    /// The value that did best.
    ///
    /// ```rhai
    /// fn choice(ranking) { ranking.best }
    /// ```
    #[rhai_fn(get = "best", pure)]
    pub fn best(ranking: &mut Ranking) -> Dynamic {
        ranking.marked(Mark::Best)
    }

    /// The value in the middle: of an even number the better one of the two.
    ///
    /// ```rhai
    /// fn typical(ranking) { ranking.median }
    /// ```
    #[rhai_fn(get = "median", pure)]
    pub fn median(ranking: &mut Ranking) -> Dynamic {
        ranking.marked(Mark::Median)
    }

    /// The value that did worst.
    ///
    /// ```rhai
    /// fn never(ranking) { ranking.worst }
    /// ```
    #[rhai_fn(get = "worst", pure)]
    pub fn worst(ranking: &mut Ranking) -> Dynamic {
        ranking.marked(Mark::Worst)
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn ranking_to_string(ranking: &mut Ranking) -> String {
        ranking
            .found
            .as_ref()
            .map_or("not measured in a plan".to_owned(), |found| differences::ranking(found, false))
    }
}
