//! A trial's numbers, made of what was measured: rows, figures, notes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::figures::{self, Figures};
use crate::error::Result;
use crate::load::{Finished, Group, Measured, Steady, Task, cores_allowed};
use crate::measure::{Summary, Totals, tally::DIGITS};
use crate::results::{
    Outcome, Point, Resources, TrialFolder, facts,
    schema::{Metrics, SCHEMA, SteadyWindow, Throughput},
};

/// Makes them, and writes the rows of single calls.
pub fn summarise(
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
            figures::done(&mut extras, key, value, groups.len() == 1);
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
    let from_s =
        Group::longest(groups).plan.warmup.seconds() + steady_window.map_or(0.0, |steady| steady.trimmed_s);
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
        slo: Vec::new(),
        notes,
    };
    Ok(Outcome {
        meta: folder.meta.clone(),
        metrics,
        totals,
        operations,
        series,
        resources,
        schedules: BTreeMap::new(),
    })
}

/// What a load's throughput counts.
fn unit(groups: &[Group]) -> &'static str {
    match groups.iter().any(|group| matches!(group.task, Task::Journey(_))) {
        true => "journeys/s",
        false => "requests/s",
    }
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
