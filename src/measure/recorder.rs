//! What one generator thread adds its calls to, and hands over once a second.

use std::sync::{Arc, mpsc::Sender};

use super::{Failure, Level, Moment, Phase, Row, Sample, Tally, Thinning, ThreadUse, Window, usage::Usage};

/// Nanoseconds of an interval.
const SECOND: u64 = 1_000_000_000;

/// One second of one thread.
pub struct Batch {
    pub thread: usize,
    pub second: u64,
    pub tallies: Vec<(usize, Phase, Tally)>,
    pub rows: Vec<Row>,
    pub usage: ThreadUse,
    pub level: Level,
    /// The thread's last one: when it ended.
    pub last: Option<Moment>,
}

/// Belongs to one thread; nothing in it is shared but the channel and the thinning threshold.
pub struct Recorder {
    thread: usize,
    begin: Moment,
    /// By operation.
    windows: Vec<Window>,
    second: u64,
    boundary: Moment,
    /// By operation, then phase.
    tallies: Vec<[Option<Box<Tally>>; 3]>,
    rows: Vec<Row>,
    thinning: Arc<Thinning>,
    usage: Usage,
    pub level: Level,
    out: Sender<Batch>,
}

impl Recorder {
    /// `windows` has one entry an operation, all with the same begin.
    pub fn new(thread: usize, windows: Vec<Window>, thinning: Arc<Thinning>, out: Sender<Batch>) -> Self {
        let begin = windows.first().map_or_else(Moment::now, |window| window.begin);
        Self {
            thread,
            begin,
            tallies: windows.iter().map(|_| [None, None, None]).collect(),
            windows,
            second: 0,
            boundary: begin.plus(SECOND),
            rows: Vec::new(),
            thinning,
            usage: Usage::start(),
            level: Level::default(),
            out,
        }
    }

    /// Adds one call that was sent. `free` says that it had not to wait for a session.
    pub fn record(&mut self, operation: usize, sample: &Sample, free: bool) {
        if sample.ended >= self.boundary {
            self.roll(sample.ended);
        }
        if free {
            self.usage.start_lag(sample.started.since(sample.due));
        }
        let phase = self.windows[operation].phase(sample.due, sample.ended);
        let window = self.windows[operation];
        self.tally(operation, phase).record(sample, &window);
        if self.thinning.keeps(sample.turn, sample.result.is_err()) {
            self.rows.push(Row::new(operation as u16, sample, self.begin, phase));
        }
    }

    /// Adds one call that never started; it counts as a failure at its age.
    pub fn record_unsent(
        &mut self,
        operation: usize,
        turn: u64,
        due: Moment,
        ended: Moment,
        failure: Failure,
    ) {
        if ended >= self.boundary {
            self.roll(ended);
        }
        let phase = self.windows[operation].phase(due, ended);
        self.tally(operation, phase).record_unsent(&failure, ended.since(due));
        if self.thinning.keeps(turn, true) {
            let sample = Sample { turn, due, started: ended, ended, result: &Err(failure) };
            self.rows.push(Row::new(operation as u16, &sample, self.begin, phase));
        }
    }

    /// Counts a session that was lost and opened again for a call due at `due`.
    pub fn reconnected(&mut self, operation: usize, due: Moment) {
        let phase = self.windows[operation].phase(due, due);
        self.tally(operation, phase).reconnects += 1;
    }

    /// Hands over every second that has passed by `now`.
    pub fn roll(&mut self, now: Moment) {
        while now >= self.boundary {
            self.hand_over(None);
            self.second += 1;
            self.boundary = self.boundary.plus(SECOND);
        }
    }

    /// Hands over what is left; nothing is recorded after this.
    pub fn finish(&mut self, now: Moment) {
        self.roll(now);
        self.hand_over(Some(now));
    }

    fn tally(&mut self, operation: usize, phase: Phase) -> &mut Tally {
        self.tallies[operation][phase as usize].get_or_insert_default()
    }

    fn hand_over(&mut self, last: Option<Moment>) {
        let mut tallies = Vec::new();
        for (operation, phases) in self.tallies.iter_mut().enumerate() {
            for phase in Phase::ALL {
                if let Some(tally) = phases[phase as usize].take() {
                    tallies.push((operation, phase, *tally));
                }
            }
        }
        let batch = Batch {
            thread: self.thread,
            second: self.second,
            tallies,
            rows: std::mem::take(&mut self.rows),
            usage: self.usage.lap(self.thread),
            level: self.level,
            last,
        };
        self.level.max_in_flight = self.level.in_flight;
        self.level.waited = 0;
        // The collector is gone only when the load was given up; then nobody wants the numbers.
        self.out.send(batch).ok();
    }
}
