//! The command line: one file a subcommand.

mod bench;
mod check;
mod clean;
mod compare;
mod completions;
mod doc;
mod doctor;
mod export;
mod guard;
mod list;
mod new;
mod output;
mod plan;
mod progress;
mod repl;
mod report;
mod rerun;
mod run;
mod service;
mod show;
mod signals;
mod source;
mod stored;
mod tag;
mod target;
#[cfg(test)]
mod tests;
mod trial;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::{Error, ErrorKind, Result};
use crate::host::Settings;
use crate::results::facts;
use crate::script::Diagnostic;

/// Scriptable, honest benchmarks of the services that AI runs on.
#[derive(Parser)]
#[command(
    name = "benchscript",
    version,
    after_help = "Examples:\n  benchscript run examples/quickstart.rhai\n  benchscript new my_service && benchscript run my_service.rhai\n  benchscript show latest"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario: measure, write results and a report
    Run(run::Run),
    /// Measure a service without a scenario: a first answer
    Bench(bench::Bench),
    /// Run the stored scenario of a run again, and say what differs now
    Rerun(rerun::Rerun),
    /// Run one trial of a run alone, from what is stored with it
    Trial(trial::Trial),
    /// Find mistakes in a scenario without running its loads
    Check(check::Check),
    /// Show what a scenario would run, and for how long
    Plan(plan::Plan),
    /// Try things out, line by line
    Repl(repl::Repl),
    /// List the runs in a folder
    List(list::List),
    /// Show the results of a run again
    Show(show::Show),
    /// Write the report of a run again
    Report(report::Report),
    /// Write a run in the format of another tool: CSV, OpenMetrics, SQLite, k6, Go benchmarks
    Export(export::Export),
    /// Remove old runs
    Clean(clean::Clean),
    /// Give a run a name
    Tag(tag::Tag),
    /// Say whether a change made a difference
    Compare(compare::Compare),
    /// Explain modules and functions of the script language
    Doc(doc::Doc),
    /// Make a scenario to start from
    New(new::New),
    /// Say what is wrong with this machine for benchmarking
    Doctor(doctor::Doctor),
    /// Start services by hand: list, start, ps, check, logs, stop
    Service(service::Service),
    /// Start the built-in server under test
    Target(target::Target),
    /// End what was started when the pipe on stdin ends; benchscript starts it itself
    #[command(hide = true)]
    Guard(guard::Guard),
    /// Print the completion script of a shell
    Completions(completions::Completions),
}

/// Where results lie.
#[derive(Args)]
struct Out {
    /// Folder that holds results/ and reports/
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// What a script is run or checked with.
#[derive(Args)]
struct Scripting {
    /// Set a parameter of the scenario (param("name", default) in the script)
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<(String, String)>,

    /// Seed of generated values and arrivals; a new one each run unless given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Look for imports in this folder too
    #[arg(long = "lib", value_name = "DIR")]
    libraries: Vec<PathBuf>,
}

/// How much is shown.
#[derive(Args)]
struct Verbosity {
    /// Show only what the script prints, and errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Show more: where files are, what the generator did
    #[arg(short, long)]
    verbose: bool,

    /// What is told on stderr, from here up
    #[arg(long, value_name = "LEVEL", value_enum, conflicts_with_all = ["quiet", "verbose"])]
    log_level: Option<Level>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Verbosity {
    fn level(&self) -> Level {
        match (self.log_level, self.quiet, self.verbose) {
            (Some(level), ..) => level,
            (None, true, _) => Level::Error,
            (None, _, true) => Level::Debug,
            _ => Level::Info,
        }
    }
}

impl Scripting {
    fn settings(&self, out: &Out) -> Settings {
        Settings {
            seed: self.seed.unwrap_or_else(random_seed),
            out: out.out.clone(),
            parameters: self.parameters.clone(),
            libraries: self.libraries.clone(),
            program: std::env::current_exe().unwrap_or_else(|_| "benchscript".into()),
            seed_given: self.seed.is_some(),
            pick: Default::default(),
            bundle: None,
        }
    }
}

/// Short enough to be read aloud and typed again.
fn random_seed() -> u64 {
    u64::from_str_radix(&facts::random_hex(4), 16).unwrap_or(1)
}

fn assignment(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE, e.g. `-p seconds=30`".to_owned()),
    }
}

/// How a command ended.
enum Ending {
    Done,
    /// Done, but a check or another condition failed.
    Missed,
    /// Could not be done; the error has been shown.
    Failed,
    /// By this signal.
    Signal(i32),
}

impl Ending {
    fn code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Missed => 3,
            Self::Signal(signal) => 128 + *signal as u8,
        }
    }
}

/// Runs the program; the exit code is that of docs/guide: 0, 1, 2, 3, 130 or 143.
pub fn main() -> ExitCode {
    // clap shows its own errors and exits with 2, and with 0 after `--help`.
    let cli = Cli::parse();
    let ending = match cli.command {
        Command::Run(command) => command.execute(),
        Command::Bench(command) => command.execute(),
        Command::Rerun(command) => command.execute(),
        Command::Trial(command) => command.execute(),
        Command::Check(command) => command.execute(),
        Command::Plan(command) => command.execute(),
        Command::Repl(command) => command.execute(),
        Command::List(command) => command.execute(),
        Command::Show(command) => command.execute(),
        Command::Report(command) => command.execute(),
        Command::Export(command) => command.execute(),
        Command::Clean(command) => command.execute(),
        Command::Tag(command) => command.execute(),
        Command::Compare(command) => command.execute(),
        Command::Doc(command) => command.execute(),
        Command::New(command) => command.execute(),
        Command::Doctor(command) => command.execute(),
        Command::Service(command) => command.execute(),
        Command::Target(command) => command.execute(),
        Command::Guard(command) => command.execute(),
        Command::Completions(command) => command.execute(),
    };
    match ending {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(diagnostic) => {
            output::error(&diagnostic);
            ExitCode::from(code_of(diagnostic.error.kind))
        }
    }
}

fn code_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage => 2,
        ErrorKind::Cancelled => 130,
        ErrorKind::Unavailable | ErrorKind::Protocol | ErrorKind::Io => 1,
    }
}

/// What a subcommand returns.
type Outcome = std::result::Result<Ending, Diagnostic>;

/// The run that a person named, read back.
fn stored(out: &Out, name: &str) -> Result<crate::results::StoredRun> {
    let path = crate::results::index::find(&out.out, name)?;
    crate::results::StoredRun::open(&path)
}

/// A name of a script as scenarios are called: the file's without its ending.
fn scenario_name(file: &std::path::Path) -> Result<String> {
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Error::usage(format!("`{}` is not a file", file.display())))
}
