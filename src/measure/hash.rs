//! Randomness without state: numbers that are pure functions of a seed and a position, the same on every
//! machine and for any number of threads.

/// The increment of splitmix64: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Spreads every bit of `x` over the whole word: the finalizer of splitmix64 (Steele, Lea, Flood 2014).
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A hash of two numbers in this order, e.g. of a seed and a turn; for one `seed` no two turns collide.
pub fn hash(seed: u64, turn: u64) -> u64 {
    mix((mix(seed.wrapping_add(GOLDEN)) ^ turn).wrapping_add(GOLDEN))
}

/// A hash of texts in this order: `["a", "bc"]` and `["ab", "c"]` differ.
pub fn hash_texts(texts: &[&str]) -> u64 {
    texts.iter().fold(texts.len() as u64, |state, text| {
        let state = hash(state, text.len() as u64);
        text.as_bytes().chunks(8).fold(state, |state, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash(state, u64::from_le_bytes(word))
        })
    })
}

/// The `index`-th random number of those that `base` begins: any of them without those before it.
#[inline]
pub fn word(base: u64, index: u64) -> u64 {
    mix(base.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN)))
}

/// As many random numbers as one position needs: a splitmix64 generator started at a hash of the position.
#[derive(Clone)]
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64, stream: u64, turn: u64, step: u32) -> Self {
        Self(hash(hash(hash(seed, stream), turn), u64::from(step)))
    }

    /// All 64 bits random.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// 0 to `count` − 1, each equally often (Lemire 2019); `count` is at least 1.
    pub fn below(&mut self, count: u64) -> u64 {
        let mut product = u128::from(self.bits()) * u128::from(count);
        if (product as u64) < count {
            let uneven = count.wrapping_neg() % count;
            while (product as u64) < uneven {
                product = u128::from(self.bits()) * u128::from(count);
            }
        }
        (product >> 64) as u64
    }

    /// In [0, 1): 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// An exponential draw with mean 1.
pub fn exponential(draws: &mut Draws) -> f64 {
    // In (0, 1]: its logarithm is finite.
    -(1.0 - draws.unit()).ln()
}

/// A normal draw with mean 0 and deviation 1, by Box and Muller; the other number of the pair is not used, since
/// nothing is kept between calls.
pub fn standard_normal(draws: &mut Draws) -> f64 {
    let radius = (-2.0 * (1.0 - draws.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * draws.unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        // What was generated years ago must be generated again from its seed.
        assert_eq!([hash(0, 0), hash(1, 2)], [0xA706_DD2F_4D19_7E6F, 0xBCD9_DBB4_9673_066B]);
        assert_eq!(Draws(0).bits(), 0xE220_A839_7B1D_CDAF, "the published first output of splitmix64");
    }

    #[test]
    fn texts_are_told_apart() {
        let kinds = [&["a", "bc"][..], &["ab", "c"], &["abc"], &["abc", ""], &["", "abc"], &["abc\0"], &[]];
        let hashes: std::collections::BTreeSet<u64> = kinds.iter().map(|texts| hash_texts(texts)).collect();
        assert_eq!(hashes.len(), kinds.len());
    }

    #[test]
    fn neighbours_share_half_their_bits() {
        let differing: u32 = (0..10_000).map(|turn| (hash(42, turn) ^ hash(42, turn + 1)).count_ones()).sum();
        let average = f64::from(differing) / 10_000.0;
        assert!((average - 32.0).abs() < 0.2, "{average}");
    }

    #[test]
    fn below_reaches_both_ends_evenly() {
        let mut draws = Draws::new(1, 2, 3, 4);
        let mut counts = [0u32; 5];
        (0..50_000).for_each(|_| counts[draws.below(5) as usize] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!(draws.below(1), 0);
    }

    #[test]
    fn unit_stays_below_one_with_the_right_mean() {
        let mut draws = Draws::new(7, 0, 0, 0);
        let values: Vec<f64> = (0..50_000).map(|_| draws.unit()).collect();
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean - 0.5).abs() < 0.006, "{mean}");
    }
}
