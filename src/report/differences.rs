//! Loads compared: the answer in a sentence, a table of the differences, and what a reader must know of them.

use super::number::{figures, line, trimmed};
use super::table::{Cell, Table, Tone};
use crate::analysis::compare::{Basis, Difference, Ranking, Verdict};

/// One load of both sides.
pub struct Compared<'a> {
    /// Which one it is; empty where there is only one.
    pub label: String,
    /// Repetitions of each side.
    pub repetitions: [usize; 2],
    pub differences: &'a [Difference],
}

/// The findings, worse ones first; where there are none, how many figures are the same and how many undecided.
pub fn answer(all: &[Compared<'_>], margin: f64, color: bool) -> String {
    let mut out = String::new();
    for (verdict, tone) in [(Verdict::Worse, Tone::Bad), (Verdict::Better, Tone::Good)] {
        for (load, difference) in each(all).filter(|(_, difference)| difference.verdict == verdict) {
            let of =
                if load.label.is_empty() { String::new() } else { format!(" of {}", line(&load.label, 60)) };
            let weak = if difference.basis == Basis::Seconds { ", by one repetition alone" } else { "" };
            let finding =
                format!("{}{of} {} ({})", difference.metric, change(difference), interval(difference));
            out += &format!("{}: {finding}{weak}\n", tone.paint(verdict.word(), color));
        }
    }
    let count = |verdict| each(all).filter(|(_, difference)| difference.verdict == verdict).count();
    let (same, undecided) = (count(Verdict::Same), count(Verdict::Undecided));
    if out.is_empty() {
        out += "no difference found\n";
    }
    let share = margin * 100.0;
    let share = trimmed(&format!("{share:.3}"));
    out += &format!("the same within {share} %: {same}, undecided: {undecided}\n");
    out
}

/// A line a figure.
pub fn table(all: &[Compared<'_>], color: bool) -> String {
    let several = all.iter().any(|load| !load.label.is_empty());
    let mut table = Table::new("");
    if several {
        table = table.words("load");
    }
    table = table
        .words("metric")
        .numbers("base", "")
        .numbers("new", "")
        .numbers("change", "")
        .words("95 % interval")
        .numbers("p", "")
        .words("verdict");
    for (load, difference) in each(all) {
        let mut cells: Vec<Cell> = if several { vec![load.label.clone().into()] } else { Vec::new() };
        let guess = if difference.low_confidence { "~" } else { "" };
        let value =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{guess}{}", figures(value)));
        cells.extend([
            difference.metric.clone().into(),
            value(difference.base).into(),
            value(difference.new).into(),
            change(difference).into(),
            interval(difference).into(),
            difference.adjusted_p.map_or("–".to_owned(), probability).into(),
            verdict(difference),
        ]);
        table.row(cells);
    }
    table.text(color)
}

/// What limits the findings, a line each.
pub fn remarks(all: &[Compared<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    let mut add = |text: String| {
        if !out.contains(&text) {
            out.push(text);
        }
    };
    for (load, difference) in each(all) {
        if difference.basis == Basis::Seconds {
            add("a side has one repetition: its intervals stand on the seconds within it, and how much one run differs from \
                 the next is not in them; repeat both sides, 5 times each, before you call it a change"
                .to_owned());
        }
        if let Some(why) = &difference.why {
            let of =
                if load.label.is_empty() { String::new() } else { format!(" of {}", line(&load.label, 60)) };
            add(format!("{}{of} is not judged: {why}", difference.metric));
        }
    }
    if each(all).any(|(_, difference)| difference.low_confidence) {
        add("~ marks percentiles with fewer than 10 samples beyond them".to_owned());
    }
    out
}

/// From best to worst, a line each.
pub fn ranking(ranking: &Ranking, color: bool) -> String {
    let mut table = Table::new("")
        .words("value")
        .numbers(&ranking.metric, "")
        .words("95 % interval")
        .numbers("times", "")
        .words("place")
        .numbers("to the best", "")
        .words("95 % interval")
        .words("verdict");
    for row in &ranking.rows {
        let own = row.low.zip(row.high).map(|(low, high)| format!("{} to {}", figures(low), figures(high)));
        let to_best = row.to_best.as_ref();
        table.row(vec![
            line(&row.label, 60).into(),
            figures(row.value).into(),
            own.unwrap_or_else(|| "–".to_owned()).into(),
            row.repetitions.to_string().into(),
            row.mark.map_or("", |mark| mark.word()).into(),
            to_best.map_or(String::new(), change).into(),
            to_best.map_or(String::new(), interval).into(),
            to_best.map_or("".into(), verdict),
        ]);
    }
    table.text(color)
}

fn each<'a>(all: &'a [Compared<'_>]) -> impl Iterator<Item = (&'a Compared<'a>, &'a Difference)> {
    all.iter().flat_map(|load| load.differences.iter().map(move |difference| (load, difference)))
}

fn verdict(difference: &Difference) -> Cell {
    let tone = match difference.verdict {
        Verdict::Worse => Tone::Bad,
        Verdict::Better => Tone::Good,
        Verdict::Same | Verdict::Undecided => Tone::Plain,
    };
    let word = difference.verdict.word();
    let text = match (difference.verdict, difference.needed) {
        (Verdict::Undecided, _) if difference.why.is_some() => "not judged".to_owned(),
        (Verdict::Undecided, Some(needed)) => format!("{word}: {needed} more of each would tell"),
        (Verdict::Undecided, None) => format!("{word}, for all practical numbers of repetitions"),
        _ if difference.basis == Basis::Seconds => format!("{word} (one repetition)"),
        _ => word.to_owned(),
    };
    Cell::toned(text, tone)
}

/// A share in percent, or a difference in the figure's unit.
fn change(difference: &Difference) -> String {
    difference.effect.map_or("–".to_owned(), |effect| signed(effect, difference.absolute))
}

fn interval(difference: &Difference) -> String {
    match (difference.low, difference.high) {
        (Some(low), Some(high)) => {
            format!("{} to {}", signed(low, difference.absolute), signed(high, difference.absolute))
        }
        _ => "–".to_owned(),
    }
}

fn signed(effect: f64, absolute: bool) -> String {
    let sign = if effect < 0.0 { "-" } else { "+" };
    match absolute {
        true => format!("{sign}{}", figures(effect.abs())),
        false => format!("{sign}{:.1} %", effect.abs() * 100.0),
    }
}

fn probability(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}
