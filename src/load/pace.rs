//! When a virtual user of a closed loop makes its next call: at once, after thinking, or when its stage comes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Turn, arrival::Profile, payload::Generator, plan::Plan};
use crate::error::{Error, Result};
use crate::measure::{Moment, Span};

/// How long a virtual user waits after a call before it makes the next.
#[derive(Debug, Clone)]
pub enum Think {
    Fixed(Span),
    /// Drawn anew after each call, in seconds; below 0 counts as 0.
    Drawn(Generator),
}

impl Think {
    /// Refuses what does not draw numbers.
    pub fn check(&self) -> Result<()> {
        let Self::Drawn(generator) = self else { return Ok(()) };
        let first = generator.value(STREAM, Turn { seed: 0, number: 0, step: 0 });
        if first.is_number() {
            return Ok(());
        }
        Err(Error::usage(format!("`think` must draw numbers of seconds, but {generator} gives {first}"))
            .hint("for example `think: data::exponential(0.2)` or `think: data::uniform(0.1, 0.5)`"))
    }

    /// The wait after a call, in nanoseconds: a function of its turn.
    fn after(&self, turn: Turn) -> u64 {
        match self {
            Self::Fixed(span) => span.nanos(),
            Self::Drawn(generator) => {
                let seconds = generator.value(STREAM, turn).as_f64().unwrap_or(0.0);
                (seconds * 1e9).round().max(0.0) as u64
            }
        }
    }
}

/// Separates the think times from every payload that shares the seed.
const STREAM: u64 = 0x7468_696e_6b20_7469;

/// The pace of one closed loop.
pub struct Pace {
    think: Option<Think>,
    levels: Option<Profile>,
    begin: Moment,
    seed: u64,
}

impl Pace {
    pub fn of(plan: &Plan, seed: u64, begin: Moment) -> Self {
        Self { think: plan.think.clone(), levels: plan.levels(), begin, seed }
    }

    /// When a user that has ended call `turn` at `now` is ready for another.
    pub fn ready(&self, turn: u64, now: Moment) -> Moment {
        let turn = Turn { seed: self.seed, number: turn, step: 0 };
        self.think.as_ref().map_or(now, |think| now.plus(think.after(turn)))
    }

    /// When user number `user`, from 0, makes its next call if it is ready at `ready`: then, or once the level has risen
    /// above its number again. None if that never happens.
    pub fn due(&self, user: u64, ready: Moment) -> Option<Moment> {
        let Some(levels) = &self.levels else { return Some(ready) };
        levels.above(user as f64, ready.since(self.begin)).map(|after| self.begin.plus(after).max(ready))
    }
}

impl fmt::Display for Think {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(span) => span.fmt(f),
            Self::Drawn(generator) => generator.fmt(f),
        }
    }
}

impl Serialize for Think {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A generator comes from a script, not from text.
impl<'de> Deserialize<'de> for Think {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Span::deserialize(deserializer).map(Self::Fixed)
    }
}
