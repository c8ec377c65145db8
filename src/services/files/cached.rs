//! What the page cache may hold of files that are read.

use std::{fmt, fs::File, os::fd::AsRawFd};

use serde::{Deserialize, Deserializer, de};

/// Whether reads may be served from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cached {
    /// `true`: from the start; what was just written is still there, as far as memory goes.
    Warm,
    /// `false`: only what the load itself has read before.
    Cold,
    /// `"drop"`: nothing; each call drops what it has read.
    Dropped,
}

impl Cached {
    /// What the page cache has to do with the results.
    pub fn told(self) -> &'static str {
        match self {
            Self::Warm => "may serve every read",
            Self::Cold => "empty at the start, may serve blocks that are read again",
            Self::Dropped => "empty at the start, each call drops what it has read",
        }
    }

    /// As the option is given.
    pub fn given(self) -> serde_json::Value {
        match self {
            Self::Warm => true.into(),
            Self::Cold => false.into(),
            Self::Dropped => "drop".into(),
        }
    }
}

impl<'de> Deserialize<'de> for Cached {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Flag(bool),
            Word(String),
        }

        let wrong = |given: &dyn fmt::Display| {
            de::Error::custom(format!("cannot be `{given}`: use `true`, `false` or `drop`"))
        };
        match Given::deserialize(deserializer).map_err(|_| wrong(&"a value of this type"))? {
            Given::Flag(true) => Ok(Self::Warm),
            Given::Flag(false) => Ok(Self::Cold),
            Given::Word(word) if word == "drop" => Ok(Self::Dropped),
            Given::Word(word) => Err(wrong(&word)),
        }
    }
}

/// Has the next reads of the first `bytes` of a file, or of all of it if 0, come from the disk. Pages that were not
/// written back yet stay.
pub fn drop_pages(file: &File, bytes: u64) {
    advise(file, bytes, libc::POSIX_FADV_DONTNEED);
}

/// Has the pages of a file written to disk and waits for it, without making the file durable: that would take longer.
pub fn write_back(file: &File) {
    let flags =
        libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: a descriptor we hold; length 0 means to the end.
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) };
}

/// Advice on all of a file.
pub fn expect(file: &File, advice: libc::c_int) {
    advise(file, 0, advice);
}

/// Advice is only advice: a file system that does not take it works on.
fn advise(file: &File, bytes: u64, advice: libc::c_int) {
    // SAFETY: a descriptor we hold; length 0 means to the end.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, bytes as libc::off_t, advice) };
}
