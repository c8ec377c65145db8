//! What a user can set for commands besides their keys.

use crate::error::{Error, Result};
use crate::load::payload::{Generator, Param};

/// The most commands that are sent at once.
const DEEPEST_PIPELINE: u32 = 10_000;

/// Settings of every command.
#[derive(Debug, Clone)]
pub struct CommandOptions {
    /// The name in reports; the command and, where it is a text, its key unless given.
    pub name: Option<String>,
    /// Commands that one call sends at once, before it reads their answers.
    pub pipeline: u32,
    /// What stands for `{name}` in keys, values and arguments.
    pub params: Vec<(String, Param)>,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self { name: None, pipeline: 1, params: Vec::new() }
    }
}

impl CommandOptions {
    pub(super) fn check(&self) -> Result<()> {
        if (1..=DEEPEST_PIPELINE).contains(&self.pipeline) {
            return Ok(());
        }
        Err(Error::usage(format!("`pipeline` must be from 1 to {DEEPEST_PIPELINE}, not {}", self.pipeline))
            .hint("it is the number of commands that one call sends at once; 1 is no pipeline"))
    }

    /// What it is called: the commands of a batch are told.
    pub(super) fn shown(&self, name: &str) -> String {
        match (&self.name, self.pipeline) {
            (Some(name), _) => name.clone(),
            (None, 1) => name.to_owned(),
            (None, depth) => format!("{name} x{depth}"),
        }
    }
}

/// What a command writes.
#[derive(Debug, Clone)]
pub enum Content {
    /// So many random bytes.
    Size(u64),
    /// Random bytes of drawn lengths.
    Sizes(Generator),
    /// Text with `{name}` for parameters.
    Text(String),
    /// Whatever the generator draws.
    Drawn(Generator),
}

impl Default for Content {
    fn default() -> Self {
        Self::Size(256)
    }
}

/// The field of a hash.
#[derive(Debug, Clone)]
pub enum Field {
    /// One of so many, each equally often.
    One(u64),
    /// Text with `{name}` for parameters.
    Text(String),
}

impl Default for Field {
    fn default() -> Self {
        Self::One(10)
    }
}

/// A word of a command that a user writes out.
#[derive(Debug, Clone)]
pub enum Argument {
    /// Text with `{name}` for parameters.
    Text(String),
    Drawn(Generator),
}
