//! `{port}` and the like in the texts of a definition.

use std::collections::BTreeMap;

use crate::error::{Error, Result, nearest};

/// What stands for what.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// A command, URL or the like: each `{name}` must be known, `{{` and `}}` are braces.
    pub fn strictly(&self, field: &str, text: &str) -> Result<String> {
        let mut made = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            made += before;
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                made += &from[..1];
                rest = after;
                continue;
            }
            let name = from[1..].split('}').next().filter(|name| from.starts_with('{') && is_name(name));
            let Some(name) = name else {
                return Err(Error::usage(format!("`{field}` has a brace without a name in `{text}`"))
                    .hint("`{{` and `}}` are braces that stand for themselves"));
            };
            made += self.0.get(name).ok_or_else(|| self.unknown(field, name))?;
            rest = from[name.len() + 1..].strip_prefix('}').unwrap_or_default();
        }
        Ok(made + rest)
    }

    /// A file's contents: what is not known means itself, since files have braces of their own.
    pub fn loosely(&self, text: &str) -> String {
        let known = self.0.iter();
        known.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn unknown(&self, field: &str, name: &str) -> Error {
        let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let error = Error::usage(format!("`{field}` has no value for `{{{name}}}`"));
        match nearest(name, &known) {
            Some(near) => error.hint(format!("did you mean `{{{near}}}`?")),
            None => {
                let known: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
                error.hint(format!(
                    "there are {}; `{{{{` and `}}}}` are braces that stand for themselves",
                    known.join(", ")
                ))
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("port", 4711);
        values.set("host", "127.0.0.1");
        values
    }

    #[test]
    fn commands_know_every_name() {
        let made = |text| values().strictly("command", text);
        assert_eq!(made("--listen={host}:{port}").unwrap(), "--listen=127.0.0.1:4711");
        assert_eq!(made("{{port}} {port}}}").unwrap(), "{port} 4711}");
        let error = made("{prot}").unwrap_err();
        assert_eq!(
            (error.to_string(), error.hints[0].as_str()),
            ("`command` has no value for `{prot}`".to_owned(), "did you mean `{port}`?")
        );
        assert!(made("{a b}").unwrap_err().message.contains("without a name"));
        assert!(made("}").is_err());
    }

    #[test]
    fn files_keep_braces_of_their_own() {
        assert_eq!(values().loosely("{\"port\": {port}, \"x\": {y}}"), "{\"port\": 4711, \"x\": {y}}");
    }
}
