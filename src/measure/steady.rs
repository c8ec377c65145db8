//! Where a load becomes steady: the start that is cut off, by a rule that anybody can repeat.

/// Values that the rule needs at least: with fewer, noise decides.
pub const FEWEST: usize = 10;

/// How many of the first `values` to cut: MSER (White 1997), the cut that makes the standard error of the mean of the
/// rest smallest. Not more than half of them; `None` if the best cut is that half, so that nothing tells that the rest is
/// steady, if the rest still moves, or if there are fewer than [`FEWEST`].
///
/// MSER(d) = Σ (x_i − mean)² / (n − d)², over the values from d on. The rest still moves if the means of its halves
/// differ by more than a twentieth of the mean and by more than four of their standard errors (as Geweke 1992 compares
/// parts of a series).
pub fn cut(values: &[f64]) -> Option<usize> {
    if values.len() < FEWEST {
        return None;
    }
    let most = values.len() / 2;
    let error = |cut: &usize| {
        let rest = &values[*cut..];
        let count = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / count;
        rest.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count * count)
    };
    // The first of equal ones: what is steady all along is not cut.
    let best = (0..=most).min_by(|a, b| error(a).total_cmp(&error(b)))?;
    (best < most && !moves(&values[best..])).then_some(best)
}

fn moves(values: &[f64]) -> bool {
    let (first, second) = values.split_at(values.len() / 2);
    let ((a, error_a), (b, error_b)) = (mean(first), mean(second));
    let difference = (a - b).abs();
    difference > 4.0 * (error_a + error_b).sqrt() && difference > (a + b).abs() / 2.0 / 20.0
}

/// The mean and the square of its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::hash::Draws;

    fn noise(at: usize) -> f64 {
        Draws::new(1, 2, at as u64, 0).unit() - 0.5
    }

    #[test]
    fn a_ramp_is_cut_where_it_ends() {
        let ramp: Vec<f64> = (0..60).map(|at| (at.min(12) * 100) as f64 + 10.0 * noise(at)).collect();
        let cut = cut(&ramp).unwrap();
        assert!((11..=14).contains(&cut), "{cut}");
    }

    #[test]
    fn what_is_steady_loses_little() {
        assert_eq!(cut(&[7.0; 40]), Some(0));
        let flat: Vec<f64> = (0..200).map(|at| 50.0 + noise(at)).collect();
        assert!(cut(&flat).unwrap() <= 20, "{:?}", cut(&flat));
    }

    #[test]
    fn what_never_settles_is_not_cut() {
        let rising: Vec<f64> = (0..60).map(|at| (at * at) as f64).collect();
        assert_eq!(cut(&rising), None);
        assert_eq!(cut(&[1.0; 9]), None, "too few to tell");
    }
}
