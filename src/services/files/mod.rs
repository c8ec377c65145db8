//! The file system: sequential and random reads and writes of blocks, direct or cached; whole files of a tree.
//!
//! Everything happens in a folder of our own inside the folder that was given, and is gone afterwards.

mod asked;
mod at;
mod blocks;
mod buffer;
mod cached;
mod contents;
mod engine;
mod folder;
mod layout;
mod operation;
mod pool;
mod ring;
mod seats;
mod session;
mod settings;
mod shape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;

pub use operation::FileOperation;
pub use session::FileReply;
pub use settings::{ClientOptions, EngineChoice, Fsync, ReadOptions, WriteOptions};
pub use shape::{Pattern, Sharing};
pub use tree::{
    CreateOptions, FileTree, StatOptions, TreeOperation, TreeOptions, TreeReadOptions, TreeWriteOptions,
};

use crate::error::Result;
use crate::load::{Client, Session};
use crate::measure::{Failure, failure};
use engine::{Engine, EngineKind, Lane};
use folder::Folder;
use pool::Pool;
use ring::Ring;
use session::FileSession;

/// A folder to load. Nothing on disk is touched before an operation is prepared.
pub fn client(folder: impl Into<PathBuf>, options: ClientOptions) -> Result<Arc<FilesClient>> {
    options.check()?;
    Ok(Arc::new(FilesClient {
        folder: folder.into(),
        options,
        engine: OnceLock::new(),
        pool: OnceLock::new(),
        private: Mutex::default(),
        operations: AtomicU32::new(0),
    }))
}

/// A folder with its settings; operations on it are made here.
pub struct FilesClient {
    folder: PathBuf,
    options: ClientOptions,
    engine: OnceLock<Result<Engine>>,
    pool: OnceLock<Arc<Pool>>,
    /// Our folder inside the given one, while an operation has files in it.
    private: Mutex<Weak<Folder>>,
    operations: AtomicU32,
}

impl FilesClient {
    /// Reads blocks of files that are written before the load.
    pub fn read(self: &Arc<Self>, options: ReadOptions) -> Result<FileOperation> {
        FileOperation::read(self.clone(), self.next_id(), options)
    }

    /// Writes blocks of files of its own.
    pub fn write(self: &Arc<Self>, options: WriteOptions) -> Result<FileOperation> {
        FileOperation::write(self.clone(), self.next_id(), options)
    }

    /// A tree of files, on disk while one of its operations is prepared.
    pub fn tree(self: &Arc<Self>, options: TreeOptions) -> Result<FileTree> {
        FileTree::new(self.clone(), self.next_id(), options)
    }

    /// Tells the files of the operations apart.
    fn next_id(&self) -> u32 {
        self.operations.fetch_add(1, Ordering::Relaxed)
    }

    /// Decided once, when first asked.
    fn engine(&self) -> Result<&Engine> {
        let engine = self.engine.get_or_init(|| Engine::choose(self.options.engine, engine::probe));
        engine.as_ref().map_err(Clone::clone)
    }

    /// Our folder, made if no operation has files in it at the moment.
    fn private(&self) -> Result<Arc<Folder>> {
        let mut private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = private.upgrade() {
            return Ok(folder);
        }
        let folder = Arc::new(Folder::make(&self.folder)?);
        *private = Arc::downgrade(&folder);
        Ok(folder)
    }
}

#[async_trait(?Send)]
impl Client for FilesClient {
    fn endpoint(&self) -> String {
        self.folder.display().to_string()
    }

    /// The session's calls must run inside a `LocalRuntime`: the ring's driver is a local task.
    async fn open(&self) -> Result<Box<dyn Session>, Failure> {
        let engine = self.engine().map_err(|error| Failure::lost(failure::IO, error.to_string()))?;
        let pool = self.pool.get_or_init(|| Arc::new(Pool::new(self.options.threads as usize)));
        let lane = match engine.kind {
            EngineKind::IoUring => Ring::current()
                .map(Lane::Ring)
                .map_err(|error| Failure::from_io("cannot make an io_uring", &error))?,
            EngineKind::Threads => Lane::Pool(pool.clone(), Arc::default()),
        };
        Ok(Box::new(FileSession::new(lane, pool.clone())))
    }
}
