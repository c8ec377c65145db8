//! What every format says of a run: terminal, Markdown and HTML take their words and tables from here.

mod answer;
mod resources;
mod setting;
pub mod sweep;
mod tables;
mod warnings;

pub use answer::{Fact, banner, check_count, checks, headline};
pub use resources::{quantities, resources, used};
pub use setting::{environment, footnotes, identity, parameters, reproduce, started};
pub use tables::{
    Throughput, config, extras, failures, metrics, operations, response, server, storage, timing, trials,
};
pub use warnings::{all as warnings, of as warnings_of, of_metrics as warnings_of_metrics};

use serde_json::{Map, Value};

use super::number::{figures, line};
use crate::results::{StoredRun, StoredTrial, schema::Run};

/// What a person calls each trial, in the run's order: its name, made unique by the parameters that vary and, where
/// those are equal too, by its repetition.
pub fn labels(run: &StoredRun) -> Vec<String> {
    let trials = &run.trials;
    let alike = |trial: &StoredTrial, same: &dyn Fn(&StoredTrial) -> bool| {
        trials.iter().filter(|other| other.meta.name == trial.meta.name && same(other)).count() > 1
    };
    trials
        .iter()
        .map(|trial| {
            let mut label = line(&trial.meta.name, 60);
            if !alike(trial, &|_| true) {
                return label;
            }
            let varying = varying(trials, trial);
            if !varying.is_empty() {
                label += &format!(" {varying}");
            }
            if alike(trial, &|other| other.meta.parameters == trial.meta.parameters) {
                label += &format!(" r{}", trial.meta.repetition);
            }
            label
        })
        .collect()
}

/// The services that were measured, in the order of their first trial.
pub fn services(run: &StoredRun) -> Vec<&str> {
    let mut services: Vec<&str> = Vec::new();
    for trial in &run.trials {
        if !services.contains(&trial.meta.service.as_str()) {
            services.push(&trial.meta.service);
        }
    }
    services
}

/// The trial's parameters that other trials have differently: `clients=8 size=4096`.
fn varying(trials: &[StoredTrial], trial: &StoredTrial) -> String {
    let varies =
        |key: &str, value: &Value| trials.iter().any(|other| other.meta.parameters.get(key) != Some(value));
    let parameters = trial.meta.parameters.iter().filter(|(key, value)| varies(key, value));
    parameters.map(|(key, value)| format!("{key}={}", line(&plain(value), 30))).collect::<Vec<_>>().join(" ")
}

/// A stored value as a person writes it: strings without quotes, numbers short.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => figures(float),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Nested maps as rows: `plan.rate`, `500`.
pub fn flat(map: &Map<String, Value>) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for (key, value) in map {
        match value {
            Value::Object(inner) => {
                rows.extend(flat(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)))
            }
            value => rows.push((key.clone(), plain(value))),
        }
    }
    rows
}

/// The run's question, else its scenario.
pub fn title(run: &Run) -> &str {
    run.question.as_deref().map(str::trim).filter(|question| !question.is_empty()).unwrap_or(&run.scenario)
}
