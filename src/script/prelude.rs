//! The part of the script API that is written in Rhai itself, embedded from `prelude/`.
//!
//! A file `NAME.rhai` becomes the module `NAME`. Where a native module has the same name, the file's functions
//! join it, so scripts cannot tell which language a function is written in.

use rhai::{Engine, Module};

use super::{door, registry::MODULES};

/// In the order of loading: a file may use the ones above it.
pub const FILES: &[(&str, &str)] = &[
    ("load", include_str!("../../prelude/load.rhai")),
    ("postgres", include_str!("../../prelude/postgres.rhai")),
    ("redis", include_str!("../../prelude/redis.rhai")),
    ("s3", include_str!("../../prelude/s3.rhai")),
    ("minio", include_str!("../../prelude/minio.rhai")),
    ("recipe", include_str!("../../prelude/recipe.rhai")),
];

/// Modules that are written in Rhai alone: their files, and what the first line says that they are for.
pub fn alone() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let files = FILES.iter().filter(|(name, _)| !MODULES.iter().any(|module| module.name == *name));
    files.map(|(name, text)| (*name, *text, about(text)))
}

/// What the first line of a file says that it is for.
pub fn about(text: &'static str) -> &'static str {
    text.lines().next().and_then(|line| line.strip_prefix("//!")).unwrap_or_default().trim()
}

pub fn register(engine: &mut Engine) {
    for (name, source) in FILES {
        let mut ast = engine.compile(source).expect("a test compiles every prelude file");
        ast.set_source(format!("prelude/{name}.rhai"));
        let script = door::module(&ast, engine).expect("a prelude file only defines functions");
        let native = MODULES.iter().find(|module| module.name == *name);
        let mut module = native.map_or_else(Module::new, |native| (native.build)());
        module.combine(script);
        engine.register_static_module(*name, module.into());
    }
}

/// The text of a prelude file, for diagnostics.
pub fn source(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix("prelude/")?.strip_suffix(".rhai")?;
    FILES.iter().find(|(file, _)| *file == name).map(|(_, source)| *source)
}
