//! Reading or writing one block a call.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::cached::Cached;
use super::engine::Files;
use super::layout::Layout;
use super::seats::Seats;
use super::settings::{Fsync, ReadOptions, WriteOptions};
use super::shape::{Shape, Sharing, mix_text};
use super::{EngineKind, FilesClient};
use crate::error::Result;
use crate::load::{Client, Operation};
use crate::measure::{Size, Summary};

/// `read random 4 KiB` in a folder. Its files are its own; they go with [`Operation::cleanup`] or with
/// itself.
pub struct FileOperation {
    /// Its number in its client.
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    /// Makes its random blocks independent of those of other operations.
    pub(super) stream: u64,
    /// Its users, where each has its own file.
    pub(super) seats: Arc<Seats>,
    name: String,
    /// `read-0`: the first part of its files' names.
    prefix: String,
    files: Arc<FilesClient>,
    client: Arc<dyn Client>,
    layout: Mutex<Option<Layout>>,
    /// Counts up when its files are made and when they are removed: sessions that hold older ones ask anew.
    generation: AtomicU64,
}

/// Which way the bytes go.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Read { cached: Cached, verify: bool },
    Write { fsync: Fsync, datasync: bool, preallocate: bool },
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
        }
    }
}

impl FileOperation {
    pub(super) fn read(client: Arc<FilesClient>, id: u32, options: ReadOptions) -> Result<Self> {
        let shape = options.shape(&client.options)?;
        let kind = Kind::Read { cached: options.cached(&shape), verify: options.verify };
        Ok(Self::new(client, id, kind, shape))
    }

    pub(super) fn write(client: Arc<FilesClient>, id: u32, options: WriteOptions) -> Result<Self> {
        let shape = options.shape(&client.options)?;
        let WriteOptions { fsync, datasync, preallocate, .. } = options;
        let kind = Kind::Write { fsync, datasync, preallocate };
        Ok(Self::new(client, id, kind, shape))
    }

    fn new(client: Arc<FilesClient>, id: u32, kind: Kind, shape: Shape) -> Self {
        let direct = if shape.direct { " direct" } else { "" };
        let sizes = shape.sizes();
        let least = sizes.iter().min().filter(|least| **least < shape.block);
        let least = least.map_or(String::new(), |least| format!("{} to ", Size(*least)));
        let own = if shape.sharing == Sharing::PerUser { " per user" } else { "" };
        let (kind_word, pattern, most) = (kind.word(), shape.pattern.word(), Size(shape.block));
        let name = format!("{kind_word} {pattern} {least}{most}{direct}{own}");
        Self {
            id,
            kind,
            stream: mix_text(&name),
            seats: Arc::default(),
            name,
            prefix: format!("{}-{id}", kind.word()),
            shape,
            client: client.clone(),
            files: client,
            layout: Mutex::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// What sessions compare to know whether their files are still the right ones.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The open files; made now if no load has prepared them.
    pub(super) fn open_files(&self, seed: u64) -> Result<(u64, Arc<Files>)> {
        let mut layout = self.layout();
        let files = self.laid_out(&mut layout, seed, &CancellationToken::new())?.files();
        Ok((self.generation(), files))
    }

    fn layout(&self) -> MutexGuard<'_, Option<Layout>> {
        self.layout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn laid_out<'a>(
        &self,
        layout: &'a mut Option<Layout>,
        seed: u64,
        cancel: &CancellationToken,
    ) -> Result<&'a Layout> {
        if let Some(layout) = layout {
            return Ok(layout);
        }
        // Refuses an engine that cannot be had before anything is written.
        self.files.engine()?;
        let folder = self.files.private()?;
        let made = match self.kind {
            Kind::Read { cached, .. } => {
                let warm = cached == Cached::Warm;
                Layout::for_reads(folder, &self.prefix, &self.shape, warm, seed, cancel)?
            }
            Kind::Write { preallocate, .. } => {
                Layout::for_writes(folder, &self.prefix, &self.shape, preallocate, cancel)?
            }
        };
        self.generation.fetch_add(1, Ordering::AcqRel);
        Ok(layout.insert(made))
    }

    /// What the page cache has to do with the results.
    fn page_cache(&self) -> &'static str {
        match self.kind {
            _ if self.shape.direct => "bypassed",
            Kind::Read { cached, .. } => cached.told(),
            Kind::Write { fsync: Fsync::Each, .. } => {
                "takes every write, which is on disk when its call ends"
            }
            Kind::Write { .. } => "takes every write, on disk later",
        }
    }
}

impl Operation for FileOperation {
    fn name(&self) -> &str {
        &self.name
    }

    fn service(&self) -> &'static str {
        "files"
    }

    fn component(&self) -> &'static str {
        "storage"
    }

    fn client(&self) -> &Arc<dyn Client> {
        &self.client
    }

    fn describe(&self) -> Value {
        let shape = &self.shape;
        let mut told = json!({
            "operation": self.kind.word(),
            "folder": self.client.endpoint(),
            "pattern": shape.pattern.word(),
            "block_size_bytes": shape.block,
            "file_size_bytes": shape.file_bytes(),
            "files": shape.files,
            "layout": shape.sharing.word(),
            "total_bytes": shape.bytes(),
            "direct": shape.direct,
            "page_cache": self.page_cache(),
        });
        if let Some(division) = &shape.division {
            told["block_sizes_bytes"] = division.describe();
        }
        match self.kind {
            Kind::Read { cached, verify } => {
                told["cached"] = cached.given();
                told["verify"] = json!(verify);
                told["fsync"] = json!("never");
            }
            Kind::Write { fsync, datasync, preallocate } => {
                told["fsync"] = json!(fsync.to_string());
                told["datasync"] = json!(datasync);
                told["preallocate"] = json!(preallocate);
            }
        }
        match self.files.engine() {
            Ok(engine) => {
                told["engine"] = json!(engine.kind.word());
                if let Some(reason) = &engine.reason {
                    told["engine_reason"] = json!(reason);
                }
                if engine.kind == EngineKind::Threads {
                    told["engine_threads"] = json!(self.files.options.threads);
                }
            }
            Err(error) => told["engine_reason"] = json!(error.to_string()),
        }
        told
    }

    /// A second time before the cleanup, the files are kept as they are.
    fn prepare(&self, seed: u64, cancel: &CancellationToken) -> Result<()> {
        let mut layout = self.layout();
        let layout = self.laid_out(&mut layout, seed, cancel)?;
        if matches!(self.kind, Kind::Read { cached: Cached::Cold | Cached::Dropped, .. }) {
            layout.drop_cache();
        }
        Ok(())
    }

    fn cleanup(&self) -> Result<()> {
        let layout = self.layout().take();
        self.generation.fetch_add(1, Ordering::AcqRel);
        layout.map_or(Ok(()), Layout::remove)
    }

    fn remarks(&self) -> Vec<String> {
        let (users, files) = (self.seats.most(), self.shape.files);
        if self.shape.sharing == Sharing::Shared || users <= files as usize {
            return Vec::new();
        }
        let name = &self.name;
        vec![format!(
            "`{name}`: {users} users had {files} files between them; with `files: {users}` each has its own"
        )]
    }

    fn extras(&self, row: &Summary) -> Vec<(&'static str, f64)> {
        let (megabytes, calls) = (row.bytes_per_second / 1e6, row.throughput);
        match self.kind {
            Kind::Read { .. } => vec![("read_mb_per_second", megabytes), ("read_iops", calls)],
            Kind::Write { .. } => vec![("write_mb_per_second", megabytes), ("write_iops", calls)],
        }
    }
}
