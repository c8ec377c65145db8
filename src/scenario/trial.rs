//! The one way a load is run and recorded: checked, prepared, watched, written, cleaned up.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::{Map, Value, json};

use super::live::Watcher;
use crate::error::{Error, Result};
use crate::host::{Host, PlannedLoad, Stage};
use crate::load::{Group, Load, Measured, Operation, Plan, Spacing, cores_allowed};
use crate::measure::{Summary, Totals, tally::DIGITS};
use crate::results::{
    Outcome, Point, TrialFolder, facts,
    schema::{Meta, Metrics, SCHEMA, Status, Throughput},
    sha256,
};

/// One load of a script: one group for `load::run`, several for `load::together`.
pub struct Request {
    /// By name; each is a row of the results.
    pub groups: Vec<(String, Arc<dyn Operation>, Plan)>,
    /// What the trial is called; the groups' names unless given.
    pub name: Option<String>,
}

/// Runs the load and returns its numbers, stored already.
///
/// In a plan the load is noted and nothing happens: then there are no numbers.
pub fn perform(host: &Host, request: Request) -> Result<Option<Arc<Outcome>>> {
    let name = request.name.clone().unwrap_or_else(|| {
        let names: Vec<&str> = request.groups.iter().map(|(name, ..)| name.as_str()).collect();
        names.join(" + ")
    });
    let seed = host.settings.seed;
    let groups: Arc<[Group]> = request
        .groups
        .into_iter()
        .map(|(name, operation, plan)| {
            let seed = plan.seed.unwrap_or(seed);
            Group { name, operation, plan, seed }
        })
        .collect();
    let config = configuration(&groups);
    if host.is_planning() {
        let seconds = groups.iter().map(|group| {
            let duration = group.plan.duration?;
            Some(group.plan.warmup.seconds() + duration.seconds())
        });
        let seconds = seconds.collect::<Option<Vec<_>>>().map(|all| all.into_iter().fold(0.0, f64::max));
        host.state().planned.push(PlannedLoad { name, config, seconds });
        return Ok(None);
    }
    let run = host.open_folder()?;
    let mut folder = open_trial(host, &run, &name, &groups, &config)?;
    let mut watcher = Watcher::new(host, &name, &longest(&groups).plan);
    let sessions = groups.iter().map(|group| u64::from(group.plan.sessions_at_start())).sum();
    host.stage(&name, &Stage::Opening { sessions });
    let load = Load { groups: groups.clone(), seed };
    let measured = run_load(host, &load, &mut folder, &mut watcher);
    host.stage(&name, &Stage::Writing);
    let written = measured.and_then(|measured| {
        let outcome = summarise(&name, &groups, config, &mut folder, measured.0, watcher.series)?;
        Ok((outcome, measured.1))
    });
    host.stage(&name, &Stage::Done);
    let (mut outcome, interrupted) = written.inspect_err(|error| {
        // The error itself is what the person needs; that the folder could not take it too adds nothing.
        let status = if error.kind == crate::error::ErrorKind::Cancelled {
            Status::Interrupted
        } else {
            Status::Failed
        };
        folder.finish(status, Some(error.to_string()), None).ok();
    })?;
    let metrics = std::mem::take(&mut host.state().metrics);
    outcome.metrics.extras.extend(metrics);
    let all_failed = outcome.metrics.total.requests > 0 && outcome.metrics.total.successes == 0;
    let (status, reason) = match (interrupted, all_failed) {
        (true, _) => (Status::Interrupted, Some("stopped before its planned end".to_owned())),
        (_, true) => (Status::Failed, Some("every call failed".to_owned())),
        _ => (Status::Done, None),
    };
    outcome.status = status;
    folder.finish(status, reason, Some(&outcome.metrics))?;
    let outcome = Arc::new(outcome);
    host.state().outcomes.push(outcome.clone());
    if interrupted { Err(Error::cancelled()) } else { Ok(Some(outcome)) }
}

/// Prepares, runs and cleans up; says whether it was interrupted.
fn run_load(
    host: &Host,
    load: &Load,
    folder: &mut TrialFolder,
    watcher: &mut Watcher,
) -> Result<(Measured, bool)> {
    let cancel = host.cancel();
    let prepared = load.groups.iter().try_for_each(|group| group.operation.prepare(group.seed, &cancel));
    let measured = prepared.and_then(|()| crate::load::run(load, &mut [folder, watcher], &cancel));
    let cleaned: Vec<Result<()>> = load.groups.iter().map(|group| group.operation.cleanup()).collect();
    let mut measured = measured?;
    // What was measured stands, whatever is left behind.
    for error in cleaned.into_iter().filter_map(Result::err) {
        let note = format!("cannot clean up after the load: {error}");
        host.note(&note);
        measured.notes.push(note);
    }
    let interrupted = measured.interrupted;
    Ok((measured, interrupted))
}

fn open_trial(
    host: &Host,
    run: &Path,
    name: &str,
    groups: &[Group],
    config: &Map<String, Value>,
) -> Result<TrialFolder> {
    let mut state = host.state();
    state.trials += 1;
    let index = state.trials;
    let folder = state.folder.as_ref().ok_or_else(|| Error::io("this run has no folder for its results"))?;
    // What the script has said by now survives whatever happens in the trial.
    folder.save()?;
    let parameters = state.parameters.iter().map(|known| (known.name.clone(), known.value.clone())).collect();
    let first = &groups.first().ok_or_else(|| Error::usage("a load needs at least one operation"))?.operation;
    let hash = sha256(&Value::from(config.clone()).to_string());
    let meta = Meta {
        schema: SCHEMA,
        trial: format!("{index:03}-{}-r1", &hash[..8]),
        uuid: facts::uuid(),
        name: name.to_owned(),
        index,
        repetition: 1,
        attempt: 1,
        parameters: crate::measure::secrets::masked(parameters),
        seed: host.settings.seed,
        status: Status::Running,
        reason: None,
        started_at: facts::now(),
        ended_at: None,
        git_commit: folder.run.git.as_ref().map(|git| git.commit.clone()),
        host: folder.run.host.name.clone(),
        service: first.service().to_owned(),
        endpoint: Some(first.client().endpoint()),
        script_sha256: folder.run.script.sha256.clone(),
        warmup_s: longest(groups).plan.warmup.seconds(),
        duration_s: 0.0,
    };
    let with_rows = groups.iter().any(|group| group.plan.record.budget() > 0);
    TrialFolder::create(run, meta, config, with_rows)
}

/// The group whose window ends last: the one a person waits for.
fn longest(groups: &[Group]) -> &Group {
    let length = |group: &&Group| group.plan.duration.map(|span| span.0 + group.plan.warmup.0);
    groups.iter().max_by_key(length).expect("a load has at least one group")
}

/// The plan and the operation as they will run, defaults filled in.
fn configuration(groups: &[Group]) -> Map<String, Value> {
    let one = |group: &Group| -> Map<String, Value> {
        let plan = &group.plan;
        let mut effective = match serde_json::to_value(plan) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        effective.remove("name");
        effective.insert("concurrency".into(), plan.concurrency().into());
        effective.insert("seed".into(), group.seed.into());
        if plan.rate.is_none() {
            effective.remove("arrival");
            effective.insert("loop".into(), "closed".into());
        } else {
            let word = if plan.arrival == Spacing::Poisson { "poisson" } else { "constant" };
            effective.insert("loop".into(), "open".into());
            effective.insert("arrival".into(), word.into());
        }
        let operation = json!({
            "name": group.operation.name(),
            "service": group.operation.service(),
            "endpoint": group.operation.client().endpoint(),
            "settings": group.operation.describe(),
        });
        Map::from_iter([("operation".to_owned(), operation), ("plan".to_owned(), effective.into())])
    };
    let mut config = match groups {
        [group] => one(group),
        several => {
            let groups = several.iter().map(|group| (group.name.clone(), one(group).into())).collect();
            Map::from_iter([("together".to_owned(), Value::Object(groups))])
        }
    };
    config.insert("cores_allowed".into(), cores_allowed().into());
    config
}

fn summarise(
    name: &str,
    groups: &[Group],
    mut config: Map<String, Value>,
    folder: &mut TrialFolder,
    measured: Measured,
    series: Vec<Point>,
) -> Result<Outcome> {
    config.insert("threads".into(), measured.threads.into());
    let mut totals = Totals::default();
    let mut operations = BTreeMap::new();
    let mut rows = BTreeMap::new();
    let mut extras = Map::new();
    let mut duration_s: f64 = 0.0;
    for (group, part) in groups.iter().zip(&measured.groups) {
        totals.merge(&part.totals);
        duration_s = duration_s.max(part.duration_s);
        let row = part.totals.summary(&group.name, part.duration_s, group.plan.rate);
        for (key, value) in group.operation.extras(&row) {
            // Two groups of one kind add up: megabytes and calls a second are rates of the whole load.
            let sum = extras.get(key).and_then(Value::as_f64).unwrap_or(0.0) + value;
            extras.insert(key.to_owned(), sum.into());
        }
        rows.insert(group.name.clone(), row);
        operations.insert(group.name.clone(), part.totals.clone());
    }
    let offered = groups.iter().filter_map(|group| group.plan.rate).reduce(|a, b| a + b);
    let mut total = totals.summary(name, duration_s, offered);
    // Windows of different lengths: the rates of the groups add up, their counts over one window would not.
    total.throughput = rows.values().map(|row: &Summary| row.throughput).sum();
    total.bytes_per_second = rows.values().map(|row| row.bytes_per_second).sum();
    total.max_in_flight = measured.max_in_flight;
    let mut notes =
        vec![format!("percentiles come from histograms of {DIGITS} significant digits (within 0.1 %)")];
    if let Some(lines) = folder.write_requests(&measured.rows)? {
        let share = measured.rows.share(false);
        notes.push(if share >= 1.0 {
            format!("requests.jsonl holds all {lines} calls, warm-up included")
        } else {
            format!(
                "requests.jsonl holds {lines} calls, warm-up included: a uniform sample of {:.3} %",
                share * 100.0
            )
        });
    }
    notes.extend(measured.notes);
    let first = &groups.first().expect("a load has at least one group").operation;
    let metrics = Metrics {
        schema: SCHEMA,
        trial_id: folder.meta.trial.clone(),
        timestamp: facts::rfc3339(folder.began()),
        component: first.component().to_owned(),
        service: first.service().to_owned(),
        config,
        throughput: Throughput { value: total.throughput, unit: "requests/s".to_owned() },
        latency_ms: total.latency_ms.clone(),
        service_time_ms: total.service_time_ms.clone(),
        start_lag_ms: total.start_lag_ms.clone(),
        errors: total.errors.clone(),
        validity: measured.validity,
        total,
        operations: rows,
        extras,
        notes,
    };
    Ok(Outcome { status: Status::Done, metrics, totals, operations, series })
}
