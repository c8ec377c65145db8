//! One virtual user's calls: a block read or written, its stamp set or checked, or a file of a tree.

use std::{any::Any, io, sync::Arc};

use async_trait::async_trait;

use super::buffer::Buffer;
use super::cached::Cached;
use super::contents;
use super::engine::{Action, Files, Job, Lane};
use super::operation::{FileOperation, Kind};
use super::pool::Pool;
use super::seats::Seat;
use super::shape::{Sharing, Spot, Syncs};
use super::tree::{TreeOperation, TreeSession};
use crate::error::Result;
use crate::load::{Operation, Session, Turn};
use crate::measure::{Failure, Outcome, Size, failure};

/// The answer of a call that was made with `keep`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileReply {
    /// Bytes read or written.
    pub bytes: u64,
    /// Where in the file, in bytes from its start.
    pub offset: u64,
    /// The number of the file, from 0.
    pub file: u32,
}

pub struct FileSession {
    lane: Lane,
    trees: TreeSession,
    /// One entry an operation that was called.
    places: Vec<Place>,
    reply: FileReply,
}

/// What a user holds of one operation.
struct Place {
    /// The operation's number in its client, which is the session's too.
    operation: u32,
    generation: u64,
    files: Arc<Files>,
    buffer: Arc<Buffer>,
    /// Its number among the users, and how many calls it has made, where each has its own file.
    own: Option<(Seat, u64)>,
}

impl FileSession {
    pub fn new(lane: Lane, pool: Arc<Pool>) -> Self {
        let trees = TreeSession::new(pool);
        Self { lane, trees, places: Vec::new(), reply: FileReply::default() }
    }

    /// The files and memory for `operation`, made on its first call.
    fn place(&mut self, operation: &FileOperation, seed: u64) -> Result<usize, Failure> {
        let known = self.places.iter().position(|place| place.operation == operation.id);
        if let Some(known) = known
            && self.places[known].generation == operation.generation()
        {
            return Ok(known);
        }
        let (generation, files) = operation.open_files(seed).map_err(|error| {
            Failure::kept(failure::IO, format!("cannot prepare `{}`: {error}", operation.name()))
        })?;
        let buffer = new_buffer(operation, seed);
        let own =
            (operation.shape.sharing == Sharing::PerUser).then(|| (operation.seats.take(generation), 0));
        let place = Place { operation: operation.id, generation, files, buffer, own };
        match known {
            Some(known) => self.places[known] = place,
            None => self.places.push(place),
        }
        Ok(known.unwrap_or(self.places.len() - 1))
    }
}

#[async_trait(?Send)]
impl Session for FileSession {
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        let asked = operation as &dyn Any;
        let reply = if let Some(operation) = asked.downcast_ref::<FileOperation>() {
            self.block(operation, turn).await?
        } else if let Some(operation) = asked.downcast_ref::<TreeOperation>() {
            self.trees.call(operation, turn).await?
        } else {
            return Err(Failure::kept(
                failure::SCRIPT,
                format!("`{}` is no file operation", operation.name()),
            ));
        };
        if keep {
            self.reply = reply;
        }
        Ok(Outcome { bytes: reply.bytes, items: 1, ..Outcome::default() })
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        Box::new(self.reply)
    }
}

impl FileSession {
    /// Reads or writes one block.
    async fn block(&mut self, operation: &FileOperation, turn: Turn) -> Result<FileReply, Failure> {
        let place = self.place(operation, turn.seed)?;
        let Self { lane, places, .. } = self;
        let place = &mut places[place];
        let (spot, number) = match &mut place.own {
            None => (operation.shape.spot(operation.stream, turn), turn.number),
            Some((seat, calls)) => {
                *calls += 1;
                let call = *calls - 1;
                (operation.shape.own_spot(operation.stream, turn.seed, seat.number, call), call)
            }
        };
        if Arc::get_mut(&mut place.buffer).is_none() {
            // A call was dropped half-way: its memory is still the kernel's.
            place.buffer = new_buffer(operation, turn.seed);
        }
        let block = Arc::get_mut(&mut place.buffer).expect("replaced above if it was shared");
        block.resize(spot.size as usize);
        let action = match operation.kind {
            Kind::Read { .. } => Action::Read,
            Kind::Write { .. } => {
                contents::stamp(block.bytes(), spot.file, spot.offset, turn.number);
                Action::Write
            }
        };
        let job = Job {
            action,
            files: place.files.clone(),
            file: spot.file,
            offset: spot.offset,
            buffer: place.buffer.clone(),
        };
        let moved = lane.perform(job).await.map_err(|error| failed(operation, action, spot, &error))?;
        if moved as u64 != spot.size {
            return Err(short(operation, spot, moved));
        }
        match operation.kind {
            Kind::Read { cached, verify } => {
                if cached == Cached::Dropped {
                    operation.shape.drop_read(&place.files.files[spot.file as usize], spot);
                }
                if verify {
                    let block = Arc::get_mut(&mut place.buffer).expect("the call is over");
                    contents::check(block.bytes(), spot.file, spot.offset)
                        .map_err(|detail| Failure::kept(failure::CHECK, detail))?;
                }
            }
            Kind::Write { fsync, datasync, .. } => {
                let action = if datasync { Action::DataSync } else { Action::Sync };
                let files = match operation.shape.syncs(fsync, number, spot) {
                    Syncs::Nothing => 0..0,
                    Syncs::ItsFile => spot.file..spot.file + 1,
                    Syncs::AllFiles => 0..operation.shape.files,
                };
                for file in files {
                    let (files, buffer) = (place.files.clone(), place.buffer.clone());
                    let job = Job { action, files, file, offset: 0, buffer };
                    let synced = lane.perform(job).await;
                    synced.map_err(|error| failed(operation, action, Spot { file, ..spot }, &error))?;
                }
            }
        }
        Ok(FileReply { bytes: moved as u64, offset: spot.offset, file: spot.file })
    }
}

/// Memory for one block; what will be written holds noise, over which each call puts its stamps.
fn new_buffer(operation: &FileOperation, seed: u64) -> Arc<Buffer> {
    let mut buffer = Buffer::new(operation.shape.block as usize);
    if matches!(operation.kind, Kind::Write { .. }) {
        contents::fill(buffer.bytes(), seed);
    }
    Arc::new(buffer)
}

fn failed(operation: &FileOperation, action: Action, spot: Spot, error: &io::Error) -> Failure {
    let Spot { file, offset, size } = spot;
    let detail = match action {
        Action::Sync => format!("fsync of file {file}: {error}"),
        Action::DataSync => format!("fdatasync of file {file}: {error}"),
        Action::Read | Action::Write => {
            let (word, block) = (operation.kind.word(), Size(size));
            format!("{word} of {block} at offset {offset} of file {file}: {error}")
        }
    };
    Failure::kept(failure::of_disk(error), detail)
}

fn short(operation: &FileOperation, spot: Spot, moved: usize) -> Failure {
    let Spot { file, offset, size } = spot;
    let word = operation.kind.word();
    let detail = format!("short {word}: {moved} of {size} bytes at offset {offset} of file {file}");
    Failure::kept(failure::IO, detail)
}
