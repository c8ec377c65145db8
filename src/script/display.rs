//! Script values as the REPL shows them.

use rhai::{Array, Dynamic, Engine, Map};

use super::reference;

/// Arrays and maps longer than this are shown one element a line.
const ONE_LINE: usize = 80;

/// The longest value in a list of variables.
const SHORT: usize = 60;

/// The value of an input; nothing for `()`.
pub fn full(engine: &Engine, value: &Dynamic) -> Option<String> {
    if value.is_unit() {
        return None;
    }
    let text = match value.read_lock::<rhai::ImmutableString>() {
        // A text of several lines is made to be read.
        Some(text) if text.contains('\n') => text.to_string(),
        _ => nested(engine, value, 0),
    };
    Some(text.trim_end().to_owned())
}

/// One line that tells a value from others.
pub fn short(engine: &Engine, value: &Dynamic) -> String {
    let text = if let Some(array) = value.read_lock::<Array>().filter(|array| array.len() > 10) {
        format!("{} elements", array.len())
    } else {
        flat(engine, value)
    };
    if text.chars().count() <= SHORT {
        return text;
    }
    format!("{}…", text.chars().take(SHORT - 1).collect::<String>())
}

/// The name of a value's type as a script writer knows it.
pub fn kind(value: &Dynamic) -> String {
    reference::plain_type(value.type_name())
}

fn nested(engine: &Engine, value: &Dynamic, depth: usize) -> String {
    let line = flat(engine, value);
    let blanks = "    ".repeat(depth);
    if line.chars().count() + blanks.len() <= ONE_LINE {
        // Results are tables, which fit no line; inside an array the line has to do.
        return if depth == 0 && !is_collection(value) { own_words(engine, value) } else { line };
    }
    let lines = |open: &str, elements: Vec<String>, close: &str| {
        let elements: String = elements.iter().map(|element| format!("{blanks}    {element},\n")).collect();
        format!("{open}\n{elements}{blanks}{close}")
    };
    if let Some(array) = value.read_lock::<Array>() {
        return lines("[", array.iter().map(|value| nested(engine, value, depth + 1)).collect(), "]");
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entry = |(key, value): (&rhai::Identifier, &Dynamic)| {
            format!("{}: {}", name(key), nested(engine, value, depth + 1))
        };
        return lines("#{", map.iter().map(entry).collect(), "}");
    }
    if depth == 0 { own_words(engine, value) } else { line }
}

fn is_collection(value: &Dynamic) -> bool {
    value.is_array() || value.is_map()
}

/// A value on one line, as it would be typed where it can be typed.
fn flat(engine: &Engine, value: &Dynamic) -> String {
    if value.is_unit() {
        return "()".to_owned();
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return format!("{:?}", text.as_str());
    }
    if let Some(array) = value.read_lock::<Array>() {
        let elements: Vec<String> = array.iter().map(|value| flat(engine, value)).collect();
        return format!("[{}]", elements.join(", "));
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entry =
            |(key, value): (&rhai::Identifier, &Dynamic)| format!("{}: {}", name(key), flat(engine, value));
        let entries: Vec<String> = map.iter().map(entry).collect();
        return if entries.is_empty() { "#{}".to_owned() } else { format!("#{{ {} }}", entries.join(", ")) };
    }
    let words = own_words(engine, value);
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    if lines.next().is_some() { format!("{first} …") } else { first }
}

/// What the type's own `to_string` says.
fn own_words(engine: &Engine, value: &Dynamic) -> String {
    if value.is_fnptr() {
        return "closure".to_owned();
    }
    if value.is_string() {
        return flat(engine, value);
    }
    let said = engine.eval_fn_call::<String>("to_string", None, (value.clone(),));
    said.unwrap_or_else(|_| value.to_string())
}

/// A key as it would be typed.
fn name(key: &str) -> String {
    let plain =
        key.chars().all(|c| c.is_alphanumeric() || c == '_') && !key.starts_with(|c: char| c.is_numeric());
    if plain && !key.is_empty() { key.to_owned() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_they_are_typed() {
        let engine = Engine::new();
        let shown = |script: &str| full(&engine, &engine.eval::<Dynamic>(script).expect("a script"));
        assert_eq!(shown("()"), None);
        assert_eq!(shown("1 + 1").as_deref(), Some("2"));
        assert_eq!(shown("\"a\"").as_deref(), Some("\"a\""));
        assert_eq!(shown("\"a\\nb\"").as_deref(), Some("a\nb"));
        assert_eq!(shown("[1, \"x\", #{}]").as_deref(), Some("[1, \"x\", #{}]"));
        assert_eq!(shown("#{ b: 1.5, \"a b\": () }").as_deref(), Some("#{ \"a b\": (), b: 1.5 }"));
    }

    #[test]
    fn long_collections_take_a_line_an_element() {
        let engine = Engine::new();
        let value = engine.eval::<Dynamic>(
            "[\"0123456789012345678901234567890123456789\", \"0123456789012345678901234567890123456789\"]",
        );
        let shown = full(&engine, &value.expect("a script")).expect("a value");
        assert_eq!(shown.lines().count(), 4, "{shown}");
        assert!(shown.starts_with("[\n    \"0123"), "{shown}");
    }
}
