//! `check(condition, "name")`: decides the exit code. A syntax, not a function: a condition that throws has failed.

use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Expression};

use crate::error::{Error, ErrorKind};
use crate::host::Host;
use crate::results::schema::Check;
use crate::script::{ScriptResult, explain::a, journey};
use std::sync::Arc;

pub fn register(engine: &mut Engine) {
    engine
        .register_custom_syntax(["check", "(", "$expr$", ",", "$expr$", ")"], false, check)
        .expect("`check` is no word of Rhai");
}

fn check(context: &mut EvalContext, inputs: &[Expression]) -> ScriptResult<Dynamic> {
    let [condition, name] = inputs else {
        unreachable!("the syntax has two expressions");
    };
    let at = condition.position();
    let usage =
        |message: String| Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(Error::usage(message)), at));
    let name = context.eval_expression_tree(name)?;
    let name = name
        .into_immutable_string()
        .map_err(|found| usage(format!("the name of a check is a text, not {}", a(found))))?;
    let mut why = None;
    let passed = match context.eval_expression_tree(condition) {
        Ok(value) => value.as_bool().map_err(|found| {
            usage(format!("`check` needs a condition that is true or false, not {}", a(found)))
        })?,
        Err(error) => {
            let thrown = thrown(&error).ok_or(error)?;
            if !journey::is_running() {
                host(context).note(&format!("check `{name}`: {thrown}"));
            }
            why = Some(thrown);
            false
        }
    };
    let place = || {
        let file = context.source().unwrap_or("script");
        at.line().map_or(file.to_owned(), |line| format!("{file}:{line}"))
    };
    let in_journey = journey::current(|running| {
        if !passed {
            let why = why.as_deref().map_or(String::new(), |why| format!(": {why}"));
            running.fail(|| format!("check `{name}` failed in {}{why}", place()));
        }
    });
    if in_journey.is_none() {
        let host = host(context);
        if !host.is_planning() {
            host.add_check(Check { name: name.into(), passed, at: place(), why });
        }
    }
    Ok(Dynamic::from_bool(passed))
}

fn host(context: &EvalContext) -> Arc<Host> {
    let tag = context.tag().read_lock::<Arc<Host>>();
    tag.expect("every engine has a host as its tag").clone()
}

/// What a condition threw: the failure of a call, or what the script itself threw. A mistake in the condition is none:
/// it must not pass for a failed check.
fn thrown(error: &EvalAltResult) -> Option<String> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => thrown(inner),
        EvalAltResult::ErrorRuntime(value, _) => match value.read_lock::<Error>() {
            Some(error) if matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Usage) => None,
            Some(error) => Some(error.to_string()),
            None => Some(value.to_string()),
        },
        _ => None,
    }
}
