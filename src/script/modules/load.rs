//! The Rhai module `load`.

use std::sync::Arc;

use rhai::{FnPtr, Map, plugin::*};

use crate::error::{Error, ErrorKind, Result};
use crate::load::{Mix, MixPart, Plan, Task, Think, payload::Generator};
use crate::scenario::trial::{Request, perform};
use crate::script::{
    LoadResult, ScriptResult,
    explain::a,
    host,
    journey::{Journey, Script},
    not_in_a_journey,
    operation::Op,
    options::options,
    raise,
};

/// An operation, a journey or a mix: what `load::run` takes.
type Operation = Dynamic;

/// A mix as a script value.
#[derive(Clone)]
pub struct Mixed(Arc<Mix>);

/// What a script puts under load.
fn task(of: &str, value: &Dynamic) -> Result<Task> {
    if let Some(op) = value.read_lock::<Op>() {
        return Ok(Task::Operation(op.operation.clone()));
    }
    if let Some(journey) = value.read_lock::<Journey>() {
        return Ok(Task::Journey(journey.0.clone()));
    }
    if let Some(mix) = value.read_lock::<Mixed>() {
        return Ok(Task::Mix(mix.0.clone()));
    }
    let error =
        Error::usage(format!("`{of}` needs an operation, a journey or a mix, not {}", a(value.type_name())));
    Err(match value.is_fnptr() {
        true => error.hint("`load::journey(\"name\", |vu| { ... })` makes a journey of a function"),
        false => error.hint("e.g. `http::client(url).get(\"/\")`"),
    })
}

/// Runs the load. Where a mistake in the script of a journey ended it, that is what fails here, with its place.
fn performed(ctx: &NativeCallContext, shown: &str, request: Request) -> ScriptResult<LoadResult> {
    not_in_a_journey(ctx, "a load")?;
    let scripts: Vec<_> = request.groups.iter().flat_map(|(_, task, _)| scripts(task)).collect();
    let names = rows(&request.groups);
    let has_steps = request.groups.iter().any(|(_, task, _)| {
        task.has_journeys() || task.operations().iter().any(|operation| operation.tells())
    });
    let outcome = perform(&host(ctx), request).map_err(|error| {
        let mistake = scripts.iter().find_map(|script| script.take_mistake());
        match mistake.filter(|_| error.kind == ErrorKind::Usage) {
            Some(mistake) => {
                host(ctx).note(&error.message);
                let source = ctx.call_source().unwrap_or_default().to_owned();
                EvalAltResult::ErrorInFunctionCall("load".to_owned(), source, mistake, ctx.call_position())
                    .into()
            }
            None => raise(ctx)(error),
        }
    })?;
    Ok(LoadResult::new(shown, names, has_steps, outcome))
}

/// The journeys in a task, as the scripts that they are.
fn scripts(task: &Task) -> Vec<Arc<Script>> {
    match task {
        Task::Operation(_) => Vec::new(),
        Task::Journey(journey) => {
            let journey: Arc<dyn std::any::Any + Send + Sync> = journey.clone();
            journey.downcast::<Script>().into_iter().collect()
        }
        Task::Mix(mix) => mix.parts().iter().flat_map(|part| scripts(&part.task)).collect(),
    }
}

/// The rows of the result that are known before the load: a plan has them too.
fn rows(groups: &[(String, Task, Plan)]) -> Vec<String> {
    let [(name, task, plan)] = groups else {
        return groups.iter().map(|(name, ..)| name.clone()).collect();
    };
    let mut names: Vec<String> = match task {
        Task::Mix(mix) => {
            let steps = task.operations().into_iter().flat_map(|operation| operation.parts());
            mix.parts().iter().map(|part| &part.name).chain(steps).cloned().collect()
        }
        Task::Operation(operation) if !operation.parts().is_empty() => operation.parts().to_vec(),
        Task::Journey(journey) => {
            journey.operations().iter().map(|operation| operation.name().to_owned()).collect()
        }
        Task::Operation(_) if plan.stages.is_none() => vec![name.clone()],
        Task::Operation(_) => Vec::new(),
    };
    names.extend(plan.stage_names());
    names
}

/// Put operations under load and measure them.
#[export_module]
pub mod load {
    /// Performs `operation` (or a journey, or a mix) over and over as `plan` says and returns what was measured.
    ///
    /// * `concurrency`: the most calls in flight (1; with `rate` 1,000)
    /// * `rate`: calls a second, due on a schedule whether or not earlier ones ended; without it, each virtual user
    ///   calls again as soon as its last call has ended
    /// * `arrival`: spacing of a `rate`: `"constant"`, `"poisson"` or `"gamma"` (`"constant"`)
    /// * `burstiness`: of gamma gaps: 1 is Poisson, 0.5 comes in bursts, 4 is more even
    /// * `stages`: levels, one after the other: `#{ rate: 500, duration: "10s" }` holds 500 calls a second,
    ///   `#{ rate: 2_000, ramp: "30s" }` goes there evenly from the level before (0 for the first); `concurrency`
    ///   instead of `rate` stages the virtual users of a closed loop; each stage has its row in `operations`
    /// * `trace`: the path of a file with the times of the calls, instead of a `rate`: seconds from the start of the load,
    ///   one a line; or `#{ file: "calls.csv", column: "at", speed: 2.0 }`, also of `.jsonl`
    /// * `think`: how long a virtual user waits after each call: a time, or a generator of seconds such as
    ///   `data::exponential(0.2)`; in no response time (0)
    /// * `save_schedule`: keep when each call of an open loop was due, for `trace` (false)
    /// * `duration`, `requests`: when to stop; give at least one, unless `stages` or a `trace` end it
    /// * `requests_each`: instead of `requests`, how many calls each virtual user of a closed loop makes; then
    ///   `extras.first_done_s` and `extras.last_done_s` say when the first and the last of them was done
    /// * `warmup`: load before the measured window (0)
    /// * `steady`: whether the start of the window is cut off until response time and rate are steady (false)
    /// * `timeout`: a call without an answer for this long has failed (`"10s"`)
    /// * `threads`: generator threads (one for every 64 virtual users, at most one a core)
    /// * `seed`: of payloads and arrivals (the run's)
    /// * `record`: how many calls `requests.jsonl` keeps: a number, `"all"` or `"none"` (200,000)
    /// * `name`: what the trial is called (the operation's name)
    ///
    /// ```rhai,no_run
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// let closed = load::run(home, #{ concurrency: 64, duration: "10s", warmup: "2s" });
    /// let open = load::run(home, #{ rate: 2_000, arrival: "poisson", duration: "10s", timeout: "1s" });
    /// print(open);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn run(ctx: NativeCallContext, operation: Operation, plan: Map) -> ScriptResult<LoadResult> {
        let plan = checked("load::run", plan).map_err(raise(&ctx))?;
        let task = task("load::run", &operation).map_err(raise(&ctx))?;
        let name = task.name();
        let shown = plan.name.clone().unwrap_or_else(|| name.clone());
        let request = Request { name: plan.name.clone(), groups: vec![(name, task, plan)] };
        performed(&ctx, &shown, request)
    }

    /// Runs several loads at once, on one clock: a map of names to `[operation, plan]`. Each is a row of the result:
    /// `result.operations.NAME`.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let both = load::together(#{
    ///     reads:  [api.get("/users/1"), #{ concurrency: 8, duration: "10s" }],
    ///     writes: [api.put("/users/1", #{ json: #{ age: 7 } }), #{ rate: 50, duration: "10s" }],
    /// });
    /// print(both.operations.reads.latency.p99_ms);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn together(ctx: NativeCallContext, loads: Map) -> ScriptResult<LoadResult> {
        let mut groups = Vec::new();
        for (name, load) in loads {
            let usage = || {
                let error = Error::usage(format!("`{name}` must be an array of an operation and a plan"));
                raise(&ctx)(error.hint(format!("write `{name}: [operation, #{{ duration: \"10s\" }}]`")))
            };
            let load = load.into_array().map_err(|_| usage())?;
            let [operation, plan] = load.as_slice() else { return Err(usage()) };
            let task = task(&name, operation).map_err(raise(&ctx))?;
            let plan = plan.clone().try_cast::<Map>().ok_or_else(usage)?;
            let plan = checked(&name, plan).map_err(raise(&ctx))?;
            groups.push((name.to_string(), task, plan));
        }
        if groups.is_empty() {
            let error = Error::usage("`load::together` needs at least one load");
            return Err(raise(&ctx)(error.hint("write `load::together(#{ reads: [operation, #{ ... }] })`")));
        }
        let names: Vec<&str> = groups.iter().map(|(name, ..): &(String, Task, Plan)| name.as_str()).collect();
        let shown = names.join(" + ");
        performed(&ctx, &shown, Request { name: None, groups })
    }

    /// A journey: several calls by one virtual user, each depending on the last. `function` reads as blocking code:
    /// `operation.run()` waits for the answer, `sleep` waits, while other virtual users of the thread go on.
    ///
    /// The result counts journeys; `result.operations` has a row for each step, named after its operation. A journey fails
    /// with the class of a failed call that it does not catch, as `check` if a check in it fails, as `script` if the
    /// script makes a mistake. Each virtual user has its own copy of what the function captures; what it should find
    /// again on its next journey belongs into `vu.state`.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let login = api.post("/login", #{ json: #{ user: data::sequence() } });
    /// let shop = load::journey("shop", |vu| {
    ///     let session = login.run().json.session;
    ///     sleep("200ms");
    ///     let cart = api.get(`/cart?session=${session}`, #{ name: "cart" }).run();
    ///     check(cart.json.items.len() > 0, "the cart is not empty");
    /// });
    /// let result = load::run(shop, #{ concurrency: 200, duration: "30s" });
    /// print(result.operations.cart.latency.p99_ms);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn journey(ctx: NativeCallContext, name: &str, function: FnPtr) -> ScriptResult<Journey> {
        Journey::new(&ctx, name, function)
    }

    /// A mix: a map of names to `[weight, operation]`. For each call one of them is chosen by weight, the same one for
    /// the same seed and number of the call. Journeys can be mixed as well.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let mix = load::mix(#{
    ///     read:  [80, api.get("/users/{id}", #{ id: data::zipf(1, 1_000_000) })],
    ///     write: [20, api.put("/users/1", #{ json: #{ age: data::uniform(1, 99) } })],
    /// });
    /// let result = load::run(mix, #{ rate: 1_000, duration: "30s" });
    /// print(result.operations.write.latency.p99_ms);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mix(ctx: NativeCallContext, parts: Map) -> ScriptResult<Mixed> {
        let mut mixed = Vec::new();
        for (name, part) in parts {
            let usage = || {
                let error = Error::usage(format!("`{name}` must be an array of a weight and an operation"));
                raise(&ctx)(error.hint(format!("write `{name}: [80, operation]`")))
            };
            let part = part.into_array().map_err(|_| usage())?;
            let [weight, operation] = part.as_slice() else { return Err(usage()) };
            let weight = weight.as_float().or_else(|_| weight.as_int().map(|whole| whole as f64));
            let weight = weight.map_err(|_| usage())?;
            let task = task(&name, operation).map_err(raise(&ctx))?;
            mixed.push(MixPart { name: name.to_string(), weight, task });
        }
        Ok(Mixed(Arc::new(Mix::new(mixed).map_err(raise(&ctx))?)))
    }
}

/// The plan out of its options, checked. `think` alone may be a generator.
fn checked(what: &str, mut plan: Map) -> Result<Plan> {
    let drawn = plan.get("think").and_then(|think| think.clone().try_cast::<Generator>());
    if drawn.is_some() {
        plan.remove("think");
    }
    let mut plan = options::<Plan>(what, plan)?;
    plan.think = drawn.map(Think::Drawn).or(plan.think);
    plan.check()
}
