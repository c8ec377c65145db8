//! `report.json`: the facts of a run, its checks and one row a trial, for programs. Names carry units and stay stable.

use serde::Serialize;
use serde_json::{Map, Value};

use super::facts;
use crate::error::{Error, Result};
use crate::measure::{Errors, Quantiles, Validity};
use crate::results::schema::{Check, Git, HostFacts, Objective, Run, Source, Status, Throughput};
use crate::results::{ResourceUse, StoredRun, StoredTrial};

/// Bumped when a field changes its meaning.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Page<'a> {
    schema: u32,
    run_id: &'a str,
    scenario: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    declared: &'a Map<String, Value>,
    /// The numbers to remember, as the pages show them.
    answer: Vec<facts::Fact>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    created_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<&'a str>,
    tool_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    git: Option<&'a Git>,
    script: &'a Source,
    imports: &'a [Source],
    parameters: &'a Map<String, Value>,
    seed: u64,
    host: &'a HostFacts,
    tags: &'a [String],
    checks_passed: usize,
    checks_failed: usize,
    checks: &'a [Check],
    #[serde(skip_serializing_if = "Map::is_empty")]
    metrics: &'a Map<String, Value>,
    trials: Vec<Row<'a>>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Row<'a> {
    trial: &'a str,
    name: &'a str,
    label: String,
    repetition: u32,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    parameters: &'a Map<String, Value>,
    service: &'a str,
    /// Absent when nothing was measured.
    #[serde(flatten)]
    numbers: Option<Numbers<'a>>,
}

#[derive(Serialize)]
struct Numbers<'a> {
    requests: u64,
    successes: u64,
    failures: u64,
    duration_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    offered_rate: Option<f64>,
    throughput: &'a Throughput,
    bytes_per_second: f64,
    latency_ms: &'a Quantiles,
    service_time_ms: &'a Quantiles,
    start_lag_ms: &'a Quantiles,
    errors: &'a Errors,
    validity: &'a Validity,
    #[serde(skip_serializing_if = "<[Objective]>::is_empty")]
    slo: &'a [Objective],
    extras: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a ResourceUse>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    server: &'a Map<String, Value>,
}

/// The page as JSON, ending in a line break.
pub fn page(run: &StoredRun) -> Result<String> {
    let facts: &Run = &run.run;
    let checks_passed = facts.checks.iter().filter(|check| check.passed).count();
    let page = Page {
        schema: SCHEMA,
        run_id: &facts.run_id,
        scenario: &facts.scenario,
        question: facts.question.as_deref(),
        why: facts.why.as_deref(),
        note: facts.note.as_deref(),
        declared: &facts.declared,
        answer: facts::headline(run),
        status: facts.status,
        reason: facts.reason.as_deref(),
        created_at: &facts.created_at,
        ended_at: facts.ended_at.as_deref(),
        tool_version: &facts.tool_version,
        git: facts.git.as_ref(),
        script: &facts.script,
        imports: &facts.imports,
        parameters: &facts.parameters,
        seed: facts.seed,
        host: &facts.host,
        tags: &facts.tags,
        checks_passed,
        checks_failed: facts.checks.len() - checks_passed,
        checks: &facts.checks,
        metrics: &facts.metrics,
        trials: run.trials.iter().zip(facts::labels(run)).map(|(trial, label)| row(trial, label)).collect(),
        warnings: facts::warnings(run),
        notes: facts::footnotes(run),
    };
    let text = serde_json::to_string_pretty(&page).map_err(|error| {
        Error::io(format!("writing `report.json` of run `{}` failed", facts.run_id)).because(&error)
    })?;
    Ok(text + "\n")
}

fn row(trial: &StoredTrial, label: String) -> Row<'_> {
    let numbers = trial.metrics.as_ref().map(|metrics| Numbers {
        requests: metrics.total.requests,
        successes: metrics.total.successes,
        failures: metrics.total.failures,
        duration_s: metrics.total.duration_s,
        offered_rate: metrics.total.offered_rate,
        throughput: &metrics.throughput,
        bytes_per_second: metrics.total.bytes_per_second,
        latency_ms: &metrics.total.latency_ms,
        service_time_ms: &metrics.total.service_time_ms,
        start_lag_ms: &metrics.total.start_lag_ms,
        errors: &metrics.total.errors,
        validity: &metrics.validity,
        slo: &metrics.slo,
        extras: &metrics.extras,
        resource: metrics.resource.as_ref(),
        server: &metrics.server,
    });
    let meta = &trial.meta;
    Row {
        trial: &meta.trial,
        name: &meta.name,
        label,
        repetition: meta.repetition,
        status: meta.status,
        reason: meta.reason.as_deref(),
        parameters: &meta.parameters,
        service: &meta.service,
        numbers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn says_the_schema_the_checks_and_a_row_a_trial() {
        let run = sample::ladder();
        let page: Value = serde_json::from_str(&page(&run).expect("written")).expect("JSON");
        assert_eq!(page["schema"], 1);
        assert_eq!(page["checks_failed"], 1);
        assert_eq!(page["trials"].as_array().expect("rows").len(), run.trials.len());
        assert!(page["trials"][0]["latency_ms"]["p99"].is_f64());
    }

    #[test]
    fn a_trial_without_numbers_has_none() {
        let page: Value =
            serde_json::from_str(&page(&sample::interrupted()).expect("written")).expect("JSON");
        let last = page["trials"].as_array().expect("rows").last().expect("one");
        assert_eq!(last["status"], "interrupted");
        assert!(last.get("requests").is_none());
    }
}
