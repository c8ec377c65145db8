//! The trials of a run, in the order in which they run: `trials.json`.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    declaration::{Declaration, Order},
    sweep::{Point, Sweep},
};
use crate::cluster::Resources;
use crate::error::{Error, Result};
use crate::measure::hash;
use crate::results::{atomic, read_json, schema::SCHEMA, sha256};

/// One trial that is to be run: all that a process needs to run it besides the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// From 1, in the order in which they run.
    pub index: u32,
    pub point: Point,
    /// From 1.
    pub repetition: u32,
    /// The same for all points of a repetition, so that they meet the same requests.
    pub seed: u64,
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
}

/// Where they are listed, in the folder of the run.
const FILE: &str = "trials.json";

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agenda {
    pub schema: u32,
    pub order: Order,
    /// `--only`, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Where a parameter is searched for, those so far.
    pub trials: Vec<Planned>,
}

impl Planned {
    /// What its folder is called: `<index>-<short hash of its point>-r<repetition>`.
    pub fn folder(&self) -> String {
        let hash = sha256(&Value::from(self.point.clone()).to_string());
        format!("{:03}-{}-r{}", self.index, &hash[..8], self.repetition)
    }

    /// `concurrency=8 prompt_tokens=128`; `the only point` where nothing is swept.
    pub fn label(&self) -> String {
        label(&self.point)
    }

    /// Its values of the parameters that need a service of their own.
    pub fn group(&self, by: &[String]) -> Point {
        by.iter().filter_map(|name| Some((name.clone(), self.point.get(name)?.clone()))).collect()
    }
}

/// A point in one line.
pub fn label(point: &Point) -> String {
    let words = point.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "the only point".to_owned() } else { words.join(" ") }
}

/// The seed of a repetition: the first has the run's own.
pub fn seed_of(seed: u64, repetition: u32) -> u64 {
    if repetition <= 1 { seed } else { hash::hash(seed, u64::from(repetition)) >> 1 }
}

impl Agenda {
    /// Lays out `points`, as often as they are repeated, in the declared order.
    pub fn new(declaration: &Declaration, points: Vec<Point>, seed: u64, only: &[Condition]) -> Self {
        let wanted = points.into_iter().filter(|point| only.iter().all(|condition| condition.holds(point)));
        let mut groups: Vec<(Point, Vec<Point>)> = Vec::new();
        for point in wanted {
            let key: Point = declaration
                .group_by
                .iter()
                .filter_map(|name| Some((name.clone(), point.get(name)?.clone())))
                .collect();
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, points)) => points.push(point),
                None => groups.push((key, vec![point])),
            }
        }
        let mut draws = hash::Draws::new(seed, hash::hash_texts(&["order of trials"]), 0, 0);
        let is_random = declaration.order == Order::Random;
        if is_random {
            shuffle(&mut groups, &mut draws);
        }
        let mut trials = Vec::new();
        for (_, points) in groups {
            let repeated = |point: &Point, repetition: u32| (point.clone(), repetition);
            let mut units: Vec<(Point, u32)> = match declaration.order {
                Order::AsWritten => points
                    .iter()
                    .flat_map(|point| {
                        (1..=declaration.repetitions).map(move |repetition| repeated(point, repetition))
                    })
                    .collect(),
                Order::Interleaved | Order::Random => (1..=declaration.repetitions)
                    .flat_map(|repetition| points.iter().map(move |point| repeated(point, repetition)))
                    .collect(),
            };
            if is_random {
                shuffle(&mut units, &mut draws);
            }
            trials.extend(units);
        }
        let trials = (1..).zip(trials).map(|(index, (point, repetition))| Planned {
            index,
            point,
            repetition,
            seed: seed_of(seed, repetition),
            resources: declaration.resources.clone(),
        });
        Self {
            schema: SCHEMA,
            order: declaration.order,
            only: only.iter().map(|condition| condition.written.clone()).collect(),
            trials: trials.collect(),
        }
    }

    /// Reads it from the folder of a run.
    pub fn read(run: &Path) -> Result<Self> {
        read_json(&run.join(FILE))
    }

    /// Writes it there.
    pub fn save(&self, run: &Path) -> Result<()> {
        atomic::put_json(&run.join(FILE), self)
    }

    /// Appends a trial of a point that was found while the scenario runs; of one that was there before, another repetition.
    pub fn append(&mut self, like: &Planned, point: Point, seed: u64) -> Planned {
        let index = self.trials.last().map_or(1, |last| last.index + 1);
        let repetition = self.trials.iter().filter(|trial| trial.point == point).count() as u32 + 1;
        let seed = seed_of(seed, repetition);
        let planned = Planned { index, point, repetition, seed, resources: like.resources.clone() };
        self.trials.push(planned.clone());
        planned
    }
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], draws: &mut hash::Draws) {
    for at in (1..items.len()).rev() {
        items.swap(at, draws.below(at as u64 + 1) as usize);
    }
}

/// `--only 'concurrency=8,16'`: a parameter and the values that it may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    name: String,
    values: Vec<Value>,
    written: String,
}

impl Condition {
    /// Reads it; `a=1,2` takes either.
    pub fn read(written: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("`--only {written}` is no condition"))
                .hint("write it as NAME=VALUE or NAME=VALUE,VALUE, e.g. `--only 'concurrency=8,16'`")
        };
        let (name, values) = written.split_once('=').ok_or_else(wrong)?;
        let name = name.trim();
        if name.is_empty() || values.trim().is_empty() {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), values: typed(values), written: written.to_owned() })
    }

    /// Refuses a parameter that the sweep does not have, or a value that it never takes.
    pub fn check(&self, sweep: &Sweep, points: &[Point]) -> Result<()> {
        let known = sweep.names();
        if !known.contains(&self.name.as_str()) {
            return Err(super::declaration::unknown("--only", &self.name, &known));
        }
        if sweep.search().is_some_and(|search| search.name() == self.name) {
            return Err(Error::usage(format!("`--only {}`: `{}` is searched for", self.written, self.name)));
        }
        let taken: BTreeSet<String> =
            points.iter().filter_map(|point| point.get(&self.name)).map(Value::to_string).collect();
        match self.values.iter().find(|value| !points.iter().any(|point| self.is(point, value))) {
            None => Ok(()),
            Some(value) => Err(Error::usage(format!("`{}` never is {value}", self.name))
                .hint(format!("its values: {}", taken.into_iter().collect::<Vec<_>>().join(", ")))),
        }
    }

    fn holds(&self, point: &Point) -> bool {
        // One that is searched for has no value yet.
        !point.contains_key(&self.name) || self.values.iter().any(|value| self.is(point, value))
    }

    fn is(&self, point: &Point, wanted: &Value) -> bool {
        let Some(value) = point.get(&self.name) else { return false };
        let same_number = || Some(value.as_f64()? == wanted.as_f64()?);
        value == wanted
            || same_number().unwrap_or(false)
            || value.as_str().is_some_and(|text| *text == plain(wanted))
    }
}

/// The values of `1,2` or `[1, 2]` or `"a b"`: numbers and the like as such, the rest as texts.
pub fn typed(written: &str) -> Vec<Value> {
    if let Ok(Value::Array(values)) = serde_json::from_str(written) {
        return values;
    }
    let one = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    written.split(',').map(|text| one(text.trim())).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn declared(value: Value) -> Declaration {
        serde_json::from_value::<Declaration>(value).unwrap().check().unwrap()
    }

    fn agenda(value: Value, seed: u64) -> Agenda {
        let declaration = declared(value);
        let points = declaration.expansion().unwrap().points(&declaration.group_by);
        Agenda::new(&declaration, points, seed, &[])
    }

    fn labels(agenda: &Agenda) -> Vec<String> {
        agenda.trials.iter().map(|trial| format!("{} r{}", trial.label(), trial.repetition)).collect()
    }

    #[test]
    fn drift_meets_all_points_alike_unless_told_otherwise() {
        let of = |order: &str| {
            agenda(json!({ "name": "x", "repetitions": 2, "order": order, "sweep": { "a": [1, 2] } }), 7)
        };
        assert_eq!(labels(&of("interleaved")), ["a=1 r1", "a=2 r1", "a=1 r2", "a=2 r2"]);
        assert_eq!(labels(&of("as_written")), ["a=1 r1", "a=1 r2", "a=2 r1", "a=2 r2"]);
    }

    #[test]
    fn a_random_order_follows_from_the_seed_and_keeps_groups_together() {
        let of = |seed| {
            agenda(
                json!({ "name": "x", "repetitions": 3, "order": "random", "group_by": ["m"], "sweep": { "a": [1, 2, 3, 4], "m": ["s", "l"] } }),
                seed,
            )
        };
        assert_eq!(of(7), of(7));
        assert_ne!(labels(&of(7)), labels(&of(8)));
        let models: Vec<Value> = of(7).trials.into_iter().map(|trial| trial.point["m"].clone()).collect();
        assert_eq!(models.windows(2).filter(|pair| pair[0] != pair[1]).count(), 1);
        let mut sorted = labels(&of(7));
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 24);
    }

    #[test]
    fn repetitions_have_seeds_of_their_own_and_points_share_them() {
        let agenda = agenda(json!({ "name": "x", "repetitions": 2, "sweep": { "a": [1, 2] } }), 42);
        let seeds: Vec<u64> = agenda.trials.iter().map(|trial| trial.seed).collect();
        assert_eq!(seeds[0], 42);
        assert_eq!(seeds[0], seeds[1]);
        assert_eq!(seeds[2], seeds[3]);
        assert_ne!(seeds[0], seeds[2]);
    }

    #[test]
    fn only_takes_some_points() {
        let declaration =
            declared(json!({ "name": "x", "sweep": { "a": [1, 8, 16], "m": ["small", "large"] } }));
        let sweep = declaration.expansion().unwrap();
        let points = sweep.points(&[]);
        let only = ["a=8,16", "m=large"].map(|text| Condition::read(text).unwrap());
        only.iter().for_each(|condition| condition.check(&sweep, &points).unwrap());
        assert_eq!(
            labels(&Agenda::new(&declaration, points.clone(), 1, &only)),
            ["a=8 m=large r1", "a=16 m=large r1"]
        );
        let wrong = |text: &str| {
            Condition::read(text).and_then(|condition| condition.check(&sweep, &points)).unwrap_err()
        };
        assert!(wrong("a=9").hints[0].contains("16"));
        assert!(wrong("b=9").to_string().contains("no parameter"));
        assert!(wrong("a").to_string().contains("no condition"));
    }
}
