//! The one way a load is run and recorded: checked, prepared, watched, written, cleaned up.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::live::Watcher;
use crate::error::{Error, Result};
use crate::host::{Host, PlannedLoad, Stage};
use crate::load::{Calls, Finished, Group, Load, Measured, Plan, Steady, Task, Watch, cores_allowed};
use crate::measure::{Failure, Summary, Totals, tally::DIGITS};
use crate::probes::{self, Sampler};
use crate::results::{
    Outcome, Point, Resources, TrialFolder, facts, schedule,
    schema::{Meta, Metrics, SCHEMA, Status, SteadyWindow, Throughput},
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
    let seed = host.settings.seed;
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
    let mut watcher = Watcher::new(host, &name, &longest(&groups).plan);
    let sessions = groups.iter().map(|group| u64::from(group.plan.sessions_at_start())).sum();
    let schedules = save_schedules(&groups, &folder.path, &host.cancel());
    host.stage(&name, &Stage::Opening { sessions });
    let load = Load { groups: groups.clone(), seed };
    let measured =
        schedules.and_then(|schedules| Ok((run_load(host, &load, &mut folder, &mut watcher)?, schedules)));
    host.stage(&name, &Stage::Writing);
    let written = measured.and_then(|((measured, resources, server), schedules)| {
        let (interrupted, broken) = (measured.interrupted, measured.broken.clone());
        let series = (watcher.series, resources);
        let mut outcome = summarise(&name, &groups, config, &mut folder, measured, series)?;
        outcome.schedules = schedules;
        outcome.metrics.server = server;
        Ok((outcome, interrupted, broken))
    });
    host.stage(&name, &Stage::Done);
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
    outcome.status = status;
    folder.finish(status, reason, Some(&outcome.metrics))?;
    let outcome = Arc::new(outcome);
    host.state().outcomes.push(outcome.clone());
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

/// The servers of a load that say something of themselves.
#[derive(Default)]
struct Watched {
    servers: Vec<(String, Box<dyn Watch>)>,
    notes: Vec<String>,
}

impl Watched {
    fn begin(&mut self, load: &Load) {
        let clients = load.groups.iter().flat_map(|group| group.task.clients());
        let mut endpoints: Vec<String> = Vec::new();
        for client in clients {
            let endpoint = client.endpoint();
            if endpoints.contains(&endpoint) {
                continue;
            }
            match client.watch() {
                None => {}
                Some(Ok(watch)) => self.servers.push((endpoint.clone(), watch)),
                Some(Err(failure)) => self.note(&endpoint, &failure),
            }
            endpoints.push(endpoint);
        }
    }

    /// What the one server said, or each by its endpoint where there are several; and what could not be read.
    fn end(mut self) -> (Map<String, Value>, Vec<String>) {
        let mut said = Map::new();
        let several = self.servers.len() > 1;
        for (endpoint, watch) in std::mem::take(&mut self.servers) {
            match watch.end() {
                Ok(map) if several => drop(said.insert(endpoint, map.into())),
                Ok(map) => said = map,
                Err(failure) => self.note(&endpoint, &failure),
            }
        }
        (said, self.notes)
    }

    fn note(&mut self, endpoint: &str, failure: &Failure) {
        self.notes.push(format!("the statistics of `{endpoint}` could not be read: {}", failure.detail));
    }
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
    let first = &groups.first().ok_or_else(|| Error::usage("a load needs at least one operation"))?.task;
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
        service: first.service(),
        endpoint: first.endpoint(),
        script_sha256: folder.run.script.sha256.clone(),
        warmup_s: longest(groups).plan.warmup.seconds(),
        duration_s: 0.0,
    };
    let with_rows = groups.iter().any(|group| group.plan.record.budget() > 0);
    TrialFolder::create(run, meta, config, with_rows)
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

/// The group whose window ends last: the one a person waits for.
fn longest(groups: &[Group]) -> &Group {
    let length = |group: &&Group| group.plan.duration().map(|duration| duration + group.plan.warmup.0);
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

/// What a reader must know of the search for a steady part of the window.
fn steadiness_of(name: &str, steady: &Steady) -> String {
    let rule = |of: usize, width: u64| {
        let unit = if width == 1 { "seconds".to_owned() } else { format!("blocks of {width} s") };
        format!("MSER over the mean response times and the successes of {of} {unit}")
    };
    match steady.cut {
        Some(cut) if cut.blocks > 0 => format!(
            "`{name}`: the first {:.3} s of the window are cut, by {}; requests.jsonl and metrics.csv keep them",
            steady.trimmed_s,
            rule(cut.of, cut.width)
        ),
        Some(cut) => format!("`{name}`: steady from the beginning, by {}", rule(cut.of, cut.width)),
        None => format!(
            "`{name}`: no steady part of the window was found, so nothing is cut: it is too short, or the load still moves"
        ),
    }
}

/// What a load's throughput counts.
fn unit(groups: &[Group]) -> &'static str {
    match groups.iter().any(|group| matches!(group.task, Task::Journey(_))) {
        true => "journeys/s",
        false => "requests/s",
    }
}

/// The figures of all operations of a load, which add up: megabytes and calls a second are those of the whole load. Shares,
/// called `_rate`, and times, called `_s`, do not: each counts as much as it has calls.
#[derive(Default)]
struct Figures(BTreeMap<&'static str, (f64, f64)>);

impl Figures {
    /// Adds the figures of an operation's row, and puts them to it.
    fn add(&mut self, task: &Task, row: &mut Summary) {
        for (key, value) in task.extras(row) {
            row.extras.insert(key.to_owned(), value);
            let weight = if is_mean(key) { row.successes as f64 } else { 1.0 };
            let (sum, weights) = self.0.entry(key).or_default();
            *sum += value * weight;
            *weights += weight;
        }
    }

    /// Puts them to what the script noted itself.
    fn join(self, extras: &mut Map<String, Value>) {
        for (key, (sum, weights)) in self.0 {
            let value = if is_mean(key) { sum / weights } else { sum };
            extras.insert(key.to_owned(), value.into());
        }
    }
}

/// Puts to the figures of a load when the users of one of its groups were done: its first and its last are those of all.
fn done(extras: &mut Map<String, Value>, key: &str, value: f64, alone: bool) {
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

fn summarise(
    name: &str,
    groups: &[Group],
    mut config: Map<String, Value>,
    folder: &mut TrialFolder,
    measured: Measured,
    (series, resources): (Vec<Point>, Resources),
) -> Result<Outcome> {
    config.insert("threads".into(), measured.threads.into());
    let mut totals = Totals::default();
    let mut operations = BTreeMap::new();
    let mut rows = BTreeMap::new();
    let mut extras = Map::new();
    let mut figures = Figures::default();
    let mut duration_s: f64 = 0.0;
    let (mut throughput, mut bytes_per_second) = (0.0, 0.0);
    let mut offered: Option<f64> = None;
    let mut steady_window: Option<SteadyWindow> = None;
    let mut steadiness = Vec::new();
    for (group, part) in groups.iter().zip(measured.groups) {
        totals.merge(&part.totals);
        duration_s = duration_s.max(part.duration_s);
        let due = part.totals.counts.calls();
        let rate = group.plan.offered_rate(due, part.duration_s);
        let mut row = part.totals.summary(&group.name, part.duration_s, rate);
        offered = rate.map(|rate| rate + offered.unwrap_or(0.0)).or(offered);
        // Windows of different lengths: the rates of the groups add up, their counts over one window would not.
        throughput += row.throughput;
        bytes_per_second += row.bytes_per_second;
        figures.add(&group.task, &mut row);
        for (key, value) in part.finished.iter().flat_map(Finished::figures) {
            row.extras.insert(key.to_owned(), value);
            done(&mut extras, key, value, groups.len() == 1);
        }
        if let Some(steady) = part.steady {
            let window = steady_window.get_or_insert(SteadyWindow { found: true, trimmed_s: 0.0 });
            window.found &= steady.cut.is_some();
            window.trimmed_s = window.trimmed_s.max(steady.trimmed_s);
            steadiness.push(steadiness_of(&group.name, &steady));
        }
        // What the script noted is of the whole window.
        let whole_s = part.duration_s + part.steady.map_or(0.0, |steady| steady.trimmed_s);
        for (name, metric) in part.metrics {
            for (suffix, value) in metric.figures(whole_s) {
                // Counts are whole numbers.
                let whole = (suffix == "_count").then(|| Value::from(value as u64));
                extras.insert(format!("{name}{suffix}"), whole.unwrap_or_else(|| value.into()));
            }
        }
        // A row of parts is not their sibling, unless several loads ran together.
        if part.parts.is_empty() || groups.len() > 1 {
            rows.insert(group.name.clone(), row);
            operations.insert(group.name.clone(), part.totals);
        }
        for (name, totals) in part.parts {
            // Where the load was stopped a stage may have been shorter.
            let stage =
                group.plan.stage_length(&name).map(|length| length.as_secs_f64().min(part.duration_s));
            let due = totals.counts.calls();
            let rate = stage.filter(|_| group.plan.is_open()).map(|length| due as f64 / length);
            let row = totals.summary(&name, stage.unwrap_or(part.duration_s), rate);
            let mut row = Summary { is_part: true, ..row };
            let own = name.strip_prefix(&format!("{}: ", group.name)).unwrap_or(&name);
            if let Some(part) = group.task.part(own).or_else(|| group.task.part(&name)) {
                figures.add(part, &mut row);
            }
            rows.insert(name.clone(), row);
            operations.insert(name, totals);
        }
    }
    figures.join(&mut extras);
    let from_s = longest(groups).plan.warmup.seconds() + steady_window.map_or(0.0, |steady| steady.trimmed_s);
    let mut total = totals.summary(name, duration_s, offered);
    total.throughput = throughput;
    total.bytes_per_second = bytes_per_second;
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
    notes.extend(steadiness);
    notes.extend(measured.notes);
    for trace in groups.iter().filter_map(|group| group.plan.trace.as_ref()) {
        let moved = trace.times.as_ref().map_or(0, |times| times.out_of_order);
        if moved > 0 {
            let file = trace.file.display();
            notes.push(format!(
                "{moved} times of the trace `{file}` were smaller than the one before: it was sorted"
            ));
        }
    }
    let first = &groups.first().expect("a load has at least one group").task;
    let metrics = Metrics {
        schema: SCHEMA,
        trial_id: folder.meta.trial.clone(),
        timestamp: facts::rfc3339(folder.began()),
        component: first.component().to_owned(),
        service: first.service(),
        config,
        throughput: Throughput { value: total.throughput, unit: unit(groups).to_owned() },
        latency_ms: total.latency_ms.clone(),
        service_time_ms: total.service_time_ms.clone(),
        start_lag_ms: total.start_lag_ms.clone(),
        errors: total.errors.clone(),
        validity: measured.validity,
        total,
        operations: rows,
        extras,
        resource: resources.of_window(cores_allowed(), from_s, from_s + duration_s),
        server: Map::new(),
        steady: steady_window,
        notes,
    };
    Ok(Outcome {
        status: Status::Done,
        metrics,
        totals,
        operations,
        series,
        resources,
        schedules: BTreeMap::new(),
    })
}
