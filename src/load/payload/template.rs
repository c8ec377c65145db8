//! Templates: text with `{name}` places and JSON documents, compiled once, written once a call.

use std::cell::Cell;

use serde_json::Value;

use super::{Encoding, Generator, Json, encoding::splits_headers};
use crate::error::{Error, Result, nearest};
use crate::load::Turn;

/// What stands for `{name}`.
#[derive(Debug, Clone)]
pub enum Param {
    Fixed(Value),
    Drawn(Generator),
}

/// Bytes with places that are written anew each turn. What is fixed is encoded once, when it is made.
#[derive(Debug, Clone, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(Vec<u8>),
    Drawn {
        generator: Generator,
        stream: u64,
        encoding: Encoding,
    },
    /// The number of the call.
    Turn,
}

impl Template {
    /// Text where `{name}` stands for a parameter, `{turn}` for the number of the call, `{{` and `}}` for braces.
    ///
    /// A place without a parameter and a parameter without a place are usage errors.
    pub fn text(text: &str, params: &[(String, Param)], operation: &str, encoding: Encoding) -> Result<Self> {
        let params = Parameters::new(operation, params)?;
        let template = params.text(text, encoding)?;
        params.all_used()?;
        Ok(template)
    }

    /// A JSON document; each drawn value has the stream of its path below `body`, such as `body.items.0`.
    pub fn json(tree: &Json, operation: &str) -> Self {
        let mut template = Self::default();
        template.push_json(tree, operation, "body");
        template
    }

    /// Always the same bytes.
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        let mut template = Self::default();
        template.push_literal(&bytes.into());
        template
    }

    /// One generated value, whose stream is that of `path` in `operation`.
    pub fn drawn(generator: Generator, operation: &str, path: &str, encoding: Encoding) -> Self {
        let stream = Generator::stream(operation, path);
        Self { parts: vec![Part::Drawn { generator, stream, encoding }] }
    }

    /// Puts `next` behind what is there.
    pub fn append(&mut self, next: Self) {
        for part in next.parts {
            match part {
                Part::Literal(bytes) => self.push_literal(&bytes),
                other => self.parts.push(other),
            }
        }
    }

    /// Appends what it is at this turn.
    #[inline]
    pub fn write(&self, turn: Turn, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Drawn { generator, stream, encoding } => {
                    generator.write(*stream, turn, *encoding, out);
                }
                Part::Turn => Encoding::Raw.int(turn.number as i64, out),
            }
        }
    }

    /// Whether it is the same at every turn.
    pub fn is_constant(&self) -> bool {
        self.constant().is_some()
    }

    /// All it ever writes, if that is the same at every turn.
    pub fn constant(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// How many bytes it writes, if it is the same number at every turn.
    pub fn fixed_len(&self) -> Option<usize> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(bytes) => Some(bytes.len()),
                Part::Drawn { generator, encoding: Encoding::Raw, .. } => generator.fixed_len(),
                Part::Drawn { .. } | Part::Turn => None,
            })
            .sum()
    }

    fn push(&mut self, text: &str, encoding: Encoding) {
        let mut bytes = Vec::new();
        encoding.literal(text, &mut bytes);
        self.push_literal(&bytes);
    }

    fn push_literal(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Literal(last)) => last.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.parts.push(Part::Literal(bytes.to_owned())),
        }
    }

    fn push_json(&mut self, tree: &Json, operation: &str, path: &str) {
        match tree {
            Json::Value(value) => self.push_literal(value.to_string().as_bytes()),
            Json::Drawn(generator) => {
                self.append(Self::drawn(generator.clone(), operation, path, Encoding::Json));
            }
            Json::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.push_literal(if at == 0 { b"[" } else { b"," });
                    self.push_json(item, operation, &format!("{path}.{at}"));
                }
                self.push_literal(if items.is_empty() { b"[]" } else { b"]" });
            }
            Json::Object(fields) => {
                for (at, (name, value)) in fields.iter().enumerate() {
                    self.push_literal(if at == 0 { b"{" } else { b"," });
                    self.push_literal(Value::from(name.as_str()).to_string().as_bytes());
                    self.push_literal(b":");
                    self.push_json(value, operation, &format!("{path}.{name}"));
                }
                self.push_literal(if fields.is_empty() { b"{}" } else { b"}" });
            }
        }
    }
}

/// The parameters that all templates of one operation share. The same name is the same value in each of them.
pub struct Parameters<'a> {
    operation: &'a str,
    params: &'a [(String, Param)],
    used: Vec<Cell<bool>>,
}

/// Stands for the number of the call without being a parameter.
const TURN: &str = "turn";

impl<'a> Parameters<'a> {
    pub fn new(operation: &'a str, params: &'a [(String, Param)]) -> Result<Self> {
        if params.iter().any(|(name, _)| name == TURN) {
            return Err(Error::usage("no parameter can be called `turn`")
                .hint("`{turn}` is always the number of the call; choose another name"));
        }
        Ok(Self { operation, params, used: vec![Cell::new(false); params.len()] })
    }

    /// Compiles `text` with these parameters.
    pub fn text(&self, text: &str, encoding: Encoding) -> Result<Template> {
        refuse_split(text, encoding)?;
        let mut template = Template::default();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            template.push(before, encoding);
            rest = if let Some(rest) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
                template.push(&brace[..1], encoding);
                rest
            } else if let Some((name, rest)) = brace[1..].split_once('}').filter(|_| brace.starts_with('{')) {
                template.append(self.place(name.trim(), text, encoding)?);
                rest
            } else {
                return Err(Error::usage(format!("a lone `{}` in `{text}`", &brace[..1]))
                    .hint("write `{name}` for a parameter, `{{` and `}}` for braces"));
            };
        }
        template.push(rest, encoding);
        Ok(template)
    }

    /// Fails if a parameter was given that no template has a place for.
    pub fn all_used(&self) -> Result<()> {
        let mut unused = self.params.iter().zip(&self.used).filter(|(_, used)| !used.get());
        match unused.next() {
            None => Ok(()),
            Some(((name, _), _)) => {
                Err(Error::usage(format!("parameter `{name}` of `{}` is not used", self.operation))
                    .hint(format!("write `{{{name}}}` where its value belongs, or leave it out")))
            }
        }
    }

    fn place(&self, name: &str, text: &str, encoding: Encoding) -> Result<Template> {
        if name == TURN {
            return Ok(Template { parts: vec![Part::Turn] });
        }
        let Some(at) = self.params.iter().position(|(known, _)| known == name) else {
            return Err(self.unknown(name, text));
        };
        self.used[at].set(true);
        Ok(match &self.params[at].1 {
            Param::Fixed(value) => {
                refuse_split(value.as_str().unwrap_or_default(), encoding)?;
                let mut fixed = Vec::new();
                encoding.value(value, &mut fixed);
                Template::literal(fixed)
            }
            Param::Drawn(generator) => Template::drawn(generator.clone(), self.operation, name, encoding),
        })
    }

    fn unknown(&self, name: &str, text: &str) -> Error {
        let error = Error::usage(format!("no value for `{{{name}}}` in `{text}`"));
        let names: Vec<&str> = self.params.iter().map(|(name, _)| name.as_str()).chain([TURN]).collect();
        let error = match nearest(name, &names) {
            Some(near) => error.hint(format!("did you mean `{{{near}}}`?")),
            None if name.chars().all(|c| c.is_alphanumeric() || c == '_') => error
                .hint(format!("give it among the options: `#{{ {name}: ... }}`"))
                .hint("or write `{{` and `}}` for braces that are meant as they are"),
            None => error.hint("write `{{` and `}}` for braces that are meant as they are"),
        };
        if self.params.is_empty() { error } else { error.hint(format!("there are: {}", names.join(", "))) }
    }
}

/// Fixed header values with line breaks are a mistake or an attack; drawn ones lose them while they are written.
fn refuse_split(text: &str, encoding: Encoding) -> Result<()> {
    if encoding != Encoding::Header || !text.bytes().any(splits_headers) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "a header value with a line break or control character: `{}`",
        text.escape_debug()
    ))
    .hint("give each header as an entry of its own"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(template: &Template, number: u64) -> String {
        let mut out = Vec::new();
        template.write(Turn { seed: 1, number, step: 0 }, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn params(pairs: &[(&str, Param)]) -> Vec<(String, Param)> {
        pairs.iter().map(|(name, param)| ((*name).to_owned(), param.clone())).collect()
    }

    fn path(text: &str, pairs: &[(&str, Param)]) -> Result<Template> {
        Template::text(text, &params(pairs), "op", Encoding::Path)
    }

    #[test]
    fn fixed_values_are_encoded_into_one_constant() {
        let user = Param::Fixed(json!("a b/ü"));
        let template = path("/u/{user}?q={{x}}&p=/ü", &[("user", user)]).unwrap();
        assert!(template.is_constant());
        assert_eq!(written(&template, 0), "/u/a%20b%2F%C3%BC?q=%7Bx%7D&p=/%C3%BC");
        assert_eq!(template.fixed_len(), Some(written(&template, 0).len()));
    }

    #[test]
    fn drawn_values_follow_the_turn_and_share_a_name() {
        let user = Param::Drawn(Generator::uniform(1, 1_000_000).unwrap());
        let template = path("/{user}/{turn}/{ user }", &[("user", user)]).unwrap();
        assert!(!template.is_constant() && template.fixed_len().is_none());
        let text = written(&template, 7);
        let segments: Vec<&str> = text.split('/').collect();
        assert_eq!((segments[1], segments[2]), (segments[3], "7"));
        assert_eq!(written(&template, 7), text);
        assert_ne!(written(&template, 8), text);
    }

    #[test]
    fn mistakes_are_named_with_a_way_out() {
        let one = || Param::Fixed(json!(1));
        let error = path("/{usr}", &[("user", one())]).unwrap_err();
        assert_eq!(error.message, "no value for `{usr}` in `/{usr}`");
        assert_eq!(error.hints, ["did you mean `{user}`?", "there are: user, turn"]);
        let error = path("/x", &[("user", one())]).unwrap_err();
        assert_eq!(error.message, "parameter `user` of `op` is not used");
        assert!(path("/{user", &[("user", one())]).unwrap_err().message.contains("lone `{`"));
        assert!(path("/user}", &[]).unwrap_err().message.contains("lone `}`"));
        assert!(path("/{turn}", &[("turn", one())]).unwrap_err().message.contains("`turn`"));
    }

    #[test]
    fn json_is_valid_and_draws_at_each_place() {
        let number = || Json::Drawn(Generator::uniform(0, i64::MAX).unwrap());
        let tree = Json::Object(vec![
            ("te\"xt".into(), Json::Drawn(Generator::choice(vec![json!("a\"\n")]).unwrap())),
            ("list".into(), Json::Array(vec![number(), number(), Json::Value(json!({"k": null}))])),
            ("empty".into(), Json::Object(vec![])),
            ("none".into(), Json::Array(vec![])),
        ]);
        let template = Template::json(&tree, "op");
        let value: Value = serde_json::from_str(&written(&template, 3)).unwrap();
        assert_eq!(value["te\"xt"], "a\"\n");
        assert_ne!(value["list"][0], value["list"][1]);
        assert_eq!(value["list"][2], json!({"k": null}));
        assert_eq!((&value["empty"], &value["none"]), (&json!({}), &json!([])));
        assert!(Template::json(&Json::Value(json!([1, "x"])), "op").is_constant());
    }

    #[test]
    fn headers_cannot_be_split() {
        let wild = Param::Drawn(Generator::choice(vec![json!("x\r\nEvil: 1")]).unwrap());
        let template = Template::text("a {w}", &params(&[("w", wild)]), "op", Encoding::Header).unwrap();
        assert_eq!(written(&template, 0), "a xEvil: 1");
        let fixed = params(&[("w", Param::Fixed(json!("x\r\nEvil: 1")))]);
        assert!(Template::text("a {w}", &fixed, "op", Encoding::Header).is_err());
        assert!(Template::text("a\nEvil: 1", &[], "op", Encoding::Header).is_err());
    }
}
