//! The course of a declared scenario: its trials laid out, planned or run, and its report.

use std::{collections::BTreeSet, sync::Arc};

use rhai::{AST, Engine, EvalAltResult};
use serde_json::{Map, Value};

use super::scenario::Script;
use crate::analysis::Slo;
use crate::cluster::Resources;
use crate::error::{Error, Result};
use crate::host::{Host, Parameter, PlannedTrial};
use crate::results::{Outcome, StoredRun, schema::Status};
use crate::scenario::{
    agenda::{Agenda, Condition, Planned, typed},
    body::Body,
    campaign::{Campaign, End},
    declaration::Declaration,
    search,
    sweep::{Point, Sweep},
};

type Ended = std::result::Result<(), End<Box<EvalAltResult>>>;

/// Runs a script that declares. `refuse` is told which parameters it sweeps and refuses `-p` of any other that it does not ask for.
pub fn run(engine: &Engine, host: &Arc<Host>, ast: &AST, refuse: impl Fn(&[&str]) -> Result<()>) -> Ended {
    let (mut script, declared) = Script::new(engine, host, ast).map_err(End::Fault)?;
    let declaration = declared.declaration;
    let slo = Slo::read(&declaration.slo)?;
    let mut sweep = declaration.expansion()?;
    refuse(&sweep.names())?;
    replace(&mut sweep, host)?;
    let seed = declaration.seed.filter(|_| !host.settings.seed_given).unwrap_or(host.settings.seed);
    host.set_seed(seed);
    let only =
        host.settings.pick.only.iter().map(|text| Condition::read(text)).collect::<Result<Vec<_>>>()?;
    let mut points = Vec::new();
    for point in sweep.points(&declaration.group_by) {
        if script.wants(&point).map_err(End::Fault)? {
            points.push(point);
        }
    }
    only.iter().try_for_each(|condition| condition.check(&sweep, &points))?;
    let mut agenda = Agenda::new(&declaration, points, seed, &only);
    for planned in &mut agenda.trials {
        if let Some(asked) = script.resources(&planned.point).map_err(End::Fault)? {
            planned.resources = super::options::plain_options::<Resources>("resources", asked)?.check()?;
        }
    }
    if agenda.trials.is_empty() {
        return Err(Error::usage("no point of the sweep is left to measure")
            .hint("`when` and `--only` leave out points")
            .into());
    }
    if host.is_planning() {
        return plan(&mut script, host, &declaration, &sweep, &agenda);
    }
    let laid_out = agenda.trials.clone();
    if sweep.search().is_some() {
        // Its trials are laid out one by one, by what those before them measure.
        agenda.trials.clear();
    }
    let mut agenda = open(host, &declaration, agenda)?;
    let mut campaign = Campaign::new(host, &declaration, &slo, seed, &mut script);
    let ran = match (host.settings.pick.index, sweep.search()) {
        (Some(index), _) => one(&mut campaign, &agenda, index),
        (None, None) => crate::scenario::campaign::run(&mut campaign, &agenda),
        (None, Some(axis)) => {
            let folder = host.open_folder()?;
            agenda = search::kept(agenda, &host.state().outcomes);
            search::run(&mut campaign, &mut agenda, &laid_out, axis, &folder)
        }
    };
    let ended = campaign.end_group();
    ran?;
    ended?;
    host.state().outcomes.sort_by_key(|outcome| outcome.meta.index);
    if host.settings.pick.index.is_none() {
        let done = host.state().outcomes.clone();
        script.report(&done).map_err(End::Fault)?;
    }
    Ok(())
}

/// `-p concurrency=1,2` for a parameter of the sweep.
fn replace(sweep: &mut Sweep, host: &Host) -> Result<()> {
    for (name, text) in &host.settings.parameters {
        if sweep.names().contains(&name.as_str()) {
            sweep.replace(name, typed(text))?;
            let (name, value) = (name.clone(), Value::from(text.as_str()));
            host.state().parameters.push(Parameter { name, default: Value::Null, value });
        }
    }
    Ok(())
}

/// Opens the folder of the run: a new one, or the one that it has, with the trials that are done.
fn open(host: &Host, declaration: &Declaration, agenda: Agenda) -> Result<Agenda> {
    let stored = host.state().folder.as_ref().map(|folder| folder.path.clone());
    let Some(path) = stored else {
        let declared = match serde_json::to_value(declaration) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        host.describe(|new| {
            new.scenario = declaration.name.clone();
            new.why = declaration.why.clone();
            new.seed = host.seed();
            new.declared = declared;
        });
        let path = host.open_folder()?;
        if let (Some(notes), Some(folder)) = (&declaration.notes, &mut host.state().folder) {
            folder.run.notes.push(notes.clone());
        }
        agenda.save(&path)?;
        return Ok(agenda);
    };
    let agenda = Agenda::read(&path)?;
    let run = StoredRun::open(&path)?;
    let done = run.trials.iter().filter(|trial| trial.meta.status == Status::Done);
    let outcomes: Vec<Arc<Outcome>> = done
        .filter_map(|trial| Outcome::stored(trial, &path.join(&trial.meta.trial)))
        .map(Arc::new)
        .collect();
    host.state().outcomes = outcomes;
    Ok(agenda)
}

/// The trial of one number alone, whether or not it is done already.
fn one<B: Body>(
    campaign: &mut Campaign<B>,
    agenda: &Agenda,
    index: u32,
) -> std::result::Result<(), End<B::Fault>> {
    let planned = agenda.trials.iter().find(|planned| planned.index == index);
    let planned = planned.ok_or_else(|| {
        Error::usage(format!("this run has no trial {index}"))
            .hint(format!("it has 1 to {}", agenda.trials.len()))
    })?;
    campaign.host.state().outcomes.retain(|outcome| outcome.meta.index != index);
    campaign.run(planned, Some(agenda.trials.len())).map(drop)
}

/// Notes what each trial would do. Functions of the script are called as in a plan: nothing happens.
fn plan(
    script: &mut Script,
    host: &Arc<Host>,
    declaration: &Declaration,
    sweep: &Sweep,
    agenda: &Agenda,
) -> Ended {
    let mut notes = Vec::new();
    if let Some(search) = sweep.search() {
        notes.push(format!(
            "{} is searched for between {} and {}: up to {} points each",
            search.name(),
            search.value(search.from),
            search.value(search.to),
            search.points
        ));
    }
    let mut group: Option<Point> = None;
    let mut unknown = None;
    let mut services: Vec<String> = Vec::new();
    let mut seen: Vec<(Point, Vec<crate::host::PlannedLoad>, Option<String>)> = Vec::new();
    let mut starts = 0;
    for planned in &agenda.trials {
        let wanted = planned.group(&declaration.group_by);
        if group.as_ref() != Some(&wanted) {
            starts += 1;
            unknown = step(host, || script.setup(&wanted))?;
            services = std::mem::take(&mut host.state().planned_services);
            group = Some(wanted);
        }
        if !seen.iter().any(|(point, ..)| *point == planned.point) {
            let trial = with_search(sweep, planned);
            let ends = match &unknown {
                Some(place) => Some(place.clone()),
                None => step(host, || {
                    script.prepare(&trial)?;
                    script.trial(&trial).map(drop)
                })?,
            };
            let loads = std::mem::take(&mut host.state().planned);
            seen.push((planned.point.clone(), loads, ends));
        }
        let (_, loads, ends) =
            seen.iter().find(|(point, ..)| *point == planned.point).expect("put there above");
        host.state().planned_trials.push(PlannedTrial {
            index: planned.index,
            label: planned.label(),
            repetition: planned.repetition,
            seed: planned.seed,
            resources: planned.resources.line(),
            loads: loads.clone(),
            unknown: ends.clone(),
        });
    }
    if !services.is_empty() {
        let times = if starts > 1 {
            format!(", {starts} times: for each {}", declaration.group_by.join(", "))
        } else {
            String::new()
        };
        notes.insert(0, format!("starts {}{times}", services.join(", ")));
    }
    if agenda.trials.len() > 1 {
        let points = agenda.trials.iter().map(Planned::label).collect::<BTreeSet<_>>().len();
        notes.push(format!("{points} points, order {}, seed {}", declaration.order.word(), host.seed()));
    }
    notes.extend(advice(declaration, agenda));
    let mut state = host.state();
    state.plan_notes = notes;
    state.cooldown_s = declaration.cooldown.seconds();
    state.plan_ends_at = None;
    state.planned = state.planned_trials.iter().flat_map(|trial| trial.loads.clone()).collect();
    Ok(())
}

/// With the lowest load of a search, where there is one.
fn with_search(sweep: &Sweep, planned: &Planned) -> Planned {
    let mut planned = planned.clone();
    if let Some(search) = sweep.search() {
        planned.point.insert(search.name().to_owned(), search.value(search.from));
    }
    planned
}

/// Does a step of a plan; where its effect decides what follows, what that is.
fn step(
    host: &Host,
    work: impl FnOnce() -> super::ScriptResult<()>,
) -> std::result::Result<Option<String>, End<Box<EvalAltResult>>> {
    host.state().plan_ends_at = None;
    let worked = work();
    match (worked, host.state().plan_ends_at.take()) {
        (_, Some(place)) => Ok(Some(place)),
        (Ok(()), None) => Ok(None),
        (Err(fault), None) => Err(End::Fault(fault)),
    }
}

fn advice(declaration: &Declaration, agenda: &Agenda) -> Vec<String> {
    let mut advice = Vec::new();
    if declaration.repetitions < 3 {
        let times = if declaration.repetitions == 1 {
            "once".to_owned()
        } else {
            format!("{} times", declaration.repetitions)
        };
        advice.push(format!(
            "advice: each point is measured {times}: `repetitions: 3` or more tell differences from chance"
        ));
    }
    if !declaration.zip.is_empty() {
        advice.push(format!(
            "advice: {} change together: their effects cannot be told apart",
            declaration.zip.join(" and ")
        ));
    }
    if declaration.points.len() > 1 && declaration.points.first().is_some_and(|first| first.len() > 1) {
        let differ: BTreeSet<&String> = declaration
            .points
            .iter()
            .flat_map(|point| {
                point.iter().filter(|(name, value)| declaration.points[0].get(*name) != Some(value))
            })
            .map(|(name, _)| name)
            .collect();
        if differ.len() > 1 {
            let names: Vec<&str> = differ.into_iter().map(String::as_str).collect();
            advice.push(format!(
                "advice: from point to point {} change at once: their effects cannot be told apart",
                names.join(" and ")
            ));
        }
    }
    if declaration.slo.is_empty()
        && agenda.trials.iter().map(|trial| trial.label()).collect::<BTreeSet<_>>().len() > 1
    {
        advice.push(
            "advice: without an `slo` there is no capacity to be found, only numbers side by side".to_owned(),
        );
    }
    advice
}
