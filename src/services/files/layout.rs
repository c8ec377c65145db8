//! The files of one operation on disk: made before the load, removed after it.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::fs::FileExt},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::at::check;
use super::buffer::Buffer;
use super::cached::{drop_pages, expect};
use super::contents;
use super::engine::Files;
use super::folder::{Folder, file_name, refused};
use super::shape::{Pattern, Shape};
use crate::error::{Error, Result};
use crate::measure::Size;

/// How many bytes are written between two syncs while files are made: what a cancel may have to wait for.
const SYNC_EVERY: u64 = 64 << 20;

/// Removes its files when dropped, whatever became of them.
pub struct Layout {
    files: Arc<Files>,
    names: Vec<String>,
    folder: Arc<Folder>,
}

impl Layout {
    /// Makes the files that will be read: written in full and on disk, dropped from the page cache unless
    /// `cached`.
    pub fn for_reads(
        folder: Arc<Folder>,
        operation: &str,
        shape: &Shape,
        cached: bool,
        seed: u64,
        cancel: &CancellationToken,
    ) -> Result<Self> {
        let mut layout = Self::new(folder, shape)?;
        let mut buffer = Buffer::new(step(shape));
        contents::fill(buffer.bytes(), seed);
        let make = |number: u32, file: &File| write_file(file, number, shape, &mut buffer, cancel);
        layout.make_files(operation, shape, cancel, make)?;
        if !cached {
            layout.drop_cache();
        }
        Ok(layout)
    }

    /// Makes the files that will be written: empty, their space reserved if `preallocate`.
    pub fn for_writes(
        folder: Arc<Folder>,
        operation: &str,
        shape: &Shape,
        preallocate: bool,
        cancel: &CancellationToken,
    ) -> Result<Self> {
        let mut layout = Self::new(folder, shape)?;
        let make =
            |_: u32, file: &File| if preallocate { allocate(file, shape.file_bytes()) } else { Ok(()) };
        layout.make_files(operation, shape, cancel, make)?;
        Ok(layout)
    }

    fn new(folder: Arc<Folder>, shape: &Shape) -> Result<Self> {
        folder.require_space(shape.bytes())?;
        Ok(Self { files: Arc::default(), names: Vec::new(), folder })
    }

    fn make_files(
        &mut self,
        operation: &str,
        shape: &Shape,
        cancel: &CancellationToken,
        mut make: impl FnMut(u32, &File) -> io::Result<()>,
    ) -> Result<()> {
        let mut files = Vec::with_capacity(shape.files as usize);
        for number in 0..shape.files {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            let name = file_name(operation, number);
            let file = self.folder.create(&name).map_err(|error| self.failed(&name, &error))?;
            self.names.push(name);
            let name = &self.names[number as usize];
            if let Err(error) = make(number, &file) {
                // A cancelled write is told apart from one that failed by the token.
                return Err(if cancel.is_cancelled() {
                    Error::cancelled()
                } else {
                    self.failed(name, &error)
                });
            }
            files.push(if shape.direct { self.open_direct(name, shape)? } else { file });
            if !shape.direct {
                expect(
                    &files[number as usize],
                    match shape.pattern {
                        Pattern::Sequential => libc::POSIX_FADV_SEQUENTIAL,
                        Pattern::Random => libc::POSIX_FADV_RANDOM,
                    },
                );
            }
        }
        self.files = Arc::new(Files { files, direct: shape.direct });
        Ok(())
    }

    fn open_direct(&self, name: &str, shape: &Shape) -> Result<File> {
        let folder = self.folder.outer().display();
        let unsupported = || {
            Error::io(format!("the file system of `{folder}` does not support direct I/O"))
                .hint("use `direct: false`, or a folder on a local disk")
        };
        let file = self.folder.open(name, libc::O_RDWR | libc::O_DIRECT).map_err(|error| {
            match error.raw_os_error() {
                Some(libc::EINVAL) => unsupported().because(&error),
                _ => self.failed(name, &error),
            }
        })?;
        let misfit = |step: &str| {
            Error::usage(format!(
                "direct I/O in `{folder}` needs a `block_size` that is a multiple of {step}, not {}",
                shape.sizes().iter().map(|size| Size(*size).to_string()).collect::<Vec<_>>().join(", ")
            ))
        };
        match direct_alignment(&file) {
            Some(0) => Err(unsupported()),
            Some(step) if shape.sizes().iter().any(|size| !size.is_multiple_of(step)) => {
                Err(misfit(&format!("{step} B, its logical block size")))
            }
            Some(_) => Ok(file),
            // Linux before 6.1 does not say: see whether it works.
            None => match file.read_at(Buffer::new(shape.block as usize).bytes(), 0) {
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    Err(misfit("its logical block size").hint("4 KiB is right nearly everywhere"))
                }
                _ => Ok(file),
            },
        }
    }

    /// The open files, for sessions.
    pub fn files(&self) -> Arc<Files> {
        self.files.clone()
    }

    /// Has the next reads come from the disk.
    pub fn drop_cache(&self) {
        self.files.files.iter().for_each(|file| drop_pages(file, 0));
    }

    /// Removes the files and, if no other operation has files in it, the folder.
    pub fn remove(mut self) -> Result<()> {
        let removed = self.remove_files();
        let folder = self.folder.clone();
        drop(self);
        removed?;
        Arc::into_inner(folder).map_or(Ok(()), Folder::close)
    }

    fn remove_files(&mut self) -> Result<()> {
        // A session that is still open would keep the space taken: it is given back here.
        for file in &self.files.files {
            let _ = file.set_len(0);
        }
        // Closed before they are removed: NFS would put another name in place of an open file.
        self.files = Arc::default();
        self.names.drain(..).map(|name| self.folder.remove(&name)).fold(Ok(()), Result::and)
    }

    fn failed(&self, name: &str, error: &io::Error) -> Error {
        refused(&format!("cannot make the file `{name}` in"), self.folder.outer(), error)
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        let _ = self.remove_files();
    }
}

/// How many bytes are written at once: whole blocks, about 1 MiB of them.
fn step(shape: &Shape) -> usize {
    (shape.block * ((1 << 20) / shape.block).max(1)).min(shape.file_bytes()) as usize
}

/// Writes all of a file through `buffer`, which holds noise, and has it on disk at the end.
fn write_file(
    file: &File,
    number: u32,
    shape: &Shape,
    buffer: &mut Buffer,
    cancel: &CancellationToken,
) -> io::Result<()> {
    let (mut next, mut unsynced) = (0, 0);
    while next < shape.blocks {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (offset, room) = (shape.block_at(next).0, buffer.len() as u64);
        let mut length = 0;
        while next < shape.blocks {
            let (at, size) = shape.block_at(next);
            if length + size > room {
                break;
            }
            let block = &mut buffer.bytes()[length as usize..(length + size) as usize];
            contents::stamp(block, number, at, contents::LAID_OUT);
            length += size;
            next += 1;
        }
        file.write_all_at(&buffer.bytes()[..length as usize], offset)?;
        unsynced += length;
        if unsynced >= SYNC_EVERY {
            file.sync_data()?;
            unsynced = 0;
        }
    }
    file.sync_all()
}

/// Reserves space and sets the file's size; file systems that cannot reserve are left alone.
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    let length = i64::try_from(bytes).map_err(io::Error::other)?;
    loop {
        // SAFETY: a descriptor we hold.
        let Err(error) = check(unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, length) }) else {
            return Ok(());
        };
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => return Ok(()),
            _ => return Err(error),
        }
    }
}

/// What offsets and lengths of direct I/O must be multiples of: 0 where it is not supported, none where the
/// kernel does not say.
fn direct_alignment(file: &File) -> Option<u64> {
    // SAFETY: all zeroes are valid for this plain struct of numbers.
    let mut stat: libc::statx = unsafe { std::mem::zeroed() };
    // SAFETY: a descriptor we hold, an empty terminated path that stands for it, and `stat` outlives the
    // call.
    let asked = check(unsafe {
        libc::statx(file.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_DIOALIGN, &mut stat)
    });
    let known = asked.is_ok() && stat.stx_mask & libc::STATX_DIOALIGN != 0;
    known.then_some(u64::from(stat.stx_dio_offset_align))
}
