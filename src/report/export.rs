//! A stored run in the formats of other tools.

use serde_json::{Map, Value, json};

use super::facts;
use crate::error::{Error, Result};
use crate::measure::Totals;
use crate::results::schema::{Metrics, Status};
use crate::results::{Outcome, StoredRun, StoredTrial};

/// What a run can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One row a trial, for spreadsheets
    Csv,
    /// Text that Prometheus and its like take
    Openmetrics,
    /// The summary that k6 hands to `handleSummary`, of one trial
    K6,
    /// Lines of Go benchmarks, for benchstat: one a trial
    Go,
    /// Statements that the program sqlite3 reads into a database: tables of runs, trials and figures
    Sqlite,
}

/// Upper bounds of the buckets of a duration, in seconds.
const BUCKETS: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    60.0,
];

/// Writes `run` as `format`; of the trial with number `index` alone, if one is given. Trials that are not done are left out.
pub fn export(run: &StoredRun, format: Format, index: Option<u32>) -> Result<String> {
    let done = run.trials.iter().filter(|trial| trial.meta.status == Status::Done && trial.metrics.is_some());
    let trials: Vec<&StoredTrial> =
        done.filter(|trial| index.is_none_or(|index| trial.meta.index == index)).collect();
    if trials.is_empty() {
        let which = index.map_or("no trial".to_owned(), |index| format!("no trial {index}"));
        return Err(Error::usage(format!("`{}` has {which} that is done", run.run.run_id)));
    }
    match format {
        Format::Csv => Ok(csv(run, &trials)),
        Format::Openmetrics => Ok(openmetrics(run, &trials)),
        Format::Go => Ok(go(run, &trials)),
        Format::Sqlite => Ok(sqlite(run, &trials)),
        Format::K6 => match trials[..] {
            [trial] => k6(run, trial),
            _ => Err(Error::usage(format!(
                "`{}` has {} trials; k6 has one summary for each",
                run.run.run_id,
                trials.len()
            ))
            .hint("choose one with `--trial NUMBER`")),
        },
    }
}

fn csv(run: &StoredRun, trials: &[&StoredTrial]) -> String {
    let mut parameters: Vec<&str> = Vec::new();
    let mut extras: Vec<&str> = Vec::new();
    for trial in trials {
        let known = trial.meta.parameters.keys().map(String::as_str);
        known.for_each(|name| push_new(&mut parameters, name));
        let figures =
            trial.metrics.iter().flat_map(|metrics| &metrics.extras).filter(|(_, value)| value.is_number());
        figures.for_each(|(name, _)| push_new(&mut extras, name));
    }
    const COLUMNS: [&str; 22] = [
        "run",
        "trial",
        "name",
        "service",
        "repetition",
        "requests",
        "successes",
        "failures",
        "error_rate",
        "duration_s",
        "offered_rate",
        "throughput",
        "throughput_unit",
        "bytes_per_second",
        "avg_ms",
        "p50_ms",
        "p90_ms",
        "p95_ms",
        "p99_ms",
        "p999_ms",
        "max_ms",
        "verdict",
    ];
    let header = COLUMNS.iter().copied().chain(parameters.iter().copied()).chain(extras.iter().copied());
    let mut text = header.map(field).collect::<Vec<_>>().join(",") + "\n";
    for (trial, metrics) in measured(trials) {
        let (total, times) = (&metrics.total, &metrics.latency_ms);
        let time = |value: f64| if times.count > 0 { value.to_string() } else { String::new() };
        let own = [
            run.run.run_id.clone(),
            trial.meta.trial.clone(),
            trial.meta.name.clone(),
            trial.meta.service.clone(),
            trial.meta.repetition.to_string(),
            total.requests.to_string(),
            total.successes.to_string(),
            total.failures.to_string(),
            total.errors.rate.to_string(),
            total.duration_s.to_string(),
            total.offered_rate.map_or(String::new(), |rate| rate.to_string()),
            metrics.throughput.value.to_string(),
            metrics.throughput.unit.clone(),
            total.bytes_per_second.to_string(),
            time(times.avg),
            time(times.p50),
            time(times.p90),
            time(times.p95),
            time(times.p99),
            time(times.p999),
            time(times.max),
            metrics.validity.verdict.word().to_owned(),
        ];
        let of = |map: &Map<String, Value>, name: &str| map.get(name).map_or(String::new(), plain);
        let more = parameters.iter().map(|name| of(&trial.meta.parameters, name));
        let figures = extras.iter().map(|name| of(&metrics.extras, name));
        let cells = own.into_iter().chain(more).chain(figures).map(|cell| field(&cell));
        text += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

fn push_new<'a>(names: &mut Vec<&'a str>, name: &'a str) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// A value without the quotes of JSON; `NULL` is nothing.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A field of CSV by RFC 4180. What a spreadsheet would take for a formula is made text.
fn field(text: &str) -> String {
    let formula =
        text.starts_with(['=', '@', '\t']) || (text.starts_with(['+', '-']) && text.parse::<f64>().is_err());
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn openmetrics(run: &StoredRun, trials: &[&StoredTrial]) -> String {
    let rows: Vec<(String, Metrics, Outcome)> = trials
        .iter()
        .filter_map(|trial| {
            let outcome = Outcome::stored(trial, &run.path.join(&trial.meta.trial))?;
            let labels = [
                ("benchmark_id", run.run.run_id.as_str()),
                ("trial", &trial.meta.trial),
                ("service", &trial.meta.service),
            ];
            let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).join(",");
            Some((labels, outcome.metrics.clone(), outcome))
        })
        .collect();
    // One line an operation; a load of one has its own name.
    let each = |tell: &mut dyn FnMut(&str, &crate::measure::Summary, &Totals)| {
        for (labels, metrics, outcome) in &rows {
            for (name, row) in &metrics.operations {
                let Some(totals) = outcome.operations.get(name) else { continue };
                tell(&format!("{labels},operation=\"{}\"", escaped(name)), row, totals);
            }
        }
    };
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, unit: &str, help: &str, lines: &mut dyn FnMut(&mut String)| {
        text += &format!("# TYPE {name} {kind}\n");
        if !unit.is_empty() {
            text += &format!("# UNIT {name} {unit}\n");
        }
        text += &format!("# HELP {name} {help}\n");
        lines(&mut text);
    };
    let counter = |value: fn(&crate::measure::Summary) -> u64, name: &'static str| {
        move |out: &mut String, labels: &str, row: &crate::measure::Summary| {
            *out += &format!("{name}_total{{{labels}}} {}\n", value(row))
        }
    };
    let of_calls = [
        (
            "benchmark_requests",
            "All calls due in the measured window.",
            counter(|row| row.requests, "benchmark_requests"),
        ),
        (
            "benchmark_requests_successful",
            "Calls that succeeded.",
            counter(|row| row.successes, "benchmark_requests_successful"),
        ),
        (
            "benchmark_requests_failed",
            "Calls that failed.",
            counter(|row| row.failures, "benchmark_requests_failed"),
        ),
    ];
    for (name, help, line) in of_calls {
        family(name, "counter", "", help, &mut |out| each(&mut |labels, row, _| line(out, labels, row)));
    }
    let duration = "benchmark_request_duration_seconds";
    family(duration, "histogram", "seconds", "Response time of successful calls, from due.", &mut |out| {
        each(&mut |labels, _, totals| {
            for bound in BUCKETS {
                let below = totals.response.count_between(0, (bound * 1e9) as u64);
                *out += &format!("{duration}_bucket{{{labels},le=\"{bound:?}\"}} {below}\n");
            }
            let count = totals.response.len();
            let sum = totals.response.mean() / 1e9 * count as f64;
            *out += &format!("{duration}_bucket{{{labels},le=\"+Inf\"}} {count}\n");
            *out += &format!("{duration}_sum{{{labels}}} {sum}\n{duration}_count{{{labels}}} {count}\n");
        });
    });
    let latency = "benchmark_latency_seconds";
    family(latency, "gauge", "seconds", "Quantiles of the response time of successful calls.", &mut |out| {
        each(&mut |labels, row, _| {
            let times = &row.latency_ms;
            if times.count == 0 {
                return;
            }
            for (quantile, ms) in [
                ("0.5", times.p50),
                ("0.9", times.p90),
                ("0.95", times.p95),
                ("0.99", times.p99),
                ("0.999", times.p999),
            ] {
                *out += &format!("{latency}{{{labels},quantile=\"{quantile}\"}} {}\n", ms / 1e3);
            }
        });
    });
    family(
        "benchmark_throughput_rps",
        "gauge",
        "",
        "Successful calls a second of the measured window.",
        &mut |out| {
            each(&mut |labels, row, _| {
                *out += &format!("benchmark_throughput_rps{{{labels}}} {}\n", row.throughput)
            });
        },
    );
    family("benchmark_success_rate", "gauge", "", "Successful calls / all calls.", &mut |out| {
        each(&mut |labels, row, _| {
            if row.requests > 0 {
                *out += &format!(
                    "benchmark_success_rate{{{labels}}} {}\n",
                    row.successes as f64 / row.requests as f64
                );
            }
        });
    });
    let mut names: Vec<&str> = Vec::new();
    for (_, metrics, _) in &rows {
        metrics
            .extras
            .iter()
            .filter(|(_, value)| value.is_number())
            .for_each(|(name, _)| push_new(&mut names, name));
    }
    for name in names {
        let clean: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        let full = format!("benchmark_{clean}");
        family(&full, "gauge", "", "A figure of the trial.", &mut |out| {
            for (labels, metrics, _) in &rows {
                if let Some(value) = metrics.extras.get(name).and_then(Value::as_f64) {
                    *out += &format!("{full}{{{labels}}} {value}\n");
                }
            }
        });
    }
    text + "# EOF\n"
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// `BenchmarkName/concurrency=8-2  5000  200000 ns/op  5000 req/s  900000 p99-ns`.
fn go(run: &StoredRun, trials: &[&StoredTrial]) -> String {
    let word = |text: &str| text.split(|c: char| c.is_whitespace() || c == '/').collect::<Vec<_>>().join("_");
    let name = word(&run.run.scenario);
    let mut letters = name.chars();
    let name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let mut text = format!(
        "goos: linux\ngoarch: {}\npkg: {}\ncpu: {}\n",
        std::env::consts::ARCH,
        word(&run.run.scenario),
        run.run.host.cpu_model
    );
    for (trial, metrics) in measured(trials) {
        let point = if trial.meta.point.is_empty() {
            Map::from_iter([("trial".to_owned(), Value::from(trial.meta.name.as_str()))])
        } else {
            trial.meta.point.clone()
        };
        let parts: Vec<String> =
            point.iter().map(|(name, value)| format!("/{name}={}", word(&facts::plain(value)))).collect();
        let times = &metrics.latency_ms;
        text += &format!(
            "Benchmark{name}{}-{}\t{}",
            parts.concat(),
            run.run.host.cores_allowed,
            metrics.total.successes
        );
        if times.count > 0 {
            text += &format!(
                "\t{:.0} ns/op\t{:.0} p50-ns\t{:.0} p99-ns",
                times.avg * 1e6,
                times.p50 * 1e6,
                times.p99 * 1e6
            );
        }
        text += &format!("\t{:.3} req/s\t{:.6} fail-share\n", metrics.total.throughput, metrics.errors.rate);
    }
    text
}

/// Statements that may be read into a database that has the run already: it is replaced.
fn sqlite(run: &StoredRun, trials: &[&StoredTrial]) -> String {
    let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let maybe = |value: Option<f64>| {
        value.filter(|value| value.is_finite()).map_or("NULL".to_owned(), |value| format!("{value:?}"))
    };
    let id = text(&run.run.run_id);
    let mut out = String::from(
        "BEGIN;\n\
         CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, scenario TEXT, question TEXT, note TEXT, created_at TEXT, status TEXT, seed INTEGER, tool_version TEXT, host TEXT, kernel TEXT, script_sha256 TEXT);\n\
         CREATE TABLE IF NOT EXISTS trials (run TEXT, trial TEXT, number INTEGER, name TEXT, service TEXT, repetition INTEGER, requests INTEGER, successes INTEGER, failures INTEGER, duration_s REAL, offered_rate REAL, throughput REAL, throughput_unit TEXT, avg_ms REAL, p50_ms REAL, p90_ms REAL, p95_ms REAL, p99_ms REAL, p999_ms REAL, max_ms REAL, verdict TEXT, PRIMARY KEY (run, trial));\n\
         CREATE TABLE IF NOT EXISTS parameters (run TEXT, trial TEXT, name TEXT, value, PRIMARY KEY (run, trial, name));\n\
         CREATE TABLE IF NOT EXISTS figures (run TEXT, trial TEXT, name TEXT, value REAL, PRIMARY KEY (run, trial, name));\n",
    );
    for table in ["runs", "trials", "parameters", "figures"] {
        out += &format!("DELETE FROM {table} WHERE run = {id};\n");
    }
    let facts = &run.run;
    out += &format!(
        "INSERT INTO runs VALUES ({id}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {});\n",
        text(&facts.scenario),
        facts.question.as_deref().map_or("NULL".to_owned(), text),
        facts.note.as_deref().map_or("NULL".to_owned(), text),
        text(&facts.created_at),
        text(facts.status.word()),
        facts.seed as i64,
        text(&facts.tool_version),
        text(&facts.host.name),
        text(&facts.host.kernel),
        text(&facts.script.sha256)
    );
    for (trial, metrics) in measured(trials) {
        let (meta, total, times) = (&trial.meta, &metrics.total, &metrics.latency_ms);
        let name = text(&meta.trial);
        let time = |value: f64| maybe((times.count > 0).then_some(value));
        out += &format!(
            "INSERT INTO trials VALUES ({id}, {name}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {});\n",
            meta.index,
            text(&meta.name),
            text(&meta.service),
            meta.repetition,
            total.requests,
            total.successes,
            total.failures,
            maybe(Some(total.duration_s)),
            maybe(total.offered_rate),
            maybe(Some(metrics.throughput.value)),
            text(&metrics.throughput.unit),
            time(times.avg),
            time(times.p50),
            time(times.p90),
            time(times.p95),
            time(times.p99),
            time(times.p999),
            time(times.max),
            text(metrics.validity.verdict.word())
        );
        for (key, value) in &meta.parameters {
            let value = match value {
                Value::Number(number) => number.to_string(),
                other => text(&plain(other)),
            };
            out += &format!("INSERT INTO parameters VALUES ({id}, {name}, {}, {value});\n", text(key));
        }
        for (key, value) in &metrics.extras {
            if let Some(value) = value.as_f64() {
                out += &format!(
                    "INSERT INTO figures VALUES ({id}, {name}, {}, {});\n",
                    text(key),
                    maybe(Some(value))
                );
            }
        }
    }
    out + "COMMIT;\n"
}

fn k6(run: &StoredRun, trial: &StoredTrial) -> Result<String> {
    let metrics = trial.metrics.as_ref().ok_or_else(|| Error::usage("nothing was measured"))?;
    let (total, times) = (&metrics.total, &metrics.latency_ms);
    let trend = |times: &crate::measure::Quantiles| {
        json!({
            "type": "trend", "contains": "time",
            "values": { "avg": times.avg, "min": times.min, "med": times.p50, "max": times.max, "p(90)": times.p90, "p(95)": times.p95, "p(99)": times.p99 },
        })
    };
    let counter = |count: u64, rate: f64| json!({ "type": "counter", "contains": "default", "values": { "count": count, "rate": rate } });
    let mut all = Map::from_iter([
        ("http_reqs".to_owned(), counter(total.requests, total.requests as f64 / total.duration_s.max(1e-9))),
        (
            "iterations".to_owned(),
            counter(total.requests, total.requests as f64 / total.duration_s.max(1e-9)),
        ),
        ("http_req_duration".to_owned(), trend(times)),
        ("iteration_duration".to_owned(), trend(times)),
        ("http_req_waiting".to_owned(), trend(&metrics.service_time_ms)),
        (
            "http_req_failed".to_owned(),
            json!({ "type": "rate", "contains": "default", "values": { "rate": total.errors.rate, "passes": total.failures, "fails": total.successes } }),
        ),
        (
            "data_received".to_owned(),
            json!({ "type": "counter", "contains": "data", "values": { "count": total.bytes, "rate": total.bytes_per_second } }),
        ),
        (
            "vus_max".to_owned(),
            json!({ "type": "gauge", "contains": "default", "values": { "value": total.max_in_flight, "min": 0, "max": total.max_in_flight } }),
        ),
    ]);
    let passed = run.run.checks.iter().filter(|check| check.passed).count();
    let failed = run.run.checks.len() - passed;
    if passed + failed > 0 {
        let rate = passed as f64 / (passed + failed) as f64;
        all.insert("checks".to_owned(), json!({ "type": "rate", "contains": "default", "values": { "rate": rate, "passes": passed, "fails": failed } }));
    }
    let checks = run.run.checks.iter().map(|check| {
        json!({ "name": check.name, "path": format!("::{}", check.name), "id": "", "passes": u32::from(check.passed), "fails": u32::from(!check.passed) })
    });
    let page = json!({
        "metrics": all,
        "root_group": { "name": "", "path": "", "id": "", "groups": [], "checks": checks.collect::<Vec<_>>() },
        "options": { "summaryTrendStats": ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"], "summaryTimeUnit": "", "noColor": false },
        "state": { "isStdOutTTY": false, "isStdErrTTY": false, "testRunDurationMs": total.duration_s * 1e3 },
    });
    Ok(serde_json::to_string_pretty(&page).unwrap_or_default() + "\n")
}

fn measured<'a>(trials: &[&'a StoredTrial]) -> impl Iterator<Item = (&'a StoredTrial, &'a Metrics)> {
    trials.iter().filter_map(|trial| Some((*trial, trial.metrics.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_row_a_trial_with_its_parameters() {
        let text = export(&sample::swept(), Format::Csv, None).expect("exported");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 25);
        assert!(lines[0].ends_with(",verdict,size,users"), "{}", lines[0]);
        assert!(lines[1].ends_with(",small,1"), "{}", lines[1]);
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
    }

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_its_row() {
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("-cmd"), "'-cmd");
        assert_eq!(field("-1.5"), "-1.5");
        assert_eq!(field("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(escaped("a\"b\\"), "a\\\"b\\\\");
    }

    #[test]
    fn one_trial_where_the_format_has_room_for_one() {
        let run = sample::swept();
        let error = export(&run, Format::K6, None).expect_err("there are many");
        assert!(error.hints[0].contains("--trial"), "{error:?}");
        let page: Value =
            serde_json::from_str(&export(&run, Format::K6, Some(2)).expect("exported")).expect("JSON");
        assert_eq!(
            page["metrics"]["http_reqs"]["values"]["count"],
            run.trials[1].metrics.as_ref().expect("measured").total.requests
        );
        assert!(export(&run, Format::Csv, Some(99)).is_err());
    }

    #[test]
    fn lines_of_go_benchmarks_name_the_point() {
        let text = export(&sample::swept(), Format::Go, None).expect("exported");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("Benchmark")).collect();
        assert_eq!(lines.len(), 24);
        assert!(lines[0].starts_with("BenchmarkSizes/size=small/users=1-"), "{}", lines[0]);
        // The same name for each repetition: that is how benchstat knows them.
        let name = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        assert_eq!(lines.iter().filter(|line| name(line) == name(lines[0])).count(), 3);
    }
}
