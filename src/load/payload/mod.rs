//! What calls carry: seeded generators, and templates compiled once that put their values in place.

mod encoding;
mod generator;
mod json;
mod keys;
mod rows;
mod template;
mod words;
mod zipf;

pub use encoding::{Encoding, base64};
pub use generator::Generator;
pub use json::Json;
pub use keys::{Count, Distribution, KeySpace, KeyWriter, Keys};
pub use rows::{Order, Rows};
pub use template::{Param, Parameters, Template};
