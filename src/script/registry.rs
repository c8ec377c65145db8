//! Every native script module. To add one: write it, then add its line here.

use rhai::{Engine, Module, exported_module};

use super::{modules, operation, result};

/// A module as scripts see it.
pub struct NativeModule {
    pub name: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
    pub build: fn() -> Module,
}

/// In the order of the API reference.
pub const MODULES: &[NativeModule] = &[
    NativeModule {
        name: "load",
        about: "put operations under load and measure them",
        build: || exported_module!(modules::load::load),
    },
    NativeModule {
        name: "http",
        about: "HTTP/1.1 requests",
        build: || exported_module!(modules::http::http),
    },
    NativeModule {
        name: "files",
        about: "reads and writes in a folder",
        build: || exported_module!(modules::files::files),
    },
    NativeModule {
        name: "target",
        about: "a built-in server under test that keeps its own truth",
        build: || exported_module!(modules::target::target),
    },
    NativeModule {
        name: "data",
        about: "values for requests, generated natively from the seed",
        build: || exported_module!(modules::data::data),
    },
    NativeModule {
        name: "stats",
        about: "percentiles and aggregates of numbers and results",
        build: || exported_module!(modules::stats::stats),
    },
    NativeModule {
        name: "report",
        about: "notes and tables for the reader of the results",
        build: || exported_module!(modules::report::report),
    },
];

/// Functions that need no module name.
pub fn globals() -> Module {
    exported_module!(modules::globals::globals)
}

/// Types and their fields.
pub fn types() -> Vec<(&'static str, Module)> {
    vec![("Operation", exported_module!(operation::face)), ("Result", exported_module!(result::face))]
}

pub fn register(engine: &mut Engine) {
    modules::errors::register(engine);
    modules::check::register(engine);
    engine.register_global_module(globals().into());
    for (_, module) in types() {
        engine.register_global_module(module.into());
    }
    for module in MODULES {
        engine.register_static_module(module.name, (module.build)().into());
    }
}
