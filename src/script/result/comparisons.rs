//! Comparisons of a whole result, or a part of it, with a number: always a mistake.

use rhai::{Dynamic, Engine, ImmutableString, NativeCallContext};

use super::{LoadErrors, LoadResult, Resource, Times, Uses, Validity};
use crate::error::Error;
use crate::script::{
    ScriptResult,
    explain::a,
    modules::{comparison::Comparison, saturation::Saturation},
    raise,
};

/// Makes `result.latency < 5` an error: Rhai's own answer for unlike types is always false (and `!=` always true), so a
/// check would pass or fail whatever was measured.
pub fn refuse_comparisons(engine: &mut Engine) {
    refuse::<LoadResult>(engine, "compare a field of it, such as `result.throughput`");
    refuse::<Times>(engine, "compare a field of it, such as `result.latency.p99_ms`");
    refuse::<LoadErrors>(
        engine,
        "compare a field of it, such as `result.errors.rate`, or use `result.failures`",
    );
    refuse::<Resource>(engine, "compare a field of it, such as `result.resource.cpu_util`");
    refuse::<Uses>(engine, "compare a field of it, such as `result.resource.machine.cpu_util`");
    refuse::<Comparison>(engine, "compare a field of it: `comparison.verdict == \"worse\"`");
    refuse::<Saturation>(engine, "compare a field of it, such as `found.load`");
    refuse::<Validity>(engine, "compare its verdict: `result.validity.verdict == \"valid\"`");
}

fn refuse<T: Clone + Send + Sync + 'static>(engine: &mut Engine, hint: &'static str) {
    for operator in ["==", "!=", "<", "<=", ">", ">="] {
        refuse_pair::<T, i64>(engine, operator, hint);
        refuse_pair::<T, f64>(engine, operator, hint);
        refuse_pair::<T, bool>(engine, operator, hint);
        refuse_pair::<T, ImmutableString>(engine, operator, hint);
        refuse_pair::<i64, T>(engine, operator, hint);
        refuse_pair::<f64, T>(engine, operator, hint);
        refuse_pair::<ImmutableString, T>(engine, operator, hint);
        refuse_pair::<T, T>(engine, operator, hint);
    }
}

fn refuse_pair<A, B>(engine: &mut Engine, operator: &'static str, hint: &'static str)
where
    A: Clone + Send + Sync + 'static,
    B: Clone + Send + Sync + 'static,
{
    let refuse = move |ctx: NativeCallContext, left: A, right: B| -> ScriptResult<bool> {
        let (left, right) = (Dynamic::from(left), Dynamic::from(right));
        let sides = format!("{} and {}", a(left.type_name()), a(right.type_name()));
        Err(raise(&ctx)(Error::usage(format!("`{operator}` does not work on {sides}")).hint(hint)))
    };
    engine.register_fn(operator, refuse);
}
