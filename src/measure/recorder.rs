//! What one generator thread adds its calls to, and hands over once a second.

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc::Sender},
};

use super::{
    Failure, Level, Metric, Moment, Phase, Row, Sample, Tally, Thinning, ThreadUse, Window,
    metric::{MOST_METRICS, Note},
    usage::Usage,
};

/// Nanoseconds of an interval.
const SECOND: u64 = 1_000_000_000;

/// One second of one thread.
pub struct Batch {
    pub thread: usize,
    pub second: u64,
    /// By the number of the row.
    pub tallies: Vec<(usize, Phase, Tally)>,
    pub rows: Vec<Row>,
    /// By group and name, those noted in the measured window.
    pub metrics: Vec<((usize, String), Metric)>,
    pub usage: ThreadUse,
    pub level: Level,
    /// The thread's last one: when it ended.
    pub last: Option<Moment>,
}

/// Where a call is counted.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub group: usize,
    /// The row that counts it: the group's own, or that of a step.
    pub row: usize,
    /// Rows that count it as well: its share of a mix, its stage.
    pub parts: [Option<usize>; 2],
}

impl Place {
    pub fn row(group: usize, row: usize) -> Self {
        Self { group, row, parts: [None, None] }
    }

    /// The row that says most of the call: what a single call is filed under.
    fn named(self) -> u16 {
        self.parts[0].unwrap_or(self.row) as u16
    }
}

/// Belongs to one thread; nothing in it is shared but the channel and the thinning threshold.
pub struct Recorder {
    thread: usize,
    begin: Moment,
    /// By group.
    windows: Vec<Window>,
    second: u64,
    boundary: Moment,
    /// By row, then phase.
    tallies: Vec<[Option<Box<Tally>>; Phase::ALL.len()]>,
    rows: Vec<Row>,
    metrics: BTreeMap<(usize, String), Metric>,
    thinning: Arc<Thinning>,
    usage: Usage,
    pub level: Level,
    out: Sender<Batch>,
}

impl Recorder {
    /// `windows` has one entry a group, all with the same begin.
    pub fn new(thread: usize, windows: Vec<Window>, thinning: Arc<Thinning>, out: Sender<Batch>) -> Self {
        let begin = windows.first().map_or_else(Moment::now, |window| window.begin);
        Self {
            thread,
            begin,
            tallies: Vec::new(),
            windows,
            second: 0,
            boundary: begin.plus(SECOND),
            rows: Vec::new(),
            metrics: BTreeMap::new(),
            thinning,
            usage: Usage::start(),
            level: Level::default(),
            out,
        }
    }

    /// Adds one call that was sent. `free` says that it had not to wait for a session.
    pub fn record(&mut self, place: Place, sample: &Sample, free: bool) {
        if sample.ended >= self.boundary {
            self.roll(sample.ended);
        }
        if free {
            self.usage.start_lag(sample.started.since(sample.due));
        }
        let window = self.windows[place.group];
        let phase = window.phase(sample.due, sample.ended);
        self.tally(place.row, phase).record(sample, &window);
        for part in place.parts.into_iter().flatten() {
            self.tally(part, phase).record(sample, &window);
        }
        if self.thinning.keeps(sample.turn, sample.result.is_err()) {
            self.rows.push(Row::new(place.named(), sample, self.begin, phase));
        }
    }

    /// Adds one call that never started; it counts as a failure at its age.
    pub fn record_unsent(&mut self, place: Place, turn: u64, due: Moment, ended: Moment, failure: Failure) {
        if ended >= self.boundary {
            self.roll(ended);
        }
        let phase = self.windows[place.group].phase(due, ended);
        for row in [Some(place.row), place.parts[0], place.parts[1]].into_iter().flatten() {
            self.tally(row, phase).record_unsent(&failure, ended.since(due));
        }
        if self.thinning.keeps(turn, true) {
            let sample = Sample { turn, due, started: ended, ended, paused: 0, result: &Err(failure) };
            self.rows.push(Row::new(place.named(), &sample, self.begin, phase));
        }
    }

    /// Adds what went on inside a call due at `due`, by which it is counted: its own times are of another clock, and may
    /// seem to lie before the load.
    pub fn record_inner(&mut self, place: Place, sample: &Sample, due: Moment) {
        if sample.ended >= self.boundary {
            self.roll(sample.ended);
        }
        let window = self.windows[place.group];
        let phase = window.phase(due, sample.ended);
        self.tally(place.row, phase).record(sample, &window);
        if self.thinning.keeps(sample.turn, sample.result.is_err()) {
            let early = self.begin.since(sample.due);
            let [due, started, ended] = [sample.due, sample.started, sample.ended].map(|at| at.plus(early));
            let sample = Sample { due, started, ended, ..*sample };
            self.rows.push(Row::new(place.named(), &sample, self.begin, phase));
        }
    }

    /// Counts a session that was lost and opened again for a call due at `due`.
    pub fn reconnected(&mut self, place: Place, due: Moment) {
        let phase = self.windows[place.group].phase(due, due);
        self.tally(place.row, phase).counts.reconnects += 1;
    }

    /// Adds a number of the script's own, if the call that it belongs to, due at `due`, is measured.
    pub fn note(&mut self, group: usize, note: Note, due: Moment, now: Moment) {
        if !self.windows[group].phase(due, due).counts() {
            return;
        }
        let key = (group, note.name);
        let full = self.metrics.len() >= MOST_METRICS;
        match self.metrics.get_mut(&key) {
            Some(metric) => metric.add(note.value, now),
            // Names made of data must not fill the memory; the results say that there were too many.
            None if full => {}
            None => self.metrics.entry(key).or_insert(Metric::new(note.kind)).add(note.value, now),
        }
    }

    /// Counts nanoseconds that a script took on this thread.
    pub fn script_time(&mut self, nanos: u64) {
        self.usage.script += nanos;
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

    fn tally(&mut self, row: usize, phase: Phase) -> &mut Tally {
        if row >= self.tallies.len() {
            self.tallies.resize_with(row + 1, Default::default);
        }
        self.tallies[row][phase as usize].get_or_insert_default()
    }

    fn hand_over(&mut self, last: Option<Moment>) {
        let mut tallies = Vec::new();
        for (row, phases) in self.tallies.iter_mut().enumerate() {
            for phase in Phase::ALL {
                if let Some(tally) = phases[phase as usize].take() {
                    tallies.push((row, phase, *tally));
                }
            }
        }
        let batch = Batch {
            thread: self.thread,
            second: self.second,
            tallies,
            rows: std::mem::take(&mut self.rows),
            metrics: std::mem::take(&mut self.metrics).into_iter().collect(),
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
