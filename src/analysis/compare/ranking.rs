//! The values of a parameter that was varied, from best to worst under one figure.

use serde::Serialize;

use super::{
    super::{
        figure::{figure, more_is_better},
        stats::{mean, t_quantile, variance},
    },
    Difference, LEVEL, Repetition, decide,
    estimate::middle,
};

/// From best to worst.
#[derive(Debug, Clone, Serialize)]
pub struct Ranking {
    pub metric: String,
    pub rows: Vec<Ranked>,
}

/// One value of the parameter.
#[derive(Debug, Clone, Serialize)]
pub struct Ranked {
    /// As it was given.
    pub label: String,
    /// Its place in the order in which the values were given.
    pub index: usize,
    pub value: f64,
    /// The interval of the value in 95 of 100 cases; none with one repetition.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub repetitions: usize,
    pub mark: Option<Mark>,
    /// How it differs from the best; none for the best itself.
    pub to_best: Option<Difference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Best,
    Median,
    Worst,
}

impl Mark {
    pub fn word(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Median => "median",
            Self::Worst => "worst",
        }
    }
}

impl Ranking {
    /// Ranks `groups`, each a value of the parameter with its repetitions. Those in which `metric` was not measured are left out.
    pub fn of(groups: &[(String, Vec<Repetition<'_>>)], metric: &str, margin: f64) -> Self {
        let mut rows: Vec<Ranked> =
            groups.iter().enumerate().filter_map(|(index, group)| row(index, group, metric)).collect();
        let up = more_is_better(metric);
        rows.sort_by(|a, b| if up { b.value.total_cmp(&a.value) } else { a.value.total_cmp(&b.value) });
        if let Some(best) = rows.first().map(|row| row.index) {
            for row in rows.iter_mut().skip(1) {
                row.to_best = Some(Difference::of(metric, &groups[best].1, &groups[row.index].1));
            }
            let mut all: Vec<&mut Difference> =
                rows.iter_mut().filter_map(|row| row.to_best.as_mut()).collect();
            decide(&mut all, margin);
        }
        let count = rows.len();
        for (at, row) in rows.iter_mut().enumerate() {
            row.mark = match at {
                0 => Some(Mark::Best),
                _ if at + 1 == count => Some(Mark::Worst),
                _ if at == (count - 1) / 2 => Some(Mark::Median),
                _ => None,
            };
        }
        Self { metric: metric.to_owned(), rows }
    }
}

fn row(index: usize, (label, repetitions): &(String, Vec<Repetition<'_>>), metric: &str) -> Option<Ranked> {
    let values: Vec<f64> = repetitions.iter().filter_map(|one| figure(one.metrics, metric)).collect();
    if values.is_empty() {
        return None;
    }
    let interval = interval(&values);
    Some(Ranked {
        label: label.clone(),
        index,
        value: middle(metric, &values),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        repetitions: values.len(),
        mark: None,
        to_best: None,
    })
}

/// Of the middle of at least two values, by Student's t on their logarithms where all are above 0.
fn interval(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let positive = values.iter().all(|value| *value > 0.0);
    let scaled: Vec<f64> = values.iter().map(|value| if positive { value.ln() } else { *value }).collect();
    let half = t_quantile(0.5 + LEVEL / 2.0, count - 1.0) * (variance(&scaled) / count).sqrt();
    let (low, high) = (mean(&scaled) - half, mean(&scaled) + half);
    Some(if positive { (low.exp(), high.exp()) } else { (low, high) })
}
