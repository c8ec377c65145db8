//! The shape of a file load: how many files of how many blocks, and which block a call touches.

use std::fs::File;

use serde::Deserialize;

use super::cached::drop_pages;
use super::settings::Fsync;
use crate::load::Turn;

/// Files, their blocks and the order they are touched in.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Bytes of one block: what a call moves.
    pub block: u64,
    /// Blocks of one file.
    pub blocks: u64,
    pub files: u32,
    pub pattern: Pattern,
    /// Whether the page cache is bypassed.
    pub direct: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    Sequential,
    Random,
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
        self.block * self.blocks
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
        Spot { file: (index % files) as u32, offset: index / files * self.block }
    }

    /// Drops from the page cache what a read at `spot` left there. What was read ahead of a sequential one stays: the
    /// next calls are to find it.
    pub fn drop_read(&self, file: &File, spot: Spot) {
        match self.pattern {
            Pattern::Sequential => drop_pages(file, spot.offset + self.block),
            Pattern::Random => drop_pages(file, 0),
        }
    }

    /// What a write at `spot` has to make durable under `policy`.
    pub fn syncs(&self, policy: Fsync, turn: Turn, spot: Spot) -> Syncs {
        let all = match policy {
            Fsync::Never => return Syncs::Nothing,
            Fsync::Each => return Syncs::ItsFile,
            Fsync::Every(writes) => turn.number % writes == writes - 1,
            Fsync::End => match self.pattern {
                Pattern::Sequential => spot.offset == (self.blocks - 1) * self.block,
                Pattern::Random if turn.number % self.all_blocks() == self.all_blocks() - 1 => {
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
        Shape { block: 4096, blocks, files, pattern, direct: false }
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
                .map(|number| shape.syncs(policy, turn(number), shape.spot(1, turn(number))))
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
