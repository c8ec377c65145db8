//! Rhai's own errors, in our words and with hints.

use rhai::{Dynamic, Engine, EvalAltResult, ParseErrorType};

use super::{library::Library, lint, reference};
use crate::error::{Error, nearest};

/// Where an error was raised: what a hint can be drawn from.
pub struct Place<'a> {
    pub engine: &'a Engine,
    pub library: &'a Library,
    /// The file, as messages name it, and its text.
    pub file: &'a str,
    pub text: &'a str,
    pub in_function: bool,
}

/// The error that a person reads.
pub fn explain(error: &EvalAltResult, place: &Place) -> Error {
    match error {
        EvalAltResult::ErrorModuleNotFound(name, _) => lint::unknown(name, "", &[])
            .unwrap_or_else(|| Error::usage(format!("there is no module `{name}`"))),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => place.unknown_function(signature),
        EvalAltResult::ErrorVariableNotFound(name, _) => place.unknown_variable(name),
        EvalAltResult::ErrorPropertyNotFound(name, _) => place.unknown_key(name),
        EvalAltResult::ErrorDotExpr(text, _) => place.unknown_field(text),
        EvalAltResult::ErrorAssignmentToConstant(name, _) => constant(name),
        EvalAltResult::ErrorFor(_) => not_iterable(""),
        EvalAltResult::ErrorIndexingType(text, _) => {
            Error::usage(format!("{} cannot be indexed", a(text.split(' ').next().unwrap_or(text))))
        }
        EvalAltResult::ErrorParsing(problem, _) => syntax(problem),
        other => plain(other),
    }
}

/// The same without a hint that the script's text would give.
pub fn plain(error: &EvalAltResult) -> Error {
    match error {
        EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => {
            match value.read_lock::<Error>() {
                Some(error) => error.clone(),
                None => Error::usage(thrown(value)),
            }
        }
        EvalAltResult::ErrorStackOverflow(_) => super::stack::too_deep(),
        EvalAltResult::ErrorMismatchDataType(wanted, found, _)
        | EvalAltResult::ErrorMismatchOutputType(wanted, found, _) => {
            Error::usage(format!("expected {}, found {}", a(wanted), a(found)))
        }
        EvalAltResult::ErrorDotExpr(text, _) => {
            no_field(text).map_or_else(|| Error::usage(ours(text)), |(error, ..)| error)
        }
        other => Error::usage(ours(&bare(other))),
    }
}

/// What a script threw by itself.
fn thrown(value: &Dynamic) -> String {
    if value.is_string() {
        value.to_string()
    } else if value.is_unit() {
        "the script threw an error without a word".to_owned()
    } else {
        format!("the script threw `{value}`")
    }
}

fn syntax(problem: &ParseErrorType) -> Error {
    let text = problem.to_string();
    let error = Error::usage(format!("this is not Rhai: {}", ours(&text)));
    match problem {
        ParseErrorType::Reserved(word) => Error::usage(format!("`{word}` is a reserved word")).hint(format!(
            "as the name of a field write it in quotes, `\"{word}\": ...`; anything else needs another name"
        )),
        ParseErrorType::AssignmentToConstant(name) => constant(name),
        ParseErrorType::MismatchedType(wanted, found) if wanted.contains("iterable") => not_iterable(found),
        ParseErrorType::BadInput(rhai::LexError::UnterminatedString) => {
            Error::usage("the text that starts here has no closing quote")
        }
        ParseErrorType::MissingToken(..) if text.contains("'check'") => {
            Error::usage("`check` takes a condition and a name")
                .hint("write `check(result.failures == 0, \"no call fails\")`")
        }
        ParseErrorType::ExprExpected(_) | ParseErrorType::MissingToken(..) => {
            error.hint("is a bracket, a comma or a semicolon missing before this place?")
        }
        _ => error,
    }
}

fn constant(name: &str) -> Error {
    Error::usage(format!("`{name}` is a constant and cannot be changed"))
        .hint(format!("declare it with `let {name} = ...;` if it has to change"))
}

fn not_iterable(found: &str) -> Error {
    let found = if found.is_empty() { String::new() } else { format!(", not over {found}") };
    Error::usage(format!("`for` goes over an array, a range or the like{found}"))
        .hint("a number of rounds is a range: `for i in 0..5 { ... }`")
}

impl Place<'_> {
    fn unknown_function(&self, signature: &str) -> Error {
        let name = signature.split(" (").next().unwrap_or(signature).trim();
        let types = types(signature);
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return unknown_operator(name, &types);
        }
        let known = reference::signatures(self.engine);
        let own = reference::functions_of(self.text);
        let mut same: Vec<&str> = known
            .iter()
            .filter(|known| known.full == name || known.name == name)
            .map(|known| known.shown.as_str())
            .collect();
        same.extend(own.iter().filter(|own| own.0 == name).map(|own| own.1.as_str()));
        if !same.is_empty() {
            let error =
                Error::usage(format!("no function takes these arguments: `{name}({})`", types.join(", ")));
            return same.into_iter().fold(error, |error, shown| error.hint(format!("there is `{shown}`")));
        }
        if let Some((module, function)) = name.split_once("::") {
            return self.unknown_in_module(module, function);
        }
        let methods = |of: &str| {
            let methods = known.iter().filter(|known| known.of.as_deref() == Some(of));
            methods.map(|known| known.name.as_str()).collect::<Vec<_>>()
        };
        if let Some(of) = types.first().filter(|of| !methods(of).is_empty()) {
            let error = Error::usage(format!("{} has no method `{name}`", a(of)));
            return suggest(error, name, &methods(of), "methods");
        }
        let standard = reference::standard_functions(self.engine);
        let mut names: Vec<&str> = standard.iter().map(String::as_str).collect();
        names.extend(known.iter().filter(|known| known.of.is_none()).map(|known| known.name.as_str()));
        names.extend(own.iter().map(|own| own.0.as_str()));
        names.extend(["check", "print"]);
        let error = Error::usage(format!("there is no function `{name}({})`", types.join(", ")));
        match nearest(name, &names) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`benchscript doc` lists what there is"),
        }
    }

    fn unknown_in_module(&self, module: &str, function: &str) -> Error {
        let imported = lint::import_of(self.text, module);
        let Some((_, text)) = imported.and_then(|path| self.library.find(self.file, path)) else {
            return lint::unknown(module, function, &reference::names(self.engine))
                .unwrap_or_else(|| Error::usage(format!("there is no function `{module}::{function}`")));
        };
        let own = reference::functions_of(&text);
        let names: Vec<String> = own.iter().map(|own| format!("{module}::{}", own.0)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match own.iter().find(|own| own.0 == function) {
            Some((_, shown)) => Error::usage(format!("`{module}::{function}` does not take these arguments"))
                .hint(format!("there is `{module}::{shown}`")),
            None => suggest(
                Error::usage(format!("there is no function `{module}::{function}`")),
                &format!("{module}::{function}"),
                &names,
                "functions",
            ),
        }
    }

    fn unknown_variable(&self, name: &str) -> Error {
        let error = Error::usage(format!("there is no variable `{name}`"));
        let declared = self.text.lines().any(|line| {
            let line = line.strip_prefix("let ").map(str::trim_start);
            line.and_then(|line| line.strip_prefix(name))
                .is_some_and(|rest| rest.trim_start().starts_with(['=', ';']))
        });
        if declared && self.in_function {
            return error.hint(format!(
                "functions do not see variables of the top level: pass `{name}` as an argument, or make it a \
                 `const`"
            ));
        }
        let words: Vec<&str> = self.text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let declared = words.windows(2).filter(|pair| ["let", "const", "for", "fn"].contains(&pair[0]));
        let variables: Vec<&str> = declared.map(|pair| pair[1]).collect();
        match nearest(name, &variables) {
            Some(near) if near != name => error.hint(format!("did you mean `{near}`?")),
            _ => error,
        }
    }

    /// A field of a map. Rhai does not tell which map, so the hint comes from all keys that the file writes.
    fn unknown_key(&self, name: &str) -> Error {
        let error = Error::usage(format!("the map has no field `{name}`"));
        let keys = self.text.split(':').map(|before| {
            let before = before.trim_end().trim_end_matches('"');
            before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
        });
        let keys: Vec<&str> = keys.filter(|key| !key.is_empty() && *key != name).collect();
        match nearest(name, &keys) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("`if \"{name}\" in map {{ ... }}` asks first")),
        }
    }

    /// `Unknown property 'p98' - a getter is not registered for type 'Times'`, said for people.
    fn unknown_field(&self, text: &str) -> Error {
        let Some((error, field, of)) = no_field(text) else { return Error::usage(ours(text)) };
        let fields = reference::fields(self.engine, &reference::plain_type(of));
        let names: Vec<&str> = fields.iter().map(String::as_str).collect();
        let is_percentile =
            field.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if is_percentile && names.contains(&"p99_ms") {
            return error
                .hint(format!("fields: {}", names.join(", ")))
                .hint("any other percentile of the response time: `result.percentile_ms(99.5)`");
        }
        suggest(error, field, &names, "fields")
    }
}

/// The error for a field that a type does not have, with the names of both.
fn no_field(text: &str) -> Option<(Error, &str, &str)> {
    let mut quoted = text.split('\'').skip(1).step_by(2);
    let (field, of) = (quoted.next()?, quoted.next()?);
    Some((Error::usage(format!("{} has no field `{field}`", a(of))), field, of))
}

/// Adds the nearest of `names`, or all of them.
fn suggest(error: Error, wrong: &str, names: &[&str], what: &str) -> Error {
    match nearest(wrong, names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => error,
        None => error.hint(format!("{what}: {}", names.join(", "))),
    }
}

fn unknown_operator(operator: &str, types: &[String]) -> Error {
    let sides: Vec<String> = types.iter().map(|of| a(of)).collect();
    let error = Error::usage(format!("`{operator}` does not work on {}", sides.join(" and ")));
    if types.iter().any(|of| of == "string") && types.iter().any(|of| of == "int" || of == "float") {
        return error.hint("`parse_int(text)` and `parse_float(text)` make a number of a text");
    }
    error
}

/// The types of a call's arguments as a script writer knows them.
fn types(signature: &str) -> Vec<String> {
    let signature = signature.replace("&str | ImmutableString | String", "string");
    let types = signature.split_once(" (").map_or("", |(_, types)| types.trim_end_matches(')'));
    types.split(", ").filter(|of| !of.is_empty()).map(reference::plain_type).collect()
}

/// A type as a script writer knows it, with its article.
pub fn a(of: &str) -> String {
    let word = match reference::plain_type(of).as_str() {
        "()" => return "nothing, `()`".to_owned(),
        "bool" => return "true or false".to_owned(),
        "Times" => "distribution of times".to_owned(),
        "Errors" => "count of errors".to_owned(),
        "Generator" => "generator".to_owned(),
        word => word.to_owned(),
    };
    let article = if word.starts_with("Http") || word.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {word}")
}

/// A sentence of Rhai as ours are: lower case, no final period, literals in backticks.
fn ours(text: &str) -> String {
    let text = text.trim_end_matches('.').replace('\'', "`");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Rhai's message without the position, which is shown apart.
fn bare(error: &EvalAltResult) -> String {
    let mut text = error.to_string();
    if let Some(place) = text.rfind(" (line ") {
        text.truncate(place);
    }
    text
}
