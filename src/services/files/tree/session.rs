//! One virtual user's calls on trees: a file chosen, worked on by a thread, accounted for.

use std::{
    io,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::super::buffer::Buffer;
use super::super::pool::{Job, Pool, Ticket};
use super::super::session::FileReply;
use super::TreeOperation;
use super::disk::{Disk, Task, Work};
use crate::load::Turn;
use crate::measure::{Failure, failure};

/// How long a call that finds no file waits before it fails, so that a load does not run hot on failures.
const PAUSE: Duration = Duration::from_millis(10);

pub struct TreeSession {
    pool: Arc<Pool>,
    ticket: Arc<Ticket>,
    /// The trees of the operations that were called, by their holders' numbers.
    trees: Vec<(u64, Place)>,
}

struct Place {
    disk: Weak<Disk>,
    buffer: Arc<Mutex<Buffer>>,
}

impl TreeSession {
    pub fn new(pool: Arc<Pool>) -> Self {
        Self { pool, ticket: Arc::default(), trees: Vec::new() }
    }

    pub async fn call(&mut self, operation: &TreeOperation, turn: Turn) -> Result<FileReply, Failure> {
        let (disk, buffer) = self.place(operation, turn.seed)?;
        let disk = &disk;
        let task =
            |number| Task { disk: disk.clone(), work: operation.work, number, turn: turn.number, buffer };
        let (number, done) = match operation.work {
            Work::Create { .. } => {
                let number = disk.live.next();
                let done = self.perform(task(number)).await;
                if done.is_ok() {
                    disk.live.add(number);
                }
                (number, done)
            }
            Work::Delete => {
                let Some(number) = disk.live.take() else { return Err(used_up(operation).await) };
                let done = self.perform(task(number)).await;
                if done.is_err() {
                    disk.live.put_back(number);
                }
                (number, done)
            }
            Work::Read { .. } | Work::Write { .. } | Work::Stat => {
                let Some(used) = operation.choose(disk, turn) else { return Err(used_up(operation).await) };
                (used.number, self.perform(task(used.number)).await)
            }
        };
        let bytes = done.map_err(|error| failed(operation, disk, number, &error))? as u64;
        Ok(FileReply { bytes, offset: 0, file: number as u32 })
    }

    async fn perform(&mut self, task: Task) -> io::Result<usize> {
        self.pool.perform(&mut self.ticket, Job::Tree(task)).await
    }

    /// The tree of an operation, made now if no load has prepared it, and memory that nobody else touches.
    fn place(
        &mut self,
        operation: &TreeOperation,
        seed: u64,
    ) -> Result<(Arc<Disk>, Arc<Mutex<Buffer>>), Failure> {
        let id = operation.holder().id;
        let known = self.trees.iter_mut().find(|(known, _)| *known == id).map(|(_, place)| place);
        if let Some(place) = &known
            && let Some(disk) = place.disk.upgrade()
            && Arc::strong_count(&place.buffer) == 1
        {
            return Ok((disk, place.buffer.clone()));
        }
        let disk = operation
            .holder()
            .hold(seed, &CancellationToken::new())
            .map_err(|error| Failure::kept(failure::IO, error.to_string()))?;
        let buffer = Arc::new(Mutex::new(disk.buffer()));
        let place = Place { disk: Arc::downgrade(&disk), buffer: buffer.clone() };
        match known {
            Some(known) => *known = place,
            None => self.trees.push((id, place)),
        }
        Ok((disk, buffer))
    }
}

async fn used_up(operation: &TreeOperation) -> Failure {
    tokio::time::sleep(PAUSE).await;
    let files = operation.holder().tree().options.files;
    let detail = format!(
        "{} of a file: the tree has none left; it began with {files}: give it more `files`, or end the load by `requests`",
        operation.word()
    );
    Failure::kept(failure::USED_UP, detail)
}

fn failed(operation: &TreeOperation, disk: &Disk, number: u64, error: &io::Error) -> Failure {
    let detail = format!("{} of the file `{}`: {error}", operation.word(), disk.path(number));
    Failure::kept(class(error), detail)
}

fn class(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::InvalidData => failure::CHECK,
        _ => failure::of_disk(error),
    }
}
