//! Who does the system calls: io_uring, or a pool of threads where the kernel refuses it.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
    rc::Rc,
    sync::Arc,
};

use io_uring::{IoUring, Probe, opcode};

use super::buffer::Buffer;
use super::pool::{self, Pool, Ticket};
use super::ring::Ring;
use super::settings::EngineChoice;
use crate::error::{Error, Result};

/// Blocks up to this size are small enough to be copied from the page cache where the user's task runs.
pub const AT_ONCE: usize = 64 << 10;

/// The open files of one operation; closed when the last call on them is over.
#[derive(Default)]
pub struct Files {
    pub files: Vec<File>,
    /// Whether they bypass the page cache.
    pub direct: bool,
}

/// One system call. Holds its files and its memory, which nobody else may touch until it is over.
#[derive(Clone)]
pub struct Job {
    pub action: Action,
    pub files: Arc<Files>,
    /// The number of the file.
    pub file: u32,
    pub offset: u64,
    pub buffer: Arc<Buffer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Read,
    Write,
    Sync,
    /// Without what a reader of the file does not need, such as its times.
    DataSync,
}

impl Job {
    pub fn fd(&self) -> RawFd {
        self.files.files[self.file as usize].as_raw_fd()
    }
}

/// One virtual user's way to the system calls, one at a time.
pub enum Lane {
    Ring(Rc<Ring>),
    Pool(Arc<Pool>, Arc<Ticket>),
}

impl Lane {
    /// Performs `job`; the bytes it moved. May be dropped half-way: the job's memory lives on until it is
    /// over.
    pub async fn perform(&mut self, job: Job) -> io::Result<usize> {
        match self {
            Self::Ring(ring) => ring.perform(job).await,
            Self::Pool(pool, ticket) => pool.perform(ticket, pool::Job::Block(job)).await,
        }
    }
}

/// What a client decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    pub kind: EngineKind,
    /// Why it is not io_uring, where that was not the user's choice.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    IoUring,
    Threads,
}

impl EngineKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::IoUring => "io_uring",
            Self::Threads => "threads",
        }
    }
}

impl Engine {
    /// Decides, given what `probe` found; it is asked only where that matters.
    pub fn choose(choice: EngineChoice, probe: impl FnOnce() -> Result<(), String>) -> Result<Self> {
        let found = match choice {
            EngineChoice::Threads => return Ok(Self { kind: EngineKind::Threads, reason: None }),
            EngineChoice::Auto | EngineChoice::IoUring => probe(),
        };
        match found {
            Ok(()) => Ok(Self { kind: EngineKind::IoUring, reason: None }),
            Err(reason) if choice == EngineChoice::Auto => {
                Ok(Self { kind: EngineKind::Threads, reason: Some(reason) })
            }
            Err(reason) => Err(Error::unavailable(format!("cannot use io_uring: {reason}"))
                .hint("use `engine: \"auto\"` or `engine: \"threads\"`")),
        }
    }
}

/// Whether the kernel lets this process use io_uring for what is needed here; if not, why.
pub fn probe() -> Result<(), String> {
    let ring = IoUring::new(2).map_err(|error| {
        let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
        match disabled.trim() {
            "" | "0" => format!("io_uring_setup: {error}"),
            value => format!("io_uring_setup: {error} (kernel.io_uring_disabled = {value})"),
        }
    })?;
    let mut known = Probe::new();
    ring.submitter()
        .register_probe(&mut known)
        .map_err(|error| format!("the kernel's io_uring is too old: {error}"))?;
    let needed = [opcode::Read::CODE, opcode::Write::CODE, opcode::Fsync::CODE];
    if !needed.into_iter().all(|code| known.is_supported(code)) {
        return Err("the kernel's io_uring has no read and write".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_falls_back_and_remembers_why() {
        let no = || Err("io_uring_setup: Operation not permitted".to_owned());
        let engine = Engine::choose(EngineChoice::Auto, no).unwrap();
        assert_eq!(engine.kind, EngineKind::Threads);
        assert_eq!(engine.reason.as_deref(), Some("io_uring_setup: Operation not permitted"));
        let engine = Engine::choose(EngineChoice::Auto, || Ok(())).unwrap();
        assert_eq!(engine, Engine { kind: EngineKind::IoUring, reason: None });
    }

    #[test]
    fn asking_for_io_uring_never_falls_back() {
        let error = Engine::choose(EngineChoice::IoUring, || Err("no".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "cannot use io_uring: no");
        let engine = Engine::choose(EngineChoice::Threads, || unreachable!("not asked")).unwrap();
        assert_eq!(engine.kind, EngineKind::Threads);
    }
}
