//! The answer, which stands first: did the checks hold, and what are the numbers to remember.

use serde::Serialize;

use super::labels;
use crate::measure::Verdict;
use crate::report::number::{count, figures, percent};
use crate::report::table::{Cell, Table, Tone};
use crate::results::{StoredRun, StoredTrial, schema::Metrics, schema::Run, schema::Status};

/// One headline number: `p99`, `4.12 ms`, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    pub name: String,
    pub value: String,
    /// The trial it belongs to, or what narrows it.
    pub of: String,
}

/// What is wrong with the run as a whole; none for a run that finished.
pub fn banner(run: &StoredRun) -> Option<(Tone, String)> {
    let (tone, mut text) = match run.run.status {
        Status::Done | Status::Checks => return None,
        Status::Running => {
            (Tone::Warn, "this run is still going on: the numbers are those up to now".to_owned())
        }
        Status::Failed => (Tone::Bad, "this run failed: it could not be finished".to_owned()),
        Status::Interrupted => {
            (Tone::Bad, "this run was interrupted: what had been measured until then is shown".to_owned())
        }
    };
    if let Some(reason) = &run.run.reason {
        text += &format!(" ({reason})");
    }
    Some((tone, text))
}

/// `3 passed, 1 failed`; none without checks.
pub fn check_count(run: &Run) -> Option<(Tone, String)> {
    let failed = run.checks.iter().filter(|check| !check.passed).count();
    let passed = run.checks.len() - failed;
    match (passed, failed) {
        (0, 0) => None,
        (passed, 0) => Some((Tone::Good, format!("{passed} passed"))),
        (passed, failed) => Some((Tone::Bad, format!("{failed} failed, {passed} passed"))),
    }
}

/// Every check, the failed ones first.
pub fn checks(run: &Run) -> Table {
    let mut table = Table::new("").words("check").words("result").words("at");
    let mut ordered: Vec<_> = run.checks.iter().collect();
    ordered.sort_by_key(|check| check.passed);
    for check in ordered {
        let result =
            if check.passed { Cell::toned("passed", Tone::Good) } else { Cell::toned("FAILED", Tone::Bad) };
        table.row(vec![check.name.as_str().into(), result, check.at.as_str().into()]);
    }
    table
}

/// The numbers to remember: of the one trial, or the best of several with the trial's name beside it.
pub fn headline(run: &StoredRun) -> Vec<Fact> {
    let labels = labels(run);
    let measured: Vec<(&str, &StoredTrial, &Metrics)> = run
        .trials
        .iter()
        .zip(&labels)
        .filter_map(|(trial, label)| trial.metrics.as_ref().map(|metrics| (label.as_str(), trial, metrics)))
        .collect();
    let fact = |name: &str, value: String, of: String| Fact { name: name.into(), value, of };
    let throughput = |m: &Metrics| format!("{} {}", figures(m.throughput.value), m.throughput.unit);
    let requests: u64 = measured.iter().map(|(.., m)| m.total.requests).sum();
    let failures: u64 = measured.iter().map(|(.., m)| m.total.failures).sum();
    let failed = || {
        let share = if requests == 0 {
            "–".into()
        } else {
            format!("{} %", percent(failures as f64 / requests as f64))
        };
        fact("failed", share, format!("{} of {} calls", count(failures), count(requests)))
    };
    if let [(_, _, metrics)] = measured[..] {
        let latency = &metrics.total.latency_ms;
        let of = "response time, from due".to_owned();
        return vec![
            fact("throughput", throughput(metrics), marked(String::new(), metrics)),
            fact("p50", super::response(latency, "p50", latency.p50, " ms"), of.clone()),
            fact("p99", super::response(latency, "p99", latency.p99, " ms"), of),
            failed(),
        ];
    }
    let mut facts = Vec::new();
    let answered = || measured.iter().filter(|(.., m)| m.total.successes > 0);
    let units_agree = answered().all(|(.., m)| m.throughput.unit == measured[0].2.throughput.unit);
    if let Some((label, _, metrics)) = answered()
        .filter(|_| units_agree)
        .max_by(|(.., a), (.., b)| a.throughput.value.total_cmp(&b.throughput.value))
    {
        facts.push(fact("highest throughput", throughput(metrics), marked((*label).to_owned(), metrics)));
    }
    if let Some((label, _, metrics)) =
        answered().min_by(|(.., a), (.., b)| a.total.latency_ms.p99.total_cmp(&b.total.latency_ms.p99))
    {
        let latency = &metrics.total.latency_ms;
        let value = super::response(latency, "p99", latency.p99, " ms");
        facts.push(fact("lowest p99", value, marked((*label).to_owned(), metrics)));
    }
    let done = run.trials.iter().filter(|trial| trial.meta.status == Status::Done).count();
    facts.push(fact("trials", run.trials.len().to_string(), format!("{done} of them done")));
    facts.push(failed());
    facts
}

/// A number that the generator limited says so wherever it stands.
fn marked(of: String, metrics: &Metrics) -> String {
    match (metrics.validity.verdict, of.is_empty()) {
        (Verdict::Valid, _) => of,
        (verdict, true) => verdict.word().to_owned(),
        (verdict, false) => format!("{of}, {}", verdict.word()),
    }
}
