//! Single calls from a script: virtual user 0, on a thread of its own, with sessions of its own.

use std::{
    any::Any,
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::{
    runtime::{Builder, LocalOptions},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_util::sync::CancellationToken;

use super::{Operation, Turn, sessions::Sessions};
use crate::error::{Error, Result};
use crate::measure::{Failure, Moment, Outcome, failure};

/// The answer to one call.
pub struct Answer {
    pub outcome: Outcome,
    /// Nanoseconds from the start of the call to its end, opening a session included.
    pub elapsed: u64,
    /// The service's own reply type.
    pub reply: Box<dyn Any + Send>,
}

/// What performs `op.run()` outside a load. Dropping it closes the sessions.
pub struct Caller {
    jobs: UnboundedSender<Job>,
}

struct Job {
    operation: Arc<dyn Operation>,
    turn: Turn,
    timeout: Duration,
    cancel: CancellationToken,
    answer: mpsc::Sender<Result<Answer, Failure>>,
}

impl Caller {
    pub fn start() -> Result<Self> {
        let (jobs, queue) = unbounded_channel();
        std::thread::Builder::new()
            .name("caller".to_owned())
            .spawn(move || serve(queue))
            .map_err(|error| Error::io("cannot start the thread that makes single calls").because(&error))?;
        Ok(Self { jobs })
    }

    /// Performs `operation` once and waits for its answer.
    ///
    /// Returns the failure as data; an error only when `cancel` was set.
    pub fn call(
        &self,
        operation: &Arc<dyn Operation>,
        turn: Turn,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Result<Answer, Failure>> {
        let (answer, answered) = mpsc::channel();
        let job = Job { operation: operation.clone(), turn, timeout, cancel: cancel.clone(), answer };
        let sent = self.jobs.send(job).is_ok();
        match answered.recv() {
            Ok(_) if cancel.is_cancelled() => Err(Error::cancelled()),
            Ok(answer) if sent => Ok(answer),
            _ => {
                Err(Error::io(format!("the thread that makes single calls ended in `{}`", operation.name()))
                    .hint("this is a mistake in benchscript; please report it with the scenario"))
            }
        }
    }
}

fn serve(mut queue: UnboundedReceiver<Job>) {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async move {
        let mut sessions = Sessions::default();
        while let Some(job) = queue.recv().await {
            let place = sessions.place(job.operation.client());
            let work = perform(&mut sessions, place, &job);
            let outcome = tokio::select! {
                outcome = tokio::time::timeout(job.timeout, work) => outcome,
                () = job.cancel.cancelled() => Ok(Err(Failure::lost(failure::UNFINISHED, "interrupted"))),
            };
            let limit = job.timeout;
            let outcome = outcome.unwrap_or_else(|_| {
                Err(Failure::lost(failure::TIMEOUT, format!("no answer within {limit:?}")))
            });
            if outcome.as_ref().is_err_and(|failure| failure.session_lost) {
                sessions.lose(place);
            }
            job.answer.send(outcome).ok();
        }
    });
}

async fn perform(sessions: &mut Sessions, place: usize, job: &Job) -> Result<Answer, Failure> {
    let started = Moment::now();
    // Drops one that cannot be used again.
    sessions.usable(place);
    let session = sessions.get(place).await?;
    let outcome = session.call(&*job.operation, job.turn, true).await?;
    let elapsed = Moment::now().since(started);
    Ok(Answer { outcome, elapsed, reply: session.reply() })
}
