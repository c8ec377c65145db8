//! The Rhai module `load`.

use rhai::{Map, plugin::*};

use crate::error::Error;
use crate::load::Plan;
use crate::scenario::trial::{Request, perform};
use crate::script::{LoadResult, ScriptResult, host, operation::Op, options::options, raise};

/// Put operations under load and measure them.
#[export_module]
pub mod load {
    /// Performs `operation` over and over as `plan` says and returns what was measured.
    ///
    /// * `concurrency`: the most calls in flight (1; with `rate` 1,000)
    /// * `rate`: calls a second, due on a schedule whether or not earlier ones ended; without it, each virtual user
    ///   calls again as soon as its last call has ended
    /// * `arrival`: `"constant"` or `"poisson"` spacing of a `rate` (`"constant"`)
    /// * `duration`, `requests`: when to stop; give at least one
    /// * `warmup`: load before the measured window (0)
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
    pub fn run(ctx: NativeCallContext, operation: Op, plan: Map) -> ScriptResult<LoadResult> {
        let plan = options::<Plan>("load::run", plan).and_then(Plan::check).map_err(raise(&ctx))?;
        let name = operation.operation.name().to_owned();
        let shown = plan.name.clone().unwrap_or_else(|| name.clone());
        let operations = vec![name.clone()];
        let request = Request { name: plan.name.clone(), groups: vec![(name, operation.operation, plan)] };
        let outcome = perform(&host(&ctx), request).map_err(raise(&ctx))?;
        Ok(LoadResult::new(&shown, operations, outcome))
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
            let operation = operation.clone().try_cast::<Op>().ok_or_else(usage)?;
            let plan = plan.clone().try_cast::<Map>().ok_or_else(usage)?;
            let plan = options::<Plan>(&name, plan).and_then(Plan::check).map_err(raise(&ctx))?;
            groups.push((name.to_string(), operation.operation, plan));
        }
        if groups.is_empty() {
            let error = Error::usage("`load::together` needs at least one load");
            return Err(raise(&ctx)(error.hint("write `load::together(#{ reads: [operation, #{ ... }] })`")));
        }
        let names: Vec<String> = groups.iter().map(|(name, ..)| name.clone()).collect();
        let shown = names.join(" + ");
        let request = Request { name: None, groups };
        let outcome = perform(&host(&ctx), request).map_err(raise(&ctx))?;
        Ok(LoadResult::new(&shown, names, outcome))
    }
}
