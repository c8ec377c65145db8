//! The one test binary.

mod cli;
mod doctor;
mod http;
mod layers;
mod repl;
mod support;
