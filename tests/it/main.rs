//! The one test binary.

mod cli;
mod command;
mod conformance;
mod crash;
mod docs;
mod doctor;
mod engine;
mod errors;
mod examples;
mod files;
mod folder;
mod http;
mod layers;
mod peers;
mod postgres;
mod probes;
mod redis;
mod reference;
mod repl;
mod s3;
mod scenario;
mod script;
mod services;
mod support;
mod truth;
mod verdicts;
