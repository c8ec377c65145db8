//! Blocks of different sizes: how a file is divided into them.

use crate::error::{Error, Result};
use crate::measure::Size;

use super::shape::mix;

/// The blocks of one round, which a file repeats: as often as their weights say, to a thousandth.
const ROUND: f64 = 1_000.0;
/// Most sizes by weight.
const MOST: usize = 100;
/// Shuffles a round, the same for every file and seed: what lies where does not depend on the load.
const SHUFFLE: u64 = 0x626c_6f63_6b73;

/// A round of blocks of several sizes.
#[derive(Debug, Clone)]
pub struct Division {
    /// Where the blocks of a round begin, and where it ends: bytes.
    starts: Vec<u64>,
    /// As they are given: weight and bytes.
    parts: Vec<(f64, u64)>,
}

impl Division {
    /// A round of `parts`, of which there is at least one.
    pub fn new(parts: &[(f64, Size)]) -> Result<Self> {
        let example = "write `block_sizes: [[0.9, \"4 KiB\"], [0.1, \"1 MiB\"]]`";
        if parts.len() > MOST {
            let error = format!("`block_sizes` may have at most {MOST} sizes, not {}", parts.len());
            return Err(Error::usage(error));
        }
        for (weight, size) in parts {
            if !(*weight > 0.0 && weight.is_finite()) {
                let error =
                    format!("the weight of {size} in `block_sizes` must be more than 0, not {weight}");
                return Err(Error::usage(error).hint(example));
            }
            if size.0 == 0 {
                return Err(Error::usage("a size in `block_sizes` must not be 0").hint(example));
            }
        }
        let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let often = |weight: f64| (weight / total * ROUND).round().max(1.0) as usize;
        let mut sizes: Vec<u64> =
            parts.iter().flat_map(|(weight, size)| std::iter::repeat_n(size.0, often(*weight))).collect();
        for at in (1..sizes.len()).rev() {
            let other = (u128::from(mix(SHUFFLE, at as u64)) * (at as u128 + 1)) >> 64;
            sizes.swap(at, other as usize);
        }
        let mut starts = vec![0];
        for size in sizes {
            starts.push(starts[starts.len() - 1] + size);
        }
        let parts = parts.iter().map(|(weight, size)| (weight / total, size.0)).collect();
        Ok(Self { starts, parts })
    }

    /// How many whole blocks a file of `bytes` has.
    pub fn blocks(&self, bytes: u64) -> u64 {
        let rest = bytes % self.round_bytes();
        let begun = self.starts[1..].partition_point(|end| *end <= rest);
        bytes / self.round_bytes() * self.round() + begun as u64
    }

    /// Where a block begins, and its size.
    pub fn at(&self, block: u64) -> (u64, u64) {
        let within = (block % self.round()) as usize;
        let (start, end) = (self.starts[within], self.starts[within + 1]);
        (block / self.round() * self.round_bytes() + start, end - start)
    }

    pub fn sizes(&self) -> impl Iterator<Item = u64> {
        self.parts.iter().map(|(_, size)| *size)
    }

    pub fn describe(&self) -> serde_json::Value {
        self.parts.iter().map(|(weight, size)| serde_json::json!([weight, size])).collect()
    }

    fn round(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    fn round_bytes(&self) -> u64 {
        self.starts[self.starts.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_divided_without_gaps_and_by_weight() {
        let division = Division::new(&[(9.0, Size(4096)), (1.0, Size(65536))]).unwrap();
        let file = 3 * division.round_bytes() + 200_000;
        let blocks = division.blocks(file);
        let mut end = 0;
        for block in 0..blocks {
            let (start, size) = division.at(block);
            assert_eq!(start, end);
            end = start + size;
        }
        assert!(end <= file && end + division.at(blocks).1 > file);
        let large = (0..1_000).filter(|block| division.at(*block).1 == 65536).count();
        assert_eq!(large, 100);
        let first_large = (0..100).filter(|block| division.at(*block).1 == 65536).count();
        assert!((2..30).contains(&first_large), "not shuffled: {first_large}");
    }

    #[test]
    fn weights_and_sizes_are_checked() {
        let refused = |parts: &[(f64, Size)]| Division::new(parts).unwrap_err().to_string();
        assert_eq!(
            refused(&[(0.0, Size(1))]),
            "the weight of 1 B in `block_sizes` must be more than 0, not 0"
        );
        assert_eq!(refused(&[(1.0, Size(0))]), "a size in `block_sizes` must not be 0");
        assert!(refused(&[(1.0, Size(1)); 101]).contains("at most 100"));
    }
}
