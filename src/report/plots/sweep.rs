//! Throughput and latency against a swept parameter, and a map of two.

use super::axis::Axis;
use super::figure::{Colour, Figure, MARKERS, Style};
use crate::report::facts::sweep::{Point, Sweep};
use crate::results::schema::Metrics;

/// More lines than this are not told apart.
const LINES: usize = 4;

/// Throughput against `axis`: a line for each combination of the others.
pub fn throughput(sweep: &Sweep, axis: &str) -> Figure {
    let lines = sweep.along(axis);
    let most = sweep.points.iter().map(|point| sweep.throughput(point).high).fold(0.0, f64::max);
    let y = Axis::from_zero(&format!("throughput ({})", sweep.unit()), most);
    let mut figure = framed(sweep, axis, &format!("throughput by {axis}"), y);
    for (at, (words, points)) in lines.iter().take(LINES).enumerate() {
        let line =
            points.iter().filter_map(|point| Some((point.number(axis)?, sweep.throughput(point).median)));
        let style = Style::Line(MARKERS[at % MARKERS.len()]);
        let name = if lines.len() > 1 { words.clone() } else { String::new() };
        let line: Vec<_> = line.collect();
        figure.line(name, Colour::Series(at), style, line.clone());
        // A marker for each point, however near to its neighbour.
        figure.line("", Colour::Series(at), Style::Dots(MARKERS[at % MARKERS.len()]), line);
        spreads(&mut figure, axis, points, at, |point| Some(sweep.throughput(point)));
    }
    figure
}

/// Latency against `axis`: percentiles, or the p99 of each combination of the others.
pub fn latency(sweep: &Sweep, axis: &str) -> Figure {
    let lines = sweep.along(axis);
    let values = || {
        let each = |point: &Point| [point.latency(p50), point.latency(p99)];
        sweep.points.iter().flat_map(each).flatten().flat_map(|spread| [spread.low, spread.high])
    };
    let values: Vec<f64> = values().collect();
    let y = Axis::over("response time from due (ms)", values.iter().copied());
    let mut figure = framed(sweep, axis, &format!("latency by {axis}"), y);
    let mut line = |name: String, at: usize, points: &[&Point], of: fn(&Metrics) -> f64| {
        let medians =
            points.iter().filter_map(|point| Some((point.number(axis)?, point.latency(of)?.median)));
        let (medians, marker): (Vec<_>, _) = (medians.collect(), MARKERS[at % MARKERS.len()]);
        figure.line(name, Colour::Series(at), Style::Line(marker), medians.clone());
        figure.line("", Colour::Series(at), Style::Dots(marker), medians);
    };
    match &lines[..] {
        [(_, points)] => {
            line("p50".to_owned(), 0, points, p50);
            line("p95".to_owned(), 1, points, |metrics| metrics.latency_ms.p95);
            line("p99".to_owned(), 2, points, p99);
        }
        several => {
            for (at, (words, points)) in several.iter().take(LINES).enumerate() {
                line(format!("p99, {words}"), at, points, p99);
            }
        }
    }
    figure
}

fn p50(metrics: &Metrics) -> f64 {
    metrics.latency_ms.p50
}

fn p99(metrics: &Metrics) -> f64 {
    metrics.latency_ms.p99
}

fn framed(sweep: &Sweep, axis: &str, title: &str, y: Axis) -> Figure {
    let values: Vec<f64> = sweep.points.iter().filter_map(|point| point.number(axis)).collect();
    let x = Axis::over(axis, values.iter().copied());
    let left_out = sweep.along(axis).len().saturating_sub(LINES);
    let title = match left_out {
        0 => title.to_owned(),
        more => format!("{title} (the first {LINES} of {} lines)", LINES + more),
    };
    Figure::new(title, x, y)
}

/// From the lowest to the highest repetition of each point.
fn spreads(
    figure: &mut Figure,
    axis: &str,
    points: &[&Point],
    at: usize,
    of: impl Fn(&Point) -> Option<crate::report::facts::sweep::Spread>,
) {
    let bars = points.iter().filter(|point| point.repetitions.len() > 1).filter_map(|point| {
        let (x, spread) = (point.number(axis)?, of(point)?);
        Some(vec![(x, spread.low), (x, spread.high)])
    });
    let bars: Vec<_> = bars.collect();
    if !bars.is_empty() {
        figure.lines("", Colour::Series(at), Style::Links, bars);
    }
}

/// The medians of two parameters as a map: darker is more.
pub fn map(sweep: &Sweep, across: &str, up: &str) -> Option<Figure> {
    let text = |point: &Point, axis: &str| point.values.get(axis).map(crate::report::facts::plain);
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    for point in &sweep.points {
        let (column, row) = (text(point, across)?, text(point, up)?);
        if !columns.contains(&column) {
            columns.push(column);
        }
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    if columns.len() < 2 || rows.len() < 2 || columns.len() > 16 || rows.len() > 16 {
        return None;
    }
    let y = Axis::rows(up, rows.iter().cloned());
    let x = Axis::columns(across, columns.iter().cloned());
    let mut figure = Figure::new(format!("throughput ({}) by {across} and {up}", sweep.unit()), x, y);
    figure.height = (260 + 70 * rows.len() as u32).max(420);
    let most = sweep.points.iter().map(|point| sweep.throughput(point).median).fold(0.0, f64::max);
    for point in &sweep.points {
        let column = columns.iter().position(|known| Some(known) == text(point, across).as_ref())?;
        let row = rows.iter().position(|known| Some(known) == text(point, up).as_ref())?;
        let value = sweep.throughput(point).median;
        let share = if most > 0.0 { value / most } else { 0.0 };
        figure.cells.push((column as f64, row as f64, share, crate::report::number::short(value)));
    }
    Some(figure)
}
