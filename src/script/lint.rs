//! What can be said about a script without running it: functions that do not exist, parameters that it asks for.

use std::{cell::OnceCell, collections::BTreeSet};

use rhai::{AST, ASTNode, Dynamic, Engine, EvalAltResult, Expr, Position};

use super::{prelude, registry::MODULES};
use crate::error::{Error, nearest};

/// Parameters that a script asks for by a literal name.
#[derive(Default)]
pub struct Asked {
    pub names: BTreeSet<String>,
    /// Some name is computed: then any could be meant.
    pub any: bool,
}

/// Finds `param("name", ...)` calls.
pub fn parameters(ast: &AST, asked: &mut Asked) {
    for_each_call(ast, &mut |call| {
        if call.name != "param" || !call.namespace.is_empty() {
            return;
        }
        match call.first_text {
            Some(name) => drop(asked.names.insert(name)),
            None => asked.any = true,
        }
    });
}

/// Whether a script declares its trials instead of running its loads one by one.
pub fn declares(ast: &AST) -> bool {
    let mut declares = false;
    for_each_call(ast, &mut |call| declares |= call.name == "scenario" && call.namespace.is_empty());
    declares
}
/// The functions that there are, by module: most of what a short script costs to start, so one without such calls does without.
pub type Known = OnceCell<Vec<(String, String)>>;

/// The first call of a native module's function that does not exist, as the error that running it would raise.
pub fn first_unknown_call(engine: &Engine, ast: &AST, known: &Known) -> Option<EvalAltResult> {
    let imported = imports(ast);
    let mut first: Option<(Position, Error)> = None;
    for_each_call(ast, &mut |call| {
        let [module] = call.namespace.as_slice() else { return };
        // What an import holds is known only when it is loaded.
        if imported.contains(module) || module == "global" {
            return;
        }
        let known = known.get_or_init(|| super::reference::names(engine));
        let Some(error) = unknown(module, &call.name, known) else { return };
        if first.as_ref().is_none_or(|(position, _)| call.position < *position) {
            first = Some((call.position, error));
        }
    });
    first.map(|(position, error)| EvalAltResult::ErrorRuntime(Dynamic::from(error), position))
}

/// The error for `module::function`, if there is no such function.
pub fn unknown(module: &str, function: &str, known: &[(String, String)]) -> Option<Error> {
    if known.iter().any(|(in_module, name)| in_module == module && name == function) {
        return None;
    }
    if !known.iter().any(|(in_module, _)| in_module == module) {
        let scripted = prelude::alone().map(|(name, ..)| name);
        let modules: Vec<&str> = MODULES.iter().map(|module| module.name).chain(scripted).collect();
        let error = Error::usage(format!("there is no module `{module}`"));
        return Some(match nearest(module, &modules) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("modules: {}", modules.join(", "))),
        });
    }
    let names: Vec<&str> =
        known.iter().filter(|(in_module, _)| in_module == module).map(|(_, name)| name.as_str()).collect();
    let error = Error::usage(format!("there is no function `{module}::{function}`"));
    Some(match nearest(function, &names) {
        Some(near) => error.hint(format!("did you mean `{module}::{near}`?")),
        None => error.hint(format!("`benchscript doc {module}` lists its functions")),
    })
}

struct Call {
    namespace: Vec<String>,
    name: String,
    /// The first argument, if it is a literal text.
    first_text: Option<String>,
    position: Position,
}

fn for_each_call(ast: &AST, found: &mut dyn FnMut(Call)) {
    ast.walk(&mut |path: &[ASTNode]| {
        let expression = match path.last() {
            Some(ASTNode::Expr(expression)) => Some(*expression),
            Some(ASTNode::Stmt(rhai::Stmt::FnCall(call, position))) => {
                found(describe(call, *position));
                None
            }
            _ => None,
        };
        if let Some(Expr::FnCall(call, position)) = expression {
            found(describe(call, *position));
        }
        true
    });
}

fn describe(call: &rhai::FnCallExpr, position: Position) -> Call {
    let first_text = match call.args.first() {
        Some(Expr::StringConstant(text, _)) => Some(text.to_string()),
        _ => None,
    };
    let namespace = call.namespace.path.iter().map(|part| part.name.to_string()).collect();
    Call { namespace, name: call.name.to_string(), first_text, position }
}

/// The path that `import "path" as alias` names in a text.
pub fn import_of<'a>(text: &'a str, alias: &str) -> Option<&'a str> {
    text.split("import").skip(1).find_map(|rest| {
        let (path, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        let name = rest.trim_start().strip_prefix("as ")?.trim_start();
        let name = name.split(|c: char| !c.is_alphanumeric() && c != '_').next();
        (name == Some(alias)).then_some(path)
    })
}

/// An import of a script.
pub struct Import {
    /// `None` stands for one that is computed.
    pub path: Option<String>,
    /// That of the path.
    pub position: Position,
}

/// The imports of a script, wherever they stand.
pub fn imported_files(ast: &AST) -> Vec<Import> {
    let mut imports = Vec::new();
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Stmt(rhai::Stmt::Import(import, _))) = path.last() {
            let path = match &import.0 {
                Expr::StringConstant(text, _) => Some(text.to_string()),
                _ => None,
            };
            imports.push(Import { path, position: import.0.position() });
        }
        true
    });
    imports
}

/// Names that the script's imports give.
fn imports(ast: &AST) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Stmt(rhai::Stmt::Import(import, _))) = path.last() {
            names.insert(import.1.name.to_string());
        }
        true
    });
    names
}
