//! What a user can set for file loads, and the checks that need no disk.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::asked::Asked;
use super::cached::Cached;
use super::contents::STAMP;
use super::shape::{Pattern, Shape, Sharing};
use crate::error::{Error, Result};
use crate::measure::Size;

/// Settings of a folder: every operation on it starts from them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientOptions {
    /// Bypass the page cache (`O_DIRECT`) in operations that do not say otherwise. Default `false`.
    pub direct: bool,
    /// `io_uring`, `threads` (a pool doing pread and pwrite), or `auto`: io_uring where the kernel allows it.
    pub engine: EngineChoice,
    /// The most threads of the pool, started as calls need them; calls beyond it wait in line. Default 64.
    pub threads: u32,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { direct: false, engine: EngineChoice::Auto, threads: 64 }
    }
}

impl ClientOptions {
    pub(super) fn check(&self) -> Result<()> {
        match self.threads {
            1..=4096 => Ok(()),
            other => Err(Error::usage(format!("`threads` must be from 1 to 4096, not {other}"))),
        }
    }
}

/// Who does the system calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
    #[default]
    Auto,
    IoUring,
    Threads,
}

/// Reads of files that are written in full before the load.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadOptions {
    /// Size of each file, bytes or text such as `"1 GiB"`; what is left after the last whole block is not
    /// used. Default 256 MiB.
    pub file_size: Size,
    /// Bytes a call reads. Default 4 KiB when `random`, 1 MiB when `sequential`.
    pub block_size: Option<Size>,
    /// Sizes of blocks by weight instead: `[[0.9, "4 KiB"], [0.1, "1 MiB"]]`.
    pub block_sizes: Vec<(f64, Size)>,
    /// Number of files. Sequential calls on shared ones take them in turn, block by block. Default 1.
    pub files: u32,
    /// `shared`: every caller works on all files; `per_user`: each on one of its own. Default `shared`.
    pub layout: Sharing,
    /// `sequential` or `random` (uniform over all blocks of all files). Default `random`.
    pub pattern: Pattern,
    /// Bypass the page cache (`O_DIRECT`). Default: as the client says.
    pub direct: Option<bool>,
    /// Whether reads may come from the page cache: `true`; `false` (not at the start: a block that is read twice may
    /// come from memory); `"drop"` (each call drops what it has read). Default: `true` unless `direct`.
    pub cached: Option<Cached>,
    /// Check that each block read carries its own stamp; costs some CPU a call. Default `false`.
    pub verify: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            file_size: Size(256 << 20),
            block_size: None,
            block_sizes: Vec::new(),
            files: 1,
            layout: Sharing::Shared,
            pattern: Pattern::Random,
            direct: None,
            cached: None,
            verify: false,
        }
    }
}

impl ReadOptions {
    pub(super) fn shape(&self, client: &ClientOptions) -> Result<Shape> {
        let direct = self.direct.unwrap_or(client.direct);
        let shape = Asked {
            file: self.file_size,
            block: self.block_size,
            sizes: &self.block_sizes,
            files: self.files,
            pattern: self.pattern,
            sharing: self.layout,
            direct,
        }
        .shape()?;
        if direct && matches!(self.cached, Some(Cached::Warm | Cached::Dropped)) {
            return Err(Error::usage("`direct` and `cached` exclude each other")
                .hint("direct reads bypass the page cache: leave `cached` out"));
        }
        if self.verify && shape.sizes().iter().any(|size| *size < STAMP as u64) {
            return Err(Error::usage(format!("`verify` needs a `block_size` of at least {STAMP} B")));
        }
        Ok(shape)
    }

    pub(super) fn cached(&self, shape: &Shape) -> Cached {
        self.cached.unwrap_or(if shape.direct { Cached::Cold } else { Cached::Warm })
    }
}

/// Writes to files of their own, over and over.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WriteOptions {
    /// Size that each file reaches before writing starts over, bytes or text such as `"1 GiB"`; what is left
    /// after the last whole block is not used. Default 256 MiB.
    pub file_size: Size,
    /// Bytes a call writes. Default 4 KiB when `random`, 1 MiB when `sequential`.
    pub block_size: Option<Size>,
    /// Sizes of blocks by weight instead: `[[0.9, "4 KiB"], [0.1, "1 MiB"]]`.
    pub block_sizes: Vec<(f64, Size)>,
    /// Number of files. Sequential calls on shared ones take them in turn, block by block. Default 1.
    pub files: u32,
    /// `shared`: every caller works on all files; `per_user`: each on one of its own. Default `shared`.
    pub layout: Sharing,
    /// `sequential` or `random` (uniform over all blocks of all files). Default `sequential`.
    pub pattern: Pattern,
    /// Bypass the page cache (`O_DIRECT`). Default: as the client says.
    pub direct: Option<bool>,
    /// When a call also does fsync(2) on its file, inside its time: `never`, `each`, a number n (every n-th
    /// write), or `end` (the write of a file's last block; if `random`, every so many writes as there are
    /// blocks, on all files). Default `never`.
    pub fsync: Fsync,
    /// Use fdatasync(2) instead of fsync(2): a file's times need not be durable. Default `false`.
    pub datasync: bool,
    /// Reserve the space of the files before the load (fallocate), so that the disk cannot fill up in it.
    /// Default `true`.
    pub preallocate: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            file_size: Size(256 << 20),
            block_size: None,
            block_sizes: Vec::new(),
            files: 1,
            layout: Sharing::Shared,
            pattern: Pattern::Sequential,
            direct: None,
            fsync: Fsync::Never,
            datasync: false,
            preallocate: true,
        }
    }
}

impl WriteOptions {
    pub(super) fn shape(&self, client: &ClientOptions) -> Result<Shape> {
        let direct = self.direct.unwrap_or(client.direct);
        if self.fsync == Fsync::Every(0) {
            return Err(Error::usage("`fsync` every 0 writes means nothing")
                .hint("use `never`, `each`, `end`, or a number from 1"));
        }
        if self.datasync && self.fsync == Fsync::Never {
            return Err(Error::usage("`datasync` says how to make writes durable, but not when")
                .hint("add `fsync`: `each`, `end`, or a number of writes"));
        }
        Asked {
            file: self.file_size,
            block: self.block_size,
            sizes: &self.block_sizes,
            files: self.files,
            pattern: self.pattern,
            sharing: self.layout,
            direct,
        }
        .shape()
    }
}

/// When writes are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    Never,
    Each,
    Every(u64),
    End,
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Each => f.write_str("each"),
            Self::Every(writes) => write!(f, "every {writes} writes"),
            Self::End => f.write_str("end"),
        }
    }
}

impl<'de> Deserialize<'de> for Fsync {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Number(i64),
            Word(String),
        }

        let wrong = |given: &dyn fmt::Display| {
            de::Error::custom(format!(
                "`fsync` cannot be `{given}`: use `never`, `each`, `end` or a number from 1"
            ))
        };
        let given = Given::deserialize(deserializer).map_err(|_| wrong(&"a value of this type"))?;
        match given {
            Given::Number(writes) => u64::try_from(writes).map(Self::Every).map_err(|_| wrong(&writes)),
            Given::Word(word) => match word.as_str() {
                "never" => Ok(Self::Never),
                "each" => Ok(Self::Each),
                "end" => Ok(Self::End),
                other => Err(wrong(&other)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn read(options: Value) -> Result<Shape, String> {
        let options: ReadOptions = from_value(options).map_err(|error| error.to_string())?;
        options.shape(&ClientOptions::default()).map_err(|error| error.to_string())
    }

    fn write(options: Value) -> Result<Fsync, String> {
        let options: WriteOptions = from_value(options).map_err(|error| error.to_string())?;
        let shape = options.shape(&ClientOptions::default()).map_err(|error| error.to_string());
        shape.map(|_| options.fsync)
    }

    #[test]
    fn blocks_default_to_the_pattern() {
        assert_eq!(read(json!({})).unwrap().block, 4096);
        let shape = read(json!({ "pattern": "sequential", "file_size": "3.5 MiB" })).unwrap();
        assert_eq!((shape.block, shape.blocks, shape.bytes()), (1 << 20, 3, 3 << 20));
    }

    #[test]
    fn impossible_shapes_are_refused_in_words() {
        let refused = |options| read(options).unwrap_err();
        assert_eq!(refused(json!({ "file_size": 0 })), "`file_size` must not be 0");
        assert_eq!(refused(json!({ "block_size": 0 })), "`block_size` must not be 0");
        assert_eq!(refused(json!({ "files": 0 })), "`files` must not be 0");
        assert!(refused(json!({ "file_size": -1 })).contains("cannot be negative"));
        assert_eq!(
            refused(json!({ "file_size": "4k", "block_size": "1 MiB" })),
            "`block_size` (1 MiB) is larger than `file_size` (4 KiB)"
        );
        assert_eq!(
            refused(json!({ "block_size": 1000, "direct": true })),
            "direct I/O needs a `block_size` that is a multiple of 512 B, not 1 KB"
        );
        for cached in [json!(true), json!("drop")] {
            assert!(refused(json!({ "direct": true, "cached": cached })).contains("exclude each other"));
        }
        assert!(refused(json!({ "cached": "cold" })).contains("use `true`, `false` or `drop`"));
        assert!(refused(json!({ "file_size": "8000000 TiB", "files": 100 })).contains("any file system"));
        assert!(refused(json!({ "verify": true, "block_size": 16 })).contains("at least 32 B"));
        assert!(refused(json!({ "blocksize": 16 })).contains("unknown field `blocksize`"));
        assert!(
            refused(json!({ "file_size": "2 GiB", "block_size": "2 GiB" })).contains("larger than 1 GiB")
        );
    }

    #[test]
    fn fsync_is_a_word_or_a_number() {
        assert_eq!(write(json!({})), Ok(Fsync::Never));
        assert_eq!(write(json!({ "fsync": "each" })), Ok(Fsync::Each));
        assert_eq!(write(json!({ "fsync": "end" })), Ok(Fsync::End));
        assert_eq!(write(json!({ "fsync": 32 })), Ok(Fsync::Every(32)));
        assert!(write(json!({ "fsync": 0 })).unwrap_err().contains("every 0 writes"));
        assert!(write(json!({ "fsync": -3 })).unwrap_err().contains("`fsync` cannot be `-3`"));
        assert!(write(json!({ "fsync": "always" })).unwrap_err().contains("`fsync` cannot be `always`"));
    }

    #[test]
    fn the_pool_has_at_least_one_thread() {
        let options: ClientOptions = from_value(json!({ "engine": "io_uring", "threads": 0 })).unwrap();
        assert_eq!(options.engine, EngineChoice::IoUring);
        assert_eq!(options.check().unwrap_err().to_string(), "`threads` must be from 1 to 4096, not 0");
    }
}
