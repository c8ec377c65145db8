//! benchscript runs benchmark scenarios written in Rhai.
//!
//! Scripts describe, Rust executes: a script builds operations and plans, native code performs and measures
//! them. A folder uses only the ones below it in this list.

pub mod error;
pub mod host;
pub mod load;
pub mod measure;
pub mod results;
pub mod scenario;
