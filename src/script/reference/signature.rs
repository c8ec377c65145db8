//! Functions as Rhai's metadata tells of them, in the words of a script writer.

use rhai::{Engine, Module};
use serde_json::Value;

/// A function as messages show it.
pub struct Signature {
    /// `load::run`; without a module for methods and globals.
    pub full: String,
    pub name: String,
    pub shown: String,
    /// The type that it is a method of.
    pub of: Option<String>,
}

/// A native function or a getter of a type.
pub struct Native {
    pub name: String,
    pub doc: String,
    /// The type that it is a field or method of.
    pub of: Option<String>,
    pub is_field: bool,
    parameters: Vec<(String, Option<String>)>,
    /// The type of what it returns; empty where that is nothing.
    pub returns: String,
}

impl Native {
    fn new(function: &Value) -> Self {
        let raw = function["name"].as_str().unwrap_or_default();
        let mut parameters = parameters(function);
        let takes_receiver = parameters.first().is_some_and(|(_, of)| of.as_ref().is_some_and(|of| of.1));
        let of = if takes_receiver { parameters.remove(0).1.map(|of| of.0) } else { None };
        Self {
            name: raw.strip_prefix("get$").unwrap_or(raw).to_owned(),
            doc: doc(function),
            of,
            is_field: raw.starts_with("get$"),
            parameters: parameters.into_iter().map(|(name, of)| (name, of.map(|of| of.0))).collect(),
            returns: plain_type(function["returnType"].as_str().unwrap_or_default()),
        }
    }

    /// How it is written, `full` being its name with the module: `load::run(operation: Operation) -> Result`, or
    /// `.field -> type`, `.method(name: type) -> type`.
    pub fn shown(&self, full: &str) -> String {
        let one = |(name, of): &(String, Option<String>)| match of {
            Some(of) => format!("{name}: {of}"),
            None => name.clone(),
        };
        let arguments = self.parameters.iter().map(one).collect::<Vec<_>>().join(", ");
        let arrow = if ["", "()"].contains(&self.returns.as_str()) {
            String::new()
        } else {
            format!(" -> {}", self.returns)
        };
        match &self.of {
            Some(_) if self.is_field => format!(".{}{arrow}", self.name),
            Some(_) => format!(".{}({arguments}){arrow}", self.name),
            None => format!("{full}({arguments}){arrow}"),
        }
    }
}

/// The functions of a native module; what every value has, such as `to_string`, is left out.
pub fn of_module(module: Module) -> Vec<Native> {
    let mut engine = Engine::new_raw();
    engine.register_static_module("m", module.into());
    let root = metadata(&engine, false);
    let functions = root["modules"]["m"]["functions"].as_array().into_iter().flatten();
    let functions = functions.filter(|function| {
        let name = function["name"].as_str().unwrap_or_default();
        !["to_string", "to_debug", "=="].contains(&name) && !name.starts_with("set$")
    });
    functions.map(Native::new).collect()
}

/// All functions and getters with their module; globals and methods have none.
pub fn natives(engine: &Engine) -> Vec<(String, Native)> {
    functions(engine).into_iter().map(|(module, function)| (module, Native::new(&function))).collect()
}

/// Every function of a module as `(module, function)`.
pub fn names(engine: &Engine) -> Vec<(String, String)> {
    let name = |function: &Value| function["name"].as_str().unwrap_or_default().to_owned();
    functions(engine).into_iter().map(|(module, function)| (module, name(&function))).collect()
}

/// Signatures of all functions, methods included.
pub fn signatures(engine: &Engine) -> Vec<Signature> {
    natives(engine)
        .into_iter()
        .filter(|(_, native)| !native.is_field && native.name.starts_with(|c: char| c.is_alphabetic()))
        .map(|(module, native)| {
            let full =
                if module.is_empty() { native.name.clone() } else { format!("{module}::{}", native.name) };
            Signature { shown: native.shown(&full), full, name: native.name, of: native.of }
        })
        .collect()
}

/// Fields of a type, by the name that messages give it.
pub fn fields(engine: &Engine, of: &str) -> Vec<String> {
    let natives = natives(engine).into_iter().map(|(_, native)| native);
    let mut fields: Vec<String> = natives
        .filter(|native| native.is_field && native.of.as_deref() == Some(of))
        .map(|native| native.name)
        .collect();
    fields.sort();
    fields.dedup();
    fields
}

/// Names of the functions that Rhai brings along.
pub fn standard_functions(engine: &Engine) -> Vec<String> {
    let root = metadata(engine, true);
    let functions = root["functions"].as_array().into_iter().flatten();
    let names = functions.filter_map(|function| function["name"].as_str());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with(|c: char| c.is_alphabetic()) && !name.contains('$'))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// All functions with their module; globals and methods have none.
fn functions(engine: &Engine) -> Vec<(String, Value)> {
    let root = metadata(engine, false);
    let mut found = Vec::new();
    for function in root["functions"].as_array().into_iter().flatten() {
        found.push((String::new(), function.clone()));
    }
    for (module, content) in root["modules"].as_object().into_iter().flatten() {
        for function in content["functions"].as_array().into_iter().flatten() {
            found.push((module.clone(), function.clone()));
        }
    }
    found
}

fn metadata(engine: &Engine, with_standard: bool) -> Value {
    let json = engine.gen_fn_metadata_to_json(with_standard).unwrap_or_default();
    serde_json::from_str(&json).unwrap_or_default()
}

/// Parameters that a script writes, without the context: their types, and whether each is taken by reference.
fn parameters(function: &Value) -> Vec<(String, Option<(String, bool)>)> {
    let params = function["params"].as_array().into_iter().flatten();
    params
        .filter_map(|param| {
            let of = param["type"].as_str();
            if of.is_some_and(|of| of.contains("NativeCallContext")) {
                return None;
            }
            let name = param["name"].as_str().unwrap_or("_").trim_start_matches("mut ").to_owned();
            Some((name, of.map(|of| (plain_type(of), of.starts_with("&mut")))))
        })
        .collect()
}

/// A Rust type as a script writer knows it.
pub fn plain_type(of: &str) -> String {
    let of = of.trim_start_matches("&mut ").trim();
    let of = of.strip_prefix("ScriptResult<").and_then(|of| of.strip_suffix('>')).unwrap_or(of);
    match of.rsplit("::").next().unwrap_or(of) {
        "&str" | "String" | "ImmutableString" => "string",
        "i64" | "INT" => "int",
        "f64" | "FLOAT" => "float",
        "Map" => "map",
        "Array" => "array",
        "Blob" => "blob",
        "Dynamic" => "any",
        "Number" => "number",
        "Fn" | "FnPtr" => "closure",
        "Op" => "Operation",
        "LoadResult" => "Result",
        "LoadErrors" => "Errors",
        "HttpResponse" => "Response",
        "Mixed" => "Mix",
        other => other,
    }
    .to_owned()
}

fn doc(function: &Value) -> String {
    let lines = function["docComments"].as_array().into_iter().flatten().filter_map(Value::as_str);
    plain_doc(lines)
}

/// Doc comments without their slashes.
pub fn plain_doc<'a>(comments: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = comments.flat_map(str::lines).map(|line| line.trim_start_matches("///")).collect();
    lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}
