//! An operation of any service, as a script value.

use std::{any::Any, sync::Arc, time::Duration};

use rhai::plugin::*;

use super::{ScriptResult, effect, host, journey, raise};
use crate::error::{Error, ErrorKind};
use crate::load::{Answer, Operation, Turn};
use crate::measure::{Failure, Outcome, failure};

/// How long `op.run()` waits for an answer, unless the operation has a limit of its own.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Turns a service's reply into what a script reads.
pub type ReplyFace = fn(Box<dyn Any + Send>, Outcome, elapsed_ns: u64) -> Dynamic;

/// Described once, performed by `op.run()` or under load.
#[derive(Clone)]
pub struct Op {
    pub operation: Arc<dyn Operation>,
    reply: ReplyFace,
    timeout: Duration,
    /// It only makes what loads need: nothing depends on its answer.
    prepares: bool,
}

impl Op {
    pub fn new(operation: impl Operation, reply: ReplyFace) -> Self {
        Self { operation: Arc::new(operation), reply, timeout: TIMEOUT, prepares: false }
    }

    /// Lets `op.run()` wait so long.
    pub fn waiting(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// A plan goes on after it, as if it had been performed; its answer is `()` there.
    pub fn preparing(self) -> Self {
        Self { prepares: true, ..self }
    }

    /// `turn` is the number of the call; the journey's own, or 0, unless given.
    fn run(&self, ctx: &NativeCallContext, turn: Option<u64>) -> ScriptResult<Dynamic> {
        if let Some(answer) = journey::current(|running| running.call(ctx, &self.operation, turn)) {
            return self.answered(ctx, answer?);
        }
        if self.prepares && host(ctx).is_planning() {
            return Ok(Dynamic::UNIT);
        }
        effect(ctx, &format!("the answer to `{}`", self.operation.name()))?;
        let host = host(ctx);
        let turn = Turn { seed: host.seed(), number: turn.unwrap_or(0), step: 0 };
        let answer = host.call(&self.operation, turn, self.timeout).map_err(raise(ctx))?;
        self.answered(ctx, answer)
    }

    fn answered(&self, ctx: &NativeCallContext, answer: Result<Answer, Failure>) -> ScriptResult<Dynamic> {
        let Answer { outcome, elapsed, reply } =
            answer.map_err(|failure| failed(&*self.operation, &failure)).map_err(raise(ctx))?;
        Ok((self.reply)(reply, outcome, elapsed))
    }
}

/// A failed single call as an error that a script can catch.
fn failed(operation: &dyn Operation, failed: &Failure) -> Error {
    let kind = match failed.class {
        failure::PROTOCOL | failure::CLOSED => ErrorKind::Protocol,
        failure::IO => ErrorKind::Io,
        _ => ErrorKind::Unavailable,
    };
    let place = operation.client().endpoint();
    let mut error =
        Error::new(kind, format!("`{}` on `{place}` failed", operation.name())).class(failed.class);
    error.causes.push(failed.detail.clone());
    // A call that timed out may well have reached the service.
    match failed.advice().filter(|_| failed.class != failure::TIMEOUT) {
        Some(advice) => error.hint(advice),
        None => error,
    }
}

/// An operation: something to do over and over against a service. Describing one sends nothing.
#[export_module]
pub mod face {
    /// Performs the operation once, now, and returns the service's answer. Throws if it fails: `err.class` says how.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let answer = api.get("/health").run();
    /// print(answer.status);
    /// ```
    #[rhai_fn(name = "run", return_raw, pure)]
    pub fn run(ctx: NativeCallContext, operation: &mut Op) -> ScriptResult<Dynamic> {
        operation.run(&ctx, None)
    }

    /// Performs the operation once with the values that its generators give for call number `turn`.
    ///
    /// ```rhai,no_run
    /// let api = http::client("http://127.0.0.1:8080");
    /// let user = api.get("/users/{id}", #{ id: data::sequence() });
    /// print(user.run(7).body);
    /// ```
    #[rhai_fn(name = "run", return_raw, pure)]
    pub fn run_turn(ctx: NativeCallContext, operation: &mut Op, turn: i64) -> ScriptResult<Dynamic> {
        let Ok(turn) = u64::try_from(turn) else {
            return Err(raise(&ctx)(
                Error::usage(format!("the number of a call cannot be {turn}"))
                    .hint("calls are numbered from 0"),
            ));
        };
        operation.run(&ctx, Some(turn))
    }

    /// What the operation is called in results.
    ///
    /// ```rhai
    /// let home = http::client("http://127.0.0.1:8080").get("/");
    /// print(home.name);                                       // GET /
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(operation: &mut Op) -> String {
        operation.operation.name().to_owned()
    }

    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(operation: &mut Op) -> String {
        format!("{} on {}", operation.operation.name(), operation.operation.client().endpoint())
    }
}
