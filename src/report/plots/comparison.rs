//! All trials of one service beside each other: throughput as bars, latency as dots.

use super::axis::Axis;
use super::figure::{Colour, Figure, Marker, Style};
use crate::measure::Verdict;
use crate::report::facts;
use crate::report::number::short;
use crate::results::{StoredTrial, schema::Metrics};

/// Longer names are shortened in their middle, so that the plot keeps its room.
const NAME: usize = 34;

/// What stands in the rows: the trials, what each is called, and what they all are.
pub struct Rows<'a> {
    pub trials: Vec<&'a StoredTrial>,
    pub labels: Vec<&'a str>,
    /// `all trials`, or `all files trials` where other services have pictures of their own.
    pub what: String,
}

pub fn throughput(rows: &Rows) -> Figure {
    let measured = measured(rows);
    let throughput = facts::Throughput::of(rows.trials.iter().copied());
    let points = measured.iter().map(|(row, metrics)| (throughput.value(metrics), *row));
    let points: Vec<_> = points.filter(|(value, _)| value.is_finite()).collect();
    let offered: Vec<_> =
        measured.iter().filter_map(|(row, metrics)| Some((metrics.total.offered_rate?, *row))).collect();
    let most = points.iter().chain(&offered).map(|(value, _)| *value).fold(0.0, f64::max);
    let x = Axis::from_zero(&format!("throughput ({})", throughput.unit), most).widened(0.14);
    let mut figure = framed("throughput", x, rows);
    note(&mut figure, points.iter().map(|(value, row)| (*value, *row, short(*value))));
    let name = if offered.is_empty() { "" } else { "succeeded" };
    figure.line(name, Colour::Series(0), Style::Bars, points);
    if !offered.is_empty() {
        figure.line("offered", Colour::Series(1), Style::Dots(Marker::Diamond), offered);
    }
    figure
}

pub fn latency(rows: &Rows) -> Figure {
    let measured: Vec<_> = measured(rows).into_iter().filter(|(_, m)| m.total.latency_ms.count > 0).collect();
    let of = |value: fn(&Metrics) -> f64| -> Vec<(f64, f64)> {
        let points = measured.iter().map(|(row, metrics)| (value(metrics), *row));
        points.filter(|(value, _)| value.is_finite()).collect()
    };
    let (p50, p99) = (of(|m| m.total.latency_ms.p50), of(|m| m.total.latency_ms.p99));
    let values = p50.iter().chain(&p99).map(|(ms, _)| *ms);
    let x = Axis::over("response time from due (ms)", values).widened(0.14);
    let mut figure = framed("latency", x, rows);
    let guess = |row: f64| {
        let low = measured.iter().find(|(of, _)| *of == row).map(|(_, m)| &m.total.latency_ms.low_confidence);
        if low.is_some_and(|low| low.iter().any(|name| name == "p99")) { "~" } else { "" }
    };
    note(
        &mut figure,
        p99.iter().map(|(value, row)| (*value, *row, format!("{}{}", guess(*row), short(*value)))),
    );
    let link = |to: &(f64, f64)| p50.iter().find(|from| from.1 == to.1).map(|from| vec![*from, *to]);
    let links = p99.iter().filter_map(link).collect();
    figure.lines("", Colour::Grid, Style::Links, links);
    figure.line("p50", Colour::Series(0), Style::Dots(Marker::Circle), p50);
    figure.line("p99", Colour::Series(1), Style::Dots(Marker::Diamond), p99);
    figure
}

fn measured<'a>(rows: &Rows<'a>) -> Vec<(f64, &'a Metrics)> {
    let rows = rows.trials.iter().enumerate();
    rows.filter_map(|(row, trial)| Some((row as f64 + 0.5, trial.metrics.as_ref()?))).collect()
}

/// A row a trial; a trial whose numbers are not the service's own has a mark, which the axis title explains.
fn framed(title: &str, x: Axis, rows: &Rows) -> Figure {
    let (shared, rest) = split(&rows.labels);
    let title = format!("{title} of {}", rows.what);
    let title = if shared.is_empty() { title } else { format!("{title}: {shared}") };
    let verdict = |trial: &StoredTrial| trial.metrics.as_ref().map_or(Verdict::Valid, |m| m.validity.verdict);
    let mark = |verdict| match verdict {
        Verdict::Valid => "",
        Verdict::Suspect => " ?",
        Verdict::GeneratorLimited => " *",
    };
    let found = [Verdict::Suspect, Verdict::GeneratorLimited];
    let found = found.into_iter().filter(|found| rows.trials.iter().any(|trial| verdict(trial) == *found));
    let explained: String = found.map(|found| format!(",{} {}", mark(found), found.word())).collect();
    let named =
        rest.into_iter().zip(&rows.trials).map(|(label, trial)| shortened(label) + mark(verdict(trial)));
    let y = Axis::rows(&format!("trial{explained}"), named);
    let mut figure = Figure::new(title, x, y);
    figure.height = (340 + 46 * rows.labels.len() as u32).max(640);
    figure
}

/// The words that all labels begin with, which go into the title, and what is left of each.
fn split<'a>(labels: &[&'a str]) -> (&'a str, Vec<&'a str>) {
    let whole = labels.to_vec();
    let Some((first, others)) = whole.split_first() else { return ("", whole) };
    let same = first.char_indices().take_while(|(at, c)| {
        others.iter().all(|other| other.get(*at..).is_some_and(|rest| rest.starts_with(*c)))
    });
    let end = same.filter(|(_, c)| *c == ' ').map(|(at, _)| at).last().unwrap_or(0);
    match end {
        0 => ("", whole),
        end => (&first[..end], whole.iter().map(|label| &label[end + 1..]).collect()),
    }
}

/// A long name keeps its beginning and its end, since trials differ at the end.
fn shortened(label: &str) -> String {
    let length = label.chars().count();
    if length <= NAME {
        return label.to_owned();
    }
    let tail = NAME * 2 / 3;
    label.chars().take(NAME - 1 - tail).chain(['…']).chain(label.chars().skip(length - tail)).collect()
}

/// Writes each row's value right of it, and says which rows have none.
fn note(figure: &mut Figure, values: impl Iterator<Item = (f64, f64, String)>) {
    figure.notes = values.collect();
    for row in (0..figure.y.ticks.len()).map(|row| row as f64 + 0.5) {
        if figure.notes.iter().all(|(_, of, _)| *of != row) {
            figure.notes.push((0.0, row, "not measured".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_what_tells_them_apart() {
        let labels = ["GET /item users=1", "GET /item users=16"];
        assert_eq!(split(&labels), ("GET /item", vec!["users=1", "users=16"]));
        let labels = ["é", "e"];
        assert_eq!(split(&labels), ("", vec!["é", "e"]));
        let labels = ["read", "read hot"];
        assert_eq!(split(&labels).0, "");
        assert_eq!(shortened(&"x".repeat(60)).chars().count(), NAME);
    }
}
