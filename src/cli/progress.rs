//! How a run is shown while it lasts: a line a stage, and a live line while a load runs.

use std::{
    io::{self, IsTerminal, Write},
    mem::MaybeUninit,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Level, output};
use crate::host::{Live, Progress, Stage};
use crate::report::number::count;

/// Takes away what stands in the line of the cursor: the live line, and the `^C` that a terminal adds to it.
const CLEAR: &str = "\r\x1b[2K";

/// Assumed where the terminal does not tell.
const WIDTH: usize = 80;

/// Draws on stderr, so that stdout holds only what the script prints.
pub struct Console {
    level: Level,
    /// Whether there is a live line: only on a terminal, whose lines can be taken away again.
    is_live: bool,
    /// Results go to stdout as JSON: what the script prints must not be mixed in.
    prints_to_stderr: bool,
    screen: Mutex<Screen>,
}

/// What is on the screen, and how far the load is.
#[derive(Default)]
struct Screen {
    /// The live line is there and the cursor in it.
    is_drawn: bool,
    /// Seconds of warm-up, once it has begun.
    warmup: f64,
    /// The measured window, once it has begun: its seconds and its calls, where they are known.
    window: Option<(Option<f64>, Option<u64>)>,
    /// Calls in the measured window so far.
    calls: u64,
}

impl Console {
    pub fn new(level: Level, prints_to_stderr: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_live = level >= Level::Info && io::stderr().is_terminal() && !dumb;
        Self { level, is_live, prints_to_stderr, screen: Mutex::default() }
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, level: Level, text: &str) {
        if self.level >= level {
            self.screen().clear();
            output::tell(text);
        }
    }
}

impl Progress for Console {
    fn stage(&self, name: &str, stage: &Stage) {
        self.screen().enter(stage);
        let text = match stage {
            Stage::Opening { sessions: 1 } => "opening 1 session".to_owned(),
            Stage::Opening { sessions } => format!("opening {} sessions", count(*sessions)),
            Stage::Warmup { length } => format!("warm-up for {length}"),
            Stage::Measuring { length: Some(length), requests: None } => format!("measuring for {length}"),
            Stage::Measuring { length: None, requests: Some(requests) } => {
                format!("measuring {} calls", count(*requests))
            }
            Stage::Measuring { length: Some(length), requests: Some(requests) } => {
                format!("measuring {} calls, at most {length}", count(*requests))
            }
            Stage::Measuring { length: None, requests: None } => "measuring".to_owned(),
            Stage::Writing => "writing".to_owned(),
            Stage::Done => return,
            Stage::Preparing { program } => format!("running {program}"),
            Stage::Awaiting { what, seen } => format!("waiting for {what} ({seen})"),
            Stage::Ready { url, after } if after.as_secs() == 0 => {
                format!("ready after {} ms at {url}", after.as_millis())
            }
            Stage::Ready { url, after } => format!("ready after {} at {url}", spoken(*after)),
        };
        self.tell(Level::Info, &format!("{name}: {text}"));
    }

    fn live(&self, _trial: &str, live: &Live) {
        if self.is_live {
            let mut screen = self.screen();
            let line = fitted(&screen.parts(live), terminal_width());
            screen.draw(&line);
        }
    }

    fn note(&self, text: &str) {
        self.tell(Level::Warn, &format!("note: {text}"));
    }

    fn print(&self, text: &str) {
        self.screen().clear();
        if self.prints_to_stderr { output::tell(text) } else { output::line(text) }
    }
}

impl Screen {
    fn enter(&mut self, stage: &Stage) {
        self.clear();
        match stage {
            Stage::Opening { .. } => *self = Self::default(),
            Stage::Warmup { length } => self.warmup = length.seconds(),
            Stage::Measuring { length, requests } => {
                self.window = Some((length.map(|length| length.seconds()), *requests));
            }
            Stage::Writing
            | Stage::Done
            | Stage::Preparing { .. }
            | Stage::Awaiting { .. }
            | Stage::Ready { .. } => {}
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            write!(io::stderr().lock(), "{CLEAR}").ok();
        }
    }

    fn draw(&mut self, line: &str) {
        write!(io::stderr().lock(), "{CLEAR}{line}").ok();
        self.is_drawn = true;
    }

    /// The live line in parts, the most important first.
    fn parts(&mut self, live: &Live) -> Vec<String> {
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.2} ms"));
        if self.window.is_some() {
            self.calls += live.calls;
        }
        let mut parts = vec![
            format!("  {}", self.so_far(live.elapsed_s as f64)),
            format!("{}/s", count(live.calls)),
            format!("p50 {}", ms(live.p50_ms)),
            format!("p99 {}", ms(live.p99_ms)),
        ];
        if live.all_failures > 0 {
            parts.push(format!("failed {} ({} so far)", count(live.failures), count(live.all_failures)));
        }
        parts.push(format!("in flight {}", count(live.in_flight)));
        parts
    }

    /// How far the load is, and of how much.
    fn so_far(&self, elapsed_s: f64) -> String {
        let measured = (elapsed_s - self.warmup).max(0.0);
        match self.window {
            None => format!("warm-up {}/{} s", plain(elapsed_s.min(self.warmup)), plain(self.warmup)),
            Some((_, Some(requests))) => {
                format!(
                    "{}/{} calls, {} s",
                    count(self.calls.min(requests)),
                    count(requests),
                    plain(measured)
                )
            }
            Some((Some(length), None)) if measured > length => "waiting for the last calls".to_owned(),
            Some((Some(length), None)) => format!("{}/{} s", plain(measured), plain(length)),
            Some((None, None)) => format!("{} s", plain(measured)),
        }
    }
}

/// Seconds, with a decimal only where it says something.
fn plain(seconds: f64) -> String {
    let text = format!("{seconds:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// As many parts as the line has room for; a line that wraps could not be taken away.
fn fitted(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.chars().count() + gap.len() + part.chars().count() >= width {
            break;
        }
        line += gap;
        line += part;
    }
    line
}

fn terminal_width() -> usize {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: the call fills the struct, which is valid as zeros if it does not.
    let columns = unsafe {
        libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, size.as_mut_ptr());
        size.assume_init().ws_col
    };
    if columns == 0 { WIDTH } else { usize::from(columns) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Span;

    fn live(elapsed_s: u64) -> Live {
        Live { elapsed_s, calls: 1500, in_flight: 4, p50_ms: Some(2.0), p99_ms: Some(9.5), ..Live::default() }
    }

    fn span(seconds: u64) -> Span {
        Span(Duration::from_secs(seconds))
    }

    #[test]
    fn says_how_far_the_load_is_and_of_how_much() {
        let mut screen = Screen::default();
        screen.enter(&Stage::Opening { sessions: 4 });
        screen.enter(&Stage::Warmup { length: span(2) });
        assert_eq!(screen.parts(&live(1))[0], "  warm-up 1/2 s");
        screen.enter(&Stage::Measuring { length: Some(span(10)), requests: None });
        assert_eq!(screen.parts(&live(5))[0], "  3/10 s");
        assert_eq!(screen.parts(&live(13))[0], "  waiting for the last calls");
        screen.enter(&Stage::Opening { sessions: 4 });
        screen.enter(&Stage::Measuring { length: None, requests: Some(4000) });
        assert_eq!(screen.parts(&live(1))[0], "  1,500/4,000 calls, 1 s");
        assert_eq!(screen.parts(&live(2))[0], "  3,000/4,000 calls, 2 s");
    }

    #[test]
    fn a_narrow_terminal_shows_the_first_parts() {
        let mut screen = Screen::default();
        screen.enter(&Stage::Measuring { length: Some(span(10)), requests: None });
        let parts = screen.parts(&live(3));
        assert_eq!(fitted(&parts, 200), "  3/10 s  1,500/s  p50 2.00 ms  p99 9.50 ms  in flight 4");
        assert_eq!(fitted(&parts, 30), "  3/10 s  1,500/s");
        assert_eq!(fitted(&parts, 5), "");
    }
}
