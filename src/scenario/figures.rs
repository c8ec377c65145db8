//! Figures that only some services have, added up over the operations and groups of a load.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::load::Task;
use crate::measure::Summary;

/// The figures of all operations of a load, which add up: megabytes and calls a second are those of the whole load. Shares,
/// called `_rate`, and times, called `_s`, do not: each counts as much as it has calls.
#[derive(Default)]
pub struct Figures(BTreeMap<&'static str, (f64, f64)>);

impl Figures {
    /// Adds the figures of an operation's row, and puts them to it.
    pub fn add(&mut self, task: &Task, row: &mut Summary) {
        for (key, value) in task.extras(row) {
            row.extras.insert(key.to_owned(), value);
            let weight = if is_mean(key) { row.successes as f64 } else { 1.0 };
            let (sum, weights) = self.0.entry(key).or_default();
            *sum += value * weight;
            *weights += weight;
        }
    }

    /// Puts them to what the script noted itself.
    pub fn join(self, extras: &mut Map<String, Value>) {
        for (key, (sum, weights)) in self.0 {
            let value = if is_mean(key) { sum / weights } else { sum };
            extras.insert(key.to_owned(), value.into());
        }
    }
}

/// Puts to the figures of a load when the users of one of its groups were done: its first and its last are those of all.
pub fn done(extras: &mut Map<String, Value>, key: &str, value: f64, alone: bool) {
    let known = extras.get(key).and_then(Value::as_f64);
    let value = match (key, known) {
        ("first_done_s", Some(known)) => known.min(value),
        ("last_done_s", Some(known)) => known.max(value),
        ("first_done_s" | "last_done_s", None) => value,
        _ if alone => value,
        _ => return,
    };
    extras.insert(key.to_owned(), value.into());
}

fn is_mean(key: &str) -> bool {
    key.ends_with("_rate") || key.ends_with("_s")
}
