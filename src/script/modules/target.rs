//! The Rhai module `target`.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Map, plugin::*};

use crate::error::Error;
use crate::host::Child;
use crate::script::{
    ScriptResult, effect, host, not_in_a_journey,
    options::{from_json, options},
    raise,
};
use crate::target::{Settings, TargetProcess};

/// A running target; in a plan there is none.
#[derive(Clone)]
pub struct Target {
    process: Arc<Mutex<Option<TargetProcess>>>,
    url: String,
}

/// The address that stands for a target in a plan.
const PLANNED: &str = "http://127.0.0.1:1";

/// A built-in HTTP server that behaves as it is told and keeps its own truth: for a first try, and to check the
/// numbers of a load against.
#[export_module]
pub mod target {
    /// Starts a server on 127.0.0.1, in a process of its own; it ends with the run.
    ///
    /// * `service_time`: `"2ms"`, `"exponential:2ms"`, `"bimodal:1ms,20ms,0.1"` (fast, slow, share of slow) or `"none"`
    /// * `servers`: how many requests are served at once, the others wait in line (all at once)
    /// * `error_rate`, `error_status`: the share of requests that fail (0), and with what (500)
    /// * `body_bytes` (128), `chunked` (false)
    /// * `pause`: the server stands still: `"3s+1s"` is 1 s long, 3 s after the first request
    /// * `seed` (the run's), `port` (a free one), `threads` (1), `drop_every`, `log`
    ///
    /// ```rhai,no_run
    /// let server = target::http(#{ service_time: "exponential:2ms", servers: 4 });
    /// let home = http::client(server.url).get("/");
    /// print(load::run(home, #{ rate: 500, arrival: "poisson", duration: "5s" }));
    /// print(server.stats().service_ms.p99);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn http(ctx: NativeCallContext, mut settings: Map) -> ScriptResult<Target> {
        not_in_a_journey(&ctx, "starting a target")?;
        let host = host(&ctx);
        if !settings.contains_key("seed") {
            settings.insert("seed".into(), ((host.seed() & (i64::MAX as u64)) as i64).into());
        }
        let settings =
            options::<Settings>("target::http", settings).and_then(Settings::check).map_err(raise(&ctx))?;
        if host.is_planning() {
            return Ok(Target { process: Arc::default(), url: PLANNED.to_owned() });
        }
        let process = TargetProcess::start(&host.settings.program, &settings).map_err(raise(&ctx))?;
        host.add_process("target", process.pid());
        let url = process.url.clone();
        let process = Arc::new(Mutex::new(Some(process)));
        host.adopt(Box::new(Running(process.clone())));
        Ok(Target { process, url })
    }

    /// Where the target listens: `http://127.0.0.1:PORT`.
    ///
    /// ```rhai,no_run
    /// let api = http::client(target::http(#{}).url);
    /// ```
    #[rhai_fn(global, get = "url", pure)]
    pub fn url(target: &mut Target) -> String {
        target.url.clone()
    }

    /// What the target itself recorded: `requests`, `errors`, `connections`, and the distributions `service_ms`
    /// (time in service), `sojourn_ms` (arrival to answer) and `waiting_ms` (in line), each with `avg p50 p99 max` and
    /// the others of a result's times.
    ///
    /// ```rhai,no_run
    /// let server = target::http(#{ service_time: "2ms" });
    /// load::run(http::client(server.url).get("/"), #{ requests: 100 });
    /// print(server.stats().sojourn_ms.p99);
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn stats(ctx: NativeCallContext, target: &mut Target) -> ScriptResult<Dynamic> {
        effect(&ctx, "what the target recorded")?;
        target.with(TargetProcess::stats).map(from_json).map_err(raise(&ctx))
    }

    /// Makes the target forget what it recorded.
    ///
    /// ```rhai,no_run
    /// let server = target::http(#{});
    /// server.reset();
    /// ```
    #[rhai_fn(global, return_raw, pure)]
    pub fn reset(ctx: NativeCallContext, target: &mut Target) -> ScriptResult<()> {
        if host(&ctx).is_planning() {
            return Ok(());
        }
        target.with(TargetProcess::reset).map_err(raise(&ctx))
    }

    /// Ends the target before the run does.
    ///
    /// ```rhai,no_run
    /// let server = target::http(#{});
    /// server.stop();
    /// ```
    #[rhai_fn(global, pure)]
    pub fn stop(target: &mut Target) {
        target.process.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn target_to_string(target: &mut Target) -> String {
        format!("target at {}", target.url)
    }
}

impl Target {
    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.url
    }

    fn with<T>(&self, ask: impl Fn(&TargetProcess) -> crate::error::Result<T>) -> crate::error::Result<T> {
        match &*self.process.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(process) => ask(process),
            None => Err(Error::usage(format!("the target at {} has been stopped", self.url))),
        }
    }
}

/// Ends a target with the run.
struct Running(Arc<Mutex<Option<TargetProcess>>>);

impl Child for Running {
    fn end(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
