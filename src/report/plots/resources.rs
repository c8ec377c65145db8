//! What was used over time: CPU, and the memory of the service.

use super::axis::Axis;
use super::figure::{Colour, Figure, MARKERS, Style};
use super::series::{MOST_POINTS, Seconds};
use super::time::{framed, spaced};
use crate::results::StoredTrial;

/// Lower than the plots of what was measured: these explain those, and every pixel costs.
const HEIGHT: u32 = 600;

/// CPU of service, generator and machine.
pub fn cpu(trial: &StoredTrial, label: &str) -> Option<Figure> {
    let lines = [
        ("service", "service.cpu_util"),
        ("generator", "generator.cpu_util"),
        ("machine", "machine.cpu_util"),
        ("machine waiting for disks", "machine.iowait"),
    ];
    draw(trial, label, "CPU over time", "CPU (% of the allowed cores)", 100.0, &lines)
}

/// Resident memory of the service.
pub fn memory(trial: &StoredTrial, label: &str) -> Option<Figure> {
    let lines = [("resident", "service.rss_mb"), ("of its own", "service.rss_anon_mb")];
    draw(trial, label, "memory of the service over time", "memory (MB)", 1.0, &lines)
}

/// None where nothing is known.
fn draw(
    trial: &StoredTrial,
    label: &str,
    what: &str,
    unit: &str,
    factor: f64,
    wanted: &[(&str, &str)],
) -> Option<Figure> {
    let seconds = Seconds::of(trial);
    let columns = wanted.iter().enumerate().filter_map(|(at, (name, column))| {
        let parts = stretches(trial, trial.resources.column(column)?, seconds.width, factor);
        (!parts.is_empty()).then_some((at, *name, parts))
    });
    let lines: Vec<_> = columns.collect();
    let most =
        lines.iter().flat_map(|(.., parts)| parts.iter().flatten()).map(|(_, y)| *y).reduce(f64::max)?;
    let y = Axis::from_zero(&spaced(unit, &seconds, "mean"), most.max(1e-3));
    let mut figure = framed(super::title(trial, label, what), y, &seconds);
    figure.height = HEIGHT;
    for (at, name, parts) in lines {
        figure.lines(name, Colour::Series(at), Style::Line(MARKERS[at % MARKERS.len()]), parts);
    }
    Some(figure)
}

/// A column as unbroken stretches of points, each the mean of `width` seconds in their middle.
fn stretches(trial: &StoredTrial, column: usize, width: u64, factor: f64) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut is_open = false;
    for rows in
        trial.resources.rows.chunk_by(|a, b| a.second / width == b.second / width).take(MOST_POINTS as usize)
    {
        let values: Vec<f64> =
            rows.iter().filter_map(|row| row.value(column)).filter(|value| value.is_finite()).collect();
        let (Some(first), Some(last), false) = (rows.first(), rows.last(), values.is_empty()) else {
            is_open = false;
            continue;
        };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let point = ((first.second as f64 + last.until_s) / 2.0, mean * factor);
        match parts.last_mut().filter(|_| is_open) {
            Some(part) => part.push(point),
            None => parts.push(vec![point]),
        }
        is_open = true;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::results::{ResourceRow, Resources};

    #[test]
    fn seconds_that_are_not_known_break_the_line() {
        let mut run = sample::storage();
        let trial = &mut run.trials[0];
        assert!(cpu(trial, "disk").is_none() && memory(trial, "disk").is_none());
        let row = |second: u64| {
            let share = (second != 4).then_some(0.5);
            ResourceRow { second, until_s: second as f64 + 1.0, values: vec![share, share] }
        };
        let columns = ["machine.cpu_util", "generator.cpu_util"].map(str::to_owned).into();
        trial.resources = Resources { columns, rows: (0..10).map(row).collect() };
        let figure = cpu(trial, "disk").expect("something is known");
        assert_eq!(
            figure.series.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(),
            ["generator", "machine"]
        );
        assert_eq!(figure.series[0].parts.iter().map(Vec::len).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(figure.series[0].parts[0][0], (0.5, 50.0));
        assert!(memory(trial, "disk").is_none());
    }
}
