//! The test of Mann and Whitney: whether values of one sample tend to be larger than those of the other.

use super::special::normal_cdf;

/// Samples up to this size, without ties, are judged by all orders that their values could stand in.
const EXACT: usize = 19;

/// U of the first sample and the two-sided p value (Mann and Whitney, *Annals of Mathematical Statistics* 18, 1947). Neither
/// may be empty.
///
/// Exact for samples of fewer than 20 values without ties, else by the normal approximation, corrected for ties and for
/// continuity.
pub fn mann_whitney(first: &[f64], second: &[f64]) -> (f64, f64) {
    let mut all: Vec<(f64, bool)> =
        first.iter().map(|value| (*value, true)).chain(second.iter().map(|value| (*value, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let same = all[at..].iter().take_while(|other| other.0 == all[at].0).count();
        // Equal values share the mean of their ranks, which begin at 1.
        let rank = at as f64 + (same as f64 + 1.0) / 2.0;
        rank_sum += rank * all[at..at + same].iter().filter(|value| value.1).count() as f64;
        ties += (same as f64).powi(3) - same as f64;
        at += same;
    }
    let (m, n) = (first.len() as f64, second.len() as f64);
    let u = rank_sum - m * (m + 1.0) / 2.0;
    let farther = u.max(m * n - u);
    let p = if ties == 0.0 && first.len().max(second.len()) <= EXACT {
        2.0 * at_least(farther as usize, first.len(), second.len())
    } else {
        let all = m + n;
        let deviation = (m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)))).sqrt();
        match deviation {
            // All values are the same.
            0.0 => 1.0,
            _ => 2.0 * normal_cdf(-(farther - m * n / 2.0 - 0.5) / deviation),
        }
    };
    (u, p.min(1.0))
}

/// The share of all orders of `m` and `n` values whose U is at least `u`.
fn at_least(u: usize, m: usize, n: usize) -> f64 {
    // ways[k][v]: how many choices of k of the ranks looked at so far have the sum v, less the smallest it can be.
    let most = m * n;
    let mut ways = vec![vec![0.0; most + 1]; m + 1];
    ways[0][0] = 1.0;
    for rank in 0..m + n {
        for k in (1..=m.min(rank + 1)).rev() {
            // Taken as the k-th lowest, this rank adds how far it lies above the k-th place.
            let above = rank + 1 - k;
            for v in (above..=most).rev() {
                ways[k][v] += ways[k - 1][v - above];
            }
        }
    }
    let total: f64 = ways[m].iter().sum();
    ways[m][u..].iter().sum::<f64>() / total
}
