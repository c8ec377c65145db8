//! A tree on disk: made before the load, removed after it, and what calls do to its files.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::FileExt,
    },
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::super::at::{make_folder, open_at, size_at, unlink};
use super::super::buffer::Buffer;
use super::super::cached::{Cached, drop_pages, write_back};
use super::super::contents;
use super::super::folder::{Folder, refused};
use super::live::Live;
use super::places::Places;
use super::settings::Sizes;
use crate::error::{Error, Result};

/// Files larger than this are moved in pieces: what a user holds in memory.
const PIECE: u64 = 1 << 20;
/// File systems take space in blocks.
const BLOCK: u64 = 4096;
/// How often a removal is tried while calls that were given up may still make files.
const TRIES: u32 = 100;

/// What is to be made.
pub struct Plan {
    /// The name of its folder in ours.
    pub name: String,
    pub files: u64,
    pub places: Places,
    pub sizes: Sizes,
}

/// Removes itself when dropped, whatever became of it.
pub struct Disk {
    plan: Arc<Plan>,
    seed: u64,
    pub live: Live,
    root: OwnedFd,
    folder: Arc<Folder>,
    removed: AtomicBool,
}

/// One call's work, done from its start to its end by one thread.
pub struct Task {
    pub disk: Arc<Disk>,
    pub work: Work,
    /// The number of the file.
    pub number: u64,
    /// The number of the call: no two write the same.
    pub turn: u64,
    /// The user's own: nobody else waits for it.
    pub buffer: Arc<Mutex<Buffer>>,
}

/// What is done to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Create { fsync: bool },
    Read { cached: Cached, verify: bool },
    Write { fsync: bool },
    Stat,
    Delete,
}

impl Task {
    /// The bytes that were moved.
    pub fn perform(&self) -> io::Result<usize> {
        let Self { disk, number, turn, .. } = self;
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        match self.work {
            Work::Create { fsync } => disk.create(*number, *turn, fsync, &mut buffer),
            Work::Write { fsync } => disk.write(*number, *turn, fsync, &mut buffer),
            Work::Read { cached, verify } => disk.read(*number, cached, verify, &mut buffer),
            Work::Stat => disk.stat(*number).map(|()| 0),
            Work::Delete => disk.delete(*number).map(|()| 0),
        }
    }
}

impl Disk {
    /// Makes the folders and the files.
    pub fn make(folder: Arc<Folder>, plan: Arc<Plan>, seed: u64, cancel: &CancellationToken) -> Result<Self> {
        let taken = (0..plan.files).map(|number| plan.sizes.of(seed, number).next_multiple_of(BLOCK));
        folder.require_space(taken.fold(0, u64::saturating_add))?;
        let failed =
            |what: &str, error: &io::Error| refused(&format!("cannot make {what} in"), folder.outer(), error);
        let root = folder.make_tree(&plan.name).map_err(|error| failed("a tree", &error))?;
        let made = folder.clone();
        let disk =
            Self { plan, seed, live: Live::default(), root, folder: made, removed: AtomicBool::new(false) };
        for path in disk.plan.places.all_folders() {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            make_folder(disk.root.as_raw_fd(), &path)
                .map_err(|error| failed(&format!("the folder `{path}`"), &error))?;
        }
        let mut buffer = disk.buffer();
        for _ in 0..disk.plan.files {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            let number = disk.live.next();
            disk.create(number, contents::LAID_OUT, false, &mut buffer)
                .map_err(|error| failed(&format!("the file `{}`", disk.path(number)), &error))?;
            disk.live.add(number);
        }
        Ok(disk)
    }

    /// Memory for one piece of a file, with noise in it.
    pub fn buffer(&self) -> Buffer {
        let mut buffer = Buffer::new(self.plan.sizes.largest().clamp(1, PIECE) as usize);
        contents::fill(buffer.bytes(), self.seed);
        buffer
    }

    /// Bytes of a file.
    pub fn size(&self, number: u64) -> u64 {
        self.plan.sizes.of(self.seed, number)
    }

    /// Where a file lies in the tree.
    pub fn path(&self, number: u64) -> String {
        self.plan.places.file(number)
    }

    /// Has the next reads come from the disk.
    pub fn drop_cache(&self, cancel: &CancellationToken) -> Result<()> {
        for number in self.live.all() {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            if let Ok(file) = self.open(number, libc::O_RDONLY) {
                write_back(&file);
                drop_pages(&file, 0);
            }
        }
        Ok(())
    }

    /// Removes all that lies in the tree, also what calls made that nobody waited for.
    pub fn remove(&self) -> Result<()> {
        if self.removed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            match self.folder.remove_tree(&self.plan.name) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && tries < TRIES => {
                    tries += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                removed => {
                    let what = format!("cannot remove `{}` in", self.plan.name);
                    return removed.map_err(|error| refused(&what, self.folder.outer(), &error));
                }
            }
        }
    }

    fn open(&self, number: u64, flags: libc::c_int) -> io::Result<File> {
        open_at(self.root.as_raw_fd(), &self.path(number), flags).map(File::from)
    }

    /// A file that cannot be written in full does not stay.
    fn create(&self, number: u64, turn: u64, fsync: bool, buffer: &mut Buffer) -> io::Result<usize> {
        let file = self.open(number, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)?;
        let written = self.fill(&file, number, turn, fsync, buffer);
        drop(file);
        if written.is_err() {
            let _ = self.delete(number);
        }
        written
    }

    fn write(&self, number: u64, turn: u64, fsync: bool, buffer: &mut Buffer) -> io::Result<usize> {
        let file = self.open(number, libc::O_WRONLY)?;
        self.fill(&file, number, turn, fsync, buffer)
    }

    fn fill(
        &self,
        file: &File,
        number: u64,
        turn: u64,
        fsync: bool,
        buffer: &mut Buffer,
    ) -> io::Result<usize> {
        let size = self.size(number);
        let mut offset = 0;
        while offset < size {
            let length = (buffer.len() as u64).min(size - offset);
            let piece = &mut buffer.bytes()[..length as usize];
            contents::stamp(piece, number as u32, offset, turn);
            file.write_all_at(piece, offset)?;
            offset += length;
        }
        if fsync {
            file.sync_all()?;
        }
        Ok(size as usize)
    }

    fn read(&self, number: u64, cached: Cached, verify: bool, buffer: &mut Buffer) -> io::Result<usize> {
        let file = self.open(number, libc::O_RDONLY)?;
        let size = self.size(number);
        let mut offset = 0;
        while offset < size {
            let length = (buffer.len() as u64).min(size - offset);
            let piece = &mut buffer.bytes()[..length as usize];
            file.read_exact_at(piece, offset)?;
            if verify {
                contents::check(piece, number as u32, offset).map_err(wrong)?;
            }
            offset += length;
        }
        if cached == Cached::Dropped {
            drop_pages(&file, 0);
        }
        Ok(size as usize)
    }

    fn stat(&self, number: u64) -> io::Result<()> {
        let (size, found) = (self.size(number), size_at(self.root.as_raw_fd(), &self.path(number))?);
        if found == size {
            return Ok(());
        }
        Err(wrong(format!("the file has {found} bytes, {size} were written to it")))
    }

    fn delete(&self, number: u64) -> io::Result<()> {
        unlink(&self.root, &self.path(number), 0)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// What lies on disk is not what was written.
fn wrong(detail: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}
