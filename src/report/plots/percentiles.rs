//! One trial's latency by percentile, the axis stretched towards 100 as HdrHistogram's plots do.

use super::axis::Axis;
use super::figure::{Band, Colour, Figure, Marker, Style};
use crate::results::StoredTrial;

/// Service time is drawn beside response time where it differs by more than this share anywhere.
const DIFFERS: f64 = 0.02;

pub fn latency(trial: &StoredTrial, label: &str) -> Figure {
    let response = clean(&trial.latency_curve);
    let service = clean(&trial.service_curve);
    let values = response.iter().chain(&service).map(|(_, ms)| *ms);
    let y = Axis::over("time (ms)", values);
    let last = response.iter().map(|(percentile, _)| *percentile).filter(|p| *p < 100.0).fold(0.0, f64::max);
    let count = trial.metrics.as_ref().map_or(0, |metrics| metrics.total.latency_ms.count);
    // With n samples the last percentile that differs from the maximum is 100 - 100/n.
    let known = if count > 1 { 100.0 - 100.0 / count as f64 } else { last };
    let edge = known.max(last);
    let mut figure =
        Figure::new(super::title(trial, label, "latency by percentile"), Axis::tail("percentile", edge), y);
    let sure = 100.0 - 1000.0 / count.max(1) as f64;
    if count > 0 && sure < edge {
        let label = "fewer than 10 samples beyond".to_owned();
        figure.bands.push(Band { from: sure.max(0.0), to: 100.0, label });
    }
    let differs = differ(&response, &service);
    figure.line("response time (from due)", Colour::Series(0), Style::Line(Marker::Circle), response);
    if differs {
        figure.line("service time (from start)", Colour::Series(1), Style::Line(Marker::Square), service);
    }
    figure
}

fn clean(curve: &[(f64, f64)]) -> Vec<(f64, f64)> {
    curve.iter().copied().filter(|(percentile, ms)| percentile.is_finite() && ms.is_finite()).collect()
}

fn differ(response: &[(f64, f64)], service: &[(f64, f64)]) -> bool {
    let at = |percentile: f64| service.iter().find(|(p, _)| *p >= percentile).map(|(_, ms)| *ms);
    response
        .iter()
        .any(|(percentile, ms)| at(*percentile).is_some_and(|other| (ms - other).abs() > ms.abs() * DIFFERS))
}
