//! What is in the blocks: noise that no file system can compress, and stamps that make every block different.

use super::shape::mix;

/// Bytes of a stamp.
pub const STAMP: usize = 32;

/// A stamp every so many bytes: the smallest piece that file systems deduplicate.
const STEP: usize = 4096;

/// The turn of blocks that were written before the load.
pub const LAID_OUT: u64 = u64::MAX;

/// Fills `bytes` with noise; the same seed gives the same noise.
pub fn fill(bytes: &mut [u8], seed: u64) {
    for (number, piece) in bytes.chunks_mut(8).enumerate() {
        piece.copy_from_slice(&mix(seed, number as u64).to_ne_bytes()[..piece.len()]);
    }
}

/// Writes over the first bytes of each piece of `block` where it lies and which turn wrote it.
pub fn stamp(block: &mut [u8], file: u32, offset: u64, turn: u64) {
    for (piece, at) in block.chunks_mut(STEP).zip((offset..).step_by(STEP)) {
        let length = piece.len().min(STAMP);
        piece[..length].copy_from_slice(&stamp_of(file, at, turn)[..length]);
    }
}

/// Checks every stamp of `block`, which was read from `offset` of `file`; says what is wrong.
pub fn check(block: &[u8], file: u32, offset: u64) -> Result<(), String> {
    for (piece, at) in block.chunks(STEP).zip((offset..).step_by(STEP)) {
        let Some(found) = piece.first_chunk::<STAMP>() else { continue };
        let turn = u64::from_le_bytes(found[16..24].try_into().expect("eight of 32 bytes"));
        if *found != stamp_of(file, at, turn) {
            return Err(format!("the data at offset {at} of file {file} is not what was written there"));
        }
    }
    Ok(())
}

/// The checksum comes first, so that a stamp cut short by a tiny block still differs from others.
fn stamp_of(file: u32, offset: u64, turn: u64) -> [u8; STAMP] {
    let file = u64::from(file);
    let checksum = mix(mix(mix(0x6265_6e63_6873_6372, file), offset), turn);
    let mut stamp = [0; STAMP];
    for (piece, word) in stamp.chunks_exact_mut(8).zip([checksum, offset, turn, file]) {
        piece.copy_from_slice(&word.to_le_bytes());
    }
    stamp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_tell_place_and_turn_and_catch_what_moved() {
        let mut block = vec![0; 3 * STEP];
        fill(&mut block, 1);
        stamp(&mut block, 2, 8192, 99);
        assert_eq!(check(&block, 2, 8192), Ok(()));
        assert!(check(&block, 2, 0).unwrap_err().contains("offset 0 of file 2"));
        assert!(check(&block, 1, 8192).is_err());
        block[2 * STEP] ^= 1;
        assert!(check(&block, 2, 8192).unwrap_err().contains("offset 16384"));
    }

    #[test]
    fn noise_is_incompressible_and_tiny_blocks_still_differ() {
        let mut block = vec![0; 1 << 16];
        fill(&mut block, 1);
        assert!(zstd::bulk::compress(&block, 3).unwrap().len() > block.len() * 99 / 100);
        let [mut first, mut second] = [[0u8; 8]; 2];
        stamp(&mut first, 0, 0, 1);
        stamp(&mut second, 0, 8, 1);
        assert_ne!(first, second);
    }
}
