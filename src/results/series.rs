//! `metrics.csv`: one line a second, operation and phase.

use std::{fmt::Write, fs, path::Path};

use super::stored::Point;
use crate::measure::{Interval, OperationInterval, clock::millis, tally::percentile_ms};

pub const HEADER: &str = "second,operation,phase,calls,failures,bytes,items,p50_ms,p90_ms,p99_ms,max_ms,in_flight,start_lag_p99_ms,part_of\n";

/// The lines of one second, sorted by operation and phase.
pub fn lines(interval: &Interval) -> String {
    let mut text = String::new();
    for point in Point::of(interval) {
        // Writing to a `String` does not fail.
        writeln!(
            text,
            "{},{},{},{},{},{},{},{:.6},{:.6},{:.6},{:.6},{},{:.6},{}",
            point.second,
            quoted(&point.operation),
            point.phase,
            point.calls,
            point.failures,
            point.bytes,
            point.items,
            point.p50_ms,
            point.p90_ms,
            point.p99_ms,
            point.max_ms,
            point.in_flight,
            point.start_lag_p99_ms,
            quoted(point.part_of.as_deref().unwrap_or_default()),
        )
        .ok();
    }
    text
}

impl Point {
    /// The points of one second, sorted by operation and phase.
    pub fn of(interval: &Interval) -> Vec<Self> {
        let point = |part: &OperationInterval| {
            let times = part.tally.response_times();
            let at = |percentile| times.as_ref().map_or(0.0, |times| percentile_ms(times, percentile));
            Self {
                second: interval.second,
                operation: interval.names[part.row].name.clone(),
                phase: part.phase.word().to_owned(),
                calls: part.tally.counts.calls(),
                failures: part.tally.counts.failed,
                bytes: part.tally.counts.bytes,
                items: part.tally.counts.items,
                p50_ms: at(50.0),
                p90_ms: at(90.0),
                p99_ms: at(99.0),
                max_ms: times.as_ref().map_or(0.0, |times| millis(times.max())),
                in_flight: interval.level.in_flight,
                start_lag_p99_ms: part.tally.start_lags().map_or(0.0, |lags| percentile_ms(&lags, 99.0)),
                part_of: Some(&interval.names[part.row])
                    .filter(|row| row.is_part)
                    .map(|row| interval.names[row.group].name.clone()),
            }
        };
        interval.operations.iter().map(point).collect()
    }
}

/// A field as RFC 4180 wants it.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// Reads the file back; a last line that a crash cut off is left out.
pub fn read(path: &Path) -> Vec<Point> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    whole.lines().skip(1).filter_map(point).collect()
}

fn point(line: &str) -> Option<Point> {
    let (second, rest) = line.split_once(',')?;
    let (operation, rest) = unquoted(rest)?;
    let fields: Vec<&str> = rest.splitn(12, ',').collect();
    let part_of = match fields.get(11) {
        // Written before there were parts.
        None | Some(&"") => None,
        Some(last) => Some(unquoted(&format!("{last},"))?.0),
    };
    let count = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let time = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(Point {
        second: second.parse().ok()?,
        operation,
        phase: (*fields.first()?).to_owned(),
        calls: count(1)?,
        failures: count(2)?,
        bytes: count(3)?,
        items: count(4)?,
        p50_ms: time(5)?,
        p90_ms: time(6)?,
        p99_ms: time(7)?,
        max_ms: time(8)?,
        in_flight: count(9)?,
        start_lag_p99_ms: time(10)?,
        part_of,
    })
}

/// A first field and what follows its comma.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (field, rest) = text.split_once(',')?;
        return Some((field.to_owned(), rest));
    };
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after.strip_prefix(',')?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_whatever_the_name() {
        for name in ["GET /", "a, \"quoted\" name", "\""] {
            let line =
                format!("7,{},measured,3,1,20,2,1.5,2.5,3.5,4.5,9,0.25,{}", quoted(name), quoted(name));
            let point = point(&line).unwrap();
            assert_eq!((point.second, point.operation.as_str(), point.calls), (7, name, 3));
            assert_eq!(point.start_lag_p99_ms, 0.25);
            assert_eq!(point.part_of.as_deref(), Some(name));
        }
    }
}
