//! Stages of a load: one level after the other, each held for a while or reached by a ramp.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{arrival::Profile, plan::HIGHEST_RATE, plan::MOST_USERS};
use crate::error::{Error, Result};
use crate::measure::Span;

/// More would be more rows than a person reads.
const MOST_STAGES: usize = 64;

/// One stage as a script writes it: a level, and how long it is held (`duration`) or how long the way to it takes
/// (`ramp`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "expected an array of maps `#{ rate: 500, duration: \"10s\" }`")]
pub struct Stage {
    /// Calls a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Virtual users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Holds the level for this long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Goes evenly from the level before, at first 0, to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Span>,
}

/// What the levels of stages count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Rate,
    Concurrency,
}

/// Checked stages, all of one unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stages(pub Vec<Stage>);

impl Stages {
    /// Refuses stages that make no sense together.
    pub fn check(&self, warmup: Span) -> Result<()> {
        let stages = &self.0;
        if stages.is_empty() {
            return Err(Error::usage("`stages` is empty")
                .hint("give at least one: `stages: [#{ rate: 500, duration: \"10s\" }]`"));
        }
        if stages.len() > MOST_STAGES {
            let count = stages.len();
            return Err(Error::usage(format!("`stages` has {count} entries, at most {MOST_STAGES}"))
                .hint("for a load that follows a long record, use `trace`"));
        }
        for (at, stage) in stages.iter().enumerate() {
            stage.check().map_err(|error| Error {
                message: format!("stage {}: {}", at + 1, error.message),
                ..error
            })?;
        }
        if stages.iter().any(|stage| stage.unit() != self.unit()) {
            return Err(Error::usage("some stages have a `rate`, others a `concurrency`")
                .hint("an open loop has a `rate` in every stage, a closed loop a `concurrency`"));
        }
        if self.peak() == 0.0 {
            return Err(Error::usage("all stages have the level 0: no call would be made"));
        }
        if !warmup.0.is_zero() && self.levels().next().is_some_and(|(_, from, _)| from == 0.0) {
            return Err(Error::usage(
                "`warmup` holds the level at which the stages begin, but they begin at 0",
            )
            .hint("begin with a stage that holds a level, or leave `warmup` out"));
        }
        Ok(())
    }

    pub fn unit(&self) -> Unit {
        self.0.first().map_or(Unit::Rate, Stage::unit)
    }

    /// All stages together.
    pub fn length(&self) -> Duration {
        self.0.iter().map(|stage| stage.length().0).sum()
    }

    pub fn peak(&self) -> f64 {
        self.0.iter().map(Stage::level).fold(0.0, f64::max)
    }

    /// The level over the whole load; warm-up holds the one at which the stages begin.
    pub fn profile(&self, warmup: Span) -> Profile {
        let first = self.levels().next().map_or(0.0, |(_, from, _)| from);
        let warmup = (!warmup.0.is_zero()).then(|| (warmup.nanos(), first, first));
        Profile::of(warmup.into_iter().chain(self.levels()))
    }

    /// `stage 1: 500/s`, `stage 2: 500/s to 2,000/s`: one of each stage.
    pub fn names(&self) -> Vec<String> {
        let unit = match self.unit() {
            Unit::Rate => "/s",
            Unit::Concurrency => " users",
        };
        let name = |(at, (_, from, to)): (usize, (u64, f64, f64))| {
            let number = at + 1;
            match from == to {
                true => format!("stage {number}: {}{unit}", grouped(to)),
                false => format!("stage {number}: {} to {}{unit}", grouped(from), grouped(to)),
            }
        };
        self.levels().enumerate().map(name).collect()
    }

    /// The number, from 0, of the stage in which something is due so many nanoseconds after the warm-up; none after
    /// the last.
    pub fn index_at(&self, since_warmup: u64) -> Option<usize> {
        let mut end = 0;
        self.0.iter().position(|stage| {
            end += stage.length().nanos();
            since_warmup < end
        })
    }

    /// Length in nanoseconds, first and last level of each.
    fn levels(&self) -> impl Iterator<Item = (u64, f64, f64)> {
        self.0.iter().scan(0.0, |before, stage| {
            let (from, to) = (std::mem::replace(before, stage.level()), stage.level());
            let from = if stage.ramp.is_some() { from } else { to };
            Some((stage.length().nanos(), from, to))
        })
    }
}

impl Stage {
    fn check(&self) -> Result<()> {
        let level = self.level();
        match (self.rate, self.concurrency) {
            (Some(_), Some(_)) => {
                return Err(Error::usage("`rate` and `concurrency` are both given")
                    .hint("the most calls in flight of an open loop stand beside `stages`"));
            }
            (None, None) => {
                return Err(Error::usage("no level is given")
                    .hint("give `rate: 500` (calls a second) or `concurrency: 8` (virtual users)"));
            }
            (Some(_), _) if !(0.0..=HIGHEST_RATE).contains(&level) => {
                return Err(Error::usage(format!(
                    "`rate` must be 0 to {HIGHEST_RATE} calls a second, not {level}"
                )));
            }
            (_, Some(users)) if users > MOST_USERS => {
                return Err(Error::usage(format!("`concurrency` may be at most {MOST_USERS}, not {users}")));
            }
            _ => {}
        }
        match (self.duration, self.ramp) {
            (None, None) => Err(Error::usage("no length is given").hint(
                "`duration: \"30s\"` holds its level, `ramp: \"30s\"` goes there from the level before",
            )),
            (Some(_), Some(_)) => Err(Error::usage("`duration` and `ramp` are both given")
                .hint("make it two stages: one with `ramp` goes to the level, one with `duration` holds it")),
            _ if self.length().0.is_zero() => {
                let which = if self.ramp.is_some() { "ramp" } else { "duration" };
                Err(Error::usage(format!("`{which}` must be more than 0")))
            }
            _ => Ok(()),
        }
    }

    fn unit(&self) -> Unit {
        if self.rate.is_some() { Unit::Rate } else { Unit::Concurrency }
    }

    fn level(&self) -> f64 {
        self.rate.or(self.concurrency.map(f64::from)).unwrap_or(0.0)
    }

    pub fn length(&self) -> Span {
        self.duration.or(self.ramp).unwrap_or_default()
    }
}

/// A number with commas between its thousands.
fn grouped(level: f64) -> String {
    let text = level.to_string();
    let whole = text.find('.').unwrap_or(text.len());
    let comma = |at: usize| at > 0 && at < whole && (whole - at).is_multiple_of(3);
    text.char_indices().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(json: &str) -> Stages {
        let stages: Stages = serde_json::from_str(json).unwrap();
        stages.check(Span::default()).unwrap();
        stages
    }

    #[test]
    fn stages_say_what_they_are() {
        let rates = stages(
            r#"[{"rate": 500, "duration": "10s"}, {"rate": 2000, "ramp": "30s"}, {"rate": 0.5, "duration": 1}]"#,
        );
        assert_eq!(rates.names(), ["stage 1: 500/s", "stage 2: 500 to 2,000/s", "stage 3: 0.5/s"]);
        assert_eq!((rates.length().as_secs(), rates.peak()), (41, 2_000.0));
        let users =
            stages(r#"[{"concurrency": 1000000, "ramp": "1s"}, {"concurrency": 999, "duration": "1s"}]"#);
        assert_eq!(users.names(), ["stage 1: 0 to 1,000,000 users", "stage 2: 999 users"]);
    }

    #[test]
    fn a_due_time_belongs_to_one_stage() {
        let stages = stages(r#"[{"rate": 5, "duration": "1s"}, {"rate": 9, "ramp": "2s"}]"#);
        let second = 1_000_000_000;
        let at = [0, second - 1, second, 3 * second - 1, 3 * second].map(|due| stages.index_at(due));
        assert_eq!(at, [Some(0), Some(0), Some(1), Some(1), None]);
    }
}
