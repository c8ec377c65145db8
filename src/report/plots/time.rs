//! One trial over time: throughput, and latency by percentile.

use super::axis::Axis;
use super::figure::{Band, Colour, Figure, MARKERS, Marker, Style};
use super::series::Seconds;
use crate::results::StoredTrial;

/// More operations than this in one picture cannot be told apart.
const MOST_OPERATIONS: usize = 4;

/// Successful calls a second, or MB/s of storage, with failures and the offered rate.
pub fn throughput(trial: &StoredTrial, label: &str) -> Figure {
    let seconds = Seconds::of(trial);
    let storage = trial.metrics.as_ref().is_some_and(|metrics| metrics.component == "storage")
        && trial.series.iter().any(|point| point.bytes > 0);
    let mut lines = Vec::new();
    if storage {
        let several = seconds.operations.len() > 1;
        for (at, name) in seconds.operations.iter().take(MOST_OPERATIONS).enumerate() {
            let points = seconds.rate(Some(name), |point| point.bytes);
            let points = points.into_iter().map(|(x, bytes)| (x, bytes / 1e6)).collect();
            let name = if several { (*name).to_owned() } else { "moved by successful calls".to_owned() };
            lines.push((name, Colour::Series(at), Style::Line(MARKERS[at]), points));
        }
    } else {
        let points = seconds.rate(None, |point| point.calls.saturating_sub(point.failures));
        lines.push(("successful".to_owned(), Colour::Series(0), Style::Line(Marker::Circle), points));
        if trial.series.iter().any(|point| point.failures > 0) {
            let points = seconds.rate(None, |point| point.failures);
            lines.push(("failed".to_owned(), Colour::Bad, Style::Line(Marker::Triangle), points));
        }
        if let Some(rate) = trial.metrics.as_ref().and_then(|metrics| metrics.total.offered_rate) {
            let end = trial.meta.warmup_s + trial.meta.duration_s;
            let end = if trial.meta.duration_s > 0.0 { end } else { seconds.end as f64 };
            lines.push((
                "offered".to_owned(),
                Colour::Series(5),
                Style::Dashed,
                vec![(0.0, rate), (end, rate)],
            ));
        }
    }
    let most = lines.iter().flat_map(|(.., points)| points).map(|(_, y)| *y).filter(|y| y.is_finite());
    let unit = if storage { "MB/s" } else { counted(trial) };
    let y = Axis::from_zero(
        &spaced(&format!("throughput ({unit})"), &seconds, "mean"),
        most.fold(0.0, f64::max) * 1.02,
    );
    let mut figure = framed(super::title(trial, label, "throughput over time"), y, &seconds);
    for (name, colour, style, points) in lines.into_iter().filter(|_| seconds.end > 0) {
        figure.line(name, colour, style, points);
    }
    figure
}

/// p50, p90 and p99 of each second; with several operations the p99 of each, since theirs cannot be merged.
pub fn latency(trial: &StoredTrial, label: &str) -> Figure {
    let seconds = Seconds::of(trial);
    let mut lines = Vec::new();
    match seconds.single() {
        Some(name) => {
            let parts = [
                seconds.worst(name, |point| point.p50_ms),
                seconds.worst(name, |point| point.p90_ms),
                seconds.worst(name, |point| point.p99_ms),
            ];
            lines.extend(["p50", "p90", "p99"].map(str::to_owned).into_iter().zip(parts));
        }
        None => {
            for name in seconds.operations.iter().take(MOST_OPERATIONS) {
                lines.push((format!("p99 of {name}"), seconds.worst(name, |point| point.p99_ms)));
            }
        }
    }
    let values = lines.iter().flat_map(|(_, parts)| parts.iter().flatten().map(|(_, y)| *y));
    let y = Axis::over(&spaced("response time from due (ms)", &seconds, "worst"), values);
    let mut figure = framed(super::title(trial, label, "latency over time"), y, &seconds);
    for (at, (name, parts)) in lines.into_iter().enumerate() {
        figure.lines(name, Colour::Series(at), Style::Line(MARKERS[at % MARKERS.len()]), parts);
    }
    figure
}

/// What a call is: the trial's own unit where its throughput counts calls, as `journeys/s` does.
fn counted(trial: &StoredTrial) -> &str {
    let metrics = trial.metrics.as_ref();
    let same = metrics.filter(|metrics| metrics.throughput.value == metrics.total.throughput);
    same.map_or("calls/s", |metrics| metrics.throughput.unit.as_str())
}

pub fn framed(title: String, y: Axis, seconds: &Seconds) -> Figure {
    let mut figure =
        Figure::new(title, Axis::time("time since the start of the load", seconds.end as f64), y);
    let bands =
        seconds.around.iter().map(|(from, to, label)| Band { from: *from, to: *to, label: (*label).into() });
    figure.bands = bands.collect();
    figure
}

/// The axis title says where one point stands for several seconds.
pub fn spaced(title: &str, seconds: &Seconds, how: &str) -> String {
    match seconds.width {
        1 => title.to_owned(),
        width => format!("{title}, {how} of every {width} s"),
    }
}
