//! A ladder of loads: the answer in a sentence, then a line a load.

use super::number::{figures, percent};
use super::table::{Cell, Table, Tone};
use crate::analysis::saturation::Answer;
use crate::measure::Verdict;

/// As `print(search.answer)` shows it.
pub fn text(answer: &Answer, color: bool) -> String {
    let found = &answer.saturation;
    let between = |low: Option<f64>, high: Option<f64>| match (low, high) {
        (Some(low), Some(high)) => format!(" ({} to {})", figures(low), figures(high)),
        _ => String::new(),
    };
    let mut out = String::new();
    if found.capacity.is_some() {
        out += &match answer.load {
            Some(load) => {
                format!(
                    "the highest load that holds: {}{}\n",
                    figures(load),
                    between(answer.low, answer.high)
                )
            }
            None => "the highest load that holds is not among these\n".to_owned(),
        };
    }
    out += &match &found.knee {
        Some(knee) => format!(
            "throughput stops growing at {}{}\n",
            figures(knee.load),
            between(Some(knee.low), Some(knee.high))
        ),
        None => "throughput does not stop growing within these loads\n".to_owned(),
    };
    if let (Some(peak), Some(load)) = (found.peak_throughput, found.peak_load) {
        out += &format!("the highest throughput: {} calls a second, at {}\n", figures(peak), figures(load));
    }
    if let Some(rate) = answer.confirm_rate {
        out += &format!("to confirm it: one longer open loop at a rate of {}\n", figures(rate));
    }
    if !answer.why.is_empty() {
        out += &format!("{}\n", answer.why);
    }
    out.push('\n');
    out += &table(answer, color);
    out
}

fn table(answer: &Answer, color: bool) -> String {
    let levels = &answer.saturation.levels;
    let has_objectives = answer.saturation.capacity.is_some();
    let mut table = Table::new("")
        .numbers("load", "")
        .numbers("times", "")
        .numbers("throughput", "1/s")
        .numbers("p50", "ms")
        .numbers("p95", "ms")
        .numbers("p99", "ms")
        .numbers("failed", "%")
        .numbers("in flight", "");
    if has_objectives {
        table = table.words("objectives");
    }
    table = table.words("verdict");
    let mut misfits = false;
    for level in levels {
        let in_flight = level.little.map_or("–".into(), |little| {
            misfits |= !little.fits;
            let mark = if little.fits { "" } else { "!" };
            Cell::toned(
                format!("{mark}{}", figures(little.in_flight)),
                if little.fits { Tone::Plain } else { Tone::Warn },
            )
        });
        let mut cells: Vec<Cell> = vec![
            figures(level.load).into(),
            level.repetitions.to_string().into(),
            figures(level.throughput).into(),
            figures(level.p50_ms).into(),
            figures(level.p95_ms).into(),
            figures(level.p99_ms).into(),
            percent(level.error_rate).into(),
            in_flight,
        ];
        if has_objectives {
            cells.push(match (level.held, level.missed.join(", ")) {
                (true, missed) if missed.is_empty() => Cell::toned("held", Tone::Good),
                (true, missed) => format!("mostly held, missed {missed}").into(),
                (false, missed) => Cell::toned(format!("missed {missed}"), Tone::Bad),
            });
        }
        let tone = if level.verdict == Verdict::Valid { Tone::Plain } else { Tone::Warn };
        cells.push(Cell::toned(level.verdict.word(), tone));
        table.row(cells);
    }
    if misfits {
        table.caption =
            "! calls in flight are not throughput × mean response time: something is not counted".to_owned();
    }
    table.text(color)
}
