//! Trials whose load is found while the scenario runs: each place is chosen by what the ones before it measured.

use std::{path::Path, sync::Arc};

use super::{
    agenda::{Agenda, Planned},
    body::Body,
    campaign::{Campaign, End},
    sweep::{Point, SearchAxis},
};
use crate::analysis::{
    compare::Repetition,
    saturation::{Answer, Range, Rung, Search},
};
use crate::results::{Outcome, schema::FoundAnswer};

/// Searches along `axis` for each of the points in `bases`; trials that are done already are observed, not run again.
pub fn run<B: Body>(
    campaign: &mut Campaign<B>,
    agenda: &mut Agenda,
    bases: &[Planned],
    axis: &SearchAxis,
    folder: &Path,
) -> std::result::Result<(), End<B::Fault>> {
    for base in bases {
        let range = Range { from: axis.from, to: axis.to, points: axis.points as usize, whole: axis.whole };
        let mut search = Search::new(range)?;
        // In their order: what comes next follows from what was observed.
        for (load, outcome) in known(campaign, base, axis) {
            search.observe(rung(campaign, load, &outcome));
        }
        let mut confirmed = None;
        while let Some(load) = search.next() {
            match trial(campaign, agenda, base, axis, load, folder)? {
                Some(outcome) => search.observe(rung(campaign, load, &outcome)),
                // Without its numbers nobody knows where to look next.
                None => break,
            }
        }
        let answer = search.answer();
        if let Some(load) = answer.load.filter(|_| axis.name() == "rate") {
            // A trial of its own, which the search has not chosen for its luck.
            let just_below = CONFIRM * load;
            let outcome = trial(campaign, agenda, base, axis, just_below, folder)?;
            confirmed = outcome.map(|outcome| outcome.metrics.slo.iter().all(|objective| objective.held));
        }
        let found = found(base, axis, &answer, confirmed);
        campaign.host.note(&sentence(&found));
        if let Some(folder) = &mut campaign.host.state().folder {
            folder.run.answers.push(found);
        }
    }
    Ok(())
}

/// The load that confirms an answer, as a share of it.
const CONFIRM: f64 = 0.95;

/// The trials of a search that are done, in their order.
fn known<B: Body>(campaign: &Campaign<B>, base: &Planned, axis: &SearchAxis) -> Vec<(f64, Arc<Outcome>)> {
    let mut done: Vec<Arc<Outcome>> = campaign.host.state().outcomes.clone();
    done.sort_by_key(|outcome| outcome.meta.index);
    let of_base = |outcome: &Arc<Outcome>| {
        let load = outcome.meta.point.get(axis.name())?.as_f64()?;
        let others = outcome.meta.point.iter().filter(|(name, _)| *name != axis.name());
        let others: Point = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        (others == base.point).then(|| (load, outcome.clone()))
    };
    done.iter().filter_map(of_base).collect()
}

fn trial<B: Body>(
    campaign: &mut Campaign<B>,
    agenda: &mut Agenda,
    base: &Planned,
    axis: &SearchAxis,
    load: f64,
    folder: &Path,
) -> std::result::Result<Option<Arc<Outcome>>, End<B::Fault>> {
    if !agenda.trials.is_empty() {
        campaign.rest()?;
    }
    let mut point = base.point.clone();
    point.insert(axis.name().to_owned(), axis.value(load));
    let planned = agenda.append(base, point, campaign.seed());
    agenda.save(folder)?;
    campaign.run(&planned, None)
}

fn rung<B: Body>(campaign: &Campaign<B>, load: f64, outcome: &Outcome) -> Rung {
    let repetition = Repetition { metrics: &outcome.metrics, series: &outcome.series };
    Rung::of(load, &repetition, campaign.slo)
}

fn found(base: &Planned, axis: &SearchAxis, answer: &Answer, confirmed: Option<bool>) -> FoundAnswer {
    FoundAnswer {
        point: base.point.clone(),
        parameter: axis.name().to_owned(),
        load: answer.load,
        low: answer.low,
        high: answer.high,
        why: answer.why.clone(),
        confirmed,
    }
}

/// `rate: the highest that holds the SLO is 1,389 (1,352 to 1,427)`.
fn sentence(found: &FoundAnswer) -> String {
    let of = if found.point.is_empty() {
        String::new()
    } else {
        format!(", {}", super::agenda::label(&found.point))
    };
    let name = &found.parameter;
    match (found.load, found.low, found.high) {
        (Some(load), Some(low), Some(high)) => {
            format!(
                "{name}{of}: the highest that holds the SLO is {load:.4} ({low:.4} to {high:.4}); {}",
                found.why
            )
        }
        (Some(load), ..) => format!("{name}{of}: the highest that holds the SLO is {load:.4}; {}", found.why),
        _ => format!("{name}{of}: no highest load was found that holds the SLO: {}", found.why),
    }
}

/// The trials of a search that a resumed run goes on from: those that are done.
pub fn kept(mut agenda: Agenda, done: &[Arc<Outcome>]) -> Agenda {
    agenda.trials.retain(|planned| done.iter().any(|outcome| outcome.meta.index == planned.index));
    agenda
}
