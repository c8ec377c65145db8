//! The fields of a result as a whole.

use rhai::{Array, Map, plugin::*};

use super::{
    LoadErrors, LoadResult, Number, Times, Validity, parts::no_samples, unmeasured, unmeasured::Unmeasured,
};
use crate::error::Error;
use crate::measure::{is_guess, tally};
use crate::report;
use crate::results::schema::Metrics;
use crate::script::{ScriptResult, effect, host, options::from_json, raise};

/// The numbers of a load. Numbers carry their unit in the name; a field that does not exist is an error.
#[export_module]
pub mod face {
    /// What the load, or this operation of it, is called.
    ///
    /// ```rhai
    /// fn title(result) { result.name }
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(result: &mut LoadResult) -> String {
        result.name.clone()
    }

    /// The point of a declared scenario that was measured: its parameters by name, and `repetition`; empty for other loads.
    ///
    /// ```rhai
    /// fn report(results) { results.filter(|result| result.p.concurrency == 8) }
    /// ```
    #[rhai_fn(get = "p", pure)]
    pub fn p(result: &mut LoadResult) -> Map {
        let Some(outcome) = result.outcome() else { return Map::new() };
        let mut point: Map =
            outcome.meta.point.iter().map(|(name, value)| (name.into(), from_json(value.clone()))).collect();
        if !point.is_empty() {
            point.insert("repetition".into(), i64::from(outcome.meta.repetition).into());
        }
        point
    }

    /// All calls due in the measured window: successes and failures.
    ///
    /// ```rhai
    /// fn succeeded(result) { result.requests - result.failures }
    /// ```
    #[rhai_fn(get = "requests", pure)]
    pub fn requests(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.requests)
    }

    /// Calls that succeeded.
    ///
    /// ```rhai
    /// fn all_fine(result) { result.successes == result.requests }
    /// ```
    #[rhai_fn(get = "successes", pure)]
    pub fn successes(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.successes)
    }

    /// Calls that failed; `errors` says how.
    ///
    /// ```rhai
    /// fn clean(result) { result.failures == 0 }
    /// ```
    #[rhai_fn(get = "failures", pure)]
    pub fn failures(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.failures)
    }

    /// Successful calls that ended in the measured window, a second.
    ///
    /// ```rhai
    /// fn fast(result) { result.throughput > 1_000.0 }
    /// ```
    #[rhai_fn(get = "throughput", pure)]
    pub fn throughput(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.float(&ctx, |row| row.throughput)
    }

    /// Calls a second that the plan asked for; `()` in a closed loop.
    ///
    /// ```rhai
    /// fn kept_up(result) { result.throughput > 0.95 * result.offered_rate }
    /// ```
    #[rhai_fn(get = "offered_rate", pure)]
    pub fn offered_rate(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.number(&ctx, |row| row.offered_rate.map_or(Dynamic::UNIT, Dynamic::from_float))
    }

    /// Length of the measured window in seconds.
    ///
    /// ```rhai
    /// fn calls_per_minute(result) { result.requests / result.duration_s * 60.0 }
    /// ```
    #[rhai_fn(get = "duration_s", pure)]
    pub fn duration_s(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.float(&ctx, |row| row.duration_s)
    }

    /// Payload bytes of the successful calls.
    ///
    /// ```rhai
    /// fn megabytes(result) { result.bytes / 1e6 }
    /// ```
    #[rhai_fn(get = "bytes", pure)]
    pub fn bytes(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.bytes)
    }

    /// Payload bytes of successful calls that ended in the window, a second.
    ///
    /// ```rhai
    /// fn megabytes_per_second(result) { result.bytes_per_second / 1e6 }
    /// ```
    #[rhai_fn(get = "bytes_per_second", pure)]
    pub fn bytes_per_second(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.float(&ctx, |row| row.bytes_per_second)
    }

    /// Calls of an open loop that started more than 1 ms after they were due.
    ///
    /// ```rhai
    /// fn on_time(result) { result.late == 0 }
    /// ```
    #[rhai_fn(get = "late", pure)]
    pub fn late(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.late)
    }

    /// Calls that were never sent because no session came free within the timeout; they count as failures.
    ///
    /// ```rhai
    /// fn all_sent(result) { result.dropped == 0 }
    /// ```
    #[rhai_fn(get = "dropped", pure)]
    pub fn dropped(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.dropped)
    }

    /// Calls still in flight or in line when the load ended; they count as failures.
    ///
    /// ```rhai
    /// fn drained(result) { result.unfinished == 0 }
    /// ```
    #[rhai_fn(get = "unfinished", pure)]
    pub fn unfinished(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.unfinished)
    }

    /// Sessions that were lost and opened again.
    ///
    /// ```rhai
    /// fn stable(result) { result.reconnects == 0 }
    /// ```
    #[rhai_fn(get = "reconnects", pure)]
    pub fn reconnects(ctx: NativeCallContext, result: &mut LoadResult) -> Number {
        result.count(&ctx, |row| row.reconnects)
    }

    /// Response time of successful calls, from the moment each was due.
    ///
    /// Fields: `avg_ms stddev_ms min_ms max_ms p50_ms p90_ms p95_ms p99_ms p999_ms count low_confidence`.
    ///
    /// ```rhai
    /// fn within_slo(result) { result.latency.p99_ms < 50.0 }
    /// ```
    #[rhai_fn(get = "latency", pure)]
    pub fn latency(result: &mut LoadResult) -> Times {
        Times::of("response time", result.summary(), |row| &row.latency_ms)
    }

    /// Service time of successful calls, from the moment each was sent. Has the fields of `latency`.
    ///
    /// ```rhai
    /// fn waiting_ms(result) { result.latency.avg_ms - result.service_time.avg_ms }
    /// ```
    #[rhai_fn(get = "service_time", pure)]
    pub fn service_time(result: &mut LoadResult) -> Times {
        Times::of("service time", result.summary(), |row| &row.service_time_ms)
    }

    /// How long after they were due calls started. Has the fields of `latency`.
    ///
    /// ```rhai
    /// fn generator_kept_up(result) { result.start_lag.p99_ms < 1.0 }
    /// ```
    #[rhai_fn(get = "start_lag", pure)]
    pub fn start_lag(result: &mut LoadResult) -> Times {
        Times::of("start lag", result.summary(), |row| &row.start_lag_ms)
    }

    /// What failed: `rate` (0 to 1), `timeouts`, `by_class` (a map of counts) and `count("timeout")`.
    ///
    /// ```rhai
    /// fn acceptable(result) { result.errors.rate < 0.001 }
    /// ```
    #[rhai_fn(get = "errors", pure)]
    pub fn errors(result: &mut LoadResult) -> LoadErrors {
        LoadErrors::of(result.summary())
    }

    /// Whether the numbers are the service's or the generator's own limit: `verdict` (`valid`, `suspect` or
    /// `generator-limited`), `reasons` and `ceiling_rate`.
    ///
    /// ```rhai
    /// fn trustworthy(result) { result.validity.verdict == "valid" }
    /// ```
    #[rhai_fn(get = "validity", pure)]
    pub fn validity(result: &mut LoadResult) -> Validity {
        Validity::of(result.outcome.as_deref())
    }

    /// The load second by second: an array of maps with the columns of `metrics.csv`.
    ///
    /// ```rhai
    /// fn busiest_second(result) { result.series.reduce(|most, point| if most == () || point.calls > most { point.calls } else { most }) }
    /// ```
    #[rhai_fn(get = "series", pure)]
    pub fn series(result: &mut LoadResult) -> Array {
        let points = result.outcome.as_ref().map_or(&[][..], |outcome| outcome.series.as_slice());
        let row = result.row.clone();
        let wanted = points.iter().filter(|point| row.as_ref().is_none_or(|name| *name == point.operation));
        wanted
            .map(|point| {
                let mut map = Map::new();
                map.insert("second".into(), (point.second as i64).into());
                map.insert("operation".into(), point.operation.clone().into());
                map.insert("phase".into(), point.phase.clone().into());
                map.insert("calls".into(), (point.calls as i64).into());
                map.insert("failures".into(), (point.failures as i64).into());
                map.insert("bytes".into(), (point.bytes as i64).into());
                map.insert("items".into(), (point.items as i64).into());
                map.insert("p50_ms".into(), point.p50_ms.into());
                map.insert("p90_ms".into(), point.p90_ms.into());
                map.insert("p99_ms".into(), point.p99_ms.into());
                map.insert("max_ms".into(), point.max_ms.into());
                map.insert("in_flight".into(), (point.in_flight as i64).into());
                map.insert("start_lag_p99_ms".into(), point.start_lag_p99_ms.into());
                Dynamic::from_map(map)
            })
            .collect()
    }

    /// The operations of the load by name, each with the fields of a result.
    ///
    /// ```rhai
    /// fn read_p99_ms(result) { result.operations.reads.latency.p99_ms }
    /// ```
    #[rhai_fn(get = "operations", pure, return_raw)]
    pub fn operations(ctx: NativeCallContext, result: &mut LoadResult) -> ScriptResult<Map> {
        // In a plan nobody knows them.
        if result.has_steps && result.outcome.is_none() {
            effect(&ctx, &format!("the parts of `{}`", result.name))?;
        }
        let row = |name: &String| {
            let row = LoadResult {
                row: Some(name.clone()),
                name: name.clone(),
                operations: Vec::new(),
                ..result.clone()
            };
            (name.as_str().into(), Dynamic::from(row))
        };
        Ok(match &result.outcome {
            // Steps of a journey are known only now.
            Some(outcome) if result.row.is_none() => outcome.metrics.operations.keys().map(row).collect(),
            _ => result.operations.iter().map(row).collect(),
        })
    }

    /// Figures that only this kind of service has, and the script's own `metric`s, as a map. An operation has its own: of a mix,
    /// those of its part.
    ///
    /// ```rhai
    /// fn megabytes_read(result) { result.extras.read_mb_per_second }
    /// ```
    #[rhai_fn(get = "extras", pure)]
    pub fn extras(result: &mut LoadResult) -> Dynamic {
        match (&result.outcome, &result.row, result.summary()) {
            (Some(_), Some(_), Some(row)) => {
                let figures = row.extras.iter();
                figures.map(|(name, value)| (name.as_str().into(), (*value).into())).collect::<Map>().into()
            }
            _ => figures(result, |metrics| &metrics.extras),
        }
    }

    /// What the server says of itself, as a map: what changed from before the first session opened until the last one was
    /// closed, warm-up included. Only of services that tell; which figures is said there. Empty if they could not be read.
    ///
    /// ```rhai
    /// fn misses(result) { result.server.blocks_read }
    /// ```
    #[rhai_fn(get = "server", pure)]
    pub fn server(result: &mut LoadResult) -> Dynamic {
        figures(result, |metrics| &metrics.server)
    }

    /// The plan and the operation as they ran, defaults filled in, as a map.
    ///
    /// ```rhai
    /// fn concurrency(result) { result.config.plan.concurrency }
    /// ```
    #[rhai_fn(get = "config", pure)]
    pub fn config(result: &mut LoadResult) -> Map {
        let config = result.outcome.iter().flat_map(|outcome| &outcome.metrics.config);
        config.map(|(name, value)| (name.as_str().into(), from_json(value.clone()))).collect()
    }

    /// The path of the schedule that a load with `save_schedule` has kept; as `trace` of another load it is replayed,
    /// exactly.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let one = load::run(api.get("/old"), #{ rate: 500, arrival: "poisson", duration: "10s", save_schedule: true });
    /// let two = load::run(api.get("/new"), #{ trace: one.schedule, duration: "10s" });
    /// ```
    #[rhai_fn(get = "schedule", return_raw, pure)]
    pub fn schedule(ctx: NativeCallContext, result: &mut LoadResult) -> ScriptResult<String> {
        effect(&ctx, "the schedule of a load")?;
        let saved = result.outcome.as_ref().map(|outcome| &outcome.schedules);
        let several = saved.is_some_and(|saved| saved.len() > 1);
        let path = saved.and_then(|saved| match &result.row {
            Some(name) => saved.get(name),
            None => saved.values().next().filter(|_| !several),
        });
        path.map(|path| path.display().to_string()).ok_or_else(|| {
            let error = Error::usage(format!("`{}` has not saved one schedule", result.name));
            raise(&ctx)(error.hint(match several {
                true => "each operation has its own: `result.operations.NAME.schedule`",
                false => "ask for it in the plan of an open loop: `save_schedule: true`",
            }))
        })
    }

    /// Any percentile of the response time, 0 to 100, in milliseconds.
    ///
    /// ```rhai
    /// fn p9999_ms(result) { result.percentile_ms(99.99) }
    /// ```
    #[rhai_fn(return_raw, pure)]
    pub fn percentile_ms(
        ctx: NativeCallContext,
        result: &mut LoadResult,
        percentile: f64,
    ) -> ScriptResult<f64> {
        let usage = |message: String| raise(&ctx)(Error::usage(message));
        if !(0.0..=100.0).contains(&percentile) {
            return Err(usage(format!("a percentile lies between 0 and 100, not at {percentile}")));
        }
        let Some(totals) = result.totals() else {
            return Ok(unmeasured(&ctx));
        };
        if totals.response.is_empty() {
            return Err(raise(&ctx)(no_samples("response time", result.summary())));
        }
        if percentile < 100.0 && is_guess(totals.response.len(), percentile) {
            let (count, name) = (totals.response.len(), &result.name);
            host(&ctx).note(&format!(
                "p{percentile} of `{name}` stands on fewer than 10 of its {count} samples: take it with caution"
            ));
        }
        Ok(tally::percentile_ms(&totals.response, percentile))
    }

    #[rhai_fn(name = "percentile_ms", return_raw, pure)]
    pub fn whole_percentile_ms(
        ctx: NativeCallContext,
        result: &mut LoadResult,
        percentile: i64,
    ) -> ScriptResult<f64> {
        face::percentile_ms(ctx, result, percentile as f64)
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(result: &mut LoadResult) -> String {
        match (&result.outcome, result.summary()) {
            (Some(outcome), _) if result.row.is_none() => report::text::load(&outcome.metrics, false),
            (Some(_), Some(row)) => report::text::row(row),
            _ => format!("{}: not measured in a plan", result.name),
        }
    }
}

/// As a map; in a plan, where nobody knows them, what has every one of them.
fn figures(
    result: &LoadResult,
    of: impl Fn(&Metrics) -> &serde_json::Map<String, serde_json::Value>,
) -> Dynamic {
    let Some(outcome) = &result.outcome else { return Dynamic::from(Unmeasured) };
    let figures = of(&outcome.metrics).iter();
    figures.map(|(name, value)| (name.as_str().into(), from_json(value.clone()))).collect::<Map>().into()
}
