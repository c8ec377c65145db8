//! What a group of a load performs: one operation, a journey, or a mix of them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Client, Journey, Operation};
use crate::error::{Error, Result};
use crate::measure::{Summary, hash::Draws};

/// Separates the choice of a mix's part from every payload that shares the seed.
const STREAM: u64 = 0x6d69_7875_7265;

/// What the virtual users of a group do, once a turn.
#[derive(Clone)]
pub enum Task {
    Operation(Arc<dyn Operation>),
    Journey(Arc<dyn Journey>),
    Mix(Arc<Mix>),
}

/// Tasks chosen by weight, turn by turn.
pub struct Mix {
    parts: Vec<MixPart>,
    /// Sum of the weights.
    total: f64,
}

/// One of them.
pub struct MixPart {
    pub name: String,
    /// Relative to those of the other parts.
    pub weight: f64,
    pub task: Task,
}

impl Mix {
    /// A mix of at least one part; no part is a mix itself.
    pub fn new(parts: Vec<MixPart>) -> Result<Self> {
        if parts.is_empty() {
            return Err(Error::usage("a mix needs at least one part")
                .hint("write `load::mix(#{ read: [80, operation], write: [20, other] })`"));
        }
        for part in &parts {
            if !(part.weight > 0.0 && part.weight.is_finite()) {
                let error = format!("the weight of `{}` must be more than 0, not {}", part.name, part.weight);
                return Err(Error::usage(error));
            }
            if matches!(part.task, Task::Mix(_)) {
                let error = format!("`{}` is a mix itself", part.name);
                return Err(Error::usage(error).hint("write its parts into the outer mix"));
            }
        }
        let total = parts.iter().map(|part| part.weight).sum();
        Ok(Self { parts, total })
    }

    pub fn parts(&self) -> &[MixPart] {
        &self.parts
    }

    /// The number of the part that is performed in this turn: the same for any number of threads.
    pub fn part(&self, seed: u64, turn: u64) -> usize {
        let mut left = Draws::new(seed, STREAM, turn, 0).unit() * self.total;
        for (number, part) in self.parts.iter().enumerate() {
            left -= part.weight;
            if left < 0.0 {
                return number;
            }
        }
        // Rounding may leave a hair's breadth after the last part.
        self.parts.len() - 1
    }
}

impl Task {
    /// Its name in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Operation(operation) => operation.name().to_owned(),
            Self::Journey(journey) => journey.name().to_owned(),
            Self::Mix(mix) => {
                let names: Vec<&str> = mix.parts.iter().map(|part| part.name.as_str()).collect();
                names.join(" + ")
            }
        }
    }

    /// Whether scripts run in it.
    pub fn has_journeys(&self) -> bool {
        match self {
            Self::Operation(_) => false,
            Self::Journey(_) => true,
            Self::Mix(mix) => mix.parts.iter().any(|part| part.task.has_journeys()),
        }
    }

    /// All operations that are known before the load begins.
    pub fn operations(&self) -> Vec<&Arc<dyn Operation>> {
        match self {
            Self::Operation(operation) => vec![operation],
            Self::Journey(journey) => journey.operations().iter().collect(),
            Self::Mix(mix) => mix.parts.iter().flat_map(|part| part.task.operations()).collect(),
        }
    }

    /// The clients of these operations, each once: a virtual user opens a session of each.
    pub fn clients(&self) -> Vec<Arc<dyn Client>> {
        let mut clients: Vec<Arc<dyn Client>> = Vec::new();
        for operation in self.operations() {
            let client = operation.client();
            if !clients.iter().any(|known| Arc::ptr_eq(known, client)) {
                clients.push(client.clone());
            }
        }
        clients
    }

    /// The kind of service it loads; several are joined by `+`.
    pub fn service(&self) -> String {
        self.joined("+", "script", |operation| operation.service().to_owned())
    }

    /// Which group of contracts the results belong to: that of its first operation.
    pub fn component(&self) -> &'static str {
        self.operations().first().map_or("http", |operation| operation.component())
    }

    /// Where it leads; none if it is not known before the load begins.
    pub fn endpoint(&self) -> Option<String> {
        let endpoint = self.joined(", ", "", |operation| operation.client().endpoint());
        (!endpoint.is_empty()).then_some(endpoint)
    }

    /// What a reader of the results must know of it.
    pub fn describe(&self) -> Value {
        match self {
            Self::Operation(operation) => json!({
                "name": operation.name(),
                "service": operation.service(),
                "endpoint": operation.client().endpoint(),
                "settings": operation.describe(),
            }),
            Self::Journey(journey) => {
                let operations: Vec<Value> = journey
                    .operations()
                    .iter()
                    .map(|known| Self::Operation(known.clone()).describe())
                    .collect();
                json!({ "journey": journey.name(), "script": journey.describe(), "operations": operations })
            }
            Self::Mix(mix) => {
                let part = |part: &MixPart| {
                    (part.name.clone(), json!({ "weight": part.weight, "task": part.task.describe() }))
                };
                json!({ "mix": mix.parts.iter().map(part).collect::<serde_json::Map<_, _>>() })
            }
        }
    }

    /// The part of a mix that is called so.
    pub fn part(&self, name: &str) -> Option<&Self> {
        let Self::Mix(mix) = self else { return None };
        mix.parts.iter().find(|part| part.name == name).map(|part| &part.task)
    }

    /// Prepares every operation for the seed.
    pub fn prepare(&self, seed: u64, cancel: &CancellationToken) -> Result<()> {
        self.operations().into_iter().try_for_each(|operation| operation.prepare(seed, cancel))
    }

    /// Removes what was prepared; what failed.
    pub fn cleanup(&self) -> Vec<Error> {
        self.operations().into_iter().filter_map(|operation| operation.cleanup().err()).collect()
    }

    /// What its operations have to say of how the load went.
    pub fn remarks(&self) -> Vec<String> {
        self.operations().into_iter().flat_map(|operation| operation.remarks()).collect()
    }

    /// Figures that only this kind of operation has. Those of a mix or a journey stand at its parts.
    pub fn extras(&self, row: &Summary) -> Vec<(&'static str, f64)> {
        match self {
            Self::Operation(operation) => operation.extras(row),
            Self::Journey(_) | Self::Mix(_) => Vec::new(),
        }
    }

    fn joined(&self, by: &str, none: &str, word: impl Fn(&Arc<dyn Operation>) -> String) -> String {
        let mut words: Vec<String> = Vec::new();
        for found in self.operations().into_iter().map(word) {
            if !words.contains(&found) {
                words.push(found);
            }
        }
        if words.is_empty() { none.to_owned() } else { words.join(by) }
    }
}
