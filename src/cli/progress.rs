//! How a run is shown while it lasts: a line a stage, and a live line while a load runs.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Level, output};
use crate::host::{Live, Progress, Stage};

/// Draws on stderr, so that stdout holds only what the script prints.
pub struct Console {
    level: Level,
    /// The live line; hidden where there is no terminal.
    live: ProgressBar,
    /// Results go to stdout as JSON: what the script prints must not be mixed in.
    prints_to_stderr: bool,
}

impl Console {
    pub fn new(level: Level, prints_to_stderr: bool) -> Self {
        let shown = level >= Level::Info && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let live = ProgressBar::with_draw_target(None, target);
        live.set_style(ProgressStyle::with_template("  {wide_msg}").expect("the template is constant"));
        Self { level, live, prints_to_stderr }
    }

    fn tell(&self, level: Level, text: &str) {
        if self.level >= level {
            self.live.suspend(|| output::tell(text));
        }
    }
}

impl Progress for Console {
    fn stage(&self, trial: &str, stage: &Stage) {
        let text = match stage {
            Stage::Opening { sessions: 1 } => "opening 1 session".to_owned(),
            Stage::Opening { sessions } => format!("opening {sessions} sessions"),
            Stage::Warmup { length } => format!("warm-up for {length}"),
            Stage::Measuring { length: Some(length), requests: None } => format!("measuring for {length}"),
            Stage::Measuring { length: None, requests: Some(requests) } => {
                format!("measuring {requests} calls")
            }
            Stage::Measuring { length: Some(length), requests: Some(requests) } => {
                format!("measuring {requests} calls, at most {length}")
            }
            Stage::Measuring { length: None, requests: None } => "measuring".to_owned(),
            Stage::Writing => "writing".to_owned(),
            Stage::Done => {
                self.live.set_message("");
                return;
            }
        };
        self.live.set_message("");
        self.tell(Level::Info, &format!("{trial}: {text}"));
    }

    fn live(&self, _trial: &str, live: &Live) {
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.2} ms"));
        let mut text = format!(
            "{:>4} s  {:>9}/s  p50 {}  p99 {}  in flight {}",
            live.elapsed_s,
            live.calls,
            ms(live.p50_ms),
            ms(live.p99_ms),
            live.in_flight,
        );
        if live.all_failures > 0 {
            text.push_str(&format!("  failed {} ({} so far)", live.failures, live.all_failures));
        }
        self.live.set_message(text);
        self.live.tick();
    }

    fn note(&self, text: &str) {
        self.tell(Level::Warn, &format!("note: {text}"));
    }

    fn print(&self, text: &str) {
        self.live.suspend(|| if self.prints_to_stderr { output::tell(text) } else { output::line(text) });
    }
}

/// How long a person reads: `1 min 30 s`.
pub fn spoken(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{} min {} s", length.as_secs() / 60, length.as_secs() % 60)
    }
}
