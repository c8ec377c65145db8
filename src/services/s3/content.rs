//! What objects hold: bytes that follow from key and size, so that what is read can be checked without having been kept.

use crate::measure::hash;

/// The bytes of one object, any part of them. They do not compress.
///
/// They do not depend on the seed: an object that one run wrote can be checked by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    base: u64,
}

/// Bytes that are drawn at once.
const WORD: u64 = 8;

/// A number that stands for a key.
pub fn key_number(key: &[u8]) -> u64 {
    key.chunks(8).fold(hash::hash(key.len() as u64, 0), |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash::hash(state, u64::from_le_bytes(word))
    })
}

impl Content {
    /// An object of another size differs from its first byte on, so that one that was cut short is seen.
    pub fn of(key_number: u64, size: u64) -> Self {
        Self { base: hash::hash(key_number, size) }
    }

    /// Appends `len` bytes from the `from`-th on.
    pub fn write(self, from: u64, len: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + len, 0);
        let (head, words) = out[start..].split_at_mut(unaligned(from).min(len));
        for (place, at) in head.iter_mut().zip(from..) {
            *place = self.byte(at);
        }
        let first = (from + head.len() as u64) / WORD;
        for (place, index) in words.chunks_mut(WORD as usize).zip(first..) {
            let bytes = hash::word(self.base, index).to_le_bytes();
            place.copy_from_slice(&bytes[..place.len()]);
        }
    }

    /// The first byte of an object's part, from the `from`-th on, that is not what it should be.
    pub fn difference(self, from: u64, part: &[u8]) -> Option<u64> {
        let (head, rest) = part.split_at(unaligned(from).min(part.len()));
        let at = from + head.len() as u64;
        let (words, _) = rest.as_chunks::<{ WORD as usize }>();
        let is_wrong = |(bytes, index): (&[u8; WORD as usize], u64)| {
            u64::from_le_bytes(*bytes) != hash::word(self.base, index)
        };
        let right = words.iter().zip(at / WORD..).position(is_wrong).unwrap_or(words.len()) * WORD as usize;
        self.differs(from, head).or_else(|| {
            let last = rest.len().min(right + WORD as usize);
            self.differs(at + right as u64, &rest[right..last])
        })
    }

    fn differs(self, from: u64, part: &[u8]) -> Option<u64> {
        part.iter().zip(from..).find(|(byte, at)| **byte != self.byte(*at)).map(|(_, at)| at)
    }

    fn byte(self, at: u64) -> u8 {
        hash::word(self.base, at / WORD).to_le_bytes()[(at % WORD) as usize]
    }
}

/// Bytes before the next whole word.
fn unaligned(from: u64) -> usize {
    ((WORD - from % WORD) % WORD) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_a_part_of_the_whole() {
        let content = Content::of(key_number(b"a/b"), 100);
        let mut whole = Vec::new();
        content.write(0, 100, &mut whole);
        for from in 0..40 {
            for len in 0..40 {
                let mut part = Vec::new();
                content.write(from, len, &mut part);
                assert_eq!(part, whole[from as usize..from as usize + len], "{from}, {len}");
                assert_eq!(content.difference(from, &part), None);
            }
        }
    }

    #[test]
    fn one_wrong_byte_is_found_wherever_it_is() {
        let content = Content::of(7, 50);
        for from in 0..10 {
            let mut part = Vec::new();
            content.write(from, 40, &mut part);
            for at in 0..40 {
                part[at] ^= 1;
                assert_eq!(content.difference(from, &part), Some(from + at as u64));
                part[at] ^= 1;
            }
        }
    }

    #[test]
    fn keys_and_sizes_make_other_bytes() {
        let first = |key: &[u8], size| {
            let mut bytes = Vec::new();
            Content::of(key_number(key), size).write(0, 8, &mut bytes);
            bytes
        };
        let all = [first(b"a", 8), first(b"a\0", 8), first(b"b", 8), first(b"a", 9), first(b"", 8)];
        assert!((1..5).all(|at| !all[..at].contains(&all[at])));
    }
}
