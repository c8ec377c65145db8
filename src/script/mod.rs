//! The Rhai side: builds the engine, runs scripts, turns failures into diagnostics.

mod completion;
mod course;
pub mod definitions;
mod diagnostic;
mod display;
mod door;
mod explain;
mod journey;
pub mod library;
mod lint;
pub mod modules;
mod operation;
mod options;
mod prelude;
mod program;
pub mod reference;
mod registry;
mod result;
mod scenario;
pub mod session;
mod stack;
mod storable;
mod version;

pub use completion::Completion;
pub use diagnostic::Diagnostic;
pub use program::{Program, Source, question};
pub use result::{LoadResult, Measured, unmeasured};
pub use session::Session;

use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext, packages::Package};

use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;

/// What every native function that can fail returns.
pub type ScriptResult<T> = std::result::Result<T, Box<EvalAltResult>>;

/// Throws an [`Error`] at the place of the call: `.map_err(raise(&ctx))?`.
///
/// The position must be set here: Rhai fills it in for method calls, but not for `module::function`. An interrupted
/// call ends the script in a way that no `catch` swallows.
pub fn raise(ctx: &NativeCallContext) -> impl Fn(Error) -> Box<EvalAltResult> {
    let position = ctx.call_position();
    move |error| match error.kind {
        ErrorKind::Cancelled => EvalAltResult::ErrorTerminated(Dynamic::from(error), position).into(),
        _ => EvalAltResult::ErrorRuntime(Dynamic::from(error), position).into(),
    }
}

/// The host of the engine that makes this call.
pub fn host(ctx: &NativeCallContext) -> Arc<Host> {
    let tag = ctx.tag().and_then(|tag| tag.read_lock::<Arc<Host>>());
    tag.expect("every engine is made by `engine`, which sets the tag").clone()
}

/// Ends a plan at something whose answer decides what follows.
///
/// Everything with an effect beyond a load calls this first; in a run it does nothing.
pub fn effect(ctx: &NativeCallContext, what: &str) -> ScriptResult<()> {
    not_in_a_journey(ctx, what)?;
    let host = host(ctx);
    if !host.is_planning() {
        return Ok(());
    }
    let line = ctx.call_position().line().map_or(String::new(), |line| format!(" in line {line}"));
    host.state().plan_ends_at = Some(format!("{what}{line}"));
    Err(EvalAltResult::ErrorTerminated(Dynamic::from(Error::cancelled()), ctx.call_position()).into())
}

/// Refuses what would hold up every other virtual user of its thread, and whatever acts while a scenario is declared.
pub fn not_in_a_journey(ctx: &NativeCallContext, what: &str) -> ScriptResult<()> {
    match journey::is_running() {
        false if host(ctx).is_declaring() => Err(raise(ctx)(
            Error::usage(format!("{what} has no place at the top level of a scenario that is declared"))
                .hint("move it into `setup` (once), `prepare` (before each trial) or `trial`"),
        )),
        false => Ok(()),
        true => Err(raise(ctx)(
            Error::usage(format!("{what} has no place in a journey"))
                .hint("a journey makes calls with `operation.run()`; do the rest before the load"),
        )),
    }
}

/// An engine with all native modules and the prelude, for `host`.
pub fn engine(host: &Arc<Host>) -> Engine {
    let mut engine = engine_without_constants(host);
    constants_in_functions(&mut engine);
    engine
}

/// As [`engine`], but its functions see constants of the top level only as `global::NAME`: for scripts that have none, to which
/// each look at a variable then costs less.
pub fn engine_without_constants(host: &Arc<Host>) -> Engine {
    // Not `Engine::new`: it interns strings behind a lock.
    let mut engine = Engine::new_raw();
    rhai::packages::StandardPackage::new().register_into_engine(&mut engine);
    // `Full` would fold calls that have effects.
    engine.set_optimization_level(rhai::OptimizationLevel::Simple);
    // Depth is bounded by the stack that is left, not by a count; Rhai's own limits differ between builds.
    engine.set_max_call_levels(100_000).set_max_expr_depths(128, 128);
    // A misspelt field must never make a check true.
    engine.set_fail_on_invalid_map_property(true);
    engine.set_default_tag(Dynamic::from(host.clone()));
    let watched = host.clone();
    engine.on_progress(move |_| {
        if watched.is_interrupted() {
            return Some(Dynamic::from(Error::cancelled()));
        }
        stack::is_low().then(|| Dynamic::from(stack::too_deep()))
    });
    let printer = host.clone();
    engine.on_print(move |text| {
        if !printer.is_planning() {
            printer.progress.print(text);
        }
    });
    let debugger = host.clone();
    engine.on_debug(move |text, source, position| {
        let place =
            position.line().map_or(String::new(), |line| format!("{}:{line}: ", source.unwrap_or("script")));
        debugger.note(&format!("{place}{text}"));
    });
    engine.register_fn("to_string", rounded).register_fn("to_debug", rounded).register_fn("print", rounded);
    registry::register(&mut engine);
    prelude::register(&mut engine);
    engine
}

/// A float as people read it: six significant digits, more only before the point. Files keep all.
fn rounded(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number:?}");
    }
    let exponent = number.abs().log10().floor() as i32;
    let text = match usize::try_from(5 - exponent) {
        Ok(decimals) if exponent >= -4 => format!("{number:.decimals$}"),
        Ok(_) => format!("{number:.5e}"),
        Err(_) => format!("{number:.1}"),
    };
    // Read back and written again it has no zeros at its end.
    text.parse::<f64>().map_or(text, |short| format!("{short:?}"))
}

/// Lets functions see the constants of the top level by their plain names, not only as `global::NAME`.
fn constants_in_functions(engine: &mut Engine) {
    #[allow(deprecated, reason = "the resolver is marked volatile, not going away")]
    engine.on_var(|name, index, context| {
        // An index means that the variable stands in the scope; so does a name that is found there.
        if index != 0 || context.scope().contains(name) {
            return Ok(None);
        }
        let constants = context.global_runtime_state().constants.clone();
        Ok(constants.and_then(|constants| constants.read().ok()?.get(name).cloned()))
    });
}

/// Reads a script file.
pub fn read(path: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let failed = Error::usage(format!("cannot read `{}`", path.display())).because(&error);
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                failed.hint("check the path; `benchscript new NAME` makes a scenario to start from")
            }
            std::io::ErrorKind::InvalidData => failed.hint("a script is a text file in UTF-8"),
            _ => failed,
        }
    })
}
