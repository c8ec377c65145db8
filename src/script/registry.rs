//! Every native script module. To add one: write it, then add its line here.

use rhai::{Dynamic, Engine, Module, exported_module};

use super::{journey, modules, operation, result};

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
        name: "redis",
        about: "commands to Redis",
        build: || exported_module!(modules::redis::redis),
    },
    NativeModule { name: "s3", about: "objects of S3", build: || exported_module!(modules::s3::s3) },
    NativeModule {
        name: "command",
        about: "any command as an operation",
        build: || exported_module!(modules::command::command),
    },
    NativeModule {
        name: "postgres",
        about: "PostgreSQL: statements, transactions, rows in lumps",
        build: || exported_module!(modules::postgres::postgres),
    },
    NativeModule {
        name: "target",
        about: "a built-in server under test that keeps its own truth",
        build: || exported_module!(modules::target::target),
    },
    NativeModule {
        name: "service",
        about: "servers started for a run, awaited, watched and stopped",
        build: || exported_module!(modules::service::service),
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
        name: "saturation",
        about: "how much load a service carries: ladders of loads, and the search for the highest that holds",
        build: || exported_module!(modules::saturation::saturation),
    },
    NativeModule {
        name: "report",
        about: "notes and tables for the reader of the results",
        build: || exported_module!(modules::report::report),
    },
    NativeModule {
        name: "recipe",
        about: "what the scripts of YAML recipes are built on",
        build: || exported_module!(modules::recipe::recipe),
    },
];

/// Functions that need no module name.
pub fn globals() -> Module {
    exported_module!(modules::globals::globals)
}

/// Fields and methods of the types that belong to no module.
pub fn types() -> Vec<Module> {
    vec![
        exported_module!(operation::face),
        exported_module!(result::face),
        exported_module!(result::fields),
        exported_module!(result::resource_face),
        exported_module!(result::uses_face),
        exported_module!(journey::face),
        exported_module!(modules::comparison::face),
        exported_module!(modules::errors::errors),
    ]
}

/// Types by the names that scripts know, and what each is, in the order of the API reference.
pub const TYPES: &[(&str, &str)] = &[
    ("Operation", "something to do over and over against a service; describing one sends nothing"),
    ("Journey", "calls that depend on each other, from `load::journey`"),
    ("Mix", "operations and journeys chosen by weight, from `load::mix`"),
    ("VirtualUser", "who goes through a journey: what its function is called with"),
    ("Result", "what a load measured; numbers carry their unit in the name"),
    ("Times", "a distribution of times: `result.latency`, `result.service_time`, `result.start_lag`"),
    ("Resource", "what a load used of the machine: `result.resource`"),
    (
        "Uses",
        "what the machine or some processes used: `result.resource.machine`, `result.resource.service`; means over the measured window, MB are 10^6 bytes",
    ),
    ("Errors", "what failed in a load: `result.errors`"),
    ("Validity", "whether the numbers are the service's or the generator's limit: `result.validity`"),
    ("Comparison", "whether two loads differ, from `stats::compare`"),
    ("Ranking", "loads from best to worst, from `stats::rank`"),
    ("Search", "a search for the highest load that holds, from `saturation::search`"),
    ("Saturation", "what a ladder of loads tells, from `saturation::of` and `search.answer`"),
    ("HttpClient", "a server that requests are described to, from `http::client`"),
    ("Response", "what a single request was answered, from `operation.run()`"),
    ("FilesClient", "a folder to read and write in, from `files::client`"),
    ("FileTree", "files in folders that are made, read and deleted as wholes, from `scratch.tree`"),
    ("FileAnswer", "what a single read or write did, from `operation.run()`"),
    ("RedisClient", "a server that commands are described to, from `redis::client`"),
    ("RedisAnswer", "what a single command to Redis was answered, from `operation.run()`"),
    ("S3Client", "a bucket that operations are described to, from `s3::client`"),
    ("S3Answer", "what a single request to S3 was answered, from `operation.run()`"),
    ("CommandClient", "where commands run, from `command::client`"),
    ("CommandAnswer", "what a single command said and used, from `operation.run()`"),
    ("Service", "a server that was started for the run, from `service::start`, `redis::start` and the like"),
    ("PostgresClient", "a database that statements are described to, from `postgres::client`"),
    ("PostgresAnswer", "what a single statement was answered, from `operation.run()`"),
    ("Target", "a running server under test, from `target::http`"),
    ("Generator", "a source of values for requests, from `data::...`"),
    ("Error", "what `catch (err)` gets of a failed call or a mistake"),
];

/// Whether a value of a type of ours never changes, so that copies of it may stand for it in other threads.
pub fn never_changes(value: &Dynamic) -> bool {
    use crate::load::payload::Generator;
    use modules::{
        command::{CommandAnswer, CommandClient},
        comparison::{Comparison, Ranking},
        files::{FileAnswer, FileTree, FilesClient},
        http::{HttpClient, HttpResponse},
        postgres::{PostgresAnswer, PostgresClient},
        redis::{RedisAnswer, RedisClient},
        s3::{S3Answer, S3Client},
        saturation::Saturation,
    };
    value.is::<operation::Op>()
        || value.is::<journey::Journey>()
        || value.is::<modules::load::Mixed>()
        || value.is::<HttpClient>()
        || value.is::<FilesClient>()
        || value.is::<FileAnswer>()
        || value.is::<FileTree>()
        || value.is::<HttpResponse>()
        || value.is::<Generator>()
        || value.is::<RedisClient>()
        || value.is::<RedisAnswer>()
        || value.is::<S3Client>()
        || value.is::<S3Answer>()
        || value.is::<CommandClient>()
        || value.is::<CommandAnswer>()
        || value.is::<PostgresClient>()
        || value.is::<PostgresAnswer>()
        || value.is::<Comparison>()
        || value.is::<Ranking>()
        || value.is::<Saturation>()
        || value.is::<result::LoadResult>()
        || value.is::<result::Times>()
        || value.is::<result::LoadErrors>()
        || value.is::<result::Validity>()
        || value.is::<result::Resource>()
        || value.is::<result::Uses>()
        || value.is::<crate::error::Error>()
}

pub fn register(engine: &mut Engine) {
    modules::errors::register(engine);
    modules::check::register(engine);
    result::refuse_comparisons(engine);
    result::register_unmeasured(engine);
    engine.register_global_module(globals().into());
    for module in types() {
        engine.register_global_module(module.into());
    }
    for module in MODULES {
        engine.register_static_module(module.name, (module.build)().into());
    }
}
