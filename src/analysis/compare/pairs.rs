//! Which trials of one set of runs belong to which of another, and what else differs between the sets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Repetition;
use crate::error::{Error, Result};
use crate::results::{
    StoredRun, StoredTrial,
    schema::{Run, Status},
};

/// The runs of one side.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// As a person named them.
    pub name: &'a str,
    pub runs: &'a [StoredRun],
}

/// One load in both sets, with its repetitions.
#[derive(Debug)]
pub struct Pair<'a> {
    /// What the load is called, and the parameters that tell it from others of its name.
    pub name: String,
    pub parameters: Map<String, Value>,
    pub base: Vec<&'a StoredTrial>,
    pub new: Vec<&'a StoredTrial>,
}

#[derive(Debug)]
pub struct Pairs<'a> {
    pub all: Vec<Pair<'a>>,
    /// What differs besides what is compared, a line each.
    pub differs: Vec<String>,
    /// Trials without a counterpart, or without an end, a line each.
    pub left_out: Vec<String>,
}

/// The repetitions of one load on one side.
struct Group<'a> {
    name: &'a str,
    /// The parameters that are not the same in all trials of a run.
    axes: Map<String, Value>,
    /// What was asked of the load, without what may differ between repetitions.
    load: Value,
    trials: Vec<&'a StoredTrial>,
}

impl Pair<'_> {
    /// The name with its parameters, as people read it.
    pub fn label(&self) -> String {
        label(&self.name, &self.parameters)
    }

    pub fn repetitions(&self) -> [Vec<Repetition<'_>>; 2] {
        [&self.base, &self.new].map(|side| side.iter().filter_map(|trial| repetition(trial)).collect())
    }
}

fn repetition(trial: &StoredTrial) -> Option<Repetition<'_>> {
    Some(Repetition { metrics: trial.metrics.as_ref()?, series: &trial.series })
}

fn label(name: &str, parameters: &Map<String, Value>) -> String {
    let parameters: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", word(value))).collect();
    [vec![name.to_owned()], parameters].concat().join(" ")
}

impl<'a> Pairs<'a> {
    /// Puts the trials of `base` and `new` side by side: by name and by the parameters that vary within a run; of several such
    /// loads the first belongs to the first. Trials of the same load and configuration are its repetitions.
    ///
    /// What was asked of a load must be the same on both sides, but for its seed and where it leads; `force` lists what differs
    /// instead of refusing. A usage error if no trial has a counterpart.
    pub fn of(base: Side<'a>, new: Side<'a>, force: bool) -> Result<Self> {
        let axes: BTreeSet<&str> = base.runs.iter().chain(new.runs).flat_map(axes).collect();
        let mut left_out = Vec::new();
        let mut sides = [base, new].map(|side| groups(side, &axes, &mut left_out));
        let mut differs = surroundings(base.runs, new.runs);
        let mut all = Vec::new();
        // Loads of other names are compared only if a person insists, in their order.
        for by_name in [true, false].into_iter().take(if force { 2 } else { 1 }) {
            let [of_base, of_new] = &mut sides;
            let mut rest = Vec::new();
            for group in std::mem::take(of_base) {
                let same =
                    |other: &Group<'_>| other.axes == group.axes && (!by_name || other.name == group.name);
                match of_new.iter().position(same) {
                    Some(at) => {
                        let other = of_new.remove(at);
                        check_load(&group, &other, force, &mut differs)?;
                        let name = group.name.to_owned();
                        all.push(Pair {
                            name,
                            parameters: group.axes,
                            base: group.trials,
                            new: other.trials,
                        });
                    }
                    None => rest.push(group),
                }
            }
            *of_base = rest;
        }
        for (side, groups) in [base, new].iter().zip(&sides) {
            let only =
                |group: &Group<'_>| format!("`{}` is only in {}", label(group.name, &group.axes), side.name);
            left_out.extend(groups.iter().map(only));
        }
        if all.is_empty() {
            let mut error =
                Error::usage(format!("no trial of `{}` has a counterpart in `{}`", base.name, new.name));
            error.hints = left_out;
            return Err(error
                .hint("trials belong together by name and swept parameters; `--force` goes by their order"));
        }
        Ok(Self { all, differs, left_out })
    }
}

/// The parameters whose values vary within a run.
fn axes(run: &StoredRun) -> Vec<&str> {
    let names: BTreeSet<&str> =
        run.trials.iter().flat_map(|trial| trial.meta.parameters.keys()).map(String::as_str).collect();
    let varies = |name: &&str| {
        let mut values = run.trials.iter().map(|trial| trial.meta.parameters.get(*name));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    // Those that only tell repetitions apart do not tell loads apart.
    names.into_iter().filter(|name| !["repetition", "seed"].contains(name)).filter(varies).collect()
}

fn groups<'a>(side: Side<'a>, axes: &BTreeSet<&str>, left_out: &mut Vec<String>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for run in side.runs {
        for trial in &run.trials {
            let name = trial.meta.name.as_str();
            let Some(metrics) = &trial.metrics else {
                left_out.push(format!("`{name}` of {} has no results", run.run.run_id));
                continue;
            };
            if !matches!(trial.meta.status, Status::Done | Status::Checks) {
                let status = trial.meta.status.word();
                left_out.push(format!("`{name}` of {} is {status}", run.run.run_id));
                continue;
            }
            let of_axes = trial.meta.parameters.iter().filter(|(name, _)| axes.contains(name.as_str()));
            let axes: Map<String, Value> =
                of_axes.map(|(name, value)| (name.clone(), value.clone())).collect();
            let load = asked(&metrics.config);
            let same =
                |group: &&mut Group<'_>| group.name == name && group.axes == axes && group.load == load;
            match groups.iter_mut().find(same) {
                Some(group) => group.trials.push(trial),
                None => groups.push(Group { name, axes, load, trials: vec![trial] }),
            }
        }
    }
    groups
}

/// A load's configuration without its seed, the machine's cores, and where it leads: a server on another port is asked the
/// same.
fn asked(config: &Map<String, Value>) -> Value {
    let mut endpoints = Vec::new();
    find_endpoints(&Value::Object(config.clone()), &mut endpoints);
    // A server is also named without its protocol, in the `host` header of its requests.
    let hosts = endpoints.iter().filter_map(|endpoint| endpoint.split_once("://"));
    let hosts: Vec<String> = hosts.map(|(_, rest)| rest.trim_end_matches('/').to_owned()).collect();
    endpoints.extend(hosts.into_iter().filter(|host| !host.is_empty()));
    // Of two where one begins with the other, the longer one goes first.
    endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.len()));
    let mut plain = Value::Object(config.clone());
    plain.as_object_mut().map(|config| config.shift_remove("cores_allowed"));
    strip(&mut plain, &endpoints);
    plain
}

fn find_endpoints(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let endpoint = map.get("endpoint").and_then(Value::as_str).filter(|text| !text.is_empty());
            found.extend(endpoint.map(str::to_owned));
            map.values().for_each(|value| find_endpoints(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| find_endpoints(value, found)),
        _ => {}
    }
}

fn strip(value: &mut Value, endpoints: &[String]) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(plan)) = map.get_mut("plan") {
                plan.shift_remove("seed");
            }
            map.values_mut().for_each(|value| strip(value, endpoints));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| strip(value, endpoints)),
        Value::String(text) => {
            for endpoint in endpoints {
                if text.contains(endpoint) {
                    *text = text.replace(endpoint, "");
                }
            }
        }
        _ => {}
    }
}

fn check_load(base: &Group<'_>, new: &Group<'_>, force: bool, differs: &mut Vec<String>) -> Result<()> {
    let mut found = Vec::new();
    if base.name != new.name {
        found.push(format!("`{}` is compared with `{}`", base.name, new.name));
    }
    differences("", &base.load, &new.load, &mut found);
    if found.is_empty() {
        return Ok(());
    }
    let name = label(base.name, &base.axes);
    if !force {
        return Err(Error::usage(format!("`{name}` is not the same load in both: {}", found.join("; ")))
            .hint("`--force` compares them anyway, and says so"));
    }
    differs.push(format!("the load `{name}`: {}", found.join("; ")));
    Ok(())
}

/// Where two configurations differ, by the path of each value.
fn differences(path: &str, base: &Value, new: &Value, found: &mut Vec<String>) {
    match (base, new) {
        (Value::Object(of_base), Value::Object(of_new)) => {
            let keys: BTreeSet<&String> = of_base.keys().chain(of_new.keys()).collect();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                differences(&inner, &of(of_base), &of(of_new), found);
            }
        }
        _ if base == new => {}
        _ => found.push(format!("`{path}` is {} and {}", word(base), word(new))),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What differs between the runs of the sides besides their loads.
fn surroundings(base: &[StoredRun], new: &[StoredRun]) -> Vec<String> {
    let facts = |runs: &[StoredRun]| {
        let mut facts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for run in runs {
            for (name, value) in facts_of(&run.run) {
                facts.entry(name).or_default().insert(value);
            }
            let endpoints = run.trials.iter().filter_map(|trial| trial.meta.endpoint.clone());
            facts.entry("server".to_owned()).or_default().extend(endpoints);
        }
        facts
    };
    let (of_base, of_new) = (facts(base), facts(new));
    let names: BTreeSet<&String> = of_base.keys().chain(of_new.keys()).collect();
    let words = |values: Option<&BTreeSet<String>>| match values {
        None => "not set".to_owned(),
        Some(values) => values.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    };
    let differing = names.into_iter().filter(|name| of_base.get(*name) != of_new.get(*name));
    differing
        .map(|name| format!("{name}: {} and {}", words(of_base.get(name)), words(of_new.get(name))))
        .collect()
}

fn facts_of(run: &Run) -> Vec<(String, String)> {
    let (host, short) = (&run.host, |hash: &str| hash.chars().take(8).collect::<String>());
    let mut facts = vec![
        ("host".to_owned(), host.name.clone()),
        ("kernel".to_owned(), host.kernel.clone()),
        ("processor".to_owned(), host.cpu_model.clone()),
        ("cores allowed".to_owned(), host.cores_allowed.to_string()),
        ("memory in MB".to_owned(), host.memory_mb.to_string()),
        ("benchscript".to_owned(), run.tool_version.clone()),
        ("seed".to_owned(), run.seed.to_string()),
        ("script".to_owned(), format!("{} ({})", run.script.path, short(&run.script.sha256))),
    ];
    facts.extend(host.governor.iter().map(|governor| ("CPU governor".to_owned(), governor.clone())));
    facts.extend(run.git.iter().map(|git| {
        let dirty = if git.dirty { " with changes" } else { "" };
        ("git commit".to_owned(), format!("{}{dirty}", short(&git.commit)))
    }));
    facts.extend(run.imports.iter().map(|file| (format!("import {}", file.path), short(&file.sha256))));
    facts.extend(run.parameters.iter().map(|(name, value)| (format!("parameter {name}"), word(value))));
    facts
}
