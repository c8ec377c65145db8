//! The shape that block reads and writes ask for, checked as far as that needs no disk.

use super::blocks::Division;
use super::shape::{Pattern, Shape, Sharing};
use crate::error::{Error, Result};
use crate::measure::Size;

/// What reads and writes share.
pub struct Asked<'a> {
    pub file: Size,
    pub block: Option<Size>,
    pub sizes: &'a [(f64, Size)],
    pub files: u32,
    pub pattern: Pattern,
    pub sharing: Sharing,
    pub direct: bool,
}

impl Asked<'_> {
    pub fn shape(self) -> Result<Shape> {
        const LARGEST_BLOCK: Size = Size(1 << 30);
        let Self { file, files, pattern, sharing, direct, .. } = self;
        if self.block.is_some() && !self.sizes.is_empty() {
            return Err(Error::usage("`block_size` and `block_sizes` exclude each other")
                .hint("`block_sizes` says how large the blocks are: leave `block_size` out"));
        }
        let division = (!self.sizes.is_empty()).then(|| Division::new(self.sizes)).transpose()?;
        let all: Vec<Size> = match &division {
            Some(division) => division.sizes().map(Size).collect(),
            None => vec![self.block.unwrap_or(match pattern {
                Pattern::Sequential => Size(1 << 20),
                Pattern::Random => Size(4 << 10),
            })],
        };
        let block = all.iter().copied().max().expect("there is at least one");
        let fault = if file.0 == 0 {
            "`file_size` must not be 0".to_owned()
        } else if block.0 == 0 {
            "`block_size` must not be 0".to_owned()
        } else if files == 0 {
            "`files` must not be 0".to_owned()
        } else if block > file {
            format!("`block_size` ({block}) is larger than `file_size` ({file})")
        } else if block > LARGEST_BLOCK {
            format!(
                "`block_size` ({block}) is larger than {LARGEST_BLOCK}, which every caller would hold in memory"
            )
        } else if let Some(misfit) = all.iter().find(|size| direct && !size.0.is_multiple_of(512)) {
            format!("direct I/O needs a `block_size` that is a multiple of 512 B, not {misfit}")
        } else if file.0.checked_mul(u64::from(files)).is_none_or(|total| total > i64::MAX as u64) {
            format!("{files} files of {file} are more than any file system holds")
        } else {
            let blocks = division.as_ref().map_or(file.0 / block.0, |division| division.blocks(file.0));
            if blocks == 0 {
                let error = format!("a file of {file} has no room for the first of its `block_sizes`");
                return Err(Error::usage(error).hint("use a larger `file_size`"));
            }
            return Ok(Shape { block: block.0, division, blocks, files, pattern, sharing, direct });
        };
        Err(Error::usage(fault))
    }
}
