//! `$WORK`, `${WORK}` and `${WORK:-default}` in the texts of a recipe; `$$` is a dollar sign.

use super::problem::{At, Problem, Problems};

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Text(&'a str),
    /// An environment variable, and what stands for one that is not set or empty.
    Variable {
        name: &'a str,
        default: Option<&'a str>,
    },
}

/// The parts of a text. A dollar sign before anything else than a name is one.
pub fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some(dollar) = text.find('$') {
        let (before, rest) = (&text[..dollar], &text[dollar + 1..]);
        let (part, used) = match rest.chars().next() {
            Some('$') => (Part::Text("$"), 1),
            Some('{') => match braced(&rest[1..]) {
                Some((part, used)) => (part, used + 1),
                None => (Part::Text("$"), 0),
            },
            _ => match name_of(rest) {
                "" => (Part::Text("$"), 0),
                name => (Part::Variable { name, default: None }, name.len()),
            },
        };
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(part);
        text = &rest[used..];
    }
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// What stands after `${`, and its length with the closing brace.
fn braced(text: &str) -> Option<(Part<'_>, usize)> {
    let name = name_of(text);
    let rest = &text[name.len()..];
    if name.is_empty() {
        return None;
    }
    if rest.starts_with('}') {
        return Some((Part::Variable { name, default: None }, name.len() + 1));
    }
    let default = rest.strip_prefix(":-")?;
    let end = default.find('}')?;
    Some((Part::Variable { name, default: Some(&default[..end]) }, name.len() + 2 + end + 1))
}

/// The name of a variable at the beginning of a text.
fn name_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..end] }
}

/// The text with what its variables hold.
pub fn expanded(text: &str, at: At, problems: &mut Problems) -> String {
    let mut filled = String::new();
    for part in parts(text) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Variable { name, default } => match (std::env::var(name), default) {
                (Ok(value), Some(default)) if value.is_empty() => filled.push_str(default),
                (Ok(value), _) => filled.push_str(&value),
                (Err(_), Some(default)) => filled.push_str(default),
                (Err(_), None) => problems.add(
                    Problem::new(at, format!("the environment variable `{name}` is not set")).hint(format!(
                        "set it, or give a default: `${{{name}:-...}}`; `$$` is a dollar sign"
                    )),
                ),
            },
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: At = At { line: 1, column: 1 };

    #[test]
    fn variables_are_found() {
        let variable = |name, default| Part::Variable { name, default };
        assert_eq!(parts("$WORK/x"), [variable("WORK", None), Part::Text("/x")]);
        assert_eq!(parts("a${WORK}b"), [Part::Text("a"), variable("WORK", None), Part::Text("b")]);
        assert_eq!(parts("${N:-8}"), [variable("N", Some("8"))]);
        assert_eq!(parts("${N:-}"), [variable("N", Some(""))]);
        for plain in ["", "5 $ a day", "$", "a $1", "${", "${N", "${N:8}", "$(date)"] {
            assert_eq!(expanded(plain, HERE, &mut Problems::default()), plain);
        }
        assert_eq!(expanded("$$WORK", HERE, &mut Problems::default()), "$WORK");
    }

    #[test]
    fn defaults_stand_for_what_is_not_set() {
        let mut problems = Problems::default();
        assert_eq!(expanded("${BENCHSCRIPT_NOT_SET:-a b}!", HERE, &mut problems), "a b!");
        assert!(problems.is_empty());
        expanded("$BENCHSCRIPT_NOT_SET", HERE, &mut problems);
        let said = problems.error("r.yaml", "x").to_string();
        assert!(
            said.starts_with("the environment variable `BENCHSCRIPT_NOT_SET` is not set\n  --> r.yaml:1:1"),
            "{said}"
        );
    }
}
