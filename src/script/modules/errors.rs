//! What `catch (err)` sees: `err.kind`, `err.message`, `err.class`, `err.hints`.

use rhai::{Array, Dynamic, Engine};

use crate::error::Error;

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Error>("Error")
        .register_get("kind", |error: &mut Error| error.kind.word())
        .register_get("message", |error: &mut Error| error.to_string())
        .register_get("class", |error: &mut Error| error.class.map_or(Dynamic::UNIT, Dynamic::from))
        .register_get("hints", |error: &mut Error| -> Array {
            error.hints.iter().map(|hint| hint.clone().into()).collect()
        })
        .register_fn("to_string", |error: &mut Error| error.to_string())
        .register_fn("to_debug", |error: &mut Error| error.to_string());
}
