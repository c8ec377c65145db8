//! benchscript runs benchmark scenarios written in Rhai.
//!
//! Scripts describe, Rust executes: a script builds operations and plans, native code performs and measures
//! them. In reading order, from the outside in; a folder uses only the ones below it, and a test keeps it so.

/// The command line: one file a subcommand.
pub mod cli;

/// The Rhai side: engine, modules, diagnostics, reference. Rhai appears here and nowhere else.
pub mod script;

/// What people read: pure functions from a stored run to text, pages and plots.
pub mod report;

/// What a script lets happen: trials, in order.
pub mod scenario;

/// What measurements mean: objectives, comparisons, capacity.
pub mod analysis;

/// The services under test: their operations.
pub mod services;

/// What one run owns.
pub mod host;

/// What is used while a load runs: background samplers.
pub mod probes;

/// The run folder, written and read.
pub mod results;

/// Load generation: plans, virtual users, the hot loop.
pub mod load;

/// Where things run: launchers, and the guardian that ends what they started.
pub mod cluster;

/// The built-in server under test, which keeps its own truth.
pub mod target;

/// From single calls to numbers.
pub mod measure;

/// The one error type that reaches a person.
pub mod error;
