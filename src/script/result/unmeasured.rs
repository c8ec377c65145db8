//! What stands for a map of figures in a plan, where nothing was measured.

use rhai::{Engine, ImmutableString, NativeCallContext};

use super::unmeasured;

/// Has every field, each not a number.
#[derive(Clone)]
pub struct Unmeasured;

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Unmeasured>("Unmeasured")
        .register_indexer_get(|ctx: NativeCallContext, _: &mut Unmeasured, _: ImmutableString| {
            unmeasured(&ctx)
        })
        .register_fn("contains", |_: &mut Unmeasured, _: ImmutableString| true);
}
