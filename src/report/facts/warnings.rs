//! What a reader must know before believing a number, in words.

use crate::measure::Verdict;
use crate::report::number::{count, figures};
use crate::results::{StoredRun, StoredTrial, schema::Metrics, schema::Status};

/// Throughput below this share of the offered rate is worth a sentence.
const KEPT_UP: f64 = 0.95;

/// So many trials with one kind of warning are told together.
const MANY: usize = 4;

/// The warnings of all trials, each with its trial's name before it.
pub fn all(run: &StoredRun) -> Vec<String> {
    let named = run.trials.iter().zip(super::labels(run));
    let each =
        named.flat_map(|(trial, label)| of(trial).into_iter().map(move |warning| (label.clone(), warning)));
    let each: Vec<(String, String)> = each.collect();
    // The same but for its numbers is one warning, where many trials have it.
    let kind = |warning: &str| warning.split(|c: char| c.is_ascii_digit()).collect::<Vec<_>>().concat();
    let mut said = Vec::new();
    let mut out = Vec::new();
    for (label, warning) in &each {
        let alike = each.iter().filter(|(_, other)| kind(other) == kind(warning)).count();
        if alike < MANY {
            out.push(format!("{label}: {warning}"));
        } else if !said.contains(&kind(warning)) {
            said.push(kind(warning));
            out.push(format!("{alike} of {} trials, {label} for one: {warning}", run.trials.len()));
        }
    }
    out
}

/// The warnings of one trial.
pub fn of(trial: &StoredTrial) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(reason) = &trial.meta.reason {
        match trial.meta.status {
            Status::Done => out.push(reason.clone()),
            status => out.push(format!("{}: {reason}", status.word())),
        }
    }
    match &trial.metrics {
        Some(metrics) => out.extend(of_metrics(metrics)),
        None => out.push("nothing was measured".to_owned()),
    }
    out
}

/// The warnings of one load.
pub fn of_metrics(metrics: &Metrics) -> Vec<String> {
    let mut out = Vec::new();
    let validity = &metrics.validity;
    let because = || {
        // CPU time is one of several limits: where another one bound, the two numbers differ.
        let ceiling = validity.ceiling_rate.map(|rate| {
            format!("by its CPU time benchscript could have driven about {} calls/s", figures(rate))
        });
        let reasons: Vec<String> = validity.reasons.iter().cloned().chain(ceiling).collect();
        if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) }
    };
    match validity.verdict {
        Verdict::Valid => {}
        Verdict::Suspect => out.push(format!("suspect, read the numbers with care{}", because())),
        Verdict::GeneratorLimited => out.push(format!(
            "generator-limited, the numbers show benchscript's limit, not the service's{}",
            because()
        )),
    }

    match metrics.steady {
        Some(steady) if !steady.found => {
            out.push("no steady part of the window was found, so nothing of it is cut".to_owned());
        }
        Some(steady) if steady.trimmed_s > 0.0 => {
            let cut = super::super::number::seconds(steady.trimmed_s);
            out.push(format!("the first {cut} of the window are cut: the load was not steady before"));
        }
        _ => {}
    }
    let total = &metrics.total;
    if let Some(offered) = total.offered_rate.filter(|offered| total.throughput < offered * KEPT_UP) {
        let reached = figures(total.throughput);
        out.push(format!("{} calls/s were offered, {reached} succeeded in the window", figures(offered)));
    }
    if total.late > 0 {
        let of = count(total.requests);
        out.push(format!("{} of {of} calls started more than 1 ms after they were due", count(total.late)));
    }
    if total.dropped > 0 {
        out.push(format!(
            "{} calls were never sent: no session came free within the timeout",
            count(total.dropped)
        ));
    }
    if total.unfinished > 0 {
        out.push(format!(
            "{} calls had not ended when the drain did; they count as failures",
            count(total.unfinished)
        ));
    }
    if total.reconnects > 0 {
        out.push(format!("{} sessions were lost and opened again", count(total.reconnects)));
    }
    out
}
