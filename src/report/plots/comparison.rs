//! All trials of a run beside each other: throughput as bars, latency as dots.

use super::axis::Axis;
use super::figure::{Colour, Figure, Marker, Style};
use crate::report::number::{figures, line};
use crate::results::{StoredRun, schema::Metrics};

/// Longer names are shortened, so that the plot keeps its room.
const NAME: usize = 28;

pub fn throughput(run: &StoredRun, labels: &[String]) -> Figure {
    let measured = measured(run);
    let unit = measured.first().map_or("calls/s", |(_, metrics)| metrics.throughput.unit.as_str());
    let points: Vec<_> =
        measured.iter().map(|(row, metrics)| (finite(metrics.throughput.value), *row)).collect();
    let offered: Vec<_> =
        measured.iter().filter_map(|(row, metrics)| Some((metrics.total.offered_rate?, *row))).collect();
    let most = points.iter().chain(&offered).map(|(value, _)| *value).fold(0.0, f64::max);
    let x = Axis::from_zero(&format!("throughput ({unit})"), most).widened(0.12);
    let mut figure = framed("throughput of all trials", x, labels);
    note(&mut figure, &points);
    let name = if offered.is_empty() { "" } else { "succeeded" };
    figure.line(name, Colour::Series(0), Style::Bars, points);
    if !offered.is_empty() {
        figure.line("offered", Colour::Series(1), Style::Dots(Marker::Diamond), offered);
    }
    figure
}

pub fn latency(run: &StoredRun, labels: &[String]) -> Figure {
    let measured: Vec<_> = measured(run).into_iter().filter(|(_, m)| m.total.latency_ms.count > 0).collect();
    let of = |value: fn(&Metrics) -> f64| -> Vec<(f64, f64)> {
        measured.iter().map(|(row, metrics)| (finite(value(metrics)), *row)).collect()
    };
    let (p50, p99) = (of(|m| m.total.latency_ms.p50), of(|m| m.total.latency_ms.p99));
    let values = p50.iter().chain(&p99).map(|(ms, _)| *ms);
    let x = Axis::over("response time from due (ms)", values).widened(0.12);
    let mut figure = framed("latency of all trials", x, labels);
    note(&mut figure, &p99);
    let links = p50.iter().zip(&p99).map(|(from, to)| vec![*from, *to]).collect();
    figure.lines("", Colour::Grid, Style::Links, links);
    figure.line("p50", Colour::Series(0), Style::Dots(Marker::Circle), p50);
    figure.line("p99", Colour::Series(1), Style::Dots(Marker::Diamond), p99);
    figure
}

fn measured(run: &StoredRun) -> Vec<(f64, &Metrics)> {
    let rows = run.trials.iter().enumerate();
    rows.filter_map(|(row, trial)| Some((row as f64 + 0.5, trial.metrics.as_ref()?))).collect()
}

fn framed(title: &str, x: Axis, labels: &[String]) -> Figure {
    let y = Axis::rows("trial", labels.iter().map(|label| line(label, NAME)));
    let mut figure = Figure::new(title.to_owned(), x, y);
    figure.height = (340 + 46 * labels.len() as u32).max(640);
    figure
}

/// Writes each row's value right of it, and says which rows have none.
fn note(figure: &mut Figure, points: &[(f64, f64)]) {
    let rows = (0..figure.y.ticks.len()).map(|row| row as f64 + 0.5);
    figure.notes = rows
        .map(|row| match points.iter().find(|(_, of)| *of == row) {
            Some((value, _)) => (*value, row, figures(*value)),
            None => (0.0, row, "not measured".to_owned()),
        })
        .collect();
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
