//! The answer, which stands first: did the checks hold, and what are the numbers to remember.

use serde::Serialize;

use super::{Throughput, labels, response, services, sweep};
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
        Status::Done | Status::Checks | Status::Skipped => return None,
        Status::Running => {
            (Tone::Warn, "this run is still going on: the numbers are those up to now".to_owned())
        }
        Status::Failed => (Tone::Bad, "this run failed: it could not be finished".to_owned()),
        Status::Interrupted => {
            (Tone::Bad, "this run was interrupted: what had been measured until then is shown".to_owned())
        }
    };
    if let Some(reason) = run.run.reason.as_deref().filter(|reason| *reason != run.run.status.word()) {
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
    if let Some(answer) = sweep::answer(run) {
        return answer;
    }
    let labels = labels(run);
    let measured: Vec<(&str, &StoredTrial, &Metrics)> = run
        .trials
        .iter()
        .zip(&labels)
        .filter_map(|(trial, label)| trial.metrics.as_ref().map(|metrics| (label.as_str(), trial, metrics)))
        .collect();
    let fact = |name: &str, value: String, of: String| Fact { name: name.into(), value, of };
    let throughput = Throughput::of(run.trials.iter());
    let per_second = |m: &Metrics| format!("{} {}", figures(throughput.value(m)), throughput.unit);
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
    if let [(_, trial, metrics)] = measured[..] {
        let latency = &metrics.total.latency_ms;
        let of = "response time, from due".to_owned();
        return vec![
            fact("throughput", per_second(metrics), marked("", trial, metrics)),
            fact("p50", response(latency, "p50", latency.p50, " ms"), of.clone()),
            fact("p99", response(latency, "p99", latency.p99, " ms"), of),
            failed(),
        ];
    }
    let mut facts = Vec::new();
    // Reads of a disk and requests to a server have nothing to win against each other: each service has its own best.
    let services = services(run);
    for service in &services {
        let of = if services.len() > 1 { format!(", {service}") } else { String::new() };
        let answered = || {
            measured.iter().filter(|(_, trial, m)| {
                trial.meta.service == *service && m.total.successes > 0 && throughput.value(m).is_finite()
            })
        };
        let (highest, lowest) = if answered().count() == 1 {
            ("throughput", "p99")
        } else {
            ("highest throughput", "lowest p99")
        };
        if let Some((label, trial, metrics)) =
            answered().max_by(|(.., a), (.., b)| throughput.value(a).total_cmp(&throughput.value(b)))
        {
            let name = format!("{highest}{of}");
            facts.push(fact(&name, per_second(metrics), marked(label, trial, metrics)));
        }
        if let Some((label, trial, metrics)) =
            answered().min_by(|(.., a), (.., b)| a.total.latency_ms.p99.total_cmp(&b.total.latency_ms.p99))
        {
            let latency = &metrics.total.latency_ms;
            let value = response(latency, "p99", latency.p99, " ms");
            facts.push(fact(&format!("{lowest}{of}"), value, marked(label, trial, metrics)));
        }
    }
    let done = run.trials.iter().filter(|trial| trial.meta.status == Status::Done).count();
    facts.push(fact("trials", run.trials.len().to_string(), format!("{done} of them done")));
    facts.push(failed());
    facts
}

/// Where a number comes from; one that the generator limited, or whose trial did not end, says so wherever it stands.
fn marked(label: &str, trial: &StoredTrial, metrics: &Metrics) -> String {
    let verdict =
        Some(metrics.validity.verdict).filter(|verdict| *verdict != Verdict::Valid).map(Verdict::word);
    let status = Some(trial.meta.status).filter(|status| *status != Status::Done).map(Status::word);
    let words = [Some(label), verdict, status].into_iter().flatten().filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_service_has_its_own_best() {
        let facts = headline(&sample::two_services());
        let names: Vec<&str> = facts.iter().map(|fact| fact.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "highest throughput, http",
                "lowest p99, http",
                "throughput, files",
                "p99, files",
                "trials",
                "failed"
            ]
        );
        assert!(facts[0].of.starts_with("16 users"), "{facts:?}");
        assert_eq!(headline(&sample::ladder())[0].name, "highest throughput");
    }
}
