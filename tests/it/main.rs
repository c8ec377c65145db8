//! The one test binary.

mod cli;
mod doctor;
mod engine;
mod http;
mod layers;
mod repl;
mod support;
mod truth;
