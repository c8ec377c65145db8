//! Made-up runs for the tests of this layer, close to what a real one leaves behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::measure::{Errors, FailureClass, Quantiles, Summary, Validity, Verdict};
use crate::results::schema::{
    Check, HostFacts, Meta, Metrics, Objective, Run, Source, StartedService, Status, Throughput,
};
use crate::results::{Point, ResourceUse, Spread, StoredRun, StoredTrial, Used};

/// Compares `text` with a snapshot file; `UPDATE=1` writes it.
pub fn snapshot(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder made");
        std::fs::write(&path, text).expect("snapshot written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "`{}` differs (UPDATE=1 rewrites it); now it is:\n{text}", path.display());
}

/// Every run worth looking at.
pub fn gallery() -> Vec<(&'static str, StoredRun)> {
    vec![
        ("ladder", ladder()),
        ("swept", swept()),
        ("mixed", mixed()),
        ("storage", storage()),
        ("two", two_services()),
        ("interrupted", interrupted()),
        ("hostile", hostile("<script>alert(1)</script>")),
        ("many", many(40)),
        ("long", long()),
        ("odd", odd()),
        ("empty", empty()),
    ]
}

/// A closed-loop ladder of concurrency that saturates, with failures at its end.
pub fn ladder() -> StoredRun {
    let trials = [1u32, 4, 16, 64, 256].into_iter().enumerate().map(|(at, users)| {
        let rate = 24_000.0 * f64::from(users) / (f64::from(users) + 14.0);
        let mut trial = trial(at as u32 + 1, "GET /item", rate, f64::from(users) / rate * 1e3 * 0.8, 30);
        trial.meta.parameters.insert("users".into(), json!(users));
        let metrics = trial.metrics.as_mut().expect("measured");
        metrics
            .config
            .insert("plan".into(), json!({ "concurrency": users, "duration": "30s", "warmup": "5s" }));
        if users == 256 {
            metrics.validity = Validity {
                verdict: Verdict::GeneratorLimited,
                reasons: vec![
                    "thread 1 was 97 % busy".into(),
                    "start lag p99 was 3.2 ms with sessions free".into(),
                ],
                ceiling_rate: Some(24_500.0),
            };
            fail(&mut trial, "timeout", 0.002, "no answer in 1s");
            fail(&mut trial, "status_5xx", 0.0004, "expected 200, got 503 Service Unavailable");
        }
        trial
    });
    let mut run = run("http-ladder", trials.collect());
    run.run.question = Some("How many users can the item service serve with a p99 under 20 ms?".into());
    run.run.status = Status::Checks;
    run.run.checks = vec![
        Check {
            name: "p99 under 20 ms at 64 users".into(),
            passed: true,
            at: "http-ladder.rhai:14".into(),
            why: None,
        },
        Check { name: "no call failed".into(), passed: false, at: "http-ladder.rhai:15".into(), why: None },
    ];
    run
}

/// A declared scenario: two sizes by four loads, three repetitions each, the limit broken from 64 users on.
pub fn swept() -> StoredRun {
    let mut trials = Vec::new();
    for repetition in 1u32..=3 {
        for (size, share) in [("small", 1.0), ("large", 0.5)] {
            for users in [1u32, 8, 64, 256] {
                let rate =
                    share * 9_000.0 * f64::from(users) / (f64::from(users) + 14.0) + f64::from(repetition);
                let index = trials.len() as u32 + 1;
                let mut trial = trial(index, "GET /item", rate, f64::from(users) / rate * 1e3, 30);
                trial.meta.repetition = repetition;
                trial.meta.point =
                    Map::from_iter([("size".to_owned(), json!(size)), ("users".to_owned(), json!(users))]);
                trial.meta.parameters.extend(trial.meta.point.clone());
                let metrics = trial.metrics.as_mut().expect("measured");
                let p99 = metrics.latency_ms.p99;
                metrics.slo = vec![Objective {
                    name: "p99_ms".into(),
                    limit: 100.0,
                    at_least: false,
                    value: Some(p99),
                    held: p99 <= 100.0,
                    low_confidence: false,
                }];
                trials.push(trial);
            }
        }
    }
    let mut run = run("sizes", trials);
    run.run.question = Some("How many users within 100 ms, by size?".into());
    run.run.why = Some("the pool is sized next week".into());
    run.run.note = Some("first look".into());
    run.run.declared = Map::from_iter([
        ("name".to_owned(), json!("sizes")),
        ("repetitions".to_owned(), json!(3)),
        ("order".to_owned(), json!("interleaved")),
    ]);
    run
}

/// One open-loop load of two operations, one of them slow.
pub fn mixed() -> StoredRun {
    let mut trial = trial(1, "shop", 480.0, 6.0, 60);
    let metrics = trial.metrics.as_mut().expect("measured");
    metrics.total.offered_rate = Some(500.0);
    metrics.total.late = 312;
    metrics.validity.verdict = Verdict::Suspect;
    metrics.validity.reasons = vec!["all 100 sessions were in use for 4 s".into()];
    metrics.config.insert("rate".into(), json!(500));
    for (name, share, slower) in [("browse", 0.8, 1.0), ("order", 0.2, 3.0)] {
        let mut summary = metrics.total.clone();
        summary.name = name.into();
        summary.requests = (summary.requests as f64 * share) as u64;
        summary.successes = summary.requests;
        summary.throughput *= share;
        summary.latency_ms = quantiles(summary.requests, 6.0 * slower);
        summary.offered_rate = None;
        metrics.operations.insert(name.into(), summary);
    }
    trial.series = trial
        .series
        .iter()
        .flat_map(|point| {
            let part = |name: &str, share: f64, slower: f64| Point {
                operation: name.into(),
                calls: (point.calls as f64 * share) as u64,
                p50_ms: point.p50_ms * slower,
                p90_ms: point.p90_ms * slower,
                p99_ms: point.p99_ms * slower,
                ..point.clone()
            };
            [part("browse", 0.8, 1.0), part("order", 0.2, 3.0)]
        })
        .collect();
    trial.service_curve = trial.latency_curve.iter().map(|(p, ms)| (*p, ms * (1.0 - p / 250.0))).collect();
    run("shop", vec![trial])
}

/// Files read and written at once.
pub fn storage() -> StoredRun {
    let mut trial = trial(1, "randrw 4 KiB", 52_000.0, 0.08, 20);
    trial.series = trial
        .series
        .iter()
        .flat_map(|point| {
            let part = |name: &str, share: f64| {
                let calls = (point.calls as f64 * share) as u64;
                Point { operation: name.into(), calls, bytes: calls * 4096, ..point.clone() }
            };
            [part("read", 0.7), part("write", 0.3)]
        })
        .collect();
    let metrics = trial.metrics.as_mut().expect("measured");
    metrics.component = "storage".into();
    for (key, value) in [
        ("read_mb_per_second", json!(149.1)),
        ("write_mb_per_second", json!(63.9)),
        ("read_iops", json!(36_400.0)),
        ("write_iops", json!(15_600.0)),
        ("queue_depth", json!(32)),
    ] {
        metrics.extras.insert(key.into(), value);
    }
    run("disk", vec![trial])
}

/// Puts to a trial's numbers what was used: only some of it is known.
pub fn used(metrics: &mut Metrics) {
    let flat = |value: f64| Spread { min: value, avg: value, max: value, p95: value };
    let used = |list: &[(&str, f64)]| -> Used {
        list.iter().map(|(name, value)| ((*name).to_owned(), flat(*value))).collect()
    };
    metrics.resource = Some(ResourceUse {
        cores: 2,
        service: used(&[("cpu_util", 0.625), ("rss_mb", 212.8)]),
        generator: used(&[("cpu_util", 0.1)]),
        machine: used(&[("cpu_util", 0.75)]),
        ..ResourceUse::default()
    });
}

/// Two loads of a server and one of a disk.
pub fn two_services() -> StoredRun {
    let http = [4u32, 16].into_iter().enumerate().map(|(at, users)| {
        let mut trial = trial(at as u32 + 1, &format!("{users} users"), 100.0 * f64::from(users), 3.0, 10);
        trial.meta.service = "http".into();
        trial
    });
    let mut disk = storage().trials.remove(0);
    disk.meta.service = "files".into();
    disk.meta.trial = "003-disk".into();
    let mut two = run("two", http.chain([disk]).collect());
    two.run.services.push(StartedService {
        name: "web".into(),
        version: Some("web 2.1".into()),
        endpoint: "http://127.0.0.1:8080".into(),
        ports: BTreeMap::from([("port".to_owned(), 8080)]),
        launcher: "process".into(),
        command: vec!["web".into(), "--port=8080".into()],
        settings: Map::from_iter([
            ("port".to_owned(), json!(8080)),
            ("workers".to_owned(), json!(4)),
            ("data_dir".to_owned(), Value::Null),
        ]),
        log: "services/web.log".into(),
        started_at: "2026-11-22T10:15:00Z".into(),
        ready_at: "2026-11-22T10:15:01Z".into(),
        ready_s: 1.25,
        ended_at: Some("2026-11-22T10:18:22Z".into()),
        end: Some("stopped".into()),
    });
    two
}

/// Killed in its second of three trials.
pub fn interrupted() -> StoredRun {
    let mut run = ladder();
    run.trials.truncate(3);
    run.run.status = Status::Interrupted;
    run.run.reason = Some("SIGTERM".into());
    run.run.checks.clear();
    run.run.ended_at = None;
    let killed = &mut run.trials[1];
    killed.meta.status = Status::Interrupted;
    killed.meta.ended_at = None;
    killed.series.truncate(9);
    let metrics = killed.metrics.as_mut().expect("measured");
    metrics.total.latency_ms.count = 640;
    metrics.total.latency_ms.low_confidence = vec!["p99".into(), "p999".into()];
    metrics
        .notes
        .push("Recomputed from the interval files: the run was killed before it wrote its results.".into());
    let last = &mut run.trials[2];
    last.meta.status = Status::Interrupted;
    last.metrics = None;
    last.series.clear();
    last.latency_curve.clear();
    last.service_curve.clear();
    run
}

/// `text` wherever a user's or a server's words can stand.
pub fn hostile(text: &str) -> StoredRun {
    let mut run = mixed();
    run.run.scenario = text.into();
    run.run.question = Some(text.into());
    run.run.reason = Some(text.into());
    run.run.status = Status::Failed;
    run.run.notes = vec![text.into()];
    run.run.parameters.insert(text.into(), json!(text));
    run.run.checks =
        vec![Check { name: text.into(), passed: false, at: text.into(), why: Some(text.into()) }];
    let trial = &mut run.trials[0];
    trial.meta.name = text.into();
    trial.meta.trial = text.into();
    trial.meta.reason = Some(text.into());
    trial.series.iter_mut().for_each(|point| point.operation = text.into());
    fail(trial, "status_5xx", 0.01, text);
    let metrics = trial.metrics.as_mut().expect("measured");
    metrics.validity.reasons = vec![text.into()];
    metrics.throughput.unit = text.into();
    metrics.config.insert(text.into(), json!({ text: text }));
    metrics.extras.insert(text.into(), json!(text));
    run
}

/// A sweep with many trials of long names.
pub fn many(count: u32) -> StoredRun {
    let trials = (0..count).map(|at| {
        let size = 1u64 << (at % 20);
        let mut trial = trial(
            at + 1,
            "object store put with multipart",
            9_000.0 / (1.0 + f64::from(at)),
            2.0 + f64::from(at * at),
            3,
        );
        trial.meta.parameters.insert("object_size".into(), json!(size));
        trial.meta.parameters.insert("clients".into(), json!(at / 20 * 24 + 8));
        // Two trials with plots are enough: the others only have to fit beside them.
        if at > 1 {
            trial.series.clear();
            trial.latency_curve.clear();
        }
        trial
    });
    run("sweep", trials.collect())
}

/// Two hours, seconds without calls among them.
pub fn long() -> StoredRun {
    let mut trial = trial(1, "soak", 900.0, 3.0, 7_200);
    trial.series.retain(|point| !(3_000..3_200).contains(&point.second));
    run("soak", vec![trial])
}

/// Trials that a plot could fall over: one point, all zero, huge and tiny, nothing at all.
pub fn odd() -> StoredRun {
    let mut single = trial(1, "one second", 12.0, 4.0, 1);
    single.meta.warmup_s = 0.0;
    single.series.truncate(1);
    single.latency_curve.truncate(1);
    let mut zero = trial(2, "all zero", 0.0, 0.0, 5);
    zero.series
        .iter_mut()
        .for_each(|p| *p = Point { second: p.second, operation: p.operation.clone(), ..Point::default() });
    zero.latency_curve = vec![(0.0, 0.0), (100.0, 0.0)];
    let huge = trial(3, "huge", 1e9, 1e9, 10);
    let mut tiny = trial(4, "tiny", 20.0, 1e-3, 10);
    tiny.metrics.as_mut().expect("measured").throughput.value = 1e-3;
    let mut broken = trial(5, "not a number", 10.0, 1.0, 5);
    broken.series.iter_mut().for_each(|p| p.p99_ms = f64::NAN);
    broken.latency_curve = vec![(f64::NAN, 1.0), (50.0, f64::INFINITY), (99.0, 2.0)];
    broken.metrics.as_mut().expect("measured").throughput.value = f64::NAN;
    run("odd", vec![single, zero, huge, tiny, broken])
}

/// A run that ended before its first trial.
pub fn empty() -> StoredRun {
    let mut run = run("empty", Vec::new());
    run.run.status = Status::Failed;
    run.run.reason = Some("the service did not start".into());
    run
}

fn run(scenario: &str, trials: Vec<StoredTrial>) -> StoredRun {
    let run = Run {
        why: None,
        note: None,
        declared: Map::new(),
        answers: Vec::new(),
        rerun_of: None,
        resumed_at: Vec::new(),
        schema: 1,
        run_id: format!("{scenario}-20261122-101500-3fa9"),
        scenario: scenario.into(),
        question: None,
        created_at: "2026-11-22T10:15:00Z".into(),
        ended_at: Some("2026-11-22T10:18:23Z".into()),
        status: Status::Done,
        reason: None,
        pid: 4711,
        process_start: None,
        metrics: Map::new(),
        services: Vec::new(),
        tool_version: "0.1.0".into(),
        git: None,
        script: Source {
            path: format!("{scenario}.rhai"),
            sha256: "9f86d081884c7d65".repeat(4),
            version: None,
        },
        imports: Vec::new(),
        parameters: Map::from_iter([("target".to_owned(), Value::from("http://node7:8080"))]),
        seed: 42,
        host: HostFacts {
            name: "node12".into(),
            kernel: "Linux 6.1.0-18-amd64".into(),
            cpu_model: "AMD EPYC 7763 64-Core Processor".into(),
            cores_allowed: 8,
            cores: 64,
            memory_mb: 257_000,
            governor: Some("performance".into()),
        },
        tags: Vec::new(),
        checks: Vec::new(),
        notes: Vec::new(),
    };
    StoredRun { path: "results/sample".into(), run, trials }
}

/// A trial of `seconds` measured seconds after 5 of warm-up, around `rate` calls/s and a median of `median` ms.
fn trial(index: u32, name: &str, rate: f64, median: f64, seconds: u64) -> StoredTrial {
    let requests = (rate * seconds as f64) as u64;
    let total = Summary {
        name: name.into(),
        requests,
        successes: requests,
        duration_s: seconds as f64,
        throughput: rate,
        latency_ms: quantiles(requests, median),
        service_time_ms: quantiles(requests, median),
        start_lag_ms: quantiles(requests, 0.02),
        ..Summary::default()
    };
    let metrics = Metrics {
        slo: Vec::new(),
        schema: 1,
        trial_id: format!("{index:03}"),
        timestamp: "2026-11-22T10:15:01Z".into(),
        component: "http".into(),
        service: "item".into(),
        config: Map::from_iter([("operation".to_owned(), json!({ "method": "GET", "path": "/item/{seq}" }))]),
        throughput: Throughput { value: rate, unit: "calls/s".into() },
        latency_ms: total.latency_ms.clone(),
        service_time_ms: total.service_time_ms.clone(),
        start_lag_ms: total.start_lag_ms.clone(),
        errors: Errors::default(),
        validity: Validity::default(),
        operations: BTreeMap::new(),
        extras: Map::new(),
        resource: None,
        server: Map::new(),
        steady: None,
        notes: vec![
            "Percentiles of the whole load keep 3 significant digits, those of single seconds 2.".into(),
        ],
        total,
    };
    let meta = Meta {
        point: Map::new(),
        schema: 1,
        trial: format!("{index:03}-{:04x}-r1", index.wrapping_mul(40_503) & 0xFFFF),
        uuid: format!("00000000-0000-4000-8000-{index:012}"),
        name: name.into(),
        index,
        repetition: 1,
        attempt: 1,
        parameters: Map::new(),
        seed: 42,
        status: Status::Done,
        reason: None,
        started_at: "2026-11-22T10:15:01Z".into(),
        ended_at: Some("2026-11-22T10:15:37Z".into()),
        git_commit: None,
        host: "node12".into(),
        service: "item".into(),
        endpoint: Some("http://node7:8080".into()),
        script_sha256: "9f86d081884c7d65".repeat(4),
        warmup_s: 5.0,
        duration_s: seconds as f64,
    };
    let mut noise = Noise(u64::from(index) * 7919 + 1);
    let series =
        (0..seconds + 6).map(|second| point(second, seconds, name, rate, median, &mut noise)).collect();
    let latency_curve = curve(requests, median);
    StoredTrial {
        meta,
        metrics: Some(metrics),
        series,
        resources: Default::default(),
        service_curve: latency_curve.clone(),
        latency_curve,
    }
}

fn point(second: u64, seconds: u64, name: &str, rate: f64, median: f64, noise: &mut Noise) -> Point {
    let ramp = ((second + 1) as f64 / 3.0).min(1.0);
    let phase = match second {
        0..5 => "warmup",
        _ if second < 5 + seconds => "measured",
        _ => "drain",
    };
    let left = if phase == "drain" { 0.05 } else { 1.0 };
    let stall: f64 = if second % 23 == 17 { 4.0 } else { 1.0 };
    Point {
        second,
        operation: name.into(),
        phase: phase.into(),
        calls: (rate * ramp * left * (1.0 + 0.06 * noise.next()) / stall.sqrt()) as u64,
        p50_ms: median * (1.0 + 0.1 * noise.next()),
        p90_ms: median * 2.2 * (1.0 + 0.2 * noise.next()),
        p99_ms: median * 6.0 * stall * (1.0 + 0.4 * noise.next()),
        max_ms: median * 20.0 * stall,
        ..Point::default()
    }
}

/// The same latency everywhere: log-normal-like, long in its tail.
fn at(percentile: f64, median: f64) -> f64 {
    let nines = -(1.0 - percentile / 100.0).max(1e-9).log10();
    median * (0.35 + 0.65 * (nines / std::f64::consts::LOG10_2).powf(1.25))
}

fn curve(count: u64, median: f64) -> Vec<(f64, f64)> {
    let last = 100.0 - 100.0 / count.max(2) as f64;
    let steps = (0..120).map(|step| 100.0 - 100.0 * 10f64.powf(-f64::from(step) * 0.05));
    let mut curve: Vec<_> = steps.filter(|p| *p < last).map(|p| (p, at(p, median))).collect();
    curve.push((100.0, at(last, median) * 1.3));
    curve
}

fn quantiles(count: u64, median: f64) -> Quantiles {
    let beyond = |share: f64| (count as f64) * share < 10.0;
    let marks = [("p50", 0.5), ("p90", 0.1), ("p95", 0.05), ("p99", 0.01), ("p999", 0.001)];
    Quantiles {
        count,
        avg: median * 1.4,
        stddev: median,
        min: at(0.0, median),
        max: at(100.0 - 100.0 / count.max(2) as f64, median) * 1.3,
        p50: at(50.0, median),
        p90: at(90.0, median),
        p95: at(95.0, median),
        p99: at(99.0, median),
        p999: at(99.9, median),
        low_confidence: marks
            .iter()
            .filter(|(_, share)| beyond(*share))
            .map(|(name, _)| (*name).into())
            .collect(),
    }
}

fn fail(trial: &mut StoredTrial, class: &str, share: f64, first: &str) {
    let metrics = trial.metrics.as_mut().expect("measured");
    let count = (metrics.total.requests as f64 * share) as u64;
    metrics.total.failures += count;
    metrics.total.successes -= count;
    let errors = &mut metrics.total.errors;
    errors.by_class.insert(class.into(), FailureClass { count, first: first.into() });
    errors.rate = metrics.total.failures as f64 / metrics.total.requests as f64;
    metrics.errors = errors.clone();
    trial
        .series
        .iter_mut()
        .filter(|p| p.second > 20)
        .for_each(|p| p.failures += (p.calls as f64 * share * 2.0) as u64);
}

/// Numbers from -1 to 1 that are the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}
