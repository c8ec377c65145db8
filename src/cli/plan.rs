//! `benchscript plan`: what would run, without running it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Ending, Level, Out, Outcome, Scripting, output, progress::Console, progress::spoken,
    run::on_script_thread,
};
use crate::error::Error;
use crate::host::{Host, Mode, PlannedLoad, State};
use crate::load::Record;
use crate::report::{Table, number::count};
use crate::results::facts::free_bytes;
use crate::script::{Diagnostic, Source, question};

/// A planned load shorter than this says little about a service.
const SHORT: f64 = 5.0;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript plan examples/quickstart.rhai\n  benchscript plan scenario.rhai -p seconds=60 --json"
)]
pub struct Plan {
    /// The scenario: a script, or a recipe in YAML
    file: PathBuf,

    #[command(flatten)]
    scripting: Scripting,

    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub fn execute(self) -> Outcome {
        let source = super::source::of(&self.file)?;
        let host = dry_run(&self.scripting, &source)?;
        if self.json {
            output::line(&as_json(&host).to_string())
        } else {
            output::print(&as_text(&host, &source))
        }
        Ok(Ending::Done)
    }
}

/// Runs a script without its effects; what it would do is then known to the host.
pub fn dry_run(scripting: &Scripting, source: &Source) -> Result<Arc<Host>, Diagnostic> {
    let settings = scripting.settings(&Out { out: PathBuf::from(".") });
    let host = Host::new(settings, Mode::Plan, Box::new(Console::new(Level::Warn, true)));
    match on_script_thread(&host, source) {
        Err(diagnostic) if host.state().plan_ends_at.is_none() => Err(diagnostic),
        _ => Ok(host),
    }
}

/// Seconds of all loads; none if one of them ends by its number of requests.
pub fn seconds(planned: &[PlannedLoad]) -> Option<f64> {
    planned.iter().map(|load| load.seconds).sum()
}

fn as_text(host: &Host, source: &Source) -> String {
    let state = host.state();
    let mut text = String::new();
    if let Some(question) = question(&source.text) {
        text += &format!("{question}\n\n");
    }
    for parameter in &state.parameters {
        let from = if parameter.value == parameter.default { "" } else { " (from the command line)" };
        text += &format!("parameter {} = {}{from}\n", parameter.name, parameter.value);
    }
    if !state.parameters.is_empty() {
        text.push('\n');
    }
    if !state.planned_trials.is_empty() {
        text += &declared_trials(&state);
        return text;
    }
    for service in &state.planned_services {
        text += &format!("starts {service}\n");
    }
    if !state.planned_services.is_empty() {
        text.push('\n');
    }
    let mut table = Table::new("").numbers("#", "").words("load").words("how").numbers("time", "");
    for (at, load) in state.planned.iter().enumerate() {
        let time = load.seconds.map_or("?".to_owned(), |seconds| spoken(Duration::from_secs_f64(seconds)));
        table.row(vec![(at + 1).to_string().into(), load.name.clone().into(), how(load).into(), time.into()]);
    }
    text += &table.text(false);
    let count = state.planned.len();
    text += &match seconds(&state.planned) {
        _ if count == 0 => "no loads\n".to_owned(),
        Some(seconds) => format!("\n{count} loads, about {}\n", spoken(Duration::from_secs_f64(seconds))),
        None => {
            format!("\n{count} loads; how long those take that end by `requests` depends on the service\n")
        }
    };
    if let Some(place) = &state.plan_ends_at {
        text += &format!("what follows depends on {place}\n");
    } else if state.read_unmeasured {
        text += "the script reads results: which loads follow may depend on them\n";
    }
    for advice in advice(&state.planned) {
        text += &format!("advice: {advice}\n");
    }
    text
}

/// The trials of a declared scenario.
fn declared_trials(state: &State) -> String {
    let trials = &state.planned_trials;
    let mut text = String::new();
    let (advice, notes): (Vec<&String>, Vec<&String>) =
        state.plan_notes.iter().partition(|note| note.starts_with("advice: "));
    for note in &notes {
        text += &format!("{note}\n");
    }
    if !notes.is_empty() {
        text.push('\n');
    }
    let asks = trials.iter().any(|trial| !trial.resources.is_empty());
    let mut table = Table::new("").numbers("#", "").words("point").numbers("repetition", "").words("load");
    table = table.words("how").numbers("time", "");
    if asks {
        table = table.words("resources");
    }
    for trial in trials {
        let nothing = PlannedLoad { name: "?".to_owned(), config: Default::default(), seconds: None };
        let loads = if trial.loads.is_empty() { std::slice::from_ref(&nothing) } else { &trial.loads[..] };
        for (at, load) in loads.iter().enumerate() {
            let first = |text: String| if at == 0 { text } else { String::new() };
            let time =
                load.seconds.map_or("?".to_owned(), |seconds| spoken(Duration::from_secs_f64(seconds)));
            let how = if load.config.is_empty() { "?".to_owned() } else { how(load) };
            let mut cells = vec![
                first(trial.index.to_string()),
                first(trial.label.clone()),
                first(trial.repetition.to_string()),
                load.name.clone(),
                how,
                time,
            ];
            if asks {
                cells.push(first(trial.resources.clone()));
            }
            table.row(cells.into_iter().map(Into::into).collect());
        }
    }
    text += &table.text(false);
    text += &match expected(state) {
        Some(seconds) => {
            format!("\n{} trials, about {}\n", trials.len(), spoken(Duration::from_secs_f64(seconds)))
        }
        None => format!("\n{} trials; how long they take is not known before they run\n", trials.len()),
    };
    if let Some(place) = trials.iter().find_map(|trial| trial.unknown.as_ref()) {
        text += &format!("what a trial does depends on {place}\n");
    }
    if let Some((needed, free)) = space(state) {
        let short = if needed > free { ": that is too little" } else { "" };
        text += &format!(
            "needs at most {} MB for results; {} MB are free{short}\n",
            count(needed.div_ceil(1_000_000)),
            count(free / 1_000_000)
        );
    }
    for line in advice {
        text += &format!("{line}\n");
    }
    for advice in self::advice(&state.planned) {
        text += &format!("advice: {advice}\n");
    }
    text
}

/// Seconds of all trials, rest included; none if one of them ends by its number of requests.
fn expected(state: &State) -> Option<f64> {
    let trials = &state.planned_trials;
    if trials.iter().any(|trial| trial.loads.is_empty()) {
        return None;
    }
    let loads: Option<f64> = trials.iter().map(|trial| seconds(&trial.loads)).sum();
    Some(loads? + state.cooldown_s * trials.len().saturating_sub(1) as f64)
}

/// Bytes of a row of `requests.jsonl` while it is written: in the spool, and as a line of text.
const ROW_BYTES: u64 = 300;
/// What else a second of a load leaves behind, at most.
const SECOND_BYTES: u64 = 20_000;

/// The bytes that the results take at most, and those that are free where they go.
fn space(state: &State) -> Option<(u64, u64)> {
    let of = |load: &PlannedLoad| {
        let plans = match load.config.get("together").and_then(Value::as_object) {
            Some(groups) => groups.values().map(|group| &group["plan"]).collect(),
            None => load.config.get("plan").into_iter().collect::<Vec<_>>(),
        };
        let budget = |plan: &&Value| {
            serde_json::from_value::<Record>(plan["record"].clone()).unwrap_or_default().budget()
        };
        let rows = plans.iter().map(budget).max().unwrap_or(0);
        let seconds = load.seconds.unwrap_or(60.0).ceil() as u64;
        // All calls of a load that keeps all of them: nobody knows how many that are.
        (rows < u64::MAX).then(|| rows * ROW_BYTES + seconds * SECOND_BYTES)
    };
    let needed = state.planned_trials.iter().flat_map(|trial| &trial.loads).map(of).sum::<Option<u64>>()?;
    let free = free_bytes(std::path::Path::new(".")).ok()?;
    (needed > 0).then_some((needed, free))
}

fn as_json(host: &Host) -> Value {
    let state = host.state();
    json!({
        "schema": 1,
        "parameters": state.parameters.iter().map(|parameter| json!({
            "name": parameter.name, "default": parameter.default, "value": parameter.value,
        })).collect::<Vec<_>>(),
        "services": state.planned_services,
        "trials": state.planned_trials.iter().map(|trial| json!({
            "index": trial.index, "point": trial.label, "repetition": trial.repetition, "seed": trial.seed,
            "resources": trial.resources, "loads": trial.loads.iter().map(|load| &load.name).collect::<Vec<_>>(),
            "seconds": seconds(&trial.loads), "depends_on": trial.unknown,
        })).collect::<Vec<_>>(),
        "notes": state.plan_notes,
        "loads": state.planned.iter().map(|load| json!({
            "name": load.name, "config": load.config, "seconds": load.seconds,
        })).collect::<Vec<_>>(),
        "seconds": seconds(&state.planned),
        "ends_at": state.plan_ends_at,
        "reads_results": state.read_unmeasured,
        "advice": advice(&state.planned),
    })
}

/// `64 in flight`, `2000/s poisson`; both loads' where they run together.
fn how(load: &PlannedLoad) -> String {
    let one = |config: &Value| {
        let plan = &config["plan"];
        let most = &plan["concurrency"];
        let spacing = match (plan["arrival"].as_str(), plan["burstiness"].as_f64()) {
            (Some(word), Some(burstiness)) => format!(" {word} of burstiness {burstiness}"),
            (Some(word), None) => format!(" {word}"),
            _ => String::new(),
        };
        let think = plan["think"].as_str().map_or(String::new(), |think| format!(", thinking {think}"));
        let open = format!("{spacing}, at most {most} in flight");
        if let Some(stages) = plan["stages"].as_array() {
            let steps = stages.iter().map(step).collect::<Vec<_>>().join(", ");
            let is_open = plan["loop"] == "open";
            return if is_open { format!("{steps}{open}") } else { format!("closed, {steps}{think}") };
        }
        if let Some(trace) = plan["trace"].as_object() {
            let file = trace["file"].as_str().unwrap_or_default();
            return format!("{} times of {file}{open}", trace["times"]);
        }
        match plan["rate"].as_f64() {
            Some(rate) => format!("{rate}/s{open}"),
            None => format!("closed, {most} in flight{think}"),
        }
    };
    match load.config.get("together").and_then(Value::as_object) {
        Some(groups) => groups
            .iter()
            .map(|(name, group)| format!("{name}: {}", one(group)))
            .collect::<Vec<_>>()
            .join("; "),
        None => one(&Value::Object(load.config.clone())),
    }
}

/// `500/s for 10s`, `to 2000/s in 30s`, `8 users for 10s`.
fn step(stage: &Value) -> String {
    let level = match stage["rate"].as_f64() {
        Some(rate) => format!("{rate}/s"),
        None => format!("{} users", stage["concurrency"]),
    };
    match (stage["ramp"].as_str(), stage["duration"].as_str()) {
        (Some(ramp), _) => format!("to {level} in {ramp}"),
        (None, length) => format!("{level} for {}", length.unwrap_or_default()),
    }
}

fn advice(planned: &[PlannedLoad]) -> Vec<String> {
    let mut advice = Vec::new();
    let plans = || planned.iter().filter_map(|load| load.config.get("plan"));
    if plans().any(|plan| plan["warmup"].as_str().is_none_or(|warmup| warmup.starts_with('0'))) {
        advice.push(
            "some loads have no `warmup`: the first seconds of cold caches and connections count".to_owned(),
        );
    }
    if planned.iter().any(|load| load.seconds.is_some_and(|seconds| seconds < SHORT)) {
        advice.push(format!("some loads are shorter than {SHORT} s: percentiles of few calls are guesses"));
    }
    advice
}

/// Refuses a scenario that runs nothing.
pub fn must_load(host: &Host) -> Result<(), Error> {
    let state = host.state();
    if state.planned.is_empty() && state.planned_trials.is_empty() && state.plan_ends_at.is_none() {
        return Err(Error::usage("this scenario makes no load")
            .hint("`load::run(operation, #{ duration: \"10s\" })` makes one"));
    }
    Ok(())
}
