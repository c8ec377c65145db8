//! Several tests at once: Holm's correction.

/// The p values adjusted so that the chance of any false finding among them stays what it is for one (Holm,
/// *Scandinavian Journal of Statistics* 6, 1979). In the order in which they came.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut highest: f64 = 0.0;
    for (rank, at) in order.into_iter().enumerate() {
        highest = highest.max((p_values[at] * (p_values.len() - rank) as f64).min(1.0));
        adjusted[at] = highest;
    }
    adjusted
}
