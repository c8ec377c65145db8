//! Functions that need no module name.

use rhai::{FnPtr, Map, plugin::*};

use crate::error::{Error, nearest};
use crate::host::Parameter;
use crate::measure::{
    Span,
    metric::{Kind, Note},
};
use crate::scenario::declaration::Declaration;
use crate::script::{
    ScriptResult,
    explain::a,
    host, journey,
    options::{from_json, options, to_json, with_hint},
    raise,
    scenario::PointFunctions,
};

/// What a script declared.
pub struct Declared {
    pub declaration: Declaration,
    pub functions: PointFunctions,
}

/// Available everywhere without a module name, beside `print` and `check(condition, "name")`.
#[export_module]
pub mod globals {
    /// The environment variable `name`; throws if it is not set.
    ///
    /// ```rhai,no_run
    /// let api = http::client(env("API_URL"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn env(ctx: NativeCallContext, name: &str) -> ScriptResult<String> {
        std::env::var(name).map_err(|_| {
            raise(&ctx)(
                Error::usage(format!("the environment variable `{name}` is not set"))
                    .hint(format!("set it, or give a default: `env(\"{name}\", \"...\")`")),
            )
        })
    }

    /// The environment variable `name`, or `default` if it is not set.
    ///
    /// ```rhai
    /// let url = env("API_URL", "http://127.0.0.1:8080");
    /// ```
    #[rhai_fn(name = "env")]
    pub fn env_or(name: &str, default: &str) -> String {
        std::env::var(name).unwrap_or_else(|_| default.to_owned())
    }

    /// A parameter of the scenario: `default`, unless the command line says `-p name=value`. The value must have the
    /// type of the default.
    ///
    /// ```rhai
    /// let seconds = param("seconds", 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn param(ctx: NativeCallContext, name: &str, default: Dynamic) -> ScriptResult<Dynamic> {
        let host = host(&ctx);
        let plain = to_json(&default, name).map_err(raise(&ctx))?;
        let given = host.settings.parameters.iter().rev().find(|(known, _)| known == name);
        let value = match given {
            None => default.clone(),
            Some((_, text)) => typed(name, text, &default).map_err(raise(&ctx))?,
        };
        let stored = to_json(&value, name).map_err(raise(&ctx))?;
        let mut state = host.state();
        if !state.parameters.iter().any(|known| known.name == name) {
            if let Some(folder) = &mut state.folder {
                let masked = crate::measure::secrets::masked(
                    [(name.to_owned(), stored.clone())].into_iter().collect(),
                );
                folder.run.parameters.extend(masked);
            }
            state.parameters.push(Parameter { name: name.to_owned(), default: plain, value: stored });
        }
        Ok(value)
    }

    /// Declares what the script measures, at its top level: a question and the points that answer it. Then its functions are
    /// called: `setup()` once (what it returns is given to the others; it must be a service, a plain value, or arrays and maps of
    /// them), `prepare(server, p)` untimed before each trial, `trial(server, p)` for each point and repetition (`p` is a map
    /// of its parameters; what it returns, a result or a map of numbers, is the trial's), `report(results)` on all trials that are done, and
    /// `teardown(server)`. All but `trial` may be left out; `trial(p)` needs no server. Nothing else may act at the top level.
    ///
    /// * `name`: what its runs are called; `why`, `notes`: for the reader of the report
    /// * `sweep`: by parameter its values: an array, a single value, a range `#{ from: 1, to: 64, steps: 7, scale: "log" }` (or `step: 10`), or
    ///   `#{ search: [100, 20_000], points: 12 }`, whose values are placed while it runs until the highest is known that holds the `slo`
    /// * `zip`: parameters of the sweep that change together; `points`: an array of maps, each with every point of the sweep
    /// * `when`: a function of the point that returns false for those to leave out
    /// * `repetitions`: how often each point is measured (1)
    /// * `order`: `"interleaved"` (all points once, then all again), `"as_written"` or `"random"`
    /// * `group_by`: parameters that need a service of their own: then `setup(p)` is called for each of their values
    /// * `cooldown`: rest between trials (0)
    /// * `timeout`: of a trial; one that takes longer has failed
    /// * `retries`: how often a trial that failed is tried again (0), or `#{ count: 2, backoff: "1s" }`: the rest before, twice as long each time
    /// * `stop`: leaves out the rest: `#{ failures: 3 }` trials failed, a trial had an `error_rate` above, the run takes longer than `after`
    /// * `slo`: limits by figure: `#{ p99: "50ms", error_rate: 0.001, throughput: 1_000 }`
    /// * `seed`: of the order and of what is drawn, unless `--seed` says another
    /// * `resources`: what a trial asks of a cluster, or a function of the point: `partition`, `account`, `qos`, `time`, `nodes`, `ntasks`,
    ///   `ntasks_per_node`, `gres`, `gpus`, `cpus_per_task`, `mem`, `constraint`
    /// * `monitoring`: kept with the run
    ///
    /// ```rhai,no_run
    /// scenario(#{ name: "ladder", sweep: #{ concurrency: [1, 8, 64] }, repetitions: 3, slo: #{ p99: "50ms" } });
    ///
    /// fn setup() { target::http(#{ service_time: "2ms", servers: 4 }) }
    ///
    /// fn trial(server, p) {
    ///     let home = http::client(server.url).get("/");
    ///     load::run(home, #{ concurrency: p.concurrency, duration: "10s", warmup: "2s" })
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn scenario(ctx: NativeCallContext, mut options: Map) -> ScriptResult<()> {
        let host = host(&ctx);
        if !host.is_declaring() {
            let error = Error::usage("`scenario(...)` declares at the top level of the script that is run");
            return Err(raise(&ctx)(
                error.hint("it has no place in a function, in an imported file or at the prompt"),
            ));
        }
        let functions = PointFunctions {
            when: function(&mut options, "when"),
            resources: function(&mut options, "resources"),
        };
        if let Some(when) = options.get("when") {
            let error =
                Error::usage(format!("`when` must be a function of the point, not {}", a(when.type_name())));
            return Err(raise(&ctx)(error.hint("e.g. `when: |p| p.batch <= p.concurrency`")));
        }
        let declared = declaration(options).map_err(raise(&ctx))?;
        let mut state = host.state();
        if state.declared.is_some() {
            drop(state);
            return Err(raise(&ctx)(Error::usage("a script declares one scenario, not two")));
        }
        state.declared = Some(Box::new(Declared { declaration: declared, functions }));
        Ok(())
    }

    /// Records a number of your own under `name`: it stands in the run's summary and report, and in the `extras` of the
    /// next load's results. Of several values of one name the last counts.
    ///
    /// In a journey every virtual user records: a number is a trend (`extras.NAME_avg`, `_min`, `_p50`, `_p90`, `_p99`,
    /// `_max`, `_count`), true or false a rate (`extras.NAME` is the share that is true). Other kinds take a third
    /// argument.
    ///
    /// ```rhai
    /// metric("rows_loaded", 1_000);
    /// ```
    ///
    /// ```rhai,no_run
    /// let search = http::client("http://127.0.0.1:8080").get("/search");
    /// let look = load::journey("look", |vu| {
    ///     let answer = search.run();
    ///     metric("hits", answer.json.hits.len());
    /// });
    /// let result = load::run(look, #{ concurrency: 10, duration: "10s" });
    /// check(result.extras.hits_p50 >= 3, "half of the searches find three");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn metric(ctx: NativeCallContext, name: &str, value: Dynamic) -> ScriptResult<()> {
        let kind = if value.is_bool() { Kind::Rate } else { Kind::Trend };
        if journey::is_running() {
            return noted(name, kind, &value).map_err(raise(&ctx));
        }
        let number = to_json(&value, name).map_err(raise(&ctx))?;
        if !number.is_number() {
            return Err(raise(&ctx)(Error::usage(format!(
                "the metric `{name}` must be a number, not {number}"
            ))));
        }
        host(&ctx).add_metric(name, number);
        Ok(())
    }

    /// In a journey, records a value of a kind: `"counter"` (values add up: `extras.NAME`, `NAME_per_second`), `"gauge"`
    /// (the last one counts: `extras.NAME`, `NAME_min`, `NAME_max`), `"rate"` or `"trend"`.
    ///
    /// ```rhai,no_run
    /// let search = http::client("http://127.0.0.1:8080").get("/search");
    /// let look = load::journey("look", |vu| {
    ///     metric("found", search.run().json.hits.len(), "counter");
    /// });
    /// let result = load::run(look, #{ concurrency: 10, duration: "10s" });
    /// print(result.extras.found_per_second);
    /// ```
    #[rhai_fn(name = "metric", return_raw)]
    pub fn metric_of_kind(
        ctx: NativeCallContext,
        name: &str,
        value: Dynamic,
        kind: &str,
    ) -> ScriptResult<()> {
        let words: Vec<&str> = Kind::ALL.iter().map(|(word, _)| *word).collect();
        let unknown = || {
            let error = Error::usage(format!("there is no kind of metric `{kind}`"));
            match nearest(kind, &words) {
                Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                None => error.hint(format!("kinds: {}", words.join(", "))),
            }
        };
        let kind = Kind::named(kind).ok_or_else(unknown).map_err(raise(&ctx))?;
        if !journey::is_running() {
            let error =
                Error::usage("a metric has a kind only in a journey, where many virtual users record it");
            return Err(raise(&ctx)(error.hint(format!("write `metric(\"{name}\", value)`"))));
        }
        noted(name, kind, &value).map_err(raise(&ctx))
    }

    /// Waits: a time such as `"500ms"` or a number of seconds. In a journey only its own virtual user waits.
    ///
    /// ```rhai
    /// sleep("10ms");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sleep(ctx: NativeCallContext, length: Dynamic) -> ScriptResult<()> {
        let length = span("sleep", &length).map_err(raise(&ctx))?;
        if let Some(rested) = journey::current(|running| running.pause(&ctx, length.0)) {
            return rested;
        }
        let host = host(&ctx);
        if host.is_planning() {
            return Ok(());
        }
        host.sleep(length.0).map_err(raise(&ctx))
    }
}

fn declaration(declared: Map) -> crate::error::Result<Declaration> {
    options::<Declaration>("scenario", declared)?.check()
}

/// Takes a function out of the options.
fn function(options: &mut Map, name: &str) -> Option<FnPtr> {
    let function = options.get(name)?.clone().try_cast::<FnPtr>()?;
    options.remove(name);
    Some(function)
}

/// Records a value of a journey.
fn noted(name: &str, kind: Kind, value: &Dynamic) -> crate::error::Result<()> {
    let number = match (value.as_bool(), value.as_int(), value.as_float()) {
        (Ok(flag), ..) => f64::from(u8::from(flag)),
        (_, Ok(number), _) => number as f64,
        (.., Ok(number)) if number.is_finite() => number,
        _ => {
            let error = Error::usage(format!(
                "the metric `{name}` must be a finite number, not {}",
                a(value.type_name())
            ));
            return Err(error.hint("or true or false, for a rate"));
        }
    };
    journey::current(|running| running.note(Note { name: name.to_owned(), kind, value: number }));
    Ok(())
}

/// A length of time as scripts write it.
pub fn span(what: &str, value: &Dynamic) -> crate::error::Result<Span> {
    serde_json::from_value(to_json(value, what)?).map_err(|error| with_hint(&format!("`{what}`: {error}")))
}

/// The text of `-p name=text` as a value of the default's type.
fn typed(name: &str, text: &str, default: &Dynamic) -> crate::error::Result<Dynamic> {
    let wrong = |wanted: &str| {
        Error::usage(format!("the parameter `{name}` must be {wanted}, not `{text}`"))
            .hint(format!("its default is {default}"))
    };
    if default.is_string() {
        return Ok(text.to_owned().into());
    }
    if default.is_int() {
        let number: i64 = text.replace('_', "").parse().map_err(|_| wrong("a whole number"))?;
        return Ok(number.into());
    }
    if default.is_float() {
        let number: f64 = text.replace('_', "").parse().map_err(|_| wrong("a number"))?;
        return Ok(number.into());
    }
    if default.is_bool() {
        return text.parse::<bool>().map(Dynamic::from).map_err(|_| wrong("true or false"));
    }
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| wrong("written as JSON").because(&error))?;
    let same_kind = (default.is_array() && value.is_array()) || (default.is_map() && value.is_object());
    if same_kind || default.is_unit() {
        Ok(from_json(value))
    } else {
        Err(wrong("of the type of its default"))
    }
}
