//! `benchscript compare`: whether a change made a difference.

use std::io;

use clap::Args;
use serde::Serialize;

use super::{Ending, Out, Outcome, output, stored};
use crate::analysis::{
    compare::{self, Crossing, Difference, METRICS, Pair, Pairs, Side, Threshold, Verdict},
    figure, refuse_misspelt,
};
use crate::error::{Error, Result};
use crate::measure;
use crate::report::differences::{self, Compared};
use crate::results::StoredRun;

/// Unless somebody says otherwise, differences up to this share do not matter.
const MARGIN: f64 = 0.05;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript compare baseline latest\n  benchscript compare old-1,old-2,old-3 new-1,new-2,new-3   runs as repetitions\n  benchscript compare baseline latest --threshold p99_ms=+10% --threshold throughput=-5%\n\nA threshold that is crossed ends it with exit code 3."
)]
pub struct Compare {
    /// What it is compared with: a run (id, unique prefix, tag or `latest`), or several joined by commas
    base: String,

    /// What is judged: a run, or several joined by commas
    new: String,

    /// Compare these figures instead: throughput, p99_ms, error_rate, or any of the extras
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,

    /// Differences up to this share do not matter
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    margin: f64,

    /// How far a figure may move: p99_ms=+10% may rise by 10 %, throughput=-5% may fall by 5 %
    #[arg(long = "threshold", value_name = "METRIC=LIMIT", value_parser = threshold, allow_hyphen_values = true)]
    thresholds: Vec<Threshold>,

    /// End with exit code 3 also if a figure is worse or undecided, or the generator limited a trial
    #[arg(long)]
    strict: bool,

    /// Compare even if the loads are not the same
    #[arg(long)]
    force: bool,

    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    out: Out,
}

/// What was found, as JSON has it.
#[derive(Serialize)]
struct Found<'a> {
    base: Vec<&'a str>,
    new: Vec<&'a str>,
    margin: f64,
    level: f64,
    loads: Vec<Load>,
    /// Crossed ones only.
    thresholds: Vec<Crossed>,
    /// What differs besides what is compared.
    differs: Vec<String>,
    left_out: Vec<String>,
    generator_limited: Vec<String>,
}

#[derive(Serialize)]
struct Load {
    load: String,
    parameters: serde_json::Map<String, serde_json::Value>,
    repetitions: [usize; 2],
    figures: Vec<Difference>,
}

#[derive(Serialize)]
struct Crossed {
    load: String,
    #[serde(flatten)]
    crossing: Crossing,
}

impl Compare {
    /// Of runs that were meant to differ, in folder `out`.
    pub fn of(base: String, new: String, out: &std::path::Path, strict: bool) -> Self {
        Self {
            base,
            new,
            metrics: Vec::new(),
            margin: MARGIN,
            thresholds: Vec::new(),
            strict,
            force: true,
            json: false,
            out: Out { out: out.to_owned() },
        }
    }

    pub fn execute(self) -> Outcome {
        let (base, new) = (self.runs(&self.base)?, self.runs(&self.new)?);
        for run in &base {
            if new.iter().any(|other| other.path == run.path) {
                let error = Error::usage(format!("{} is on both sides", run.run.run_id));
                return Err(error.hint("a run cannot be compared with itself").into());
            }
        }
        let sides = [Side { name: &self.base, runs: &base }, Side { name: &self.new, runs: &new }];
        let pairs = Pairs::of(sides[0], sides[1], self.force)?;
        let metrics = self.metrics(&pairs)?;
        let mut loads: Vec<Load> = pairs.all.iter().map(|pair| load(pair, &metrics)).collect();
        let mut all: Vec<&mut Difference> = loads.iter_mut().flat_map(|load| &mut load.figures).collect();
        compare::decide(&mut all, self.margin);
        let names = |runs: &'_ [StoredRun]| runs.iter().map(|run| run.run.run_id.clone()).collect::<Vec<_>>();
        let (of_base, of_new) = (names(&base), names(&new));
        let found = Found {
            base: of_base.iter().map(String::as_str).collect(),
            new: of_new.iter().map(String::as_str).collect(),
            margin: self.margin,
            level: compare::LEVEL,
            thresholds: self.crossed(&pairs, &loads),
            loads,
            differs: pairs.differs,
            left_out: pairs.left_out,
            generator_limited: pairs.all.iter().flat_map(limited).collect(),
        };
        if self.json {
            let text = serde_json::to_string_pretty(&found);
            output::line(
                &text.map_err(|error| Error::io("cannot write the comparison as JSON").because(&error))?,
            );
        } else {
            self.print(&found);
        }
        let open = |one: &Difference| matches!(one.verdict, Verdict::Worse | Verdict::Undecided);
        let in_doubt = found.loads.iter().flat_map(|load| &load.figures).any(open);
        let missed = !found.thresholds.is_empty()
            || (self.strict && (in_doubt || !found.generator_limited.is_empty()));
        Ok(if missed { Ending::Missed } else { Ending::Done })
    }

    fn runs(&self, names: &str) -> Result<Vec<StoredRun>> {
        let mut runs: Vec<StoredRun> = Vec::new();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let run = stored(&self.out, name)?;
            if runs.iter().any(|known| known.path == run.path) {
                return Err(Error::usage(format!("`{names}` names {} twice", run.run.run_id)));
            }
            runs.push(run);
        }
        if runs.is_empty() {
            return Err(Error::usage(format!("`{names}` names no run")));
        }
        Ok(runs)
    }

    /// What is compared: the figures asked for, and those of the thresholds.
    fn metrics(&self, pairs: &Pairs<'_>) -> Result<Vec<String>> {
        let mut metrics = self.metrics.clone();
        if metrics.is_empty() {
            metrics.extend(METRICS.map(str::to_owned));
        }
        for threshold in &self.thresholds {
            if !metrics.contains(&threshold.metric) {
                metrics.push(threshold.metric.clone());
            }
        }
        for metric in &metrics {
            refuse_misspelt("metric", metric)?;
            let trials = pairs
                .all
                .iter()
                .flat_map(|pair| pair.repetitions().into_iter().flatten().map(|one| one.metrics));
            let measured: Vec<&_> = trials.collect();
            if measured.iter().all(|metrics| figure(metrics, metric).is_none()) {
                let mut extras: Vec<&String> =
                    measured.iter().flat_map(|metrics| metrics.extras.keys()).collect();
                extras.sort();
                extras.dedup();
                let known: Vec<&str> =
                    METRICS.into_iter().chain(extras.into_iter().map(String::as_str)).collect();
                return Err(Error::usage(format!("`{metric}` was measured in neither"))
                    .hint(format!("there are: {}", known.join(", "))));
            }
        }
        Ok(metrics)
    }

    fn crossed(&self, pairs: &Pairs<'_>, loads: &[Load]) -> Vec<Crossed> {
        let mut crossed = Vec::new();
        for (pair, load) in pairs.all.iter().zip(loads) {
            for threshold in &self.thresholds {
                let of_metric = load.figures.iter().find(|difference| difference.metric == threshold.metric);
                let crossing = of_metric.and_then(|difference| threshold.crossed(difference));
                crossed.extend(crossing.map(|crossing| Crossed { load: pair.label(), crossing }));
            }
        }
        crossed
    }

    fn print(&self, found: &Found<'_>) {
        let color = output::colored(&io::stdout());
        let several = found.loads.len() > 1;
        let shown: Vec<Compared<'_>> = found
            .loads
            .iter()
            .map(|load| Compared {
                label: if several { load.load.clone() } else { String::new() },
                repetitions: load.repetitions,
                differences: &load.figures,
            })
            .collect();
        for Crossed { load, crossing } in &found.thresholds {
            let Threshold { metric, limit, .. } = &crossing.threshold;
            let moved = match crossing.effect {
                None => "was not measured".to_owned(),
                Some(effect) if limit.ends_with('%') => format!("moved by {:+.1} %", effect * 100.0),
                Some(effect) => format!("moved by {effect:+.4}"),
            };
            let sure = if crossing.sure { "" } else { ", which noise may explain" };
            output::line(&format!(
                "threshold crossed: {metric} of {load} may move by {limit}, it {moved}{sure}"
            ));
        }
        output::print(&differences::answer(&shown, self.margin, color));
        output::print(&format!("\n{}", differences::table(&shown, color)));
        let sizes: Vec<String> = found
            .loads
            .iter()
            .map(|load| {
                let of = if several { format!(" of {}", load.load) } else { String::new() };
                format!("repetitions{of}: {} and {}", load.repetitions[0], load.repetitions[1])
            })
            .collect();
        let differs = found.differs.iter().map(|line| format!("differs: {line}"));
        let left_out = found.left_out.iter().map(|line| format!("left out: {line}"));
        let limited = found.generator_limited.iter().map(|line| format!("generator-limited: {line}"));
        let remarks = differences::remarks(&shown);
        let lines: Vec<String> =
            sizes.into_iter().chain(limited).chain(remarks).chain(differs).chain(left_out).collect();
        output::line(&format!("\n{}", lines.join("\n")));
    }
}

fn load(pair: &Pair<'_>, metrics: &[String]) -> Load {
    let [base, new] = pair.repetitions();
    Load {
        load: pair.label(),
        parameters: pair.parameters.clone(),
        repetitions: [&base, &new].map(Vec::len),
        figures: compare::differences(&base, &new, metrics),
    }
}

/// The trials of a pair whose throughput is the generator's.
fn limited(pair: &Pair<'_>) -> Vec<String> {
    let sides = [("base", &pair.base), ("new", &pair.new)];
    let of_side = |(side, trials): (&str, &Vec<&crate::results::StoredTrial>)| -> Vec<String> {
        let is_limited = |metrics: &crate::results::schema::Metrics| {
            metrics.validity.verdict == measure::Verdict::GeneratorLimited
        };
        let limited = trials.iter().filter(|trial| trial.metrics.as_ref().is_some_and(is_limited));
        limited.map(|trial| format!("{} of {side} ({})", trial.meta.trial, pair.label())).collect()
    };
    sides.into_iter().flat_map(of_side).collect()
}

/// `5%` or `0.05`.
fn share(text: &str) -> std::result::Result<f64, String> {
    let (digits, divisor) = text.strip_suffix('%').map_or((text, 1.0), |digits| (digits, 100.0));
    let number = digits.trim().parse::<f64>().ok().map(|number| number / divisor);
    number.filter(|share| (0.0..1.0).contains(share)).ok_or_else(|| "write it as `5%` or `0.05`".to_owned())
}

fn threshold(text: &str) -> std::result::Result<Threshold, String> {
    text.parse().map_err(|error: Error| match error.hints.first() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}
