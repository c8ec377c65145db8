//! Trees of files: made, read, written, asked for and deleted as wholes, by path.
//!
//! The operations of one tree work on the same files: what one makes, another may read or delete.

mod disk;
mod live;
mod operation;
mod places;
mod session;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio_util::sync::CancellationToken;

pub use disk::Task;
pub use operation::TreeOperation;
pub use session::TreeSession;
pub use settings::{
    CreateOptions, Distribution, StatOptions, TreeOptions, TreeReadOptions, TreeWriteOptions,
};

use super::FilesClient;
use super::folder::tree_name;
use crate::error::{Error, Result};
use crate::load::Client;
use disk::{Disk, Plan, Work};
use places::Places;
use settings::Sizes;

/// A tree as it is described; on disk while an operation holds it.
pub struct FileTree {
    options: TreeOptions,
    plan: Arc<Plan>,
    files: Arc<FilesClient>,
    client: Arc<dyn Client>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    disk: Option<Arc<Disk>>,
    /// The numbers of those who hold it.
    holders: Vec<u64>,
}

impl FileTree {
    pub(super) fn new(client: Arc<FilesClient>, id: u32, options: TreeOptions) -> Result<Self> {
        options.check()?;
        if client.options.direct {
            return Err(Error::usage("the files of a tree cannot bypass the page cache").hint(
                "make the tree on a client without `direct`; `cached: \"drop\"` keeps reads out of memory",
            ));
        }
        let (places, sizes) = (Places::new(&options), Sizes::new(&options)?);
        let plan = Plan { name: tree_name(id), files: options.files.into(), places, sizes };
        Ok(Self {
            options,
            plan: Arc::new(plan),
            client: client.clone(),
            files: client,
            state: Mutex::default(),
        })
    }

    /// Makes one new file a call.
    pub fn create(self: &Arc<Self>, options: CreateOptions) -> Result<TreeOperation> {
        let work = Work::Create { fsync: options.fsync };
        TreeOperation::new(self.clone(), work, Distribution::Sequential)
    }

    /// Opens, reads and closes one file a call.
    pub fn read(self: &Arc<Self>, options: TreeReadOptions) -> Result<TreeOperation> {
        let work = Work::Read { cached: options.cached, verify: options.verify };
        TreeOperation::new(self.clone(), work, options.distribution)
    }

    /// Opens, writes anew and closes one file a call.
    pub fn write(self: &Arc<Self>, options: TreeWriteOptions) -> Result<TreeOperation> {
        TreeOperation::new(self.clone(), Work::Write { fsync: options.fsync }, options.distribution)
    }

    /// Asks for the attributes of one file a call.
    pub fn stat(self: &Arc<Self>, options: StatOptions) -> Result<TreeOperation> {
        TreeOperation::new(self.clone(), Work::Stat, options.distribution)
    }

    /// Deletes one file a call, the oldest first.
    pub fn delete(self: &Arc<Self>) -> Result<TreeOperation> {
        TreeOperation::new(self.clone(), Work::Delete, Distribution::Sequential)
    }

    /// Where it lies.
    pub fn endpoint(&self) -> String {
        self.client.endpoint()
    }
}

/// One operation's hold on its tree; let go when dropped.
struct Holder {
    id: u64,
    tree: Arc<FileTree>,
}

impl Holder {
    fn new(tree: Arc<FileTree>) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Self { id: MADE.fetch_add(1, Ordering::Relaxed), tree }
    }

    fn tree(&self) -> &FileTree {
        &self.tree
    }

    /// The tree on disk, made if nobody holds it.
    fn hold(&self, seed: u64, cancel: &CancellationToken) -> Result<Arc<Disk>> {
        let mut state = self.tree.state.lock().unwrap_or_else(PoisonError::into_inner);
        let disk = match &state.disk {
            Some(disk) => disk.clone(),
            None => {
                let folder = self.tree.files.private()?;
                let made = Disk::make(folder, self.tree.plan.clone(), seed, cancel)?;
                state.disk.insert(Arc::new(made)).clone()
            }
        };
        if !state.holders.contains(&self.id) {
            state.holders.push(self.id);
        }
        Ok(disk)
    }

    /// The last one removes the tree.
    fn release(&self) -> Result<()> {
        let mut state = self.tree.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.holders.retain(|holder| *holder != self.id);
        if !state.holders.is_empty() {
            return Ok(());
        }
        state.disk.take().map_or(Ok(()), |disk| disk.remove())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.release();
    }
}
