//! `benchscript service`: services started by hand, which outlive their command.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Ending, Level, Out, Outcome, Scripting, output, progress::Console};
use crate::cluster::{LocalProcesses, programs};
use crate::error::Error;
use crate::host::{Host, Mode, Progress, Stage};
use crate::measure::secrets::mask_urls;
use crate::report::Table;
use crate::script::definitions;
use crate::services::lifecycle::{
    Definition, Phase,
    by_hand::{self, Kept},
};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript service list\n  benchscript service start redis -p maxmemory=64mb\n  benchscript service stop redis\n\nScripts start services of their own: `redis::start(#{})`."
)]
pub struct Service {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// The services that can be started, and whether they are installed
    #[command(after_help = "Examples:\n  benchscript service list\n  benchscript service list --json")]
    List(AsJson),
    /// Start a service and wait until it is ready; it goes on until it is stopped
    #[command(
        after_help = "Examples:\n  benchscript service start redis\n  benchscript service start postgres -p port=5433 -p shared_buffers=1GB --name big\n  benchscript service start mine.json --json\n\n`benchscript doc redis::start` lists the settings of one."
    )]
    Start(Start),
    /// The services that were started by hand and run
    #[command(after_help = "Examples:\n  benchscript service ps\n  benchscript service ps --json")]
    Ps(AsJson),
    /// Whether services are ready; the exit code is 3 if one is not
    #[command(
        after_help = "Examples:\n  benchscript service check\n  benchscript service check redis --json"
    )]
    Check(Check),
    /// What a service says, or said the last time it ran
    #[command(
        after_help = "Examples:\n  benchscript service logs redis\n  benchscript service logs redis --lines 20"
    )]
    Logs(Logs),
    /// End a service, with its processes and its data
    #[command(after_help = "Examples:\n  benchscript service stop redis\n  benchscript service stop --all")]
    Stop(Stop),
}

#[derive(Args)]
struct AsJson {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Start {
    /// One that `list` shows, or a file of JSON with a definition
    #[arg(value_name = "NAME|FILE.json")]
    what: String,

    /// A setting of the service, as its `start` function has them
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = super::assignment)]
    settings: Vec<(String, String)>,

    /// What to call it
    #[arg(long)]
    name: Option<String>,

    #[command(flatten)]
    shown: AsJson,
}

#[derive(Args)]
struct Check {
    /// The service; all that run unless given
    name: Option<String>,

    #[command(flatten)]
    shown: AsJson,
}

#[derive(Args)]
struct Logs {
    name: String,

    /// Show only so many lines, the last ones
    #[arg(long, value_name = "N")]
    lines: Option<usize>,
}

#[derive(Args)]
struct Stop {
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,

    /// End all of them
    #[arg(long)]
    all: bool,
}

impl Service {
    pub fn execute(self) -> Outcome {
        match self.kind {
            Kind::List(shown) => list(&shown),
            Kind::Start(start) => start.execute(),
            Kind::Ps(shown) => ps(&shown),
            Kind::Check(check) => check.execute(),
            Kind::Logs(logs) => logs.execute(),
            Kind::Stop(stop) => stop.execute(),
        }
    }
}

fn list(shown: &AsJson) -> Outcome {
    let mut all = Vec::new();
    let mut table = Table::new("").words("service").words("what").words("program").words("installed");
    for (name, about) in definitions::known() {
        let definition = definition(name, &[])?;
        let program = definition.command.first().cloned().unwrap_or_default();
        let place = programs::find(&program, &definition.search);
        let installed = place.as_ref().map(|place| place.display().to_string());
        all.push(json!({
            "name": name, "about": about, "program": program, "path": installed, "install": definition.install,
        }));
        let missing = || format!("no: {}", definition.install.clone().unwrap_or_default());
        table.row(vec![
            name.to_owned().into(),
            about.to_owned().into(),
            program.into(),
            installed.unwrap_or_else(missing).into(),
        ]);
    }
    if shown.json {
        output::line(&json!({ "schema": 1, "services": all }).to_string())
    } else {
        output::print(&table.text(false))
    }
    Ok(Ending::Done)
}

impl Start {
    fn execute(self) -> Outcome {
        let mut definition = if self.what.ends_with(".json") {
            if !self.settings.is_empty() {
                return Err(Error::usage("a definition in a file has no settings")
                    .hint("write them into the file")
                    .into());
            }
            definitions::in_file(Path::new(&self.what))?
        } else {
            definition(&self.what, &self.settings)?
        };
        if let Some(name) = self.name {
            definition.name = name;
            definition = definition.check()?;
        }
        let console = Console::new(Level::Info, self.shown.json);
        let name = definition.name.clone();
        let mut last = String::new();
        let mut tell = |phase: Phase| match phase {
            Phase::Running(program) => {
                console.stage(&name, &Stage::Preparing { program: program.to_owned() })
            }
            Phase::Awaiting { what, seen } if last != seen => {
                seen.clone_into(&mut last);
                console.stage(&name, &Stage::Awaiting { what: what.to_owned(), seen: seen.to_owned() });
            }
            Phase::Awaiting { .. } => {}
        };
        let kept = by_hand::start(&definition, &launcher(), &mut tell)?;
        if self.shown.json {
            output::line(&serde_json::to_string(&kept).unwrap_or_default());
            return Ok(Ending::Done);
        }
        output::line(&format!("{} is ready at {}", titled(&kept), mask_urls(&kept.url)));
        output::line(&format!("log   {}", kept.log.display()));
        if !kept.credentials.is_empty() {
            let names: Vec<&str> = kept.credentials.keys().map(String::as_str).collect();
            let file = by_hand::file_of(&kept.name)?;
            output::line(&format!("keys  {} ({})", file.display(), names.join(", ")));
        }
        output::line(&format!("stop  benchscript service stop {}", kept.name));
        Ok(Ending::Done)
    }
}

fn ps(shown: &AsJson) -> Outcome {
    let all = by_hand::all()?;
    if shown.json {
        let all: Vec<Value> = all.iter().map(without_secrets).collect();
        output::line(&json!({ "schema": 1, "services": all }).to_string());
        return Ok(Ending::Done);
    }
    if all.is_empty() {
        output::line("no services were started by hand");
        return Ok(Ending::Done);
    }
    let mut table = Table::new("")
        .words("service")
        .words("version")
        .words("url")
        .numbers("process", "")
        .words("since (UTC)");
    for kept in &all {
        table.row(vec![
            kept.name.clone().into(),
            kept.version.clone().unwrap_or("-".to_owned()).into(),
            mask_urls(&kept.url).into(),
            kept.pid.to_string().into(),
            kept.started_at.split('.').next().unwrap_or_default().replace('T', " ").into(),
        ]);
    }
    output::print(&table.text(false));
    Ok(Ending::Done)
}

impl Check {
    fn execute(self) -> Outcome {
        let all = match &self.name {
            Some(name) => vec![by_hand::named(name)?],
            None => by_hand::all()?,
        };
        let mut looks = Vec::new();
        for kept in &all {
            looks.push(kept.look(&launcher())?);
        }
        let rows = all.iter().zip(&looks);
        if self.shown.json {
            let row = |(kept, look): (&Kept, &Option<(String, String)>)| {
                let (awaited, seen) = look.clone().unzip();
                json!({ "name": kept.name, "ready": look.is_none(), "awaited": awaited, "seen": seen })
            };
            output::line(&json!({ "schema": 1, "services": rows.map(row).collect::<Vec<_>>() }).to_string());
        } else {
            for (kept, look) in rows {
                let found = match look {
                    None => "ready".to_owned(),
                    Some((awaited, seen)) => format!("not ready: waited for {awaited}, saw {seen}"),
                };
                output::line(&format!("{}: {found}", kept.name));
            }
            if all.is_empty() {
                output::line("no services were started by hand");
            }
        }
        Ok(if looks.iter().all(Option::is_none) { Ending::Done } else { Ending::Missed })
    }
}

impl Logs {
    fn execute(self) -> Outcome {
        let text = by_hand::said(&self.name)?;
        let lines: Vec<&str> = text.lines().collect();
        let from = self.lines.map_or(0, |count| lines.len().saturating_sub(count));
        lines[from..].iter().for_each(|line| output::line(line));
        Ok(Ending::Done)
    }
}

impl Stop {
    fn execute(self) -> Outcome {
        let all = match &self.name {
            Some(name) => vec![by_hand::named(name)?],
            None => by_hand::all()?,
        };
        for kept in &all {
            kept.stop()?;
            output::line(&format!("{} has ended", titled(kept)));
        }
        Ok(Ending::Done)
    }
}

/// `redis 7.0.15`.
fn titled(kept: &Kept) -> String {
    let version = kept.version.as_ref().map_or(String::new(), |version| format!(" {version}"));
    format!("{}{version}", kept.name)
}

fn without_secrets(kept: &Kept) -> Value {
    let mut kept = kept.clone();
    kept.url = mask_urls(&kept.url);
    kept.credentials.clear();
    json!(kept)
}

fn definition(
    name: &str,
    settings: &[(String, String)],
) -> std::result::Result<Definition, crate::script::Diagnostic> {
    let scripting = Scripting { parameters: Vec::new(), seed: None, libraries: Vec::new() };
    let out = Out { out: PathBuf::from(".") };
    let host = Host::new(scripting.settings(&out), Mode::Plan, Box::new(Console::new(Level::Error, true)));
    definitions::named(&host, name, settings)
}

fn launcher() -> LocalProcesses {
    LocalProcesses { program: std::env::current_exe().unwrap_or_else(|_| "benchscript".into()) }
}
