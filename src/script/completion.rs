//! What can be typed next: modules, functions, methods, fields, options and variables.

use std::collections::BTreeSet;

use rhai::{Dynamic, Engine, Map};

use super::{display, reference};

/// Words of the language that are worth completing.
const WORDS: &[&str] = &[
    "break", "catch", "const", "continue", "else", "false", "for", "if", "import", "in", "let", "loop",
    "return", "throw", "true", "try", "while",
];

/// Knows all names; the session tells it of its own after each input.
pub struct Completion {
    functions: Vec<Function>,
    modules: BTreeSet<String>,
    pub variables: Vec<(String, Dynamic)>,
    /// Signatures of functions that the session defined.
    pub functions_here: Vec<String>,
    pub imports: Vec<String>,
}

struct Function {
    /// Empty for globals and methods.
    module: String,
    name: String,
    /// The type it is a method or field of.
    of: Option<String>,
    is_field: bool,
    /// The type of its value; `any` where that is not known.
    returns: String,
    /// Names of its options, out of its doc comment.
    options: Vec<String>,
}

/// What stands before the cursor, from the right.
struct Place<'a> {
    /// What has been typed of the name.
    typed: &'a str,
    start: usize,
    before: &'a str,
}

impl Completion {
    pub fn new(engine: &Engine) -> Self {
        let functions: Vec<Function> = reference::natives(engine).into_iter().filter_map(describe).collect();
        let modules = functions.iter().filter(|function| !function.module.is_empty());
        let modules = modules.map(|function| function.module.clone()).collect();
        Self { functions, modules, variables: Vec::new(), functions_here: Vec::new(), imports: Vec::new() }
    }

    /// Where the name before the end of `text` starts, and what it may become.
    pub fn candidates(&self, text: &str) -> (usize, Vec<String>) {
        let place = place(text);
        let mut found: Vec<String> = if let Some(module) = place.before.strip_suffix("::") {
            self.of_module(last_name(module))
        } else if let Some(owner) = place.before.strip_suffix('.') {
            self.members(owner)
        } else {
            let mut options = self.options(place.before);
            if options.is_empty() && !place.typed.is_empty() {
                options = self.names();
            }
            options
        };
        found.retain(|name| name.starts_with(place.typed));
        found.sort();
        found.dedup();
        (place.start, found)
    }

    fn of_module(&self, module: &str) -> Vec<String> {
        let inside =
            self.functions.iter().filter(|function| function.module == module && function.of.is_none());
        inside.map(|function| format!("{}(", function.name)).collect()
    }

    fn names(&self) -> Vec<String> {
        let globals =
            self.functions.iter().filter(|function| function.module.is_empty() && function.of.is_none());
        let globals =
            globals.filter(|function| is_name(&function.name)).map(|function| format!("{}(", function.name));
        let own = self
            .functions_here
            .iter()
            .filter_map(|shown| shown.split_once('('))
            .map(|(name, _)| format!("{name}("));
        let modules = self.modules.iter().chain(&self.imports).map(|module| format!("{module}::"));
        let words = WORDS.iter().map(|word| (*word).to_owned());
        let variables = self.variables.iter().map(|(name, _)| name.clone());
        globals
            .chain(own)
            .chain(modules)
            .chain(words)
            .chain(variables)
            .chain(["print(".to_owned(), "check(".to_owned()])
            .collect()
    }

    /// Fields and methods of what stands before the dot; of everything where its type is not known.
    fn members(&self, owner: &str) -> Vec<String> {
        if let Some(Known::Value(value)) = self.known(owner)
            && let Some(map) = value.read_lock::<Map>()
        {
            return map.keys().map(ToString::to_string).collect();
        }
        let kind = self.known(owner).map(|known| known.kind()).filter(|kind| kind != "any");
        let members = |kind: Option<&str>| -> Vec<String> {
            let members = self.functions.iter().filter(|function| match (&function.of, kind) {
                (Some(of), Some(kind)) => of == kind,
                (of, _) => of.is_some(),
            });
            members
                .map(|member| if member.is_field { member.name.clone() } else { format!("{}(", member.name) })
                .collect()
        };
        let found = members(kind.as_deref());
        if found.is_empty() && kind.is_none() { members(None) } else { found }
    }

    /// What is known of the expression that ends here: `name`, `name.field`, `module::function(...)` and chains of
    /// them.
    fn known(&self, expression: &str) -> Option<Known> {
        let expression = expression.trim_end();
        let (head, called) = match expression.strip_suffix(')') {
            Some(inside) => (&inside[..opening(inside)?], true),
            None => (expression, false),
        };
        let name = last_name(head);
        let before = &head[..head.len() - name.len()];
        if let Some(owner) = before.strip_suffix('.') {
            let owner = self.known(owner)?;
            if let (Known::Value(value), false) = (&owner, called)
                && let Some(map) = value.read_lock::<Map>()
            {
                return map.get(name).cloned().map(Known::Value);
            }
            let kind = owner.kind();
            let mut members =
                self.functions.iter().filter(|member| member.is_field != called && member.name == name);
            return members
                .find(|member| member.of.as_ref() == Some(&kind))
                .map(|member| Known::Kind(member.returns.clone()));
        }
        if called {
            let module = before.strip_suffix("::").map_or("", last_name);
            let mut functions =
                self.functions.iter().filter(|function| function.of.is_none() && function.name == name);
            return functions
                .find(|function| function.module == module)
                .map(|function| Known::Kind(function.returns.clone()));
        }
        let mut newest_first = self.variables.iter().rev();
        newest_first.find(|(known, _)| known == name).map(|(_, value)| Known::Value(value.clone()))
    }

    /// Option names of the call whose option map is open here, if the cursor stands where a name is due.
    fn options(&self, before: &str) -> Vec<String> {
        if !before.trim_end().ends_with(['{', ',']) {
            return Vec::new();
        }
        let Some(map) = opening(before).filter(|at| before[..*at].ends_with('#')) else { return Vec::new() };
        let Some(call) = opening(&before[..map]).filter(|at| before[*at..].starts_with('(')) else {
            return Vec::new();
        };
        let name = last_name(&before[..call]);
        let module = before[..call - name.len()].strip_suffix("::").map(last_name);
        let functions = self.functions.iter().filter(|function| function.name == name);
        let functions = functions.filter(|function| module.is_none_or(|module| function.module == module));
        functions.flat_map(|function| &function.options).map(|option| format!("{option}: ")).collect()
    }
}

enum Known {
    Value(Dynamic),
    Kind(String),
}

impl Known {
    fn kind(&self) -> String {
        match self {
            Self::Value(value) => display::kind(value),
            Self::Kind(kind) => kind.clone(),
        }
    }
}

fn describe((module, native): (String, reference::Native)) -> Option<Function> {
    let hidden = ["to_string", "to_debug"].contains(&native.name.as_str()) || !is_name(&native.name);
    (!hidden).then(|| Function {
        module,
        of: native.of,
        is_field: native.is_field,
        returns: native.returns,
        options: options(&native.doc),
        name: native.name,
    })
}

/// The names before the colon of `* `name`, `other`: ...`.
fn options(doc: &str) -> Vec<String> {
    let items =
        doc.lines().filter_map(|line| line.strip_prefix("* ")?.split_once(':').map(|(names, _)| names));
    let names = items.flat_map(|names| names.split('`').skip(1).step_by(2)).filter(|name| is_name(name));
    names.map(str::to_owned).collect()
}

fn place(text: &str) -> Place<'_> {
    let typed = last_name(text);
    let start = text.len() - typed.len();
    Place { typed, start, before: &text[..start] }
}

/// The name that `text` ends with; empty if it ends with something else.
fn last_name(text: &str) -> &str {
    let start = text.char_indices().rev().take_while(|(_, c)| c.is_alphanumeric() || *c == '_').last();
    start.map_or("", |(at, _)| &text[at..])
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && last_name(text) == text
}

/// Where the bracket is that the end of `text` stands in. Texts are not looked into: a bracket in one misleads, which
/// costs no more than a completion.
fn opening(text: &str) -> Option<usize> {
    let mut closed = 0;
    for (at, c) in text.char_indices().rev() {
        match c {
            ')' | ']' | '}' => closed += 1,
            '(' | '[' | '{' if closed == 0 => return Some(at),
            '(' | '[' | '{' => closed -= 1,
            _ => {}
        }
    }
    None
}
