//! Imported files: where they are looked for, loaded once each, kept with the run.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex},
};

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Shared};

/// A loaded module, shared by the engines that use it.
type SharedModule = Shared<Module>;

pub use super::version::alias;
use super::{
    ScriptResult, door, prelude,
    version::{Head, Misplaced},
};
use crate::error::Error;
use crate::host::Host;

/// What has been loaded so far, by the path that messages show.
pub struct Library {
    host: Arc<Host>,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    sources: BTreeMap<String, String>,
    modules: HashMap<PathBuf, (SharedModule, Arc<Head>)>,
    /// Files that are being loaded, outermost first: one that comes up again closes a cycle.
    loading: Vec<PathBuf>,
}

/// Hands the library to an engine.
pub struct Resolver(pub Arc<Library>);

impl Library {
    pub fn new(host: Arc<Host>) -> Self {
        Self { host, loaded: Mutex::default() }
    }

    /// Remembers a text, so that diagnostics can show its lines.
    pub fn add_source(&self, name: &str, text: &str) {
        self.lock().sources.insert(name.to_owned(), text.to_owned());
    }

    /// The text of a script, an imported file or a prelude file.
    pub fn source(&self, name: &str) -> Option<String> {
        prelude::source(name).map(str::to_owned).or_else(|| self.lock().sources.get(name).cloned())
    }

    /// All texts that were read so far, by name.
    pub fn sources(&self) -> BTreeMap<String, String> {
        self.lock().sources.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Loaded> {
        self.loaded.lock().expect("nothing panics while it holds the library")
    }

    /// Where `import` looks, in order: beside the importing file, `--lib`, `BENCHSCRIPT_PATH`, the user's library.
    fn folders(&self, importer: Option<&str>) -> Vec<PathBuf> {
        search_path(importer.map(Path::new), &self.host.settings.libraries)
    }

    /// The file that an import in `importer` finds, and its text.
    pub fn find(&self, importer: &str, name: &str) -> Option<(String, String)> {
        let relative = relative_file(name).ok()?;
        let folders = self.folders(Some(importer));
        if self.host.settings.bundle.is_some() {
            let (path, text) = self.stored(&folders, &relative)?;
            return Some((path.to_owned(), text.to_owned()));
        }
        let path = folders.iter().map(|folder| folder.join(&relative)).find(|path| path.is_file())?;
        let text = super::read(&path).ok()?;
        Some((shown(&path), text))
    }

    /// The file of a stored run: one of a folder's, else the only one of that name, since the folders may be others now.
    fn stored(&self, folders: &[PathBuf], relative: &Path) -> Option<(&str, &str)> {
        let bundle = self.host.settings.bundle.as_ref()?;
        let here = folders.iter().find_map(|folder| bundle.get_key_value(&shown(&folder.join(relative))));
        let mut alike = bundle.iter().filter(|(path, _)| Path::new(path).ends_with(relative));
        let only = alike.next().filter(|_| alike.next().is_none());
        here.or(only).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    fn load(
        &self,
        engine: &Engine,
        importer: Option<&str>,
        name: &str,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        let fail =
            |error: Error| Box::new(EvalAltResult::ErrorRuntime(rhai::Dynamic::from(error), Position::NONE));
        let relative = relative_file(name).map_err(fail)?;
        let folders = self.folders(importer);
        let stored = self.stored(&folders, &relative);
        let found = match (stored, &self.host.settings.bundle) {
            (Some((path, _)), _) => Some(PathBuf::from(path)),
            (None, Some(_)) => None,
            (None, None) => folders.iter().map(|folder| folder.join(&relative)).find(|path| path.is_file()),
        };
        let Some(path) = found else { return Err(fail(not_found(name, &relative, &folders))) };
        let key = path.canonicalize().unwrap_or_else(|_| path.clone());
        let shown = shown(&path);
        let asks = importer.and_then(|importer| self.source(importer));
        // A mistake in its own lines has been told, or will be: it is compiled or loaded as well.
        let asks = asks.and_then(|text| Head::of(&text).ok()).unwrap_or_default();
        let known = self.lock().modules.get(&key).cloned();
        if let Some((module, head)) = known {
            asks.allows(name, &shown, &head).map_err(fail)?;
            return Ok(module);
        }
        if self.lock().loading.contains(&key) {
            let mut names: Vec<String> = self.lock().loading.iter().map(|path| file_name(path)).collect();
            names.push(file_name(&key));
            return Err(fail(
                Error::usage(format!("imports go round in a circle: {}", names.join(" → ")))
                    .hint("move what both files need into a third one"),
            ));
        }
        let text = match stored {
            Some((_, text)) => text.to_owned(),
            None => super::read(&path).map_err(fail)?,
        };
        self.add_source(&shown, &text);
        let head = Head::of(&text).and_then(|head| head.allows_this_program().map(|()| head));
        let head = head.map_err(|misplaced| in_module(&shown, at_line(misplaced)))?;
        asks.allows(name, &shown, &head).map_err(fail)?;
        self.host.add_import(&shown, &text).map_err(fail)?;
        self.lock().loading.push(key.clone());
        let module = evaluate(engine, &shown, &text);
        self.lock().loading.pop();
        let module: SharedModule = module?.into();
        self.lock().modules.insert(key, (module.clone(), Arc::new(head)));
        Ok(module)
    }
}

fn evaluate(engine: &Engine, shown: &str, text: &str) -> ScriptResult<Module> {
    let mut ast = engine.compile(text).map_err(|error| in_module(shown, Box::new(error.into())))?;
    ast.set_source(shown);
    door::module(&ast, engine).map_err(|error| in_module(shown, error))
}

/// An error of the imported file `shown`.
fn in_module(shown: &str, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorInModule(shown.to_owned(), error, Position::NONE))
}

/// An error at the beginning of a line.
pub fn at_line((error, line): Misplaced) -> Box<EvalAltResult> {
    let line = u16::try_from(line).unwrap_or(u16::MAX);
    Box::new(EvalAltResult::ErrorRuntime(rhai::Dynamic::from(error), Position::new(line, 1)))
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        self.0.load(engine, source, path).map_err(|mut error| {
            error.set_position(position);
            error
        })
    }
}

/// Folders that `import` searches, in order, for a script at `importer`.
pub fn search_path(importer: Option<&Path>, libraries: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let beside = importer.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    folders.push(beside.map_or_else(|| PathBuf::from("."), Path::to_owned));
    folders.extend(libraries.iter().cloned());
    folders.extend(env::split_paths(&env::var_os("BENCHSCRIPT_PATH").unwrap_or_default()));
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
    folders.extend(data.map(|data| data.join("benchscript/lib")));
    folders.retain(|folder| !folder.as_os_str().is_empty());
    folders
}

/// The file of an import's name. It may not leave the folder that it is looked for in.
pub fn relative_file(name: &str) -> Result<PathBuf, Error> {
    let path = Path::new(name);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || !inside {
        return Err(Error::usage(format!("cannot import `{name}`"))
            .hint("name a file below the script's folder or a library, e.g. `import \"team/llm\" as llm;`"));
    }
    let has_ending = path.extension().is_some_and(|ending| ending == "rhai");
    Ok(if has_ending { path.to_owned() } else { PathBuf::from(format!("{name}.rhai")) })
}

fn not_found(name: &str, relative: &Path, folders: &[PathBuf]) -> Error {
    let looked: Vec<String> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
    let mut error = Error::usage(format!("there is no `{}` to import", relative.display()));
    if is_built_in(name) {
        error = error.hint(format!("`{name}` is built in: use `{name}::...` without an import"));
    }
    error.hint(format!("looked in {}; add folders with `--lib` or BENCHSCRIPT_PATH", looked.join(", ")))
}

/// Whether `name` is that of a module that every script has.
pub fn is_built_in(name: &str) -> bool {
    super::registry::MODULES.iter().any(|module| module.name == name)
        || super::prelude::alone().any(|(module, ..)| module == name)
}

/// A path as messages show it.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
