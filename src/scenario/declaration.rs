//! What a script declares with `scenario(#{ ... })`: a question, and the trials that answer it.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use super::sweep::{Axis, Sweep};
use crate::cluster::Resources;
use crate::error::{Error, Result};
use crate::measure::Span;

/// A declared scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// What its runs are called.
    pub name: String,
    /// Why it is asked; shown in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Of generated values, arrivals and the order of trials; `--seed` overrides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How often each point is measured.
    #[serde(default = "once")]
    pub repetitions: u32,
    /// How often a trial that could not be done is tried again.
    #[serde(default)]
    pub retries: Retries,
    /// Values by parameter.
    #[serde(default)]
    pub sweep: Map<String, Value>,
    /// Parameters of the sweep that change together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zip: Vec<String>,
    /// Points one by one, each with every point of the sweep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Map<String, Value>>,
    #[serde(default)]
    pub order: Order,
    /// Parameters that need a service of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// Rest between trials.
    #[serde(default)]
    pub cooldown: Span,
    /// Of one trial, `prepare` included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    #[serde(default)]
    pub stop: Stop,
    /// Limits by the name of a figure.
    #[serde(default)]
    pub slo: Map<String, Value>,
    /// What each trial asks of a cluster, unless a function of the point says.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// For a monitoring stack; kept with the run.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub monitoring: Map<String, Value>,
}

/// In which order trials run. Points of one group always stay together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// All points once, then all again: what drifts with time meets every point alike.
    #[default]
    Interleaved,
    /// Each point with all its repetitions, in the order of the sweep.
    AsWritten,
    /// Shuffled, by the seed.
    Random,
}

impl Order {
    pub fn word(self) -> &'static str {
        match self {
            Self::Interleaved => "interleaved",
            Self::AsWritten => "as written",
            Self::Random => "random",
        }
    }
}

/// How often a failed trial is tried again, and how long it rests before: `backoff`, then twice as long each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retries {
    pub count: u32,
    pub backoff: Span,
}

impl Default for Retries {
    fn default() -> Self {
        Self { count: 0, backoff: Span::from_nanos(1_000_000_000) }
    }
}

impl<'de> Deserialize<'de> for Retries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InFull {
            count: u32,
            #[serde(default)]
            backoff: Option<Span>,
        }
        let default = Self::default();
        match Value::deserialize(from)? {
            Value::Number(count) => {
                let count = count.as_u64().and_then(|count| u32::try_from(count).ok());
                let count = count.ok_or_else(|| de::Error::custom("must be a whole number of 0 or more"))?;
                Ok(Self { count, ..default })
            }
            full => {
                let full: InFull = serde_json::from_value(full).map_err(de::Error::custom)?;
                Ok(Self { count: full.count, backoff: full.backoff.unwrap_or(default.backoff) })
            }
        }
    }
}

/// When the rest of the trials is not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// So many trials have failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// A trial had a share of failed calls above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// The run has taken so long; no further trial begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
}

impl Declaration {
    /// Checks what single fields cannot tell.
    pub fn check(self) -> Result<Self> {
        if self.name.trim().is_empty() {
            return Err(Error::usage("`name` of the scenario is empty").hint("its runs are called after it"));
        }
        if self.repetitions == 0 {
            return Err(Error::usage("`repetitions` must be at least 1"));
        }
        if self.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            return Err(Error::usage("`timeout` must be longer than nothing"));
        }
        if let Some(rate) = self.stop.error_rate
            && !(0.0..=1.0).contains(&rate)
        {
            return Err(Error::usage(format!("`stop.error_rate` is a share from 0 to 1, not {rate}")));
        }
        if self.stop.failures == Some(0) {
            return Err(Error::usage("`stop.failures` must be at least 1"));
        }
        let sweep = self.expansion()?;
        let known = sweep.names();
        for name in &self.group_by {
            if !known.contains(&name.as_str()) {
                return Err(unknown("group_by", name, &known));
            }
        }
        if let Some(search) = sweep.search() {
            if self.group_by.iter().any(|name| name == search.name()) {
                return Err(Error::usage(format!(
                    "`{}` is searched for and cannot be in `group_by`",
                    search.name()
                )));
            }
            if self.repetitions > 1 {
                return Err(Error::usage(format!(
                    "`{}` is searched for, which repeats points near the edge by itself",
                    search.name()
                ))
                .hint("leave out `repetitions`; more `points` make the answer narrower"));
            }
            if self.slo.is_empty() {
                return Err(Error::usage(format!(
                    "`{}` is searched for, but no `slo` says for what",
                    search.name()
                ))
                .hint("e.g. `slo: #{ p99: \"50ms\", error_rate: 0.001 }`"));
            }
        }
        let resources = self.resources.clone().check()?;
        Ok(Self { resources, ..self })
    }

    /// The sweep, checked.
    pub fn expansion(&self) -> Result<Sweep> {
        let axes =
            self.sweep.iter().map(|(name, values)| Axis::read(name, values)).collect::<Result<Vec<_>>>()?;
        Sweep::new(axes, &self.zip, &self.points)
    }
}

/// The error for a name that is none of the sweep's.
pub fn unknown(of: &str, name: &str, known: &[&str]) -> Error {
    let error = Error::usage(format!("`{of}` names `{name}`, which is no parameter of the sweep"));
    match crate::error::nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint("the scenario has no `sweep`"),
        None => error.hint(format!("parameters: {}", known.join(", "))),
    }
}

fn once() -> u32 {
    1
}
