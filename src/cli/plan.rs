//! `benchscript plan`: what would run, without running it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Ending, Level, Out, Outcome, Scripting, output, progress::Console, progress::spoken,
    run::on_script_thread,
};
use crate::error::Error;
use crate::host::{Host, Mode, PlannedLoad};
use crate::report::Table;
use crate::script::{Diagnostic, Source, question, read};

/// A planned load shorter than this says little about a service.
const SHORT: f64 = 5.0;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript plan examples/quickstart.rhai\n  benchscript plan scenario.rhai -p seconds=60 --json"
)]
pub struct Plan {
    /// The scenario
    file: PathBuf,

    #[command(flatten)]
    scripting: Scripting,

    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub fn execute(self) -> Outcome {
        let source = Source { name: self.file.display().to_string(), text: read(&self.file)? };
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

fn as_json(host: &Host) -> Value {
    let state = host.state();
    json!({
        "schema": 1,
        "parameters": state.parameters.iter().map(|parameter| json!({
            "name": parameter.name, "default": parameter.default, "value": parameter.value,
        })).collect::<Vec<_>>(),
        "services": state.planned_services,
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
    if state.planned.is_empty() && state.plan_ends_at.is_none() {
        return Err(Error::usage("this scenario makes no load")
            .hint("`load::run(operation, #{ duration: \"10s\" })` makes one"));
    }
    Ok(())
}
