//! What a user can set for trees of files, and the checks that need no disk.

use serde::Deserialize;

use super::super::cached::Cached;
use crate::error::{Error, Result};
use crate::load::payload::Generator;
use crate::measure::{Size, hash::Draws};

/// The unevenness of `zipf`, as YCSB has it.
const EXPONENT: f64 = 0.99;
/// The largest file of a tree.
const LARGEST: Size = Size(1 << 40);
const SIZE_STREAM: u64 = 0x7369_7a65;

/// A tree of folders with files, made before the load.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TreeOptions {
    /// Files that are there when the load begins. Default 1,000.
    pub files: u32,
    /// Folders that hold files, filled evenly. Default 1.
    pub folders: u32,
    /// Levels of folders: files lie in those of the lowest. Default 1.
    pub depth: u32,
    /// Size of each file, bytes or text such as `"4 KiB"`; may be 0. Default 4 KiB.
    pub file_size: Option<Size>,
    /// Sizes by weight instead: `[[0.9, "4 KiB"], [0.1, "1 MiB"]]`.
    pub sizes: Vec<(f64, Size)>,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self { files: 1_000, folders: 1, depth: 1, file_size: None, sizes: Vec::new() }
    }
}

/// How a call chooses its file among those that are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    #[default]
    Uniform,
    Zipf,
    Sequential,
}

/// Makes files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CreateOptions {
    /// Whether each file is made durable, with fsync(2), before it is closed. Default `false`.
    pub fsync: bool,
}

/// Reads whole files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TreeReadOptions {
    /// `uniform`, `zipf` or `sequential`. Default `uniform`.
    pub distribution: Distribution,
    /// Whether the page cache may hold the files: `true`, `false` (not at the start) or `"drop"` (never). Default `true`.
    pub cached: Cached,
    /// Check that each file holds what was written to it; costs some CPU a call. Default `false`.
    pub verify: bool,
}

impl Default for TreeReadOptions {
    fn default() -> Self {
        Self { distribution: Distribution::Uniform, cached: Cached::Warm, verify: false }
    }
}

/// Writes whole files anew.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TreeWriteOptions {
    /// `uniform`, `zipf` or `sequential`. Default `uniform`.
    pub distribution: Distribution,
    /// Whether each file is made durable, with fsync(2), before it is closed. Default `false`.
    pub fsync: bool,
}

/// Asks for the attributes of files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatOptions {
    /// `uniform`, `zipf` or `sequential`. Default `uniform`.
    pub distribution: Distribution,
}

impl Distribution {
    pub fn word(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Sequential => "sequential",
        }
    }

    /// Draws the numbers of `files` unevenly; none where nothing of the kind is needed.
    pub(super) fn generator(self, files: u32) -> Result<Option<Generator>> {
        if self != Self::Zipf {
            return Ok(None);
        }
        Generator::zipf(0, i64::from(files.max(1)) - 1, EXPONENT).map(Some)
    }
}

/// The sizes of files, by weight: at least one.
#[derive(Debug, Clone)]
pub struct Sizes {
    parts: Vec<(f64, Size)>,
    /// Sum of the weights.
    total: f64,
}

impl Sizes {
    pub(super) fn new(options: &TreeOptions) -> Result<Self> {
        let parts = match (options.file_size, options.sizes.is_empty()) {
            (Some(_), false) => {
                return Err(Error::usage("`file_size` and `sizes` exclude each other")
                    .hint("`sizes` says how large the files are: leave `file_size` out"));
            }
            (_, false) => options.sizes.clone(),
            (given, true) => vec![(1.0, given.unwrap_or(Size(4 << 10)))],
        };
        for (weight, size) in &parts {
            if !(*weight > 0.0 && weight.is_finite()) {
                return Err(Error::usage(format!(
                    "the weight of {size} in `sizes` must be more than 0, not {weight}"
                ))
                .hint("write `sizes: [[0.9, \"4 KiB\"], [0.1, \"1 MiB\"]]`"));
            }
            if *size > LARGEST {
                return Err(Error::usage(format!("a file of {size} is larger than {LARGEST}")));
            }
        }
        let total = parts.iter().map(|(weight, _)| weight).sum();
        Ok(Self { parts, total })
    }

    /// Bytes of the file with this number: the same for the same seed.
    pub fn of(&self, seed: u64, number: u64) -> u64 {
        let mut left = Draws::new(seed, SIZE_STREAM, number, 0).unit() * self.total;
        for (weight, size) in &self.parts {
            left -= weight;
            if left < 0.0 {
                return size.0;
            }
        }
        self.largest()
    }

    pub fn largest(&self) -> u64 {
        self.parts.iter().map(|(_, size)| size.0).max().expect("there is at least one")
    }

    fn smallest(&self) -> u64 {
        self.parts.iter().map(|(_, size)| size.0).min().expect("there is at least one")
    }

    /// `4 KiB`, `4 KiB to 1 MiB`.
    pub fn shown(&self) -> String {
        match (Size(self.smallest()), Size(self.largest())) {
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        }
    }

    /// What a reader of the results must know of it.
    pub fn describe(&self) -> serde_json::Value {
        self.parts.iter().map(|(weight, size)| serde_json::json!([weight / self.total, size])).collect()
    }
}

impl TreeOptions {
    pub(super) fn check(&self) -> Result<()> {
        let fault = match (self.folders, self.depth) {
            (1..=1_000_000, 1..=16) => return Ok(()),
            (1..=1_000_000, depth) => format!("`depth` must be from 1 to 16, not {depth}"),
            (folders, _) => format!("`folders` must be from 1 to 1000000, not {folders}"),
        };
        Err(Error::usage(fault))
    }
}
