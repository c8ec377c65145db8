//! `benchscript repl`: try things out, line by line.

mod command;
mod helper;
mod input;

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, TryLockError},
    time::{Duration, Instant},
};

use clap::Args;

use super::{
    Ending, Out, Outcome, Scripting, Verbosity, doc, output,
    progress::Console,
    run::{deep, finish},
    signals::listen_in_session,
};
use crate::error::Result;
use crate::host::{Host, Mode};
use crate::report::{self, Table};
use crate::results::NewRun;
use crate::script::{Diagnostic, Session, session};
use command::Command;
use input::{Input, Line};

/// How long SIGTERM waits for what runs before it ends the process all the same.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript repl\n  benchscript repl scenario.rhai -p seconds=2 --out /tmp/try\n  echo 'stats::mean([1, 2, 6])' | benchscript repl\n\nTab completes; Ctrl-C stops a load; `:help` shows the commands."
)]
pub struct Repl {
    /// A script to run first; what it defines stays
    file: Option<PathBuf>,

    #[command(flatten)]
    scripting: Scripting,

    #[command(flatten)]
    out: Out,

    #[command(flatten)]
    verbosity: Verbosity,
}

impl Repl {
    pub fn execute(self) -> Outcome {
        let progress = Console::new(self.verbosity.level(), false);
        let host = Host::new(self.scripting.settings(&self.out), Mode::Run, Box::new(progress));
        // Held while an input runs, so that SIGTERM ends the session between inputs.
        let busy = Arc::new(Mutex::new(()));
        end_politely(&host, &busy);
        deep(|| self.converse(&host, &busy))?;
        close(&host, false)?;
        Ok(Ending::Done)
    }

    fn converse(&self, host: &Arc<Host>, busy: &Mutex<()>) {
        let mut session = Session::new(host);
        let mut input = Input::new(session.completion());
        if input.is_terminal() {
            output::line("benchscript: `:help` shows what can be done here, Ctrl-D ends it");
        }
        if let Some(file) = &self.file {
            perform(host, busy, &mut session, |session| session.load(file));
        }
        loop {
            input.refresh(&session);
            let text = match input.next() {
                Line::Text(text) => text,
                Line::Cleared => continue,
                Line::End => return,
            };
            if text.trim().is_empty() {
                continue;
            }
            match Command::parse(&text) {
                None => perform(host, busy, &mut session, |session| session.evaluate(&text)),
                Some(Ok(Command::Load(path))) => {
                    perform(host, busy, &mut session, |session| session.load(&path));
                }
                Some(Ok(Command::Doc(name))) => match self.about(&session, name.as_deref()) {
                    Ok(text) => output::print(&text),
                    Err(error) => output::error(&error.into()),
                },
                Some(Ok(Command::Vars)) => output::print(&variables(&session)),
                Some(Ok(Command::Help)) => output::print(&command::help()),
                Some(Ok(Command::Quit)) => return,
                Some(Err(error)) => output::error(&error.into()),
            }
        }
    }

    fn about(&self, session: &Session, name: Option<&str>) -> Result<String> {
        match name {
            None => Ok(doc::overview()),
            Some(name) => session.about(name).map_or_else(|| doc::about(name, &self.scripting.libraries), Ok),
        }
    }
}

/// Runs an input and shows what became of it.
fn perform(
    host: &Host,
    busy: &Mutex<()>,
    session: &mut Session,
    work: impl FnOnce(&mut Session) -> Result<Option<String>, Diagnostic>,
) {
    let _busy = busy.lock().unwrap_or_else(|broken| broken.into_inner());
    host.rearm();
    if host.state().folder.is_none() {
        describe_run(host, session);
    }
    let measured = host.state().outcomes.len();
    match work(session) {
        Ok(Some(value)) => output::line(&value),
        Ok(None) => {}
        Err(diagnostic) if diagnostic.is_interrupt() => {
            let stopped = host.state().outcomes.split_off(measured);
            for outcome in &stopped {
                output::print(&report::text::load(&outcome.metrics, output::colored(&io::stdout())));
            }
            host.state().outcomes.extend(stopped);
            // A terminal shows `^C` where the cursor is.
            let own_line = if io::stderr().is_terminal() { "\n" } else { "" };
            output::tell(&format!("{own_line}interrupted"));
        }
        Err(diagnostic) => output::error(&diagnostic),
    }
}

/// The first load makes the run folder; it gets what was typed until then.
fn describe_run(host: &Host, session: &Session) {
    host.describe_run(NewRun {
        scenario: "session".to_owned(),
        question: None,
        script: PathBuf::from(session::NAME),
        text: session.text().to_owned(),
        parameters: serde_json::Map::new(),
        seed: host.settings.seed,
        why: None,
        note: None,
        declared: serde_json::Map::new(),
        rerun_of: None,
    });
}

/// Writes the last files of the session, if it made a load, and says where they are.
fn close(host: &Host, interrupted: bool) -> Result<()> {
    let Some(run) = finish(host, None, interrupted)? else { return Ok(()) };
    let page = |folder: &str, file: &str| {
        Path::new(&host.settings.out).join(folder).join(&run.run.run_id).join(file).display().to_string()
    };
    output::line(&format!("results  {}", page("results", "")));
    output::line(&format!("report   {}", page("reports", "index.html")));
    Ok(())
}

/// Lets SIGTERM end the session: what runs is stopped, the run is written, the terminal is as it was.
fn end_politely(host: &Arc<Host>, busy: &Arc<Mutex<()>>) {
    let (ended, busy) = (host.clone(), busy.clone());
    let terminal = input::TerminalMode::now();
    listen_in_session(host, move || {
        let since = Instant::now();
        let idle = loop {
            match busy.try_lock() {
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                // Kept: no further input may start.
                other => break other,
            }
        };
        terminal.restore();
        if let Err(error) = close(&ended, true) {
            output::error(&error.into());
        }
        drop(idle);
    });
}

fn variables(session: &Session) -> String {
    let mut table = Table::new("").words("name").words("type").words("value");
    for variable in session.variables() {
        let constant = if variable.is_constant { " (const)" } else { "" };
        table.row(vec![
            variable.name.into(),
            format!("{}{constant}", variable.kind).into(),
            variable.value.into(),
        ]);
    }
    let mut text = if table.is_empty() { "no variables yet\n".to_owned() } else { table.text(false) };
    let functions = session.functions();
    if !functions.is_empty() {
        text += &format!("\nfunctions: {}\n", functions.join(", "));
    }
    text
}

/// Whether a person sits at both ends.
fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}
