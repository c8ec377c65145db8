//! The trials of a declared scenario, one after the other: set up, tried again, left out, taken up again.

use std::{sync::Arc, time::Instant};

use serde_json::Map;

use super::{
    agenda::{Agenda, Planned},
    body::{Answer, Body},
    declaration::Declaration,
    limit::Limit,
    sweep::Point,
};
use crate::analysis::Slo;
use crate::error::{Error, ErrorKind, Result};
use crate::host::{Host, Unit};
use crate::measure::{Span, Summary, Validity, Verdict, secrets};
use crate::results::{
    Outcome, Resources, UnitFolder, facts,
    schema::{Meta, Metrics, SCHEMA, Status, Throughput},
};

/// Why a scenario did not come to its end.
pub enum End<F> {
    /// A step of the script could not be done.
    Fault(F),
    /// What is around it: the run folder, a signal.
    Error(Error),
}

impl<F> From<Error> for End<F> {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Runs the trials of an agenda.
pub struct Campaign<'a, B: Body> {
    pub host: &'a Arc<Host>,
    pub declaration: &'a Declaration,
    pub slo: &'a Slo,
    pub body: &'a mut B,
    /// The group whose service runs.
    group: Option<Point>,
    since: Instant,
    failures: u32,
    /// Of the run: what services draw.
    seed: u64,
    /// A group whose service could not be set up, and why.
    broken: Option<(Point, String)>,
}

type Attempt<F> = std::result::Result<Arc<Outcome>, Miss<F>>;

/// An attempt that came to nothing.
struct Miss<F> {
    why: String,
    /// What kept `setup` from its end, if it was that.
    setup: Option<F>,
}

impl<'a, B: Body> Campaign<'a, B> {
    pub fn new(
        host: &'a Arc<Host>,
        declaration: &'a Declaration,
        slo: &'a Slo,
        seed: u64,
        body: &'a mut B,
    ) -> Self {
        Self {
            host,
            declaration,
            slo,
            body,
            group: None,
            since: Instant::now(),
            failures: 0,
            seed,
            broken: None,
        }
    }

    /// Runs one trial, as often as it takes. What could not be done is noted with the run; only what no other trial would survive
    /// either ends it.
    pub fn run(
        &mut self,
        planned: &Planned,
        total: Option<usize>,
    ) -> std::result::Result<Option<Arc<Outcome>>, End<B::Fault>> {
        if let Some(reason) = self.stopped() {
            self.note_undone(planned, Status::Skipped, &reason);
            return Ok(None);
        }
        let group = planned.group(&self.declaration.group_by);
        if let Some((_, why)) = self.broken.as_ref().filter(|(broken, _)| *broken == group) {
            let reason = format!("its service could not be set up: {why}");
            self.note_undone(planned, Status::Failed, &reason);
            self.failures += 1;
            return Ok(None);
        }
        let retries = self.declaration.retries;
        let mut rest = retries.backoff.0;
        for attempt in 1.. {
            if self.host.is_interrupted() {
                return Err(Error::cancelled().into());
            }
            let Miss { why, setup } = match self.attempt(planned, attempt, total)? {
                Ok(outcome) => return Ok(Some(outcome)),
                Err(miss) => miss,
            };
            let label = shown(planned, total);
            if attempt > retries.count {
                self.failures += 1;
                match setup {
                    // No other trial would fare better.
                    Some(fault) if self.declaration.group_by.is_empty() => return Err(End::Fault(fault)),
                    Some(_) => self.broken = Some((group, why.clone())),
                    None => {}
                }
                self.host.note(&format!("{label} failed: {why}"));
                return Ok(None);
            }
            self.host.note(&format!("{label} failed: {why}; trying again in {}", Span(rest)));
            self.host.sleep(rest)?;
            rest *= 2;
        }
        unreachable!("it ends with its last attempt")
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Rests between two trials.
    pub fn rest(&self) -> Result<()> {
        self.host.sleep(self.declaration.cooldown.0)
    }

    /// Ends the services of the group that runs.
    pub fn end_group(&mut self) -> std::result::Result<(), End<B::Fault>> {
        if self.group.take().is_none() {
            return Ok(());
        }
        let torn = self.body.teardown();
        self.host.end_children();
        torn.map_err(End::Fault)
    }

    /// One attempt: the outcome, or why there is none.
    fn attempt(
        &mut self,
        planned: &Planned,
        attempt: u32,
        total: Option<usize>,
    ) -> std::result::Result<Attempt<B::Fault>, End<B::Fault>> {
        let run = self.host.open_folder()?;
        let meta = self.meta(planned, attempt);
        let mut folder = UnitFolder::create(&run, meta.clone())?;
        self.host.state().undone.retain(|undone| undone.index != planned.index);
        let limit = self.declaration.timeout.map(|timeout| Limit::start(self.host, timeout)).transpose()?;
        let ready = self.prepare_group(planned);
        let is_set_up = ready.is_ok();
        self.host.set_seed(planned.seed);
        let unit = Unit { path: folder.path.clone(), meta, label: shown(planned, total), loads: Vec::new() };
        self.host.state().unit = Some(unit);
        let answer = ready.and_then(|()| {
            self.body.prepare(planned)?;
            self.body.trial(planned)
        });
        drop(limit);
        let expired = self.host.has_expired();
        self.host.renew();
        self.host.set_seed(self.seed);
        let unit = self.host.state().unit.take();
        let loads = unit.map(|unit| unit.loads).unwrap_or_default();
        let settled = match answer {
            Ok(answer) => self.settle(&mut folder, answer, loads)?.map_err(|why| Miss { why, setup: None }),
            Err(fault) => {
                let error = self.body.error(&fault);
                if expired && !self.host.is_interrupted() {
                    let timeout = self.declaration.timeout.unwrap_or_default();
                    let why = format!("it took longer than the trial's `timeout` of {timeout}");
                    Err(Miss { why, setup: None })
                } else if matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Usage) {
                    let status =
                        if error.kind == ErrorKind::Cancelled { Status::Interrupted } else { Status::Failed };
                    folder.finish(status, Some(error.to_string()), None)?;
                    self.host.state().undone.push(folder.meta.clone());
                    return Err(End::Fault(fault));
                } else {
                    Err(Miss { why: error.to_string(), setup: (!is_set_up).then_some(fault) })
                }
            }
        };
        if let Err(Miss { why, .. }) = &settled {
            if folder.meta.status == Status::Running {
                folder.finish(Status::Failed, Some(why.clone()), None)?;
            }
            self.host.state().undone.push(folder.meta.clone());
        }
        Ok(settled)
    }

    /// Sees to it that the services of the trial's group run.
    fn prepare_group(&mut self, planned: &Planned) -> std::result::Result<(), B::Fault> {
        let group = planned.group(&self.declaration.group_by);
        // One that has ended by itself is started anew; that it did is noted already.
        let died = !std::mem::take(&mut self.host.state().troubles).is_empty();
        if died || self.group.as_ref().is_some_and(|running| *running != group) {
            self.group = None;
            let torn = if died { Ok(()) } else { self.body.teardown() };
            self.host.end_children();
            torn?;
        }
        if self.group.is_none() {
            if let Err(fault) = self.body.setup(&group) {
                self.host.end_children();
                return Err(fault);
            }
            self.group = Some(group);
        }
        Ok(())
    }

    /// Makes what the trial returned its numbers, and marks it done or failed.
    fn settle(
        &mut self,
        folder: &mut UnitFolder,
        answer: Answer,
        loads: Vec<(std::path::PathBuf, Arc<Outcome>)>,
    ) -> Result<std::result::Result<Arc<Outcome>, String>> {
        let Answer { main, mut numbers } = answer;
        numbers.extend(std::mem::take(&mut self.host.state().metrics));
        let main = main.or_else(|| loads.last().map(|(_, outcome)| outcome.clone()));
        let mut outcome = match main {
            Some(main) => {
                if let Some((load, _)) = loads.iter().find(|(_, outcome)| Arc::ptr_eq(outcome, &main)) {
                    folder.adopt(load)?;
                }
                Arc::unwrap_or_clone(main)
            }
            None if numbers.is_empty() => {
                return Err(Error::usage("`trial` made no load and returned no numbers")
                    .hint("return the result of `load::run(...)`, or a map of numbers"));
            }
            None => own_numbers(&folder.meta),
        };
        outcome.metrics.trial_id = folder.meta.trial.clone();
        outcome.metrics.extras.extend(numbers);
        outcome.metrics.slo = self.slo.judge(&outcome.metrics);
        let failed = outcome.metrics.total.requests > 0 && outcome.metrics.total.successes == 0;
        let reason = failed.then(|| {
            let classes = outcome.metrics.errors.by_class.iter();
            let classes: Vec<String> = classes
                .map(|(class, failures)| format!("{} × {class}: {}", failures.count, failures.first))
                .collect();
            format!("every call failed: {}", classes.join("; "))
        });
        let status = if failed { Status::Failed } else { Status::Done };
        folder.finish(status, reason.clone(), Some(&outcome.metrics))?;
        outcome.meta = folder.meta.clone();
        Ok(match reason {
            Some(reason) => Err(reason),
            None => {
                let outcome = Arc::new(outcome.kept());
                self.host.state().outcomes.push(outcome.clone());
                Ok(outcome)
            }
        })
    }

    /// Whether the scenario says that no further trial runs.
    fn stopped(&self) -> Option<String> {
        let stop = &self.declaration.stop;
        if let Some(most) = stop.failures.filter(|most| self.failures >= *most) {
            return Some(format!("`stop.failures`: {most} trials have failed"));
        }
        if let Some(after) = stop.after.filter(|after| self.since.elapsed() >= after.0) {
            return Some(format!("`stop.after`: the run has taken {after}"));
        }
        let most = stop.error_rate?;
        let state = self.host.state();
        let worst = state.outcomes.iter().map(|outcome| outcome.metrics.errors.rate).fold(0.0, f64::max);
        (worst > most).then(|| format!("`stop.error_rate`: a trial had a share of {worst:.3} failed calls"))
    }

    fn note_undone(&self, planned: &Planned, status: Status, reason: &str) {
        let meta = Meta { status, reason: Some(reason.to_owned()), ..self.meta(planned, 1) };
        let mut state = self.host.state();
        state.undone.retain(|undone| undone.index != planned.index);
        state.undone.push(meta);
    }

    fn meta(&self, planned: &Planned, attempt: u32) -> Meta {
        let state = self.host.state();
        let mut parameters: Map<_, _> =
            state.parameters.iter().map(|known| (known.name.clone(), known.value.clone())).collect();
        parameters.extend(planned.point.clone());
        let run = state.folder.as_ref().map(|folder| &folder.run);
        Meta {
            schema: SCHEMA,
            trial: planned.folder(),
            uuid: facts::uuid(),
            name: planned.label(),
            index: planned.index,
            repetition: planned.repetition,
            attempt,
            parameters: secrets::masked(parameters),
            point: planned.point.clone(),
            seed: planned.seed,
            status: Status::Running,
            reason: None,
            started_at: facts::now(),
            ended_at: None,
            git_commit: run.and_then(|run| run.git.as_ref()).map(|git| git.commit.clone()),
            host: run.map(|run| run.host.name.clone()).unwrap_or_default(),
            service: String::new(),
            endpoint: None,
            script_sha256: run.map(|run| run.script.sha256.clone()).unwrap_or_default(),
            warmup_s: 0.0,
            duration_s: 0.0,
        }
    }
}

/// `[3/12] concurrency=8 r1`.
fn shown(planned: &Planned, total: Option<usize>) -> String {
    let of = total.map_or(String::new(), |total| format!("/{total}"));
    format!("[{}{of}] {} r{}", planned.index, planned.label(), planned.repetition)
}

/// All trials of an agenda that are not done yet.
pub fn run<B: Body>(campaign: &mut Campaign<B>, agenda: &Agenda) -> std::result::Result<(), End<B::Fault>> {
    let done: Vec<u32> = campaign.host.state().outcomes.iter().map(|outcome| outcome.meta.index).collect();
    let total = Some(agenda.trials.len());
    let mut first = true;
    for planned in agenda.trials.iter().filter(|planned| !done.contains(&planned.index)) {
        if !std::mem::take(&mut first) {
            campaign.rest()?;
        }
        campaign.run(planned, total)?;
    }
    Ok(())
}

/// Numbers of the script's own, where `trial` made no load.
fn own_numbers(meta: &Meta) -> Outcome {
    let total = Summary { name: meta.name.clone(), ..Summary::default() };
    let reason = "the numbers are the script's own: no load of benchscript was measured".to_owned();
    Outcome {
        meta: meta.clone(),
        metrics: Metrics {
            schema: SCHEMA,
            trial_id: meta.trial.clone(),
            timestamp: meta.started_at.clone(),
            component: String::new(),
            service: String::new(),
            config: Map::new(),
            throughput: Throughput { value: 0.0, unit: "requests/s".to_owned() },
            latency_ms: total.latency_ms.clone(),
            service_time_ms: total.service_time_ms.clone(),
            start_lag_ms: total.start_lag_ms.clone(),
            errors: total.errors.clone(),
            validity: Validity { verdict: Verdict::Suspect, reasons: vec![reason], ceiling_rate: None },
            operations: [].into(),
            total,
            extras: Map::new(),
            resource: None,
            server: Map::new(),
            steady: None,
            slo: Vec::new(),
            notes: Vec::new(),
        },
        totals: Default::default(),
        operations: [].into(),
        series: Vec::new(),
        resources: Resources::default(),
        schedules: [].into(),
    }
}
