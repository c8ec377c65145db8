//! Mixing functions: how a seed and a number become an independent random-looking number.

/// A well-mixed function of both arguments (two rounds of the splitmix64 finalizer, Steele et al. 2014).
pub fn mix(seed: u64, number: u64) -> u64 {
    finish(finish(seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_add(number.wrapping_mul(0xd1b5_4a32_d192_ed03)))
}

fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in (0, 1] from the top 53 bits: never 0, so that its logarithm is finite.
pub fn unit(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1u64 << 53) as f64
}
