//! A run folder read back: what the reports, `list` and `show` work on, finished or not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use hdrhistogram::Histogram;
use serde::de::DeserializeOwned;
use serde_json::Map;

use super::{
    Resources, facts,
    folder::unreadable,
    hlog,
    schema::{Meta, Metrics, Run, RunSummary, SCHEMA, Status, Throughput},
    series,
    trial::{RESOURCES, SECONDS},
};
use crate::error::{Error, Result};
use crate::measure::{Phase, Summary, Validity, Verdict, clock::millis, quantiles, tally};

/// A run as it lies on disk.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// The folder it was read from.
    pub path: PathBuf,
    /// `status` is what the reader found: `running` only while the process lives, else `interrupted`.
    pub run: Run,
    pub trials: Vec<StoredTrial>,
}

/// One trial of it.
#[derive(Debug, Clone)]
pub struct StoredTrial {
    pub meta: Meta,
    /// Recomputed from the interval files where the run was killed before it wrote `metrics.json`, and then marked
    /// in `notes`; none if nothing was measured.
    pub metrics: Option<Metrics>,
    /// `metrics.csv`: one point a second, operation and phase.
    pub series: Vec<Point>,
    /// `resources.csv`.
    pub resources: Resources,
    /// Response time of successes by percentile, whole load: `(percentile 0..100, ms)`, dense towards 100.
    pub latency_curve: Vec<(f64, f64)>,
    /// The same for service time.
    pub service_curve: Vec<(f64, f64)>,
}

/// One line of `metrics.csv`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// Whole seconds since the start of the load: the line covers `[second, second + 1)`.
    pub second: u64,
    pub operation: String,
    /// `warmup`, `measured`, `drain` or `after`.
    pub phase: String,
    pub calls: u64,
    pub failures: u64,
    pub bytes: u64,
    pub items: u64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub in_flight: u64,
    pub start_lag_p99_ms: f64,
    /// The row that counts these calls as well, if this one is a step of a journey, a share of a mix or a stage of it.
    pub part_of: Option<String>,
}

impl StoredRun {
    /// Reads the run folder at `path`, whatever state it is in.
    pub fn open(path: &Path) -> Result<Self> {
        let run = read_run(path)?;
        let folders: Vec<PathBuf> = fs::read_dir(path)
            .map_err(|error| unreadable(path, &error))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|folder| folder.join("meta.json").is_file())
            .collect();
        let live = run.status == Status::Running;
        let cores = run.host.cores_allowed;
        let mut trials =
            folders.iter().map(|folder| read_trial(folder, live, cores)).collect::<Result<Vec<_>>>()?;
        trials.sort_by_key(|trial| trial.meta.index);
        Ok(Self { path: path.to_owned(), run, trials })
    }

    /// `summary.json`, if the run came that far.
    pub fn summary(&self) -> Option<RunSummary> {
        read_json(&self.path.join("summary.json")).ok()
    }
}

/// Reads `run.json` and finds out whether a run that calls itself running still does.
pub fn read_run(path: &Path) -> Result<Run> {
    let file = path.join("run.json");
    let mut run: Run = read_json(&file)?;
    if run.status == Status::Running && !is_alive(&run, &file) {
        run.status = Status::Interrupted;
        run.reason = Some("its process ended before the run did".to_owned());
    }
    Ok(run)
}

/// On its own machine the process tells; from elsewhere only how long ago anything was written.
fn is_alive(run: &Run, file: &Path) -> bool {
    const SILENCE: std::time::Duration = std::time::Duration::from_secs(600);
    if run.host.name == facts::host().name {
        let start = facts::process_start(run.pid);
        return start.is_some() && start == run.process_start;
    }
    let written = fs::metadata(file).and_then(|meta| meta.modified()).ok();
    written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < SILENCE)
}

fn read_trial(folder: &Path, live: bool, cores: usize) -> Result<StoredTrial> {
    let mut meta: Meta = read_json(&folder.join("meta.json"))?;
    if meta.status == Status::Running && !live {
        meta.status = Status::Interrupted;
    }
    let series = series::read(&folder.join(SECONDS));
    let logs = hlog::read(&folder.join("latency.hlog"));
    let resources = Resources::read(&folder.join(RESOURCES));
    let metrics = read_json(&folder.join("metrics.json")).ok();
    let metrics = metrics.or_else(|| recompute(&meta, cores, &series, &resources, &logs));
    // What is counted in another row as well is not counted twice.
    let parts = parts(&series);
    // `op/service`, `op/failed` and `op/warmup` are the other kinds of tags.
    let sum = |wanted: Option<&str>| {
        let mut total = tally::histogram::<u64>();
        logs.iter()
            .filter(|(tag, _)| {
                let (name, kind) =
                    tag.split_once('/').map_or((tag.as_str(), None), |(name, kind)| (name, Some(kind)));
                kind == wanted && !parts.contains(name)
            })
            .for_each(|(_, times)| tally::pour(&mut total, times));
        total
    };
    let latency_curve = curve(&sum(None));
    let service_curve = curve(&sum(Some("service")));
    Ok(StoredTrial { meta, metrics, series, resources, latency_curve, service_curve })
}

/// The tags of rows whose calls another row counts as well.
fn parts(series: &[Point]) -> BTreeSet<String> {
    series.iter().filter(|point| point.part_of.is_some()).map(|point| hlog::tag(&point.operation)).collect()
}

/// Percentiles up to the last one that the number of samples supports, ever denser towards 100.
fn curve(times: &Histogram<u64>) -> Vec<(f64, f64)> {
    if times.is_empty() {
        return Vec::new();
    }
    times.iter_quantiles(10).map(|step| (step.percentile(), millis(step.value_iterated_to()))).collect()
}

/// The metrics of a trial that was killed, from what it had written by then.
fn recompute(
    meta: &Meta,
    cores: usize,
    series: &[Point],
    resources: &Resources,
    logs: &[(String, Histogram<u64>)],
) -> Option<Metrics> {
    let counts = [Phase::Measured.word(), Phase::Drain.word()];
    let measured: Vec<&Point> =
        series.iter().filter(|point| counts.contains(&point.phase.as_str())).collect();
    let last = measured.iter().map(|point| point.second).max()?;
    // A run that is killed is killed in its window: it lasted from the end of warm-up to the last second written.
    let duration_s = (last + 1) as f64 - meta.warmup_s;
    let mut operations = BTreeMap::new();
    let parts = parts(series);
    // A row with parts is the whole, not an operation.
    let wholes: BTreeSet<&str> = measured.iter().filter_map(|point| point.part_of.as_deref()).collect();
    let names: BTreeSet<&str> = measured.iter().map(|point| point.operation.as_str()).collect();
    for name in names.difference(&wholes) {
        let only = hlog::tag(name);
        let row = recomputed_row(name, &|tag| tag == only, &measured, logs, duration_s);
        operations.insert((*name).to_owned(), row);
    }
    let total = recomputed_row(&meta.name, &|tag| !parts.contains(tag), &measured, logs, duration_s);
    Some(Metrics {
        schema: SCHEMA,
        trial_id: meta.trial.clone(),
        timestamp: meta.started_at.clone(),
        component: String::new(),
        service: meta.service.clone(),
        config: Map::new(),
        throughput: Throughput { value: total.throughput, unit: "requests/s".to_owned() },
        latency_ms: total.latency_ms.clone(),
        service_time_ms: total.service_time_ms.clone(),
        start_lag_ms: total.start_lag_ms.clone(),
        errors: total.errors.clone(),
        // Not `valid`: nobody has looked.
        validity: Validity {
            verdict: Verdict::Suspect,
            reasons: vec![
                "the trial did not come to its end, so that the generator has not judged itself".to_owned(),
            ],
            ceiling_rate: None,
        },
        total,
        operations,
        resource: resources.of_window(cores, meta.warmup_s, meta.warmup_s + duration_s),
        server: Map::new(),
        extras: Map::new(),
        steady: None,
        slo: Vec::new(),
        notes: vec![format!(
            "recomputed from the {duration_s} s that were written before the run was killed"
        )],
    })
}

/// The row of what the tags that are `wanted` have counted.
fn recomputed_row(
    name: &str,
    wanted: &dyn Fn(&str) -> bool,
    measured: &[&Point],
    logs: &[(String, Histogram<u64>)],
    duration_s: f64,
) -> Summary {
    let sum = |kind: Option<&str>| {
        let mut total = tally::histogram::<u64>();
        for (found, times) in logs {
            let (operation, found_kind) =
                found.split_once('/').map_or((found.as_str(), None), |(name, kind)| (name, Some(kind)));
            if found_kind == kind && wanted(operation) {
                tally::pour(&mut total, times);
            }
        }
        quantiles(&total)
    };
    let points = || measured.iter().filter(|point| wanted(&hlog::tag(&point.operation)));
    let requests: u64 = points().map(|point| point.calls).sum();
    let failures: u64 = points().map(|point| point.failures).sum();
    let bytes: u64 = points().map(|point| point.bytes).sum();
    let mut row = Summary {
        name: name.to_owned(),
        requests,
        successes: requests - failures,
        failures,
        duration_s,
        throughput: (requests - failures) as f64 / duration_s,
        bytes,
        bytes_per_second: bytes as f64 / duration_s,
        items: points().map(|point| point.items).sum(),
        latency_ms: sum(None),
        service_time_ms: sum(Some("service")),
        failed_ms: sum(Some("failed")),
        ..Summary::default()
    };
    row.errors.rate = if requests == 0 { 0.0 } else { failures as f64 / requests as f64 };
    row
}

/// Reads a JSON file of a run.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::io(format!("`{}` is not a file of a run", path.display()))
            .because(&error)
            .hint("it may be damaged, or written by a newer benchscript")
    })
}
