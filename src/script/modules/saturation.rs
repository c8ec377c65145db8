//! The Rhai module `saturation`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Array, Map, plugin::*};
use serde::Deserialize;

use super::comparison::measured;
use crate::analysis::{
    Slo,
    saturation::{Answer, Range, Rung, Search as Searching},
};
use crate::error::{Error, Result};
use crate::report::ladder;
use crate::script::{
    LoadResult, ScriptResult, effect, explain::a, host, options::options, raise, unmeasured,
};

/// Rungs of a search unless it is told.
const POINTS: usize = 12;

/// A search under way; none in a plan.
#[derive(Clone)]
pub struct Search(Arc<Mutex<State>>);

struct State {
    search: Searching,
    slo: Slo,
    whole: bool,
}

/// What a ladder tells; none in a plan.
#[derive(Clone)]
pub struct Saturation(Option<Arc<Answer>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    from: f64,
    to: f64,
    #[serde(default)]
    slo: serde_json::Map<String, serde_json::Value>,
    points: Option<usize>,
    whole: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    slo: serde_json::Map<String, serde_json::Value>,
}

impl Search {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much load a service carries: where throughput stops growing, and the highest load that holds objectives.
#[export_module]
pub mod saturation {
    /// A search for the highest load that holds: `next` says which load to try, `observe` is told what came of it. The load may be a
    /// rate or a concurrency. It doubles until an objective is missed or throughput stops growing, halves the gap, and tries
    /// loads around the edge again until the answer is known to 5 % or the points are used up.
    ///
    /// * `from`, `to`: the loads between which it lies; both whole numbers: only whole loads are tried
    /// * `slo`: objectives, all of which must hold: `p50` to `p999`, `avg` and `max` of the response time (`"50ms"`), `error_rate` (at most
    ///   so much), `throughput` (at least), and any of the `extras`; without one the knee of throughput is looked for
    /// * `points`: loads to try at most (12)
    /// * `whole`: only whole loads, as of concurrency (whether `from` and `to` are whole numbers)
    ///
    /// ```rhai,no_run
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// let search = saturation::search(#{ from: 100, to: 20_000, slo: #{ p99: "50ms", error_rate: 0.001 } });
    /// let rate = search.next();
    /// while rate != () {
    ///     search.observe(rate, load::run(home, #{ rate: rate, arrival: "poisson", duration: "10s" }));
    ///     rate = search.next();
    /// }
    /// print(search.answer);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn search(ctx: NativeCallContext, settings: Map) -> ScriptResult<Search> {
        begun(settings).map_err(raise(&ctx))
    }

    /// What loads that were run tell: `loads` are what was varied, a rate or a concurrency, `results` has for each of them a result or an
    /// array of results.
    ///
    /// * `slo`: objectives as of `saturation::search`
    ///
    /// ```rhai,no_run
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// let users = [1, 2, 4, 8, 16, 32];
    /// let results = users.map(|users| load::run(home, #{ concurrency: users, duration: "5s" }));
    /// let found = saturation::of(users, results, #{ slo: #{ p99: "20ms" } });
    /// print(found);
    /// print(`throughput stops growing at ${found.knee} users`);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn of(
        ctx: NativeCallContext,
        loads: Array,
        results: Array,
        settings: Map,
    ) -> ScriptResult<Saturation> {
        of_results(&loads, &results, settings).map_err(raise(&ctx))
    }

    /// What the trials of a declared scenario tell along one of its parameters, with the limits of the scenario: in `report(results)`.
    ///
    /// ```rhai
    /// fn report(results) { results.saturation("concurrency") }
    /// ```
    #[rhai_fn(global, name = "saturation", return_raw, pure)]
    pub fn of_trials(
        ctx: NativeCallContext,
        results: &mut Array,
        parameter: &str,
    ) -> ScriptResult<Saturation> {
        let declared =
            host(&ctx).state().folder.as_ref().map(|folder| folder.run.declared.clone()).unwrap_or_default();
        along(results, parameter, &declared).map_err(raise(&ctx))
    }

    /// The load to try next, or `()` when the search has ended.
    ///
    /// ```rhai,no_run
    /// let search = saturation::search(#{ from: 1, to: 64, slo: #{ p99: "20ms" } });
    /// print(search.next());                                   // 1
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn next(ctx: NativeCallContext, search: &mut Search) -> ScriptResult<Dynamic> {
        effect(&ctx, "the points of a search")?;
        let state = search.state();
        Ok(match state.search.next() {
            None => Dynamic::UNIT,
            Some(load) if state.whole => (load as i64).into(),
            Some(load) => load.into(),
        })
    }

    /// Tells a search what came of a load.
    ///
    /// ```rhai
    /// fn step(search, operation) {
    ///     let users = search.next();
    ///     search.observe(users, load::run(operation, #{ concurrency: users, duration: "5s" }));
    /// }
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn observe(
        ctx: NativeCallContext,
        search: &mut Search,
        load: Dynamic,
        result: LoadResult,
    ) -> ScriptResult<()> {
        let load = number(&load).map_err(raise(&ctx))?;
        if let Some(measured) = result.measured() {
            let mut state = search.state();
            let rung = Rung::of(load, &measured.repetition(), &state.slo);
            state.search.observe(rung);
        }
        Ok(())
    }

    /// What a search has found by now.
    ///
    /// ```rhai
    /// fn capacity(search) { search.answer.load }
    /// ```
    #[rhai_fn(global, get = "answer", pure)]
    pub fn answer(search: &mut Search) -> Saturation {
        let answer = search.state().search.answer();
        Saturation((!answer.saturation.levels.is_empty()).then(|| Arc::new(answer)))
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn search_to_string(search: &mut Search) -> String {
        format!("a search that has tried {} loads", search.state().search.rungs().len())
    }

    /// The highest load that holds the objectives, or without objectives the knee; `()` if the loads tried do not hold the answer: `why`
    /// says so.
    ///
    /// ```rhai
    /// fn headroom(found, today) { found.load / today }
    /// ```
    #[rhai_fn(global, get = "load", pure)]
    pub fn load(ctx: NativeCallContext, found: &mut Saturation) -> Dynamic {
        field(&ctx, found, |answer| answer.load)
    }

    /// The lower end of the interval of `load`: where nothing better is known, the highest load tried that held.
    ///
    /// ```rhai
    /// fn safe(found) { found.low }
    /// ```
    #[rhai_fn(global, get = "low", pure)]
    pub fn low(ctx: NativeCallContext, found: &mut Saturation) -> Dynamic {
        field(&ctx, found, |answer| answer.low)
    }

    /// The upper end of the interval of `load`.
    ///
    /// ```rhai
    /// fn width(found) { found.high / found.low }
    /// ```
    #[rhai_fn(global, get = "high", pure)]
    pub fn high(ctx: NativeCallContext, found: &mut Saturation) -> Dynamic {
        field(&ctx, found, |answer| answer.high)
    }

    /// Why a search has ended, or why there is no answer.
    ///
    /// ```rhai
    /// fn explain(found) { if found.load == () { print(found.why); } }
    /// ```
    #[rhai_fn(global, get = "why", pure)]
    pub fn why(found: &mut Saturation) -> String {
        found.0.as_ref().map_or(String::new(), |answer| answer.why.clone())
    }

    /// A rate just below the answer, in calls a second, for one open loop of its own that confirms it; `()` without an answer.
    ///
    /// ```rhai
    /// fn confirm(found, operation) { load::run(operation, #{ rate: found.confirm_rate, arrival: "poisson", duration: "60s" }) }
    /// ```
    #[rhai_fn(global, get = "confirm_rate", pure)]
    pub fn confirm_rate(ctx: NativeCallContext, found: &mut Saturation) -> Dynamic {
        field(&ctx, found, |answer| answer.confirm_rate)
    }

    /// The load at which throughput stops growing; `()` if it grew to the end.
    ///
    /// ```rhai
    /// fn knee(found) { found.knee }
    /// ```
    #[rhai_fn(global, get = "knee", pure)]
    pub fn knee(ctx: NativeCallContext, found: &mut Saturation) -> Dynamic {
        field(&ctx, found, |answer| answer.saturation.knee.map(|knee| knee.load))
    }

    /// The highest throughput of a load, in calls a second.
    ///
    /// ```rhai
    /// fn utilisation(found, rate) { rate / found.peak_throughput }
    /// ```
    #[rhai_fn(global, get = "peak_throughput", pure)]
    pub fn peak_throughput(ctx: NativeCallContext, found: &mut Saturation) -> Dynamic {
        field(&ctx, found, |answer| answer.saturation.peak_throughput)
    }

    /// The loads that were tried, the lowest first: an array of maps of `load`, `repetitions`, `throughput`, `p50_ms`, `p95_ms`, `p99_ms`,
    /// `error_rate`, `held`.
    ///
    /// ```rhai
    /// fn tried(found) { found.levels.map(|level| level.load) }
    /// ```
    #[rhai_fn(global, get = "levels", pure)]
    pub fn levels(found: &mut Saturation) -> Array {
        let levels = found.0.iter().flat_map(|answer| &answer.saturation.levels);
        levels
            .map(|level| {
                let mut map = Map::new();
                map.insert("load".into(), level.load.into());
                map.insert("repetitions".into(), (level.repetitions as i64).into());
                map.insert("throughput".into(), level.throughput.into());
                map.insert("p50_ms".into(), level.p50_ms.into());
                map.insert("p95_ms".into(), level.p95_ms.into());
                map.insert("p99_ms".into(), level.p99_ms.into());
                map.insert("error_rate".into(), level.error_rate.into());
                map.insert("held".into(), level.held.into());
                Dynamic::from_map(map)
            })
            .collect()
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn saturation_to_string(found: &mut Saturation) -> String {
        found.0.as_ref().map_or("nothing was measured".to_owned(), |answer| ladder::text(answer, false))
    }
}

fn begun(settings: Map) -> Result<Search> {
    let ends = ["from", "to"].map(|name| settings.get(name).is_some_and(Dynamic::is_int));
    let given: Options = options("saturation::search", settings)?;
    let whole = given.whole.unwrap_or(ends == [true, true]);
    let range = Range { from: given.from, to: given.to, points: given.points.unwrap_or(POINTS), whole };
    let (search, slo) = (Searching::new(range)?, Slo::read(&given.slo)?);
    Ok(Search(Arc::new(Mutex::new(State { search, slo, whole }))))
}

fn of_results(loads: &Array, results: &Array, settings: Map) -> Result<Saturation> {
    let slo = Slo::read(&options::<Given>("saturation::of", settings)?.slo)?;
    if loads.len() != results.len() || loads.is_empty() {
        return Err(Error::usage(format!(
            "`saturation::of` needs a result for each load: {} loads, {} results",
            loads.len(),
            results.len()
        )));
    }
    let mut rungs = Vec::new();
    for (load, results) in loads.iter().zip(results) {
        let load = number(load)?;
        let Some(measured) = measured("results", results)? else { return Ok(Saturation(None)) };
        rungs.extend(measured.iter().map(|one| Rung::of(load, &one.repetition(), &slo)));
    }
    Ok(Saturation(Some(Arc::new(Answer::of(&rungs, false)))))
}

fn along(
    results: &Array,
    parameter: &str,
    declared: &serde_json::Map<String, serde_json::Value>,
) -> Result<Saturation> {
    let slo = match declared.get("slo") {
        Some(serde_json::Value::Object(slo)) => Slo::read(slo)?,
        _ => Slo::default(),
    };
    let mut rungs = Vec::new();
    for result in results {
        let result = result.read_lock::<LoadResult>().ok_or_else(|| {
            Error::usage(format!("`saturation` needs results of trials, not {}", a(result.type_name())))
        })?;
        let Some(outcome) = result.outcome() else { return Ok(Saturation(None)) };
        let load = outcome.meta.point.get(parameter).and_then(serde_json::Value::as_f64);
        let load = load.filter(|load| *load > 0.0).ok_or_else(|| {
            let known: Vec<&str> = outcome.meta.point.keys().map(String::as_str).collect();
            Error::usage(format!("`{parameter}` is no parameter of these trials that is a number above 0"))
                .hint(format!("parameters: {}", known.join(", ")))
        })?;
        if let Some(measured) = result.measured() {
            rungs.push(Rung::of(load, &measured.repetition(), &slo));
        }
    }
    if rungs.is_empty() {
        return Ok(Saturation(None));
    }
    Ok(Saturation(Some(Arc::new(Answer::of(&rungs, false)))))
}

fn number(load: &Dynamic) -> Result<f64> {
    let number = load.as_float().or_else(|_| load.as_int().map(|whole| whole as f64));
    let number = number.map_err(|found| Error::usage(format!("a load is a number, not {}", a(found))))?;
    if number > 0.0 && number.is_finite() {
        return Ok(number);
    }
    Err(Error::usage(format!("a load is a number above 0, not {number}")))
}

/// `()` where there is none; in a plan not a number.
fn field(ctx: &NativeCallContext, found: &Saturation, of: impl Fn(&Answer) -> Option<f64>) -> Dynamic {
    match &found.0 {
        None => unmeasured(ctx).into(),
        Some(answer) => of(answer).map_or(Dynamic::UNIT, Dynamic::from_float),
    }
}
