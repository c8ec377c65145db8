//! The seconds of a load in a bounded number of blocks, so that its start can be left out when it is over.

use std::{borrow::Cow, collections::BTreeMap};

use hdrhistogram::{Counter, Histogram};

use super::{Counts, Phase, Tally, Totals, steady};

/// Blocks at most; where there are more, every two become one.
const MOST: usize = 64;

/// Blocks of equal length from some second on.
pub struct Blocks {
    /// The first second, since the start of the load.
    from: u64,
    /// Seconds of a block: a power of two.
    width: u64,
    /// By row.
    blocks: Vec<BTreeMap<usize, Kept>>,
}

/// What was cut from the start of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Blocks left out.
    pub blocks: usize,
    /// When the rest begins: seconds since the start of the load.
    pub until: u64,
    /// Seconds of a block, and how many there were to judge by.
    pub width: u64,
    pub of: usize,
}

/// Totals without the room for what did not happen.
#[derive(Default)]
struct Kept {
    counts: Counts,
    /// Response, service, start lag and failed: nanoseconds, how often.
    times: [Vec<(u64, u64)>; 4],
}

impl Blocks {
    pub fn new(from: u64) -> Self {
        Self { from, width: 1, blocks: Vec::new() }
    }

    /// Adds what a row counted in a second.
    pub fn add(&mut self, second: u64, row: usize, phase: Phase, tally: &Tally) {
        // What lies before is cut with anything that is.
        let Some(since) = second.checked_sub(self.from) else { return };
        while (since / self.width) as usize >= MOST {
            self.halve();
        }
        let block = (since / self.width) as usize;
        if block >= self.blocks.len() {
            self.blocks.resize_with(block + 1, BTreeMap::new);
        }
        self.blocks[block].entry(row).or_default().add(phase, tally);
    }

    /// What to cut so that the rest, up to the second `to`, is steady in response time and in rate of `row`. `None` if
    /// no cut makes it so, or if there are too few blocks to tell.
    pub fn cut(&self, row: usize, to: u64) -> Option<Cut> {
        let whole = (to.saturating_sub(self.from) / self.width) as usize;
        let blocks = &self.blocks[..whole.min(self.blocks.len())];
        let none = Kept::default();
        let of = |value: fn(&Kept) -> f64| {
            let values: Vec<f64> = blocks.iter().map(|rows| value(rows.get(&row).unwrap_or(&none))).collect();
            steady::cut(&values)
        };
        let cut = of(Kept::mean)?.max(of(|kept| kept.counts.successes_in_window as f64)?);
        let until = self.from + cut as u64 * self.width;
        Some(Cut { blocks: cut, until, width: self.width, of: blocks.len() })
    }

    /// What `row` counted from a block on.
    pub fn totals(&self, row: usize, from_block: usize) -> Totals {
        let mut totals = Totals::default();
        let rest = self.blocks.get(from_block..).unwrap_or_default();
        for kept in rest.iter().filter_map(|rows| rows.get(&row)) {
            totals.counts.merge(&kept.counts);
            let into = [&mut totals.response, &mut totals.service, &mut totals.lag, &mut totals.failed_times];
            for (into, times) in into.into_iter().zip(&kept.times) {
                times.iter().for_each(|(nanos, count)| into.saturating_record_n(*nanos, *count));
            }
        }
        totals
    }

    fn halve(&mut self) {
        self.width *= 2;
        let mut halved: Vec<BTreeMap<usize, Kept>> = Vec::new();
        for (at, rows) in std::mem::take(&mut self.blocks).into_iter().enumerate() {
            if at % 2 == 0 {
                halved.push(rows);
                continue;
            }
            let even = halved.last_mut().expect("an even one comes before each odd one");
            rows.into_iter().for_each(|(row, kept)| even.entry(row).or_default().merge(kept));
        }
        self.blocks = halved;
    }
}

impl Kept {
    fn add(&mut self, phase: Phase, tally: &Tally) {
        if !phase.counts() {
            self.counts.merge_window(&tally.counts);
            return;
        }
        let of = |times: Option<Cow<Histogram<u32>>>| times.map_or_else(Vec::new, |times| sparse(&times));
        let times = [
            of(tally.response_times()),
            of(tally.service_times()),
            of(tally.start_lags()),
            tally.failed_times().map_or_else(Vec::new, sparse),
        ];
        self.merge(Self { counts: tally.counts.clone(), times });
    }

    fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        for (mine, other) in self.times.iter_mut().zip(other.times) {
            mine.extend(other);
            mine.sort_unstable_by_key(|(nanos, _)| *nanos);
            mine.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 += if same { next.1 } else { 0 };
                same
            });
        }
    }

    /// Mean response time in nanoseconds; 0 if nothing succeeded.
    fn mean(&self) -> f64 {
        let count: u64 = self.times[0].iter().map(|(_, count)| count).sum();
        let sum: f64 = self.times[0].iter().map(|(nanos, count)| *nanos as f64 * *count as f64).sum();
        sum / count.max(1) as f64
    }
}

fn sparse<C: Counter>(times: &Histogram<C>) -> Vec<(u64, u64)> {
    times.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value().as_u64())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Failure, Moment, Outcome, Sample, Window};

    /// A second in which ten calls took so many milliseconds.
    fn second(ms: u64) -> Tally {
        let window = Window { begin: Moment(0), from: Moment(0), to: Moment(u64::MAX) };
        let result: Result<Outcome, Failure> = Ok(Outcome { bytes: 3, ..Outcome::default() });
        let mut tally = Tally::default();
        for turn in 0..10 {
            let ended = Moment(ms * 1_000_000 + turn);
            let sample =
                Sample { turn, due: Moment(0), started: Moment(0), ended, paused: 0, result: &result };
            tally.record(&sample, &window);
        }
        tally
    }

    #[test]
    fn the_rest_is_what_was_counted_after_the_cut() {
        let mut blocks = Blocks::new(2);
        let mut rest = Totals::default();
        for at in 0..42 {
            let tally = second(if at < 8 { 100 - at * 10 } else { 20 });
            blocks.add(at, 0, Phase::Measured, &tally);
            if at >= 8 {
                rest.add(Phase::Measured, &tally);
            }
        }
        let cut = blocks.cut(0, 42).unwrap();
        assert_eq!(cut, Cut { blocks: 6, until: 8, width: 1, of: 40 });
        let totals = blocks.totals(0, cut.blocks);
        assert_eq!(totals.counts.successes, 340);
        assert_eq!(totals.counts.bytes, rest.counts.bytes);
        assert_eq!(totals.response, rest.response);
    }

    #[test]
    fn a_long_load_has_wider_blocks_and_loses_nothing() {
        let mut blocks = Blocks::new(0);
        (0..1_000).for_each(|at| blocks.add(at, 3, Phase::Measured, &second(if at < 100 { 90 } else { 20 })));
        assert_eq!((blocks.width, blocks.blocks.len()), (16, 63));
        assert_eq!(blocks.totals(3, 0).counts.successes, 10_000);
        let cut = blocks.cut(3, 1_000).unwrap();
        assert_eq!((cut.width, cut.until), (16, 112));
        assert_eq!(blocks.totals(3, cut.blocks).counts.successes, (1_000 - 112) * 10);
    }
}
