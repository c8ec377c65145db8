//! One kind of command, compiled once.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    client::RedisClient,
    line::{LARGEST, Line, Noise, Size, Word},
    settings::{Argument, CommandOptions, Content, Field},
};
use crate::error::{Error, Result};
use crate::load::{
    Client, Operation,
    payload::{Count, Distribution, Encoding, Generator, KeySpace, Keys, Parameters, Template},
};
use crate::measure::{
    Span, Summary,
    secrets::{MASK, is_secret},
};
use crate::services::command::short_name;

/// Commands that a fill sends at once.
const FILL_BATCH: u32 = 200;

/// A command of one client, or several of its kind that are sent at once.
pub struct Command {
    name: String,
    client: Arc<dyn Client>,
    pub(super) line: Line,
    /// Commands that are sent at once.
    pub(super) pipeline: u32,
    /// A call writes so many keys, batch by batch, instead of one batch.
    pub(super) fills: Option<u64>,
    pub(super) counted: Counted,
    described: Value,
}

/// What the bytes and items of a call are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Bytes received, and values found.
    Hits,
    /// Bytes of the values sent, and commands.
    Sent,
    /// Bytes received, and commands.
    Received,
}

impl RedisClient {
    /// `GET key`.
    pub fn get(self: &Arc<Self>, keys: &Keys, options: &CommandOptions) -> Result<Command> {
        self.build("get", keys, "key:", options, Counted::Hits, |_| Ok(vec![]))
    }

    /// `SET key value`, with a time to live if there is one.
    pub fn set(
        self: &Arc<Self>,
        keys: &Keys,
        value: &Content,
        ttl: Option<Span>,
        options: &CommandOptions,
    ) -> Result<Command> {
        let mut command = self.build("set", keys, "key:", options, Counted::Sent, |compile| {
            let mut words = vec![(compile.content(value)?, true)];
            words.extend(expiry(ttl)?);
            Ok(words)
        })?;
        command.tell("value_size_bytes", shown(value));
        command.tell("ttl_s", ttl.map(|ttl| json!(ttl.seconds())));
        Ok(command)
    }

    /// `INCR key`.
    pub fn incr(self: &Arc<Self>, keys: &Keys, options: &CommandOptions) -> Result<Command> {
        self.build("incr", keys, "counter:", options, Counted::Received, |_| Ok(vec![]))
    }

    /// `HSET key field value`.
    pub fn hset(
        self: &Arc<Self>,
        keys: &Keys,
        field: &Field,
        value: &Content,
        options: &CommandOptions,
    ) -> Result<Command> {
        let mut command = self.build("hset", keys, "hash:", options, Counted::Sent, |compile| {
            Ok(vec![(compile.field(field)?, false), (compile.content(value)?, true)])
        })?;
        command.tell("value_size_bytes", shown(value));
        command.tell("fields", if let Field::One(fields) = field { Some(json!(fields)) } else { None });
        Ok(command)
    }

    /// `LPUSH key value`.
    pub fn lpush(
        self: &Arc<Self>,
        keys: &Keys,
        value: &Content,
        options: &CommandOptions,
    ) -> Result<Command> {
        let mut command = self.build("lpush", keys, "list:", options, Counted::Sent, |compile| {
            Ok(vec![(compile.content(value)?, true)])
        })?;
        command.tell("value_size_bytes", shown(value));
        Ok(command)
    }

    /// Any command, word by word.
    pub fn command(self: &Arc<Self>, words: &[Argument], options: &CommandOptions) -> Result<Command> {
        check_words(words)?;
        options.check()?;
        let told = told(words);
        let name = options.shown(&short_name(&told.join(" ")));
        let compile = Compile { params: Parameters::new(&name, &options.params)?, operation: &name };
        let mut compiled = Vec::new();
        for (at, word) in words.iter().enumerate() {
            compiled.push((compile.argument(word, &format!("arguments.{at}"))?, false));
        }
        compile.params.all_used()?;
        let mut command = self.made(&name, compiled, options.pipeline, Counted::Received);
        command.tell("command", Some(json!(told)));
        Ok(command)
    }

    /// Writes every key of a key space once, in one call: preparation, not a load.
    pub fn fill(
        self: &Arc<Self>,
        keys: &KeySpace,
        value: &Content,
        ttl: Option<Span>,
        name: Option<String>,
    ) -> Result<Command> {
        let Count::Fixed(count) = keys.keys else {
            return Err(Error::usage("`fill` writes every key once, so `keys` must be a number")
                .hint("give as many as the generator draws from"));
        };
        let keys = Keys::Space(KeySpace { distribution: Distribution::Sequential, ..keys.clone() });
        let name = Some(name.unwrap_or_else(|| "fill".to_owned()));
        let options = CommandOptions { name, pipeline: FILL_BATCH, ..CommandOptions::default() };
        let command = self.set(&keys, value, ttl, &options)?;
        Ok(Command { fills: Some(count), ..command })
    }

    fn build(
        self: &Arc<Self>,
        verb: &str,
        keys: &Keys,
        prefix: &str,
        options: &CommandOptions,
        counted: Counted,
        more: impl FnOnce(&Compile<'_>) -> Result<Vec<(Word, bool)>>,
    ) -> Result<Command> {
        options.check()?;
        let name = options.shown(&match keys {
            Keys::Space(_) => verb.to_owned(),
            Keys::Text(text) => short_name(&format!("{verb} {text}")),
        });
        let compile = Compile { params: Parameters::new(&name, &options.params)?, operation: &name };
        let first = (Word::Text(Template::literal(verb.to_ascii_uppercase())), false);
        let (key, shown) = match keys {
            Keys::Text(text) => (compile.text(text)?, text.clone()),
            Keys::Space(space) => {
                let writer = space.writer(prefix, &name, "key")?;
                let shown = writer.first();
                (Word::Key(writer), shown)
            }
        };
        let mut words = vec![first, (key, false)];
        words.extend(more(&compile)?);
        compile.params.all_used()?;
        let mut command = self.made(&name, words, options.pipeline, counted);
        command.tell("command", Some(json!([verb.to_ascii_uppercase(), shown])));
        if let Keys::Space(space) = keys {
            let Value::Object(space) = space.describe() else { return Ok(command) };
            space.into_iter().for_each(|(key, value)| command.tell(&key, Some(value)));
        }
        Ok(command)
    }

    fn made(
        self: &Arc<Self>,
        name: &str,
        words: Vec<(Word, bool)>,
        pipeline: u32,
        counted: Counted,
    ) -> Command {
        let described = json!({ "pipeline": pipeline, "connections": "one a virtual user" });
        let line = Line::new(words);
        Command {
            name: name.to_owned(),
            client: self.clone(),
            line,
            pipeline,
            fills: None,
            counted,
            described,
        }
    }
}

impl Command {
    fn tell(&mut self, key: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.described[key] = value;
        }
    }
}

impl Operation for Command {
    fn name(&self) -> &str {
        &self.name
    }

    fn service(&self) -> &'static str {
        "redis"
    }

    fn component(&self) -> &'static str {
        "database"
    }

    fn client(&self) -> &Arc<dyn Client> {
        &self.client
    }

    fn describe(&self) -> Value {
        self.described.clone()
    }

    /// A call is a batch: commands a second are as many times more as it holds.
    fn extras(&self, row: &Summary) -> Vec<(&'static str, f64)> {
        let commands = self.fills.unwrap_or(u64::from(self.pipeline)) as f64;
        let mut extras =
            vec![("ops_per_second", row.throughput * commands), ("bytes_per_second", row.bytes_per_second)];
        if self.counted == Counted::Hits && row.successes > 0 {
            extras.push(("hit_rate", row.items as f64 / (row.successes as f64 * commands)));
        }
        extras
    }
}

/// What compiles the words of one operation.
struct Compile<'a> {
    params: Parameters<'a>,
    operation: &'a str,
}

impl Compile<'_> {
    fn text(&self, text: &str) -> Result<Word> {
        Ok(Word::Text(self.params.text(text, Encoding::Raw)?))
    }

    fn drawn(&self, generator: &Generator, path: &str) -> Word {
        Word::Text(Template::drawn(generator.clone(), self.operation, path, Encoding::Raw))
    }

    fn argument(&self, argument: &Argument, path: &str) -> Result<Word> {
        match argument {
            Argument::Text(text) => self.text(text),
            Argument::Drawn(generator) => Ok(self.drawn(generator, path)),
        }
    }

    fn content(&self, content: &Content) -> Result<Word> {
        let stream = |path| Generator::stream(self.operation, path);
        let size = match content {
            Content::Text(text) => return self.text(text),
            Content::Drawn(generator) => return Ok(self.drawn(generator, "value")),
            Content::Size(size) if *size > LARGEST => {
                return Err(Error::usage(format!("`value_size_bytes: {size}` is more than Redis takes"))
                    .hint("a value has at most 512 MiB"));
            }
            Content::Size(size) => Size::Fixed(*size),
            Content::Sizes(generator) => Size::Drawn(generator.clone(), stream("value_size_bytes")),
        };
        Ok(Word::Noise(Noise { size, stream: stream("value") }))
    }

    fn field(&self, field: &Field) -> Result<Word> {
        match field {
            Field::Text(text) => self.text(text),
            Field::One(0) => Err(Error::usage("`fields` must be at least 1")),
            Field::One(fields) => {
                let digits = (fields - 1).max(1).ilog10() as usize + 1;
                let space = KeySpace {
                    keys: Count::Fixed(*fields),
                    size: "field:".len() + digits,
                    prefix: None,
                    ..KeySpace::default()
                };
                Ok(Word::Key(space.writer("field:", self.operation, "field")?))
            }
        }
    }
}

/// `EX seconds`, or `PX milliseconds` where they are not whole.
fn expiry(ttl: Option<Span>) -> Result<Vec<(Word, bool)>> {
    let Some(ttl) = ttl else { return Ok(Vec::new()) };
    let millis = ttl.nanos() / 1_000_000;
    if millis == 0 {
        return Err(
            Error::usage("`ttl` must be at least a millisecond").hint("leave it out for keys that stay")
        );
    }
    let (unit, number) = if millis.is_multiple_of(1_000) { ("EX", millis / 1_000) } else { ("PX", millis) };
    let word = |text: String| (Word::Text(Template::literal(text)), false);
    Ok(vec![word(unit.to_owned()), word(number.to_string())])
}

/// The size of a value in results; none where it is a text.
fn shown(content: &Content) -> Option<Value> {
    match content {
        Content::Size(size) => Some(json!(size)),
        Content::Sizes(generator) => Some(json!(generator.to_string())),
        Content::Text(_) | Content::Drawn(_) => None,
    }
}

/// The words as results show them, without passwords.
fn told(words: &[Argument]) -> Vec<String> {
    let text = |word: &Argument| match word {
        Argument::Text(text) => text.clone(),
        Argument::Drawn(generator) => generator.to_string(),
    };
    let words: Vec<String> = words.iter().map(text).collect();
    let hidden = |at: usize| {
        let before = at.checked_sub(1).map(|before| words[before].to_ascii_lowercase());
        before.is_some_and(|word| is_secret(&word) || matches!(word.as_str(), "requirepass" | "masterauth"))
    };
    let shown = |(at, word): (usize, &String)| if hidden(at) { MASK.to_owned() } else { word.clone() };
    words.iter().enumerate().map(shown).collect()
}

/// Commands after which a connection does not answer each command once, and those that log in.
fn check_words(words: &[Argument]) -> Result<()> {
    let word = |at: usize| match words.get(at) {
        Some(Argument::Text(text)) => text.to_ascii_uppercase(),
        _ => String::new(),
    };
    match word(0).as_str() {
        "" => Err(Error::usage("a command needs a name")
            .hint("write it word by word: `[\"HGETALL\", \"user:{id}\"]`")),
        name if name.contains(' ') => Err(Error::usage(format!("several words in one: `{name}`"))
            .hint("write its words apart: `[\"HGETALL\", \"user:{id}\"]`")),
        name @ ("AUTH" | "HELLO") => Err(Error::usage(format!("`{name}` is not for a single call"))
            .hint("each connection logs in by itself: give `password` to `redis::client`")),
        name @ ("SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "MONITOR" | "SYNC" | "PSYNC") => {
            Err(Error::usage(format!("`{name}` has no answer of its own, so it cannot be measured")))
        }
        "CLIENT" if word(1) == "REPLY" => {
            Err(Error::usage("without answers there is nothing to measure: `CLIENT REPLY`"))
        }
        _ => Ok(()),
    }
}
