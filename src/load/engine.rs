//! Runs a load: starts the generator threads together, collects what they record, judges it.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Sink,
    collector::{Collected, Collector},
    finish::{Finish, Finished},
    plan::Plan,
    thread::{self, Group, Opened, Spec},
    troubles::Troubles,
    verdict::{Evidence, judge},
};
use crate::error::{Error, ErrorKind, Result};
use crate::measure::{
    Blocks, Cut, Failure, Metric, Moment, RowName, Rows, Thinning, Totals, Validity, metric::MOST_METRICS,
};

/// Threads wait this long for each other after the start has been set.
const LEAD: Duration = Duration::from_millis(5);
/// Failed calls that `requests.jsonl` keeps, beside the successful ones.
const FAILURE_ROWS: u64 = 10_000;
/// File descriptors that a process needs beside its sessions.
const SPARE_DESCRIPTORS: u64 = 64;

/// Memory mappings that a process needs beside the stacks of its journeys.
const SPARE_MAPPINGS: u64 = 2_000;

/// One load: groups of calls on one clock, each with its plan.
pub struct Load {
    pub groups: Arc<[Group]>,
    pub seed: u64,
}

/// What a load measured.
pub struct Measured {
    pub groups: Vec<MeasuredGroup>,
    pub threads: usize,
    pub validity: Validity,
    pub max_in_flight: u64,
    /// Share of successes and failures that were kept as rows.
    pub rows: Arc<Thinning>,
    /// It was ended early; the window is shorter than planned.
    pub interrupted: bool,
    /// Why it was ended early, if that was its own doing.
    pub broken: Option<Error>,
    pub notes: Vec<String>,
}

pub struct MeasuredGroup {
    /// Every call, or every journey.
    pub totals: Totals,
    /// The group's parts by name: steps of a journey, shares of a mix, stages.
    pub parts: Vec<(String, Totals)>,
    /// The script's own numbers, by name; of the whole window.
    pub metrics: Vec<(String, Metric)>,
    /// What was cut from the start of the window, where the plan wants it steady.
    pub steady: Option<Steady>,
    /// When its users were done, where each has its share of the calls.
    pub finished: Option<Finished>,
    /// Length of the measured window, in seconds; what was cut is not in it.
    pub duration_s: f64,
}

/// Whether a load became steady.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steady {
    /// Seconds of the window that were cut; 0 if it was steady from its beginning, or never.
    pub trimmed_s: f64,
    /// By what was cut; none if no part of the window was found steady.
    pub cut: Option<Cut>,
}

/// Runs the load on threads of its own and returns when they have ended; blocks the calling thread.
///
/// When `cancel` is set the load stops and what was measured is returned, marked interrupted.
pub fn run(load: &Load, sinks: &mut [&mut dyn Sink], cancel: &CancellationToken) -> Result<Measured> {
    let users: u64 = load.groups.iter().map(|group| u64::from(group.plan.concurrency())).sum();
    need_descriptors(users)?;
    need_stacks(load)?;
    let threads = threads(load, users);
    let rows = load.groups.iter().map(|group| group.plan.record.budget()).max().unwrap_or(0);
    let thinning = Arc::new(Thinning::new(load.seed, rows, if rows == 0 { 0 } else { FAILURE_ROWS }));
    let names: Vec<String> = load.groups.iter().map(|group| group.name.clone()).collect();
    let names = Arc::new(Rows::new(names));
    // Ends with the run, and when this load alone has to be given up.
    let given_up = cancel.child_token();
    let troubles = Arc::new(Troubles::new(given_up.clone()));
    let finishes: Arc<[_]> = load
        .groups
        .iter()
        .map(|group| {
            group.plan.requests_each?;
            Some(Arc::new(Finish::new(group.plan.concurrency().into())))
        })
        .collect();
    let (batches, collect) = channel();
    let (opened, openings) = channel();
    let (start, started) = watch::channel(None);
    let handles: Vec<_> = (0..threads)
        .map(|thread| {
            let spec = Spec {
                thread,
                threads,
                groups: load.groups.clone(),
                rows: names.clone(),
                troubles: troubles.clone(),
                finishes: finishes.clone(),
                thinning: thinning.clone(),
                batches: batches.clone(),
                opened: opened.clone(),
                start: started.clone(),
                cancel: given_up.clone(),
            };
            std::thread::Builder::new().name(format!("load-{thread}")).spawn(move || thread::run(spec))
        })
        .collect::<std::io::Result<_>>()
        .map_err(|error| {
            given_up.cancel();
            Error::io(format!("cannot start {threads} generator threads")).because(&error)
        })?;
    // Only the threads hold the sending ends now, so that their end is noticed.
    drop((batches, opened));
    let unopened = match all_opened(load, &openings, threads) {
        Ok(unopened) if !cancel.is_cancelled() => unopened,
        outcome => {
            given_up.cancel();
            join(handles)?;
            return Err(outcome.err().unwrap_or_else(Error::cancelled));
        }
    };
    let begin = Moment::now().plus_duration(LEAD);
    let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + LEAD;
    // Before the sinks hear of it: a slow disk must not make the first calls late.
    start.send_replace(Some(begin));
    let told = sinks.iter_mut().try_for_each(|sink| sink.begin(begin, utc.as_nanos() as u64));
    if let Err(error) = told {
        given_up.cancel();
        join(handles)?;
        return Err(error);
    }
    let blocks =
        load.groups.iter().map(|group| group.plan.steady.then(|| Blocks::new(first_second(&group.plan))));
    let collector = Collector::new(begin, names.clone(), threads, blocks.collect(), thinning.clone(), sinks);
    let collected = collector.run(&collect, || given_up.cancel());
    join(handles)?;
    let broken = troubles.verdict();
    let interrupted = cancel.is_cancelled() || broken.is_some();
    let mut measured = summarise(load, collected?, begin, threads, thinning, unopened, interrupted);
    measured.broken = broken;
    for ((group, measured), finish) in load.groups.iter().zip(&mut measured.groups).zip(finishes.iter()) {
        let from = begin.plus_duration(group.plan.warmup.0);
        measured.finished = finish.as_ref().and_then(|finish| finish.told(from));
    }
    if names.is_full() {
        let note = "there are more steps than rows: those that came last are counted in the row `other`";
        measured.notes.push(note.to_owned());
    }
    Ok(measured)
}

fn summarise(
    load: &Load,
    collected: Collected,
    begin: Moment,
    threads: usize,
    rows: Arc<Thinning>,
    unopened: Vec<Failure>,
    interrupted: bool,
) -> Measured {
    let mut groups = Vec::new();
    let mut rows_of = collected.totals.into_iter().zip(collected.names.iter());
    // The rows of the groups come first.
    let wholes: Vec<Totals> = rows_of.by_ref().take(load.groups.len()).map(|(totals, _)| totals).collect();
    let mut parts: Vec<Vec<(String, Totals)>> = load.groups.iter().map(|_| Vec::new()).collect();
    rows_of.for_each(|(totals, row)| parts[row.group].push((row.name.clone(), totals)));
    let mut metrics: Vec<Vec<(String, Metric)>> = load.groups.iter().map(|_| Vec::new()).collect();
    collected.metrics.into_iter().for_each(|((group, name), metric)| metrics[group].push((name, metric)));
    let parts = parts.into_iter().zip(metrics);
    for ((group, totals), (parts, metrics)) in load.groups.iter().zip(wholes).zip(parts) {
        let from = begin.plus_duration(group.plan.warmup.0);
        let made = totals.counts.calls();
        // Where the number of calls ended the load, its window ends with the last of them.
        let last = group.plan.calls().filter(|calls| made >= *calls).map(|_| totals.counts.last_ended);
        let planned = group.plan.duration().map(|duration| from.plus_duration(duration));
        let ends = [planned, last, interrupted.then_some(collected.end)];
        let duration_s = seconds(ends.into_iter().flatten().min().unwrap_or(collected.end), from);
        let mut measured = MeasuredGroup { totals, parts, metrics, steady: None, finished: None, duration_s };
        if let Some(blocks) = &collected.blocks[groups.len()] {
            trim(&mut measured, groups.len(), blocks, &collected.names, group.plan.warmup.0.as_secs_f64());
        }
        groups.push(measured);
    }
    // Seconds that touch the measured window of any group; with windows under a second, all of them.
    let warmup = load.groups.iter().map(|group| group.plan.warmup.0.as_secs()).min().unwrap_or(0);
    let end = load
        .groups
        .iter()
        .zip(&groups)
        .map(|(group, measured)| (group.plan.warmup.0.as_secs_f64() + measured.duration_s).ceil() as u64);
    let end = end.max().unwrap_or(0).max(warmup + 1);
    let inside: Vec<_> = collected
        .threads
        .iter()
        .filter(|(second, _)| (warmup..end).contains(second))
        .map(|(_, usage)| *usage)
        .collect();
    let validity = judge(&Evidence {
        threads: &inside,
        throughput: groups
            .iter()
            .map(|group| group.totals.counts.successes_in_window as f64 / group.duration_s.max(1e-9))
            .sum(),
        open_loop: load.groups.iter().any(|group| group.plan.is_open()),
        waited: collected.waited,
        concurrency: load.groups.iter().map(|group| u64::from(group.plan.concurrency())).sum(),
        unopened: unopened.len() as u64,
        late_seconds: collected.late_seconds,
    });
    let too_many =
        format!("the script records more than {MOST_METRICS} metrics: those that came last are left out");
    let unopened = unopened.first().map(|first| {
        format!("{} sessions could not be opened before the start: {}", unopened.len(), first.detail)
    });
    let notes = unopened.into_iter().chain(collected.too_many_metrics.then_some(too_many));
    Measured {
        groups,
        threads,
        validity,
        max_in_flight: collected.max_in_flight,
        rows,
        interrupted,
        broken: None,
        notes: notes.collect(),
    }
}

/// The first whole second of the measured window.
fn first_second(plan: &Plan) -> u64 {
    plan.warmup.0.as_secs_f64().ceil() as u64
}

/// Cuts the start of a group's window until the load is steady.
fn trim(measured: &mut MeasuredGroup, group: usize, blocks: &Blocks, names: &[RowName], warmup_s: f64) {
    let end = warmup_s + measured.duration_s;
    let cut = blocks.cut(group, end.floor() as u64);
    let mut trimmed_s = 0.0;
    if let Some(cut) = cut.filter(|cut| cut.blocks > 0) {
        trimmed_s = cut.until as f64 - warmup_s;
        measured.duration_s -= trimmed_s;
        measured.totals = blocks.totals(group, cut.blocks);
        let rows = names.iter().enumerate().filter(|(_, row)| row.is_part && row.group == group);
        for ((_, totals), (row, _)) in measured.parts.iter_mut().zip(rows) {
            *totals = blocks.totals(row, cut.blocks);
        }
    }
    measured.steady = Some(Steady { trimmed_s, cut });
}

fn seconds(later: Moment, earlier: Moment) -> f64 {
    later.since(earlier) as f64 / 1e9
}

fn threads(load: &Load, users: u64) -> usize {
    let fixed = load.groups.iter().filter_map(|group| group.plan.threads).max();
    let by_users = || {
        // An open loop may use many sessions but starts with few; the rate decides what it needs.
        let busy: u64 = load.groups.iter().map(|group| u64::from(group.plan.sessions_at_start())).sum();
        Plan::threads(busy.min(users) as u32, cores_allowed())
    };
    fixed.map_or_else(by_users, |threads| threads as usize)
}

/// Cores that this process may run on.
pub fn cores_allowed() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the soft limit of file descriptors as far as needed and allowed.
fn need_descriptors(users: u64) -> Result<()> {
    let needed = users + SPARE_DESCRIPTORS;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` outlives both calls.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    if read != 0 || limit.rlim_cur >= needed {
        return Ok(());
    }
    if limit.rlim_max < needed {
        return Err(Error::usage(format!(
            "{users} sessions need {needed} file descriptors, but this process may open only {}",
            limit.rlim_max
        ))
        .hint("lower `concurrency`, or ask for a higher hard limit (`ulimit -Hn`)"));
    }
    limit.rlim_cur = needed;
    // SAFETY: as above.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    Ok(())
}

/// Refuses more journeys at once than the kernel gives stacks: each is two mappings of memory.
fn need_stacks(load: &Load) -> Result<()> {
    let scripted = load.groups.iter().filter(|group| group.task.has_journeys());
    let users: u64 = scripted.map(|group| u64::from(group.plan.concurrency())).sum();
    let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let Some(most) = most.and_then(|text| text.trim().parse::<u64>().ok()) else { return Ok(()) };
    let needed = 2 * users + SPARE_MAPPINGS;
    if users == 0 || needed <= most {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{users} virtual users of journeys need {needed} memory mappings, but a process may have {most} (`vm.max_map_count`)"
    ))
    .hint(format!("lower `concurrency` to {}, or ask the administrator for more", (most - SPARE_MAPPINGS.min(most)) / 2)))
}

/// Waits until every thread has opened its sessions. An error if a group has none at all; else what failed.
fn all_opened(load: &Load, openings: &Receiver<Opened>, threads: usize) -> Result<Vec<Failure>> {
    let mut sessions = vec![None; load.groups.len()];
    let mut failures = vec![Vec::new(); load.groups.len()];
    for _ in 0..threads {
        // A thread that ends without a word failed to start; joining it tells why.
        let Ok(opened) = openings.recv() else { break };
        for (group, (count, failed)) in opened.sessions.iter().zip(opened.failures).enumerate() {
            if let Some(count) = count {
                *sessions[group].get_or_insert(0u32) += count;
            }
            failures[group].extend(failed);
        }
    }
    for (group, (sessions, failures)) in load.groups.iter().zip(sessions.iter().zip(&failures)) {
        if let (Some(0), Some(first)) = (sessions, failures.first()) {
            let endpoint = group.task.endpoint().unwrap_or_else(|| group.name.clone());
            return Err(cannot_open(&endpoint, first));
        }
    }
    Ok(failures.into_iter().flatten().collect())
}

/// The error for an endpoint to which no session at all could be opened.
pub fn cannot_open(endpoint: &str, first: &Failure) -> Error {
    let mut error = Error::unavailable(format!("cannot reach `{endpoint}`")).class(first.class);
    error.causes.push(first.detail.clone());
    match first.advice() {
        Some(advice) => error.hint(advice),
        None => error,
    }
}

fn join(handles: Vec<JoinHandle<Result<()>>>) -> Result<()> {
    for handle in handles {
        match handle.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(panic) => {
                let what = panic.downcast_ref::<String>().cloned();
                let what = what.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let what = what.unwrap_or_else(|| "for an unknown reason".to_owned());
                return Err(Error::new(ErrorKind::Io, format!("a generator thread broke down: {what}"))
                    .hint("this is a mistake in benchscript; please report it with the scenario"));
            }
        }
    }
    Ok(())
}
