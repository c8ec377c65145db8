//! Zipf's law in constant time a draw: rejection-inversion.
//!
//! W. Hörmann, G. Derflinger: Rejection-inversion to generate variates from monotone discrete distributions,
//! ACM Transactions on Modeling and Computer Simulation 6(3), 1996. No table, at most about 1.3 tries a draw.

use crate::measure::hash::Draws;

/// Ranks 1 to n, rank k drawn with a probability proportional to k^−exponent.
#[derive(Debug, Clone, Copy)]
pub struct Zipf {
    count: f64,
    exponent: f64,
    /// The integral of the hat over the first rank, and over all of them.
    first: f64,
    last: f64,
    /// Within this distance below a rank its draw is accepted without looking further.
    squeeze: f64,
}

impl Zipf {
    /// `count` at least 1; `exponent` at least 0, where 0 is uniform.
    pub fn new(count: u64, exponent: f64) -> Self {
        let mut zipf = Self { count: count as f64, exponent, first: 0.0, last: 0.0, squeeze: 0.0 };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(zipf.count + 0.5);
        zipf.squeeze = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.hat(2.0));
        zipf
    }

    pub fn draw(&self, draws: &mut Draws) -> u64 {
        loop {
            let area = self.last + draws.unit() * (self.first - self.last);
            let x = self.inverse(area);
            let rank = (x + 0.5).floor().clamp(1.0, self.count);
            if rank - x <= self.squeeze || area >= self.integral(rank + 0.5) - self.hat(rank) {
                return rank as u64;
            }
        }
    }

    /// x^−exponent.
    fn hat(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// An antiderivative of the hat, (x^(1−e) − 1) / (1−e), that is also exact near e = 1, where it is ln x.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let t = (1.0 - self.exponent) * log;
        if t.abs() > 1e-8 { t.exp_m1() / t * log } else { (1.0 + t / 2.0) * log }
    }

    fn inverse(&self, area: f64) -> f64 {
        // Rounding may carry it past the end of what the function reaches.
        let t = (area * (1.0 - self.exponent)).max(-1.0);
        let scale = if t.abs() > 1e-8 { t.ln_1p() / t } else { 1.0 - t / 2.0 };
        (scale * area).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_follow_the_law() {
        const RANKS: usize = 50;
        const DRAWS: u32 = 100_000;
        for exponent in [0.0, 0.5, 0.99, 1.0, 1.000_001, 1.2, 3.0] {
            let zipf = Zipf::new(RANKS as u64, exponent);
            let mut draws = Draws::new(11, 12, 13, 14);
            let mut counts = [0u32; RANKS];
            (0..DRAWS).for_each(|_| counts[zipf.draw(&mut draws) as usize - 1] += 1);
            let weights: Vec<f64> = (1..=RANKS).map(|rank| (rank as f64).powf(-exponent)).collect();
            let total: f64 = weights.iter().sum();
            let chi_square: f64 = weights
                .iter()
                .zip(counts)
                .map(|(weight, count)| {
                    let due = weight / total * f64::from(DRAWS);
                    (f64::from(count) - due).powi(2) / due
                })
                .sum();
            // 49 degrees of freedom: above 95 less than once in 10,000.
            assert!(chi_square < 95.0, "exponent {exponent}: {chi_square}");
        }
    }

    #[test]
    fn a_single_rank_and_a_huge_range_work() {
        let mut draws = Draws::new(1, 1, 1, 1);
        assert_eq!(Zipf::new(1, 1.0).draw(&mut draws), 1);
        let zipf = Zipf::new(1 << 53, 0.8);
        assert!((0..1_000).all(|_| (1..=1 << 53).contains(&zipf.draw(&mut draws))));
    }
}
