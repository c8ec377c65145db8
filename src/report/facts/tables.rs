//! The tables of a report: trials side by side, then what one trial consists of.

use serde_json::Value;

use super::{flat, labels};
use crate::measure::{Quantiles, Summary, Verdict};
use crate::report::number::{count, figures, percent, trimmed};
use crate::report::table::{Cell, Table, Tone};
use crate::results::{
    StoredRun, StoredTrial,
    schema::{Metrics, Run, Status},
};

const NONE: &str = "–";
const CALLS: &str = "calls/s";
const RESPONSE: &str = "p50 to max: response time (from due) of successful calls.";

/// Extras that the storage table shows, so that others do not repeat them.
const STORAGE: [(&str, &str, &str); 5] = [
    ("read_mb_per_second", "read", "MB/s"),
    ("write_mb_per_second", "write", "MB/s"),
    ("read_iops", "read", "IOPS"),
    ("write_iops", "write", "IOPS"),
    ("metadata_ops_per_second", "metadata", "ops/s"),
];

/// More of them, where users had a fixed amount to do.
const DONE: [(&str, &str, &str); 2] =
    [("first_done_s", "first done", "s"), ("last_done_s", "last done", "s")];

/// A percentile with its unit, `~` before it where fewer than 10 samples lie beyond; `–` without samples.
pub fn response(quantiles: &Quantiles, name: &str, value: f64, unit: &str) -> String {
    if quantiles.count == 0 {
        return NONE.to_owned();
    }
    let guess = if quantiles.low_confidence.iter().any(|low| low == name) { "~" } else { "" };
    format!("{guess}{}{unit}", figures(value))
}

/// Whether any trial has percentiles marked with `~`.
pub fn has_guesses(metrics: &Metrics) -> bool {
    let rows = || metrics.operations.values().chain([&metrics.total]);
    rows().any(|row| {
        [&row.latency_ms, &row.service_time_ms, &row.start_lag_ms, &row.failed_ms]
            .iter()
            .any(|quantiles| quantiles.count > 0 && !quantiles.low_confidence.is_empty())
    })
}

/// Throughput in the one unit that all trials share: their own, else calls a second.
pub struct Throughput<'a> {
    pub unit: &'a str,
    own: bool,
}

impl<'a> Throughput<'a> {
    pub fn of(trials: impl Iterator<Item = &'a StoredTrial>) -> Self {
        let mut units = trials.filter_map(|t| Some(t.metrics.as_ref()?.throughput.unit.as_str()));
        match units.next() {
            Some(unit) if !unit.is_empty() && units.all(|other| other == unit) => Self { unit, own: true },
            _ => Self { unit: CALLS, own: false },
        }
    }

    pub fn value(&self, metrics: &Metrics) -> f64 {
        if self.own { metrics.throughput.value } else { metrics.total.throughput }
    }
}

/// All trials, one row each.
pub fn trials(run: &StoredRun) -> Table {
    let throughput = Throughput::of(run.trials.iter());
    let table = Table::new(RESPONSE).words("trial").words("load");
    let mut table = row_columns(table, throughput.unit).words("verdict");
    for (trial, label) in run.trials.iter().zip(labels(run)) {
        let name = Cell::from(label).link(format!("#{}", trial.meta.trial));
        let mut cells = vec![name, load(trial).into()];
        match &trial.metrics {
            Some(metrics) => cells.extend(row_cells(&metrics.total, throughput.value(metrics))),
            None => cells.extend(std::iter::repeat_n(Cell::from(NONE), 7)),
        }
        cells.push(verdict(trial));
        table.row(cells);
    }
    table
}

/// One load: a row for the whole, and one for each operation when there are several.
pub fn operations(metrics: &Metrics) -> Table {
    let mut table = row_columns(Table::new(RESPONSE).words("operation"), CALLS);
    let several = metrics.operations.len() > 1 || metrics.operations.values().any(|row| row.is_part);
    let mut row = |name: &str, summary: &Summary| {
        let mut cells = vec![name.into()];
        cells.extend(row_cells(summary, summary.throughput));
        table.row(cells);
    };
    let name = &metrics.total.name;
    row(if several && metrics.operations.contains_key(name) { "all" } else { name }, &metrics.total);
    for (name, summary) in metrics.operations.iter().filter(|_| several) {
        row(name, summary);
    }
    table
}

fn row_columns(table: Table, unit: &str) -> Table {
    let table = table.numbers("requests", "").numbers("throughput", unit);
    ["p50", "p90", "p99", "max"].iter().fold(table, |t, name| t.numbers(name, "ms")).numbers("failed", "%")
}

fn row_cells(summary: &Summary, throughput: f64) -> Vec<Cell> {
    let latency = &summary.latency_ms;
    let ms = |name, value| Cell::from(response(latency, name, value, ""));
    let failed = match summary.requests {
        0 => NONE.into(),
        _ => {
            let tone = if summary.failures > 0 { Tone::Bad } else { Tone::Plain };
            Cell::toned(percent(summary.errors.rate), tone)
        }
    };
    vec![
        count(summary.requests).into(),
        figures(throughput).into(),
        ms("p50", latency.p50),
        ms("p90", latency.p90),
        ms("p99", latency.p99),
        ms("max", latency.max),
        failed,
    ]
}

/// How much load: the rate that was asked for, else how many callers; where it changes, the highest.
fn load(trial: &StoredTrial) -> String {
    let Some(metrics) = &trial.metrics else { return NONE.to_owned() };
    let config = &metrics.config;
    let plan = config.get("plan").and_then(Value::as_object).unwrap_or(config);
    let users = |users: u64| match users {
        1 => "1 user".to_owned(),
        users => format!("{} users", count(users)),
    };
    let rate = |rate: f64| format!("{}/s", trimmed(&figures(rate)));
    if let Some(stages) = plan.get("stages").and_then(Value::as_array) {
        let highest = |unit: &str| stages.iter().filter_map(|stage| stage[unit].as_f64()).reduce(f64::max);
        let highest = highest("rate").map(rate).or_else(|| Some(users(highest("concurrency")? as u64)));
        return format!("up to {}", highest.unwrap_or_default());
    }
    match (metrics.total.offered_rate, plan.get("concurrency").or_else(|| config.get("concurrency"))) {
        (Some(offered), _) if plan.contains_key("trace") => format!("trace, {}", rate(offered)),
        (Some(offered), _) => rate(offered),
        (None, concurrency) => concurrency.and_then(Value::as_u64).map_or(NONE.to_owned(), users),
    }
}

/// Whether the numbers can be believed, and whether the trial came to its end.
fn verdict(trial: &StoredTrial) -> Cell {
    let found = trial.metrics.as_ref().map(|metrics| metrics.validity.verdict);
    let status = match trial.meta.status {
        Status::Done => None,
        status => Some(status.word()),
    };
    let tone = match (found, status) {
        (Some(Verdict::Valid), None) => Tone::Good,
        (Some(Verdict::GeneratorLimited), _) | (_, Some(_)) => Tone::Bad,
        _ => Tone::Warn,
    };
    let words: Vec<&str> = found.map(Verdict::word).into_iter().chain(status).collect();
    Cell::toned(if words.is_empty() { "not measured".to_owned() } else { words.join(", ") }, tone)
}

/// Every distribution of a trial by name, so that response and service time are never taken for each other.
pub fn timing(summary: &Summary) -> Table {
    let mut table = Table::new("").words("time").numbers("calls", "");
    for name in ["avg", "p50", "p90", "p95", "p99", "p99.9", "max"] {
        table = table.numbers(name, "ms");
    }
    let rows = [
        ("response time (from due to end)", &summary.latency_ms),
        ("service time (from start to end)", &summary.service_time_ms),
        ("start lag (from due to start)", &summary.start_lag_ms),
        ("failed calls (from due to end)", &summary.failed_ms),
    ];
    for (name, times) in rows.into_iter().filter(|(_, times)| times.count > 0) {
        let ms = |name, value| Cell::from(response(times, name, value, ""));
        table.row(vec![
            name.into(),
            count(times.count).into(),
            ms("avg", times.avg),
            ms("p50", times.p50),
            ms("p90", times.p90),
            ms("p95", times.p95),
            ms("p99", times.p99),
            ms("p999", times.p999),
            ms("max", times.max),
        ]);
    }
    table
}

/// Failures of these trials by class; `named` adds whose they are.
pub fn failures<'a>(trials: impl Iterator<Item = (&'a str, &'a Metrics)>, named: bool) -> Table {
    let table = if named { Table::new("").words("trial") } else { Table::new("") };
    let mut table =
        table.words("failure").numbers("calls", "").numbers("share", "%").words("the first one said");
    for (label, metrics) in trials {
        let mut classes: Vec<_> = metrics.total.errors.by_class.iter().collect();
        classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.count));
        for (name, class) in classes {
            let share = percent(class.count as f64 / metrics.total.requests.max(1) as f64);
            let mut cells = if named { vec![label.into()] } else { Vec::new() };
            let name = Cell::toned(name.as_str(), Tone::Bad);
            cells.extend([name, count(class.count).into(), share.into(), class.first.as_str().into()]);
            table.row(cells);
        }
    }
    table
}

/// MB/s, IOPS and more of trials that have them: a row for each, and for each part that has figures of its own.
pub fn storage<'a>(trials: impl Iterator<Item = (&'a str, &'a Metrics)>) -> Table {
    let columns = || STORAGE.iter().chain(&DONE);
    let mut rows: Vec<(String, Vec<Option<f64>>)> = Vec::new();
    for (label, metrics) in trials.filter(|(_, metrics)| is_storage(metrics)) {
        let whole = |key: &str| metrics.extras.get(key).and_then(Value::as_f64);
        rows.push((label.to_owned(), columns().map(|(key, ..)| whole(key)).collect()));
        let parts = || metrics.operations.iter().filter(|(_, part)| !part.extras.is_empty());
        for (name, part) in parts().filter(|_| parts().count() > 1) {
            let values = columns().map(|(key, ..)| part.extras.get(*key).copied());
            rows.push((format!("{label}: {name}"), values.collect()));
        }
    }
    let shown: Vec<bool> =
        (0..columns().count()).map(|at| rows.iter().any(|(_, values)| values[at].is_some())).collect();
    let mut table = Table::new("MB are 10^6 bytes.").words("trial");
    for ((_, name, unit), _) in columns().zip(&shown).filter(|(_, shown)| **shown) {
        table = table.numbers(name, unit);
    }
    for (label, values) in rows {
        let values = values.into_iter().zip(&shown).filter(|(_, shown)| **shown);
        let cells = values.map(|(value, _)| Cell::from(value.map_or(NONE.into(), figures)));
        table.row([Cell::from(label)].into_iter().chain(cells).collect());
    }
    table
}

fn is_storage(metrics: &Metrics) -> bool {
    STORAGE.iter().any(|(key, ..)| metrics.extras.contains_key(*key))
}

/// The script's own metrics.
pub fn metrics(run: &Run) -> Table {
    pairs("metric of the script", flat(&run.metrics).into_iter())
}

/// Figures that only some services have, and the script's own metrics.
pub fn extras(metrics: &Metrics) -> Table {
    let known = |key: &str| is_storage(metrics) && STORAGE.iter().chain(&DONE).any(|(name, ..)| *name == key);
    pairs("figure", flat(&metrics.extras).into_iter().filter(|(key, _)| !known(key)))
}

/// What the server said of itself.
pub fn server(metrics: &Metrics) -> Table {
    pairs("of the server", flat(&metrics.server).into_iter())
}

/// The plan and the operation as they ran.
pub fn config(metrics: &Metrics) -> Table {
    pairs("setting", flat(&metrics.config).into_iter())
}

pub fn pairs(name: &str, rows: impl Iterator<Item = (String, String)>) -> Table {
    let mut table = Table::new("").words(name).words("value");
    rows.for_each(|(key, value)| table.row(vec![key.into(), value.into()]));
    table
}
