//! Values as a script writes them.

use serde_json::{Map, Value as Json, json};

/// Columns that a line of a script may have.
const WIDTH: usize = 110;

/// Words that cannot stand as the name of a field.
const RESERVED: &[&str] = &[
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "else",
    "eval",
    "exit",
    "export",
    "false",
    "fn",
    "for",
    "global",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "is",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "type_of",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// The only key of a value that stands for an expression.
const CODE: &str = "\0code";

/// An expression as a value.
pub fn code(expression: impl Into<String>) -> Json {
    json!({ CODE: expression.into() })
}

/// A text between quotes.
pub fn text(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// The name of a field, quoted where it must be.
pub fn field(name: &str) -> String {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&name);
    if is_name { name.to_owned() } else { text(name) }
}

/// A field of the point: `p.concurrency`.
pub fn point(axis: &str) -> Json {
    code(match field(axis) {
        plain if plain == axis => format!("p.{axis}"),
        quoted => format!("p[{quoted}]"),
    })
}

/// A value on one line.
pub fn value(json: &Json) -> String {
    match json {
        Json::Null => "()".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => grouped(whole),
            None => number.to_string(),
        },
        Json::String(plain) => text(plain),
        Json::Array(values) => {
            format!("[{}]", values.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        Json::Object(map) => match map.get(CODE) {
            Some(expression) => expression.as_str().unwrap_or_default().to_owned(),
            None if map.is_empty() => "#{}".to_owned(),
            None => {
                let fields = map.iter().map(|(name, inner)| format!("{}: {}", field(name), of(name, inner)));
                format!("#{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
        },
    }
}

/// The value of a field: a port is no amount.
fn of(field: &str, json: &Json) -> String {
    match json {
        Json::Number(number) if field.ends_with("port") || field == "seed" => number.to_string(),
        other => value(other),
    }
}

/// A map that begins at column `at` of a line indented by `indent`: on this line if it fits, else a line for each field.
pub fn map(map: &Map<String, Json>, indent: usize, at: usize) -> String {
    let line = value(&Json::Object(map.clone()));
    if at + line.len() <= WIDTH || map.is_empty() {
        return line;
    }
    let inner = " ".repeat(indent + 4);
    let fields = map.iter().map(|(name, value)| {
        let name = field(name);
        let at = inner.len() + name.len() + 2;
        let value = match value {
            Json::Object(fields) if !fields.contains_key(CODE) => self::map(fields, indent + 4, at),
            other => of(&name, other),
        };
        format!("{inner}{name}: {value},\n")
    });
    format!("#{{\n{}{}}}", fields.collect::<String>(), " ".repeat(indent))
}

/// Thousands apart: `100_000`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_they_were() {
        assert_eq!(
            value(&json!({ "a": 100_000, "type": "x", "default": [1, 2.5, null, true] })),
            r#"#{ a: 100_000, type: "x", "default": [1, 2.5, (), true] }"#
        );
        assert_eq!(text("a\"b\\c\nd\u{1}"), r#""a\"b\\c\nd\u0001""#);
        assert_eq!(grouped(-1_234_567), "-1_234_567");
        assert_eq!(grouped(999), "999");
        assert_eq!(
            value(&json!({ "rate": point("rate"), "x": point("top-k") })),
            r#"#{ rate: p.rate, x: p["top-k"] }"#
        );
    }
}
