//! The shape of a file load: how many files of how many blocks, and which block a call touches.

use std::fs::File;

use serde::Deserialize;

use super::blocks::Division;
use super::cached::drop_pages;
use super::settings::Fsync;
use crate::load::Turn;

/// Files, their blocks and the order they are touched in.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Bytes of one block, or of the largest: what a call moves.
    pub block: u64,
    /// Where blocks differ in size.
    pub division: Option<Division>,
    /// Blocks of one file.
    pub blocks: u64,
    pub files: u32,
    pub pattern: Pattern,
    pub sharing: Sharing,
    /// Whether the page cache is bypassed.
    pub direct: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    Sequential,
    Random,
}

/// Whose the files are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// All users work on all files.
    #[default]
    Shared,
    /// Each has one of its own.
    PerUser,
}

impl Sharing {
    pub fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::PerUser => "per_user",
        }
    }
}

impl Pattern {
    pub fn word(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
        }
    }
}

/// Where a call reads or writes its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spot {
    /// The number of the file, from 0.
    pub file: u32,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes of the block.
    pub size: u64,
}

/// Which files a write makes durable before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    Nothing,
    ItsFile,
    AllFiles,
}

impl Shape {
    /// Bytes of one file.
    pub fn file_bytes(&self) -> u64 {
        let (offset, size) = self.block_at(self.blocks - 1);
        offset + size
    }

    /// Where a block of a file begins, and its size.
    pub fn block_at(&self, block: u64) -> (u64, u64) {
        match &self.division {
            None => (block * self.block, self.block),
            Some(division) => division.at(block),
        }
    }

    /// The sizes of blocks.
    pub fn sizes(&self) -> Vec<u64> {
        self.division.as_ref().map_or_else(|| vec![self.block], |division| division.sizes().collect())
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.file_bytes() * u64::from(self.files)
    }

    fn all_blocks(&self) -> u64 {
        self.blocks * u64::from(self.files)
    }

    /// The block of a turn: a pure function, the same for every engine and any number of threads.
    ///
    /// Sequential turns deal the blocks out to the files in turn, as fio does: each file is walked from its
    /// start to its end, then again. Runs of the operation within one journey go on from where the journey
    /// began.
    pub fn spot(&self, stream: u64, turn: Turn) -> Spot {
        let index = match self.pattern {
            Pattern::Sequential => turn.number.wrapping_add(u64::from(turn.step)) % self.all_blocks(),
            Pattern::Random => {
                let drawn = [turn.seed, turn.number, u64::from(turn.step)].into_iter().fold(stream, mix);
                ((u128::from(drawn) * u128::from(self.all_blocks())) >> 64) as u64
            }
        };
        let files = u64::from(self.files);
        let (offset, size) = self.block_at(index / files);
        Spot { file: (index % files) as u32, offset, size }
    }

    /// The block of a user's own file, from the number of the user and that of its call: user n has file n, and where there
    /// are more users than files they begin again at the first.
    pub fn own_spot(&self, stream: u64, seed: u64, user: u64, call: u64) -> Spot {
        let block = match self.pattern {
            Pattern::Sequential => call % self.blocks,
            Pattern::Random => {
                let drawn = [seed, user, call].into_iter().fold(stream, mix);
                ((u128::from(drawn) * u128::from(self.blocks)) >> 64) as u64
            }
        };
        let (offset, size) = self.block_at(block);
        Spot { file: (user % u64::from(self.files)) as u32, offset, size }
    }

    /// Drops from the page cache what a read at `spot` left there. What was read ahead of a sequential one stays: the
    /// next calls are to find it.
    pub fn drop_read(&self, file: &File, spot: Spot) {
        match self.pattern {
            Pattern::Sequential => drop_pages(file, spot.offset + spot.size),
            Pattern::Random => drop_pages(file, 0),
        }
    }

    /// What a write at `spot` has to make durable under `policy`; `number` is that of the call, or of the user's own.
    pub fn syncs(&self, policy: Fsync, number: u64, spot: Spot) -> Syncs {
        let all = match policy {
            Fsync::Never => return Syncs::Nothing,
            Fsync::Each => return Syncs::ItsFile,
            Fsync::Every(writes) => number % writes == writes - 1,
            Fsync::End => match self.pattern {
                Pattern::Sequential => spot.offset == self.block_at(self.blocks - 1).0,
                Pattern::Random if self.sharing == Sharing::PerUser => {
                    number % self.blocks == self.blocks - 1
                }
                Pattern::Random if number % self.all_blocks() == self.all_blocks() - 1 => {
                    return Syncs::AllFiles;
                }
                Pattern::Random => false,
            },
        };
        if all { Syncs::ItsFile } else { Syncs::Nothing }
    }
}

/// Stirs `word` into `hash`: the finalizer of splitmix64, whose 64 output bits all depend on all input bits.
pub fn mix(hash: u64, word: u64) -> u64 {
    let mut z = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A text as a number: names and streams.
pub fn mix_text(text: &str) -> u64 {
    text.bytes().fold(text.len() as u64, |hash, byte| mix(hash, u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shape(files: u32, blocks: u64, pattern: Pattern) -> Shape {
        Shape { block: 4096, division: None, blocks, files, pattern, sharing: Sharing::Shared, direct: false }
    }

    fn turn(number: u64) -> Turn {
        Turn { seed: 7, number, step: 0 }
    }

    #[test]
    fn sequential_walks_each_file_in_order_and_covers_all_once() {
        let shape = shape(3, 5, Pattern::Sequential);
        let spots: Vec<Spot> = (0..15).map(|number| shape.spot(1, turn(number))).collect();
        assert_eq!(spots.iter().collect::<HashSet<_>>().len(), 15);
        for file in 0..3 {
            let offsets: Vec<u64> =
                spots.iter().filter(|spot| spot.file == file).map(|spot| spot.offset / 4096).collect();
            assert_eq!(offsets, [0, 1, 2, 3, 4]);
        }
        assert_eq!(shape.spot(1, turn(15)), spots[0]);
    }

    #[test]
    fn random_is_uniform_and_depends_on_seed_stream_turn_and_step() {
        let shape = shape(2, 8, Pattern::Random);
        let mut hits = [0u32; 16];
        for number in 0..16_000 {
            let spot = shape.spot(1, turn(number));
            assert_eq!(spot, shape.spot(1, turn(number)));
            hits[(u64::from(spot.file) * 8 + spot.offset / 4096) as usize] += 1;
        }
        assert!(hits.iter().all(|hits| (850..1150).contains(hits)), "{hits:?}");

        let drawn = |seed, stream, number, step| shape.spot(stream, Turn { seed, number, step });
        let all = |f: &dyn Fn(u64) -> Spot| (0..64).map(f).collect::<Vec<_>>();
        let base = all(&|n| drawn(1, 1, n, 0));
        assert_ne!(base, all(&|n| drawn(2, 1, n, 0)));
        assert_ne!(base, all(&|n| drawn(1, 2, n, 0)));
        assert_ne!(base, all(&|n| drawn(1, 1, n, 1)));
    }

    #[test]
    fn fsync_falls_where_the_policy_says() {
        let syncs = |pattern, policy| {
            let shape = shape(2, 3, pattern);
            (0..6u64)
                .map(|number| shape.syncs(policy, number, shape.spot(1, turn(number))))
                .filter(|syncs| *syncs != Syncs::Nothing)
                .collect::<Vec<_>>()
        };
        assert_eq!(syncs(Pattern::Random, Fsync::Never), []);
        assert_eq!(syncs(Pattern::Random, Fsync::Each), [Syncs::ItsFile; 6]);
        assert_eq!(syncs(Pattern::Random, Fsync::Every(3)), [Syncs::ItsFile; 2]);
        assert_eq!(syncs(Pattern::Sequential, Fsync::End), [Syncs::ItsFile; 2]);
        assert_eq!(syncs(Pattern::Random, Fsync::End), [Syncs::AllFiles]);
    }
}
