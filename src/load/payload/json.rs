//! A JSON document with generators where values are drawn.

use serde_json::Value;

use super::Generator;

/// JSON whose parts may be drawn. Object keys keep their order and are never drawn.
#[derive(Debug, Clone)]
pub enum Json {
    Value(Value),
    Drawn(Generator),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}
