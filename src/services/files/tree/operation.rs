//! Making, reading, writing, asking for or deleting one file of a tree a call.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::cached::Cached;
use super::super::shape::mix_text;
use super::disk::{Disk, Work};
use super::live::Used;
use super::settings::Distribution;
use super::{FileTree, Holder};
use crate::error::Result;
use crate::load::{Client, Operation, Turn, payload::Generator};
use crate::measure::{Summary, hash::Draws};

/// `create file 4 KiB` in a tree, whose files go with the last operation that holds it.
pub struct TreeOperation {
    pub(super) work: Work,
    distribution: Distribution,
    /// Draws files unevenly.
    uneven: Option<Generator>,
    /// Makes its choices independent of those of other operations.
    stream: u64,
    name: String,
    holder: Holder,
    client: Arc<dyn Client>,
}

impl TreeOperation {
    pub(super) fn new(tree: Arc<FileTree>, work: Work, distribution: Distribution) -> Result<Self> {
        let name = match work {
            Work::Stat | Work::Delete => format!("{} file", word(work)),
            _ => format!("{} file {}", word(work), tree.plan.sizes.shown()),
        };
        Ok(Self {
            work,
            distribution,
            uneven: distribution.generator(tree.options.files)?,
            stream: mix_text(&name),
            name,
            client: tree.client.clone(),
            holder: Holder::new(tree),
        })
    }

    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// What it does, for messages.
    pub(super) fn word(&self) -> &'static str {
        word(self.work)
    }

    /// The file that is read, written or asked for in a turn; none if there is none left.
    pub(super) fn choose<'a>(&self, disk: &'a Disk, turn: Turn) -> Option<Used<'a>> {
        disk.live.choose(|files| match (&self.uneven, self.distribution) {
            (Some(uneven), _) => uneven.value(self.stream, turn).as_u64().unwrap_or_default() % files,
            (None, Distribution::Sequential) => turn.number.wrapping_add(u64::from(turn.step)) % files,
            (None, _) => Draws::new(turn.seed, self.stream, turn.number, turn.step).below(files),
        })
    }

    fn chooses(&self) -> bool {
        matches!(self.work, Work::Read { .. } | Work::Write { .. } | Work::Stat)
    }
}

fn word(work: Work) -> &'static str {
    match work {
        Work::Create { .. } => "create",
        Work::Read { .. } => "read",
        Work::Write { .. } => "write",
        Work::Stat => "stat",
        Work::Delete => "delete",
    }
}

impl Operation for TreeOperation {
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
        let tree = self.holder.tree();
        let mut told = json!({
            "operation": self.word(),
            "folder": self.client.endpoint(),
            "files": tree.options.files,
            "folders": tree.options.folders,
            "depth": tree.options.depth,
            "sizes_bytes": tree.plan.sizes.describe(),
            "direct": false,
            "engine": "threads",
            "engine_reason": "io_uring hands these calls to threads of the kernel",
            "engine_threads": tree.files.options.threads,
        });
        if self.chooses() {
            told["distribution"] = json!(self.distribution.word());
        }
        match self.work {
            Work::Read { cached, verify } => {
                told["page_cache"] = json!(cached.told());
                told["cached"] = cached.given();
                told["verify"] = json!(verify);
            }
            Work::Create { fsync } | Work::Write { fsync } => {
                told["fsync"] = json!(if fsync { "each" } else { "never" });
            }
            Work::Stat | Work::Delete => {}
        }
        told
    }

    /// A second time before the cleanup, the tree is kept as it is.
    fn prepare(&self, seed: u64, cancel: &CancellationToken) -> Result<()> {
        let disk = self.holder.hold(seed, cancel)?;
        match self.work {
            Work::Read { cached: Cached::Cold | Cached::Dropped, .. } => disk.drop_cache(cancel),
            _ => Ok(()),
        }
    }

    fn cleanup(&self) -> Result<()> {
        self.holder.release()
    }

    fn extras(&self, row: &Summary) -> Vec<(&'static str, f64)> {
        let megabytes = row.bytes_per_second / 1e6;
        let mut extras = vec![("metadata_ops_per_second", row.throughput)];
        match self.work {
            Work::Read { .. } => extras.push(("read_mb_per_second", megabytes)),
            Work::Create { .. } | Work::Write { .. } => extras.push(("write_mb_per_second", megabytes)),
            Work::Stat | Work::Delete => {}
        }
        extras
    }
}
