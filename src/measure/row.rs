//! Single calls kept for `requests.jsonl`: fixed-size rows, thinned uniformly when there are too many.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Moment, Phase, Sample, failure, hash};

/// One call as it is spooled. Times are nanoseconds since the start of the load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row {
    pub turn: u64,
    pub due: u64,
    pub started: u64,
    pub ended: u64,
    /// 0 if the session saw no first byte.
    pub first_byte: u64,
    pub bytes: u64,
    pub operation: u16,
    /// The HTTP status; 0 if there was none.
    pub status: u16,
    /// [`failure::class_code`]; 0 for a success.
    pub class: u8,
    /// 0 warm-up, 1 measured, 2 drain, 3 after.
    pub phase: u8,
}

/// Bytes of a row in the spool.
pub const ROW_BYTES: usize = 54;

impl Row {
    pub fn new(operation: u16, sample: &Sample, begin: Moment, phase: Phase) -> Self {
        let (bytes, status, class, first_byte) = match sample.result {
            Ok(outcome) => (outcome.bytes, outcome.status, 0, outcome.first_byte),
            Err(failure) => (0, failure.status, failure::class_code(failure.class), None),
        };
        Self {
            turn: sample.turn,
            due: sample.due.since(begin),
            started: sample.started.since(begin),
            ended: sample.ended.since(begin),
            first_byte: first_byte.map_or(0, |at| at.since(begin)),
            bytes,
            operation,
            status,
            class,
            phase: phase as u8,
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        for number in [self.turn, self.due, self.started, self.ended, self.first_byte, self.bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.operation.to_le_bytes());
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&[self.class, self.phase]);
    }

    pub fn read(bytes: &[u8; ROW_BYTES]) -> Self {
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            turn: long(0),
            due: long(8),
            started: long(16),
            ended: long(24),
            first_byte: long(32),
            bytes: long(40),
            operation: short(48),
            status: short(50),
            class: bytes[52],
            phase: bytes[53],
        }
    }
}

/// Which calls are kept: those whose hash lies under a threshold that halves whenever the budget fills.
///
/// So the kept calls are a uniform sample, and the same ones whatever the number of threads.
pub struct Thinning {
    seed: u64,
    successes: Quota,
    failures: Quota,
}

struct Quota {
    /// How often the share was halved: only hashes with at least as many leading zeros are kept.
    halvings: AtomicU64,
    /// Rows kept, by leading zeros of their hash. Exact from `halvings` on, so that the final share depends on the
    /// calls alone and not on the order in which the threads delivered them.
    kept: [AtomicU64; 65],
    /// The sum of `kept` from `halvings` on.
    within: AtomicU64,
    budget: u64,
}

impl Thinning {
    /// Keeps up to `successes` and `failures` rows, counted apart; 0 keeps none, `u64::MAX` all.
    pub fn new(seed: u64, successes: u64, failures: u64) -> Self {
        Self { seed, successes: Quota::new(successes), failures: Quota::new(failures) }
    }

    /// Whether the call is kept as things stand; what was kept may be thinned out later.
    pub fn keeps(&self, turn: u64, failed: bool) -> bool {
        let quota = self.quota(failed);
        quota.budget > 0 && self.zeros(turn) >= quota.halvings.load(Relaxed)
    }

    /// Counts rows that were kept; halves the share while the budget is exceeded. One thread calls this.
    pub fn count(&self, rows: &[Row]) {
        for row in rows {
            self.quota(row.class != 0).add(self.zeros(row.turn));
        }
    }

    /// The share of calls kept, 0 to 1.
    pub fn share(&self, failed: bool) -> f64 {
        let quota = self.quota(failed);
        if quota.budget == 0 { 0.0 } else { 0.5f64.powi(quota.halvings.load(Relaxed) as i32) }
    }

    fn zeros(&self, turn: u64) -> u64 {
        u64::from(hash::hash(self.seed, turn).leading_zeros())
    }

    fn quota(&self, failed: bool) -> &Quota {
        if failed { &self.failures } else { &self.successes }
    }
}

impl Quota {
    fn new(budget: u64) -> Self {
        let kept = [const { AtomicU64::new(0) }; 65];
        Self { halvings: AtomicU64::new(0), kept, within: AtomicU64::new(0), budget }
    }

    fn add(&self, zeros: u64) {
        self.kept[zeros as usize].fetch_add(1, Relaxed);
        let mut halvings = self.halvings.load(Relaxed);
        let mut within = self.within.load(Relaxed) + u64::from(zeros >= halvings);
        while within > self.budget && halvings < 64 {
            // What has no more zeros than this is left out when the spool is read.
            within -= self.kept[halvings as usize].load(Relaxed);
            halvings += 1;
        }
        self.halvings.store(halvings, Relaxed);
        self.within.store(within, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back() {
        let row = Row {
            turn: 7,
            due: 1,
            started: 2,
            ended: 3,
            first_byte: 4,
            bytes: 5,
            operation: 6,
            status: 200,
            class: 1,
            phase: 2,
        };
        let mut bytes = Vec::new();
        row.write(&mut bytes);
        assert_eq!(Row::read(bytes.as_slice().try_into().unwrap()), row);
    }

    #[test]
    fn thinning_keeps_a_bounded_uniform_sample() {
        let thinning = Thinning::new(1, 1_000, 10);
        let mut rows = Vec::new();
        for turn in 0..50_000 {
            if thinning.keeps(turn, false) {
                let row = Row { turn, ..Row::default() };
                thinning.count(&[row]);
                rows.push(row);
            }
        }
        rows.retain(|row| thinning.keeps(row.turn, false));
        assert!((400..=1_000).contains(&rows.len()), "{}", rows.len());
        let mean = rows.iter().map(|row| row.turn as f64).sum::<f64>() / rows.len() as f64;
        assert!((20_000.0..30_000.0).contains(&mean), "not uniform: mean turn {mean}");
        assert!(thinning.share(false) < 0.05);
        assert_eq!(thinning.share(true), 1.0);
    }

    #[test]
    fn the_share_depends_on_the_calls_alone() {
        let share = |budget, turns: &mut dyn Iterator<Item = u64>, seen: usize| {
            let thinning = Thinning::new(3, budget, 0);
            let turns: Vec<u64> = turns.collect();
            for turns in turns.chunks(seen) {
                // A thread sees the share as it was when its second began.
                let rows: Vec<Row> = turns
                    .iter()
                    .filter(|turn| thinning.keeps(**turn, false))
                    .map(|turn| Row { turn: *turn, ..Row::default() })
                    .collect();
                thinning.count(&rows);
            }
            thinning.share(false)
        };
        for budget in (900..1_100).step_by(5) {
            let one = share(budget, &mut (0..16_000), 1);
            assert_eq!(one, share(budget, &mut (0..16_000).rev(), 1_000), "budget {budget}");
            assert_eq!(one, share(budget, &mut (0..16_000), 16_000), "budget {budget}");
        }
    }
}
