//! `benchscript run`: the main job.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, CommandFactory};

use super::{
    Ending, Out, Outcome, Scripting, Verbosity, output, progress::Console, signals::Signals, stored,
};
use crate::error::{Error, Result};
use crate::host::{Host, Mode, Pick};
use crate::measure::Verdict;
use crate::report;
use crate::results::{NewRun, StoredRun, atomic, check_writable, index, schema::Status};
use crate::scenario::summary;
use crate::script::{Diagnostic, Program, Source, question};

/// Stack of the thread that scripts run on: deep recursion is an error of the script, not of the process.
const SCRIPT_STACK: usize = 64 << 20;

#[derive(Args)]
#[command(
    disable_help_flag = true,
    after_help = "Examples:\n  benchscript run examples/quickstart.rhai\n  benchscript run scenario.rhai -p seconds=30 --seed 7 --out /scratch/me\n  benchscript run scenario.rhai --only concurrency=8,16 --note new-kernel\n  benchscript run --resume latest               does what is missing or failed\n  benchscript run --interleave old.rhai new.rhai --rounds 5 --quiet   measures both alternately and compares them\n  benchscript run scenario.rhai --help          also shows the scenario's parameters"
)]
pub struct Run {
    /// The scenario: a script, or a recipe in YAML
    #[arg(required_unless_present_any = ["help", "resume", "interleave"])]
    file: Option<PathBuf>,

    /// Go on with a run of a declared scenario: do what is missing or failed, from what is stored with it
    #[arg(long, value_name = "RUN", conflicts_with_all = ["file", "only", "note", "parameters", "seed", "libraries"])]
    resume: Option<String>,

    /// Run two scenarios alternately, then compare them: what drifts with time meets both alike
    #[arg(long, value_names = ["BASE", "NEW"], num_args = 2, conflicts_with_all = ["file", "resume"])]
    interleave: Vec<PathBuf>,

    /// How often each of the two is run
    #[arg(long, value_name = "N", default_value_t = 5, requires = "interleave")]
    rounds: u32,

    /// Run only the points whose parameter has one of these values; may be given several times
    #[arg(long, value_name = "NAME=VALUE,...")]
    only: Vec<String>,

    /// What this run is for: shown in its report and in `list`
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    #[command(flatten)]
    scenario: Scenario,

    /// Print help, with the parameters of FILE if one is given
    #[arg(short, long)]
    help: bool,
}

/// How a scenario is run.
#[derive(Args)]
pub struct Scenario {
    #[command(flatten)]
    scripting: Scripting,

    #[command(flatten)]
    out: Out,

    /// Print the results as JSON; what the script prints goes to stderr
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    verbosity: Verbosity,

    /// Fail, with exit code 3, if the generator limited a result
    #[arg(long)]
    strict: bool,
}

/// What a run begins with, besides its script.
#[derive(Default)]
pub struct Start {
    pub pick: Pick,
    pub note: Option<String>,
    pub rerun_of: Option<String>,
    /// Texts of imports, by their path.
    pub bundle: Option<BTreeMap<String, String>>,
    /// Parameters and seed of a stored run.
    pub chosen: Option<(Vec<(String, String)>, u64)>,
    /// The text of the recipe that became the script.
    pub recipe: Option<String>,
    /// The folder of a run that goes on.
    pub folder: Option<PathBuf>,
}

impl Run {
    pub fn execute(self) -> Outcome {
        if let Some(run) = self.resume.as_ref().filter(|_| !self.help) {
            return stored::resume(&self.scenario, run);
        }
        if let [base, new] = &self.interleave[..]
            && !self.help
        {
            return self.alternately(base, new);
        }
        let Some(file) = &self.file else {
            self.print_help(None);
            return Ok(Ending::Done);
        };
        if self.help {
            self.print_help(Some(&super::source::of(file)?));
            return Ok(Ending::Done);
        }
        self.run(file, None)
    }

    /// Runs the scenario in `file`, with this seed unless the command line has one.
    fn run(&self, file: &Path, seed: Option<u64>) -> Outcome {
        let source = super::source::of(file)?;
        let start = Start {
            pick: Pick { only: self.only.clone(), index: None },
            note: self.note.clone(),
            recipe: super::source::recipe(file)?,
            chosen: seed.map(|seed| (Vec::new(), seed)),
            ..Start::default()
        };
        self.scenario.run_from(file, &source, start)
    }

    /// Runs both `rounds` times, each round beginning with the other one, and compares what came of them.
    fn alternately(&self, base: &Path, new: &Path) -> Outcome {
        let mut runs: [Vec<String>; 2] = Default::default();
        for round in 0..self.rounds as usize {
            // Both meet the same requests in a round.
            let seed = super::random_seed();
            for turn in 0..2 {
                let which = (round + turn) % 2;
                let ending = self.run([base, new][which], Some(seed))?;
                // A check or an SLO that did not hold is no reason not to compare.
                if !matches!(ending, Ending::Done | Ending::Missed) {
                    return Ok(ending);
                }
                let latest = index::list(&self.scenario.out.out).pop();
                runs[which].extend(latest.map(|(_, run)| run.run_id));
            }
        }
        let [base, new] = runs.map(|ids| ids.join(","));
        super::compare::Compare::of(base, new, &self.scenario.out.out, self.scenario.strict).execute()
    }

    fn print_help(&self, source: Option<&Source>) {
        let mut command = super::Cli::command();
        // Builds the subcommands too, so that the usage line names the program.
        command.build();
        let help = command.find_subcommand_mut("run").map(|run| run.render_help().to_string());
        output::print(&help.unwrap_or_default());
        let Some(source) = source else { return };
        let host = Host::new(
            self.scenario.scripting.settings(&self.scenario.out),
            Mode::Plan,
            Box::new(Console::new(super::Level::Error, true)),
        );
        let outcome = on_script_thread(&host, source);
        let parameters = host.state().parameters.clone();
        output::line(&format!("\nParameters of {}:", source.name));
        for parameter in &parameters {
            output::line(&format!("  -p {}={}", parameter.name, parameter.default));
        }
        if parameters.is_empty() {
            output::line("  none");
        }
        if let Err(diagnostic) = outcome {
            output::error(&diagnostic);
        }
    }
}

impl Scenario {
    /// Sets a parameter, unless it is set already.
    pub fn give(&mut self, name: &str, value: String) {
        if self.scripting.parameters.iter().all(|(known, _)| known != name) {
            self.scripting.parameters.push((name.to_owned(), value));
        }
    }

    /// Where the results lie.
    pub fn out(&self) -> &Out {
        &self.out
    }

    /// Runs `source`, which `file` holds.
    pub fn run(&self, file: &Path, source: &Source) -> Outcome {
        self.run_from(file, source, Start::default())
    }

    /// The same from another start than nothing.
    pub fn run_from(&self, file: &Path, source: &Source, start: Start) -> Outcome {
        let progress = Console::new(self.verbosity.level(), self.json);
        let mut settings = self.scripting.settings(&self.out);
        settings.pick = start.pick;
        settings.bundle = start.bundle;
        if let Some((mut parameters, seed)) = start.chosen {
            // The last one counts: what the command line says now.
            parameters.append(&mut settings.parameters);
            settings.parameters = parameters;
            if !settings.seed_given {
                (settings.seed, settings.seed_given) = (seed, true);
            }
        }
        let host = Host::new(settings, Mode::Run, Box::new(progress));
        check_writable(&self.out.out)?;
        host.describe_run(NewRun {
            scenario: super::scenario_name(file)?,
            question: question(&source.text),
            script: file.to_owned(),
            text: source.text.clone(),
            parameters: serde_json::Map::new(),
            seed: host.settings.seed,
            why: None,
            note: start.note,
            declared: serde_json::Map::new(),
            rerun_of: start.rerun_of,
        });
        if let Some(folder) = &start.folder {
            host.reopen_folder(folder)?;
        }
        if let Some(recipe) = &start.recipe {
            host.add_import(&file.display().to_string(), recipe)?;
        }
        let signals = Signals::listen(&host);
        let ran = on_script_thread(&host, source);
        let stored = finish(&host, ran.as_ref().err(), signals.first().is_some())?;
        let ending = self.ending(&host, &signals);
        if let Some(run) = &stored {
            self.show(run)?;
        }
        if ran.is_ok() {
            self.tell_why(&host, &ending);
        }
        let troubles = std::mem::take(&mut host.state().troubles);
        match ran {
            // What went wrong beside the script may be why it failed.
            Err(mut diagnostic) if !diagnostic.is_interrupt() => {
                for trouble in troubles {
                    diagnostic.error.hints.push(trouble.to_string());
                    diagnostic.error.hints.extend(trouble.hints);
                }
                Err(diagnostic)
            }
            Ok(()) if signals.first().is_none() && !troubles.is_empty() => {
                Err(Diagnostic::plain(troubles.into_iter().next().expect("there is one")))
            }
            _ => Ok(ending),
        }
    }

    fn ending(&self, host: &Host, signals: &Signals) -> Ending {
        if let Some(signal) = signals.first() {
            return Ending::Signal(signal);
        }
        if undone(host).is_some() || all_calls_failed(host).is_some() {
            return Ending::Failed;
        }
        let limited = self.strict && any_limited(host);
        let missed =
            host.state().checks.iter().any(|check| !check.passed) || limited || missed_slo(host).is_some();
        if missed { Ending::Missed } else { Ending::Done }
    }

    /// Says on stderr what an exit code other than 0 stands for; what the tables say is not said again.
    fn tell_why(&self, host: &Host, ending: &Ending) {
        let shown = self.verbosity.level() > super::Level::Error && !self.json;
        match ending {
            Ending::Failed => {
                if let Some(error) = undone(host).or_else(|| all_calls_failed(host)) {
                    output::error(&error.into());
                }
            }
            Ending::Missed if !shown => {
                for check in host.state().checks.iter().filter(|check| !check.passed) {
                    let why = check.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
                    output::tell(&format!("failed check: {} ({}){why}", check.name, check.at));
                }
                if let Some(missed) = missed_slo(host) {
                    output::tell(&format!("failed: {missed}"));
                }
                if self.strict && any_limited(host) {
                    output::tell("failed: the generator limited a result, and `--strict` was given");
                }
            }
            _ => {}
        }
    }

    fn show(&self, run: &StoredRun) -> Result<()> {
        if self.json {
            output::line(report::json(run)?.trim_end());
        } else if self.verbosity.level() > super::Level::Error {
            output::line("");
            output::print(&report::text::run(run, output::colored(&io::stdout())));
            let place = |folder: &str, file: &str| {
                self.out.out.join(folder).join(&run.run.run_id).join(file).display().to_string()
            };
            output::line(&format!("\nresults  {}", place("results", "")));
            output::line(&format!("report   {}", place("reports", "index.html")));
        }
        Ok(())
    }
}

/// Ends what was started, writes the last files, and reads the run back for the reports.
pub fn finish(host: &Host, failure: Option<&Diagnostic>, interrupted: bool) -> Result<Option<StoredRun>> {
    host.end_children();
    let (status, reason) = match failure {
        Some(diagnostic) if diagnostic.is_interrupt() || interrupted => {
            (Status::Interrupted, Some("interrupted".to_owned()))
        }
        Some(diagnostic) => (Status::Failed, Some(diagnostic.error.to_string())),
        None if !host.state().troubles.is_empty() => {
            (Status::Failed, host.state().troubles.first().map(ToString::to_string))
        }
        None if undone(host).is_some() => (Status::Failed, undone(host).map(|error| error.message)),
        None if all_calls_failed(host).is_some() => {
            (Status::Failed, all_calls_failed(host).map(|error| error.message))
        }
        None if host.state().checks.iter().any(|check| !check.passed) => (Status::Checks, None),
        None if missed_slo(host).is_some() => (Status::Checks, missed_slo(host)),
        None => (Status::Done, None),
    };
    host.end_run(status, reason)?;
    let state = host.state();
    let Some(folder) = &state.folder else { return Ok(None) };
    let summary = summary::of(&folder.run, &state.outcomes, &state.undone);
    atomic::put_json(&folder.path.join("summary.json"), &summary)?;
    let run = StoredRun::open(&folder.path)?;
    report::write(&run, &folder.reports)?;
    Ok(Some(run))
}

/// The error for the first trial in which nothing succeeded.
fn all_calls_failed(host: &Host) -> Option<Error> {
    let state = host.state();
    let totals = state.outcomes.iter().map(|outcome| &outcome.metrics.total);
    let failed = totals.filter(|total| total.requests > 0 && total.successes == 0).take(1);
    failed.last().map(|total| {
        let mut error = Error::unavailable(format!("every call of `{}` failed", total.name));
        let classes = total
            .errors
            .by_class
            .iter()
            .map(|(class, failures)| format!("{} × {class}: {}", failures.count, failures.first));
        error.causes.extend(classes);
        error.hint("`benchscript show latest` shows what was measured")
    })
}

/// The error for declared trials that failed; those that the scenario left out are none.
fn undone(host: &Host) -> Option<Error> {
    let state = host.state();
    let failed: Vec<_> = state.undone.iter().filter(|meta| meta.status == Status::Failed).collect();
    let first = failed.first()?;
    let all = state.outcomes.len() + state.undone.len();
    let mut error = Error::unavailable(format!("{} of {all} trials failed", failed.len()));
    error.causes.extend(first.reason.as_ref().map(|reason| format!("{}: {reason}", first.name)));
    Some(error.hint("`benchscript run --resume latest` tries them again"))
}

/// The limits that no point of a declared scenario held.
fn missed_slo(host: &Host) -> Option<String> {
    let state = host.state();
    let judged: Vec<_> = state.outcomes.iter().filter(|outcome| !outcome.metrics.slo.is_empty()).collect();
    let holds =
        |outcome: &Arc<crate::results::Outcome>| outcome.metrics.slo.iter().all(|objective| objective.held);
    (!judged.is_empty() && !judged.into_iter().any(holds)).then(|| "no trial held the SLO".to_owned())
}

fn any_limited(host: &Host) -> bool {
    let state = host.state();
    let mut verdicts = state.outcomes.iter().map(|outcome| outcome.metrics.validity.verdict);
    verdicts.any(|verdict| verdict == Verdict::GeneratorLimited)
}

/// Compiles and runs a script on a thread with a deep stack.
pub fn on_script_thread(host: &Arc<Host>, source: &Source) -> std::result::Result<(), Diagnostic> {
    let work = || {
        let program = Program::new(host);
        let ast = program.compile(source)?;
        if !host.is_planning() && !program.declares(&ast) {
            host.open_folder()?;
        }
        program.run(&ast, source)
    };
    deep(work)?
}

/// Does `work` on a thread with a deep stack.
pub fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("script".to_owned()).stack_size(SCRIPT_STACK);
        let thread = thread
            .spawn_scoped(scope, work)
            .map_err(|error| Error::io("cannot start the thread that runs scripts").because(&error))?;
        thread.join().map_err(|_| {
            Error::io("the script's thread broke down")
                .hint("this is a mistake in benchscript; please report it with the scenario")
        })
    })
}
