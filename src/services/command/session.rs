//! One virtual user's calls: start the process, feed it, keep what it says, wait for its end.

use std::{any::Any, future::pending, os::unix::process::ExitStatusExt, time::Duration};

use async_trait::async_trait;
use tokio::{io::AsyncWriteExt, net::unix::pipe::Sender};

use super::capture::Capture;
use super::lines::{Heard, Lines};
use super::operation::Exec;
use super::process::{Ended, Process};
use crate::load::{Operation, Session, Told, Turn};
use crate::measure::{Failure, Moment, Outcome, failure};

/// Of each output, this many bytes from its beginning and from its end are handed out: bytes.
const KEPT: usize = 1 << 20;

/// The same where only the message of a failure may need them.
const GLIMPSED: usize = 512;

/// What a command that was run with `keep` did.
#[derive(Debug, Clone, Default)]
pub struct CommandReply {
    /// As a shell tells it: 128 and the signal's number if a signal ended it.
    pub exit_code: i32,
    /// The signal that ended it; 0 if none did.
    pub signal: i32,
    /// Its beginning and end if it was longer than 2 MiB; a line in between says how much is missing.
    pub stdout: String,
    pub stderr: String,
    /// From its start to its end.
    pub duration: Duration,
    /// CPU time of the command and of the children that it waited for.
    pub user: Duration,
    pub system: Duration,
    /// The memory of the largest of its processes.
    pub max_rss_bytes: u64,
}

/// Nothing stays open between two commands.
#[derive(Default)]
pub struct CommandSession {
    reply: CommandReply,
    /// What the last command said, if it was asked for samples.
    lines: Lines,
}

#[async_trait(?Send)]
impl Session for CommandSession {
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        let exec = (operation as &dyn Any)
            .downcast_ref::<Exec>()
            .expect("a session is given only operations of its own client, which makes commands alone");
        self.reply = CommandReply::default();
        self.lines = Lines::default();
        let work = perform(exec, turn, if keep { KEPT } else { GLIMPSED }, &mut self.lines);
        let done = match exec.timeout() {
            Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                Err(Failure::kept(failure::TIMEOUT, format!("still running after {limit:?}; it was killed")))
            }),
            None => work.await,
        };
        let (reply, bytes) = done?;
        if !exec.accepts(reply.exit_code) {
            return Err(unexpected(exec, &reply));
        }
        let Heard { good, other, first_other, .. } = &self.lines.heard;
        if *good == 0
            && let Some(first) = first_other
        {
            let detail = format!("no line of {other} is a sample or a number in JSON; the first: `{first}`");
            return Err(Failure::kept(failure::PROTOCOL, detail));
        }
        if keep {
            self.reply = reply;
        }
        Ok(Outcome { bytes, items: 1, ..Outcome::default() })
    }

    fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.lines.heard.told)
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        Box::new(std::mem::take(&mut self.reply))
    }
}

/// Runs the command to its end; what it did, and how many bytes its standard output had.
async fn perform(
    exec: &Exec,
    turn: Turn,
    limit: usize,
    lines: &mut Lines,
) -> Result<(CommandReply, u64), Failure> {
    let (mut command, input) = exec.command(turn);
    let started = Moment::now();
    let mut process = Process::start(&mut command, input.is_some()).map_err(|error| {
        let program = command.get_program().to_string_lossy();
        Failure::kept(failure::IO, format!("cannot start `{program}`: {error}"))
    })?;
    let listening = exec.tells().then_some(&mut *lines);
    let (mut stdout, mut stderr) = (Capture::new(limit, listening), Capture::new(limit, None));
    let stdin = process.stdin.take();
    let (from_stdout, from_stderr, ended) = process.parts();
    let streams = async {
        tokio::join!(feed(stdin, input), stdout.fill(from_stdout), stderr.fill(from_stderr));
        // A command may close its outputs long before it ends.
        pending::<()>().await;
    };
    let ended = tokio::select! {
        ended = ended => ended,
        () = streams => unreachable!("it waits for ever"),
    };
    let duration = Duration::from_nanos(Moment::now().since(started));
    let Ended { status, user, system, max_rss_bytes } =
        ended.map_err(|error| Failure::kept(failure::IO, format!("waiting for the command: {error}")))?;
    // What it wrote last is in the pipes. Something that left its group may hold them open, so no wait for their end.
    stdout.take(&process.stdout);
    stderr.take(&process.stderr);
    let signal = status.signal().unwrap_or(0);
    let exit_code = status.code().unwrap_or(128 + signal);
    let bytes = stdout.total();
    let (stdout, stderr) = (stdout.into_text(), stderr.into_text());
    // The last line may have no end.
    lines.end(Moment::now());
    note_strange(exec, &lines.heard);
    let reply = CommandReply { exit_code, signal, stdout, stderr, duration, user, system, max_rss_bytes };
    Ok((reply, bytes))
}

fn note_strange(exec: &Exec, heard: &Heard) {
    if let (Some(mut strange), Some(first)) = (exec.strange(), &heard.first_other) {
        if strange.lines == 0 {
            strange.first.clone_from(first);
        }
        strange.lines += heard.other;
    }
    if let (Some(mut strange), 1..) = (exec.strange(), heard.left_out) {
        strange.left_out += heard.left_out;
    }
}

/// Writes the command's input; one that does not read all of it is no failure.
async fn feed(stdin: Option<Sender>, input: Option<Vec<u8>>) {
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        stdin.write_all(&input).await.ok();
    }
}

fn unexpected(exec: &Exec, reply: &CommandReply) -> Failure {
    let how = match reply.signal {
        0 => format!("exit code {}, expected {}", reply.exit_code, exec.accepted()),
        signal => format!("ended by signal {signal}{}", signal_name(signal)),
    };
    // The end of what it said on stderr, or on stdout, mostly says why.
    let said =
        [&reply.stderr, &reply.stdout].into_iter().map(|text| text.trim()).find(|text| !text.is_empty());
    let said = said.map_or(String::new(), |text| {
        let last = text.chars().rev().take(200).collect::<Vec<_>>();
        let last: String = last.into_iter().rev().collect();
        format!(": `{}`", last.replace('\n', " ⏎ "))
    });
    Failure::kept(failure::EXIT, format!("{how}{said}"))
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGINT => " (SIGINT)",
        libc::SIGKILL => " (SIGKILL: out of memory?)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGTERM => " (SIGTERM)",
        _ => "",
    }
}
