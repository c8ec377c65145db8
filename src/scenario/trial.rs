//! The one way a load is run and recorded: checked, prepared, watched, written, cleaned up.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{live::Watcher, numbers::summarise, watched::Watched};
use crate::error::{Error, Result};
use crate::host::{Host, PlannedLoad, Stage};
use crate::load::{Calls, Group, Load, Measured, Plan, Task, cores_allowed};
use crate::probes::{self, Sampler};
use crate::results::{
    Outcome, Resources, TrialFolder, facts, load_folder, schedule,
    schema::{Meta, SCHEMA, Status},
    sha256, slug,
};

/// One load of a script: one group for `load::run`, several for `load::together`.
pub struct Request {
    /// By name; each is a row of the results.
    pub groups: Vec<(String, Task, Plan)>,
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
    let seed = host.seed();
    let groups: Arc<[Group]> = request
        .groups
        .into_iter()
        .map(|(name, task, mut plan)| {
            if plan.is_open() && plan.concurrency.is_none() {
                plan.concurrency = task.clients().iter().filter_map(|client| client.open_concurrency()).min();
            }
            let seed = plan.seed.unwrap_or(seed);
            Group { name, task, plan, seed }
        })
        .collect();
    let config = configuration(&groups);
    if host.is_planning() {
        let seconds = groups.iter().map(|group| {
            let duration = group.plan.duration()?;
            Some(group.plan.warmup.seconds() + duration.as_secs_f64())
        });
        let seconds = seconds.collect::<Option<Vec<_>>>().map(|all| all.into_iter().fold(0.0, f64::max));
        host.state().planned.push(PlannedLoad { name, config, seconds });
        return Ok(None);
    }
    let run = host.open_folder()?;
    let mut folder = open_trial(host, &run, &name, &groups, &config)?;
    // Of a declared trial its point says more than what its loads are called.
    let shown = host.state().unit.as_ref().map_or_else(|| name.clone(), |unit| unit.label.clone());
    let mut watcher = Watcher::new(host, &shown, &Group::longest(&groups).plan);
    let sessions = groups.iter().map(|group| u64::from(group.plan.sessions_at_start())).sum();
    let schedules = save_schedules(&groups, &folder.path, &host.cancel());
    host.stage(&shown, &Stage::Opening { sessions });
    let load = Load { groups: groups.clone(), seed };
    let measured =
        schedules.and_then(|schedules| Ok((run_load(host, &load, &mut folder, &mut watcher)?, schedules)));
    host.stage(&shown, &Stage::Writing);
    let written = measured.and_then(|((measured, resources, server), schedules)| {
        let (interrupted, broken) = (measured.interrupted, measured.broken.clone());
        let series = (folder.series(), resources);
        let mut outcome = summarise(&name, &groups, config, &mut folder, measured, series)?;
        outcome.schedules = schedules;
        outcome.metrics.server = server;
        Ok((outcome, interrupted, broken))
    });
    host.stage(&shown, &Stage::Done);
    let (mut outcome, interrupted, broken) = written.inspect_err(|error| {
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
        _ if broken.is_some() => (Status::Failed, broken.as_ref().map(Error::to_string)),
        (true, _) => (Status::Interrupted, Some("stopped before its planned end".to_owned())),
        (_, true) => (Status::Failed, Some("every call failed".to_owned())),
        _ => (Status::Done, None),
    };
    folder.finish(status, reason, Some(&outcome.metrics))?;
    outcome.meta = folder.meta.clone();
    let outcome = Arc::new(outcome);
    let mut state = host.state();
    match &mut state.unit {
        Some(unit) => unit.loads.push((folder.path.clone(), outcome.clone())),
        None => state.outcomes.push(outcome.clone()),
    }
    drop(state);
    match broken {
        Some(error) => Err(error),
        None if interrupted => Err(Error::cancelled()),
        None => Ok(Some(outcome)),
    }
}

/// Prepares, runs and cleans up; what was used, and what the servers say of themselves, beside what was measured.
fn run_load(
    host: &Host,
    load: &Load,
    folder: &mut TrialFolder,
    watcher: &mut Watcher,
) -> Result<(Measured, Resources, Map<String, Value>)> {
    let cancel = host.cancel();
    let mut watched = Watched::default();
    let mut sampler = Sampler::new(&folder.path, probes::of(&host.processes()))?;
    let prepared = load.groups.iter().try_for_each(|group| group.task.prepare(group.seed, &cancel));
    let measured = prepared.and_then(|()| {
        watched.begin(load);
        crate::load::run(load, &mut [folder, watcher, &mut sampler], &cancel)
    });
    let used = sampler.end();
    let server = watched.end();
    let uncleaned: Vec<Error> = load.groups.iter().flat_map(|group| group.task.cleanup()).collect();
    let mut measured = measured?;
    let (resources, unknown) = used?;
    measured.notes.extend(unknown);
    // What was measured stands, whatever is left behind.
    for error in uncleaned {
        let note = format!("cannot clean up after the load: {error}");
        host.note(&note);
        measured.notes.push(note);
    }
    measured.notes.extend(server.1);
    measured.notes.extend(load.groups.iter().flat_map(|group| group.task.remarks()));
    Ok((measured, resources, server.0))
}

fn open_trial(
    host: &Host,
    run: &Path,
    name: &str,
    groups: &[Group],
    config: &Map<String, Value>,
) -> Result<TrialFolder> {
    let first = &groups.first().ok_or_else(|| Error::usage("a load needs at least one operation"))?.task;
    let with_rows = groups.iter().any(|group| group.plan.record.budget() > 0);
    let warmup_s = Group::longest(groups).plan.warmup.seconds();
    let mut state = host.state();
    if let Some(unit) = &state.unit {
        let meta = Meta {
            uuid: facts::uuid(),
            name: name.to_owned(),
            status: Status::Running,
            started_at: facts::now(),
            service: first.service(),
            endpoint: first.endpoint(),
            warmup_s,
            ..unit.meta.clone()
        };
        let path = load_folder(&unit.path, unit.loads.len() + 1, name);
        return TrialFolder::create(path, meta, config, with_rows);
    }
    state.trials += 1;
    let index = state.trials;
    let folder = state.folder.as_ref().ok_or_else(|| Error::io("this run has no folder for its results"))?;
    // What the script has said by now survives whatever happens in the trial.
    folder.save()?;
    let parameters = state.parameters.iter().map(|known| (known.name.clone(), known.value.clone())).collect();
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
        point: Map::new(),
        seed: host.seed(),
        status: Status::Running,
        reason: None,
        started_at: facts::now(),
        ended_at: None,
        git_commit: folder.run.git.as_ref().map(|git| git.commit.clone()),
        host: folder.run.host.name.clone(),
        service: first.service(),
        endpoint: first.endpoint(),
        script_sha256: folder.run.script.sha256.clone(),
        warmup_s,
        duration_s: 0.0,
    };
    TrialFolder::create(run.join(&meta.trial), meta, config, with_rows)
}

/// Writes when the calls of each group are due, where its plan says so: `schedule.csv`, with the group's number and name
/// where there are several.
fn save_schedules(
    groups: &[Group],
    trial: &Path,
    cancel: &CancellationToken,
) -> Result<BTreeMap<String, PathBuf>> {
    let mut saved = BTreeMap::new();
    for (at, group) in groups.iter().enumerate().filter(|(_, group)| group.plan.save_schedule) {
        let Some(calls) = Calls::of(&group.plan, group.seed) else { continue };
        let file = match groups.len() {
            1 => "schedule.csv".to_owned(),
            _ => format!("schedule-{}-{}.csv", at + 1, slug(&group.name)),
        };
        let path = trial.join(file);
        schedule::write(&path, calls, cancel)?;
        saved.insert(group.name.clone(), path);
    }
    Ok(saved)
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
        effective.insert("loop".into(), if plan.is_open() { "open" } else { "closed" }.into());
        if plan.rates().is_some() && plan.arrival.is_none() {
            effective.insert("arrival".into(), "constant".into());
        }
        Map::from_iter([
            ("operation".to_owned(), group.task.describe()),
            ("plan".to_owned(), effective.into()),
        ])
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
