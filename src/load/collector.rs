//! Puts the seconds of all threads together, in order, and hands each to the sinks.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use super::Sink;
use crate::error::{Error, Result};
use crate::measure::{
    Batch, Blocks, Interval, Level, Metric, Moment, OperationInterval, Phase, RowName, Rows, Thinning,
    ThreadUse, Totals, metric::MOST_METRICS,
};

/// How long after its end a second may wait for a thread that has not delivered.
const PATIENCE: u64 = 2_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// What the collector has seen when the last thread has ended.
pub struct Collected {
    /// By row.
    pub totals: Vec<Totals>,
    /// What the rows are called.
    pub names: Arc<[RowName]>,
    /// The script's own numbers, by group and name.
    pub metrics: BTreeMap<(usize, String), Metric>,
    /// By group, the seconds of those whose start may be cut.
    pub blocks: Vec<Option<Blocks>>,
    /// There were more names of such numbers than are kept.
    pub too_many_metrics: bool,
    pub max_in_flight: u64,
    /// Each thread's use of each second, with the second.
    pub threads: Vec<(u64, ThreadUse)>,
    /// Calls that had to wait because all sessions were busy.
    pub waited: u64,
    /// Seconds that were closed before every thread had delivered.
    pub late_seconds: u64,
    pub seconds: u64,
    /// When the last thread ended.
    pub end: Moment,
}

pub struct Collector<'a, 'b> {
    begin: Moment,
    rows: Arc<Rows>,
    /// The version of the names in `collected`.
    named: usize,
    thinning: Arc<Thinning>,
    sinks: &'a mut [&'b mut dyn Sink],
    /// Seconds that are not closed yet.
    open: BTreeMap<u64, Open>,
    next: u64,
    /// The last second of each thread that has ended.
    ended: Vec<Option<u64>>,
    collected: Collected,
}

/// A second as far as it has been delivered.
#[derive(Default)]
struct Open {
    delivered: Vec<usize>,
    operations: BTreeMap<(usize, Phase), OperationInterval>,
    rows: Vec<crate::measure::Row>,
    threads: Vec<ThreadUse>,
    level: Level,
}

impl<'a, 'b> Collector<'a, 'b> {
    pub fn new(
        begin: Moment,
        rows: Arc<Rows>,
        threads: usize,
        blocks: Vec<Option<Blocks>>,
        thinning: Arc<Thinning>,
        sinks: &'a mut [&'b mut dyn Sink],
    ) -> Self {
        Self {
            begin,
            rows,
            named: 0,
            thinning,
            sinks,
            open: BTreeMap::new(),
            next: 0,
            ended: vec![None; threads],
            collected: Collected {
                totals: Vec::new(),
                names: Arc::new([]),
                metrics: BTreeMap::new(),
                blocks,
                too_many_metrics: false,
                max_in_flight: 0,
                threads: Vec::new(),
                waited: 0,
                late_seconds: 0,
                seconds: 0,
                end: begin,
            },
        }
    }

    /// Collects until every thread has ended. At the first failing sink `give_up` is called, once; the rest is
    /// then collected without sinks and the error returned.
    pub fn run(mut self, batches: &Receiver<Batch>, give_up: impl Fn()) -> Result<Collected> {
        let mut broken: Option<Error> = None;
        loop {
            match batches.recv_timeout(Duration::from_millis(200)) {
                Ok(batch) => self.add(batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // All that has come, before any second is called late: a slow disk delays this thread, not the others.
            batches.try_iter().for_each(|batch| self.add(batch));
            if let Err(error) = self.close_ready(broken.is_some()) {
                give_up();
                broken = Some(error);
            }
        }
        while let Some(second) = self.open.keys().next().copied() {
            let outcome = self.close(second, broken.is_some());
            broken = broken.or(outcome.err());
        }
        self.name();
        match broken {
            Some(error) => Err(error),
            None => Ok(self.collected),
        }
    }

    fn add(&mut self, batch: Batch) {
        if let Some(end) = batch.last {
            self.ended[batch.thread] = Some(batch.second);
            self.collected.end = self.collected.end.max(end);
        }
        // A straggler's numbers go into the oldest second that is still open: none is lost. Its own part of that
        // second is still to come.
        let second = batch.second.max(self.next);
        let open = self.open.entry(second).or_default();
        if batch.second == second {
            open.delivered.push(batch.thread);
        }
        for (row, phase, tally) in batch.tallies {
            match open.operations.get_mut(&(row, phase)) {
                Some(known) => known.tally.merge(tally),
                None => {
                    open.operations.insert((row, phase), OperationInterval { row, phase, tally });
                }
            }
        }
        for (key, metric) in batch.metrics {
            let metrics = &mut self.collected.metrics;
            let full = metrics.len() >= MOST_METRICS;
            match metrics.get_mut(&key) {
                Some(known) => known.merge(&metric),
                None if full => self.collected.too_many_metrics = true,
                None => drop(metrics.insert(key, metric)),
            }
        }
        self.thinning.count(&batch.rows);
        open.rows.extend(batch.rows);
        open.level.merge(&batch.level);
        open.threads.push(batch.usage);
    }

    fn close_ready(&mut self, silent: bool) -> Result<()> {
        while self.open.contains_key(&self.next) {
            let over_due = Moment::now() >= self.begin.plus((self.next + 1) * SECOND + PATIENCE);
            if !self.is_complete(self.next) && !over_due {
                break;
            }
            self.close(self.next, silent)?;
        }
        Ok(())
    }

    fn is_complete(&self, second: u64) -> bool {
        let delivered = &self.open[&second].delivered;
        self.ended
            .iter()
            .enumerate()
            .all(|(thread, ended)| delivered.contains(&thread) || ended.is_some_and(|last| last < second))
    }

    /// Takes over names of rows that are new.
    fn name(&mut self) {
        if let Some(names) = self.rows.changed(&mut self.named) {
            self.collected.totals.resize_with(names.len(), Totals::default);
            self.collected.names = names;
        }
    }

    fn close(&mut self, second: u64, silent: bool) -> Result<()> {
        self.name();
        let complete = self.is_complete(second);
        let open = self.open.remove(&second).expect("the caller found it");
        self.next = second + 1;
        let collected = &mut self.collected;
        collected.seconds = second + 1;
        collected.late_seconds += u64::from(!complete);
        collected.max_in_flight = collected.max_in_flight.max(open.level.max_in_flight);
        collected.waited += open.level.waited;
        collected.threads.extend(open.threads.iter().map(|usage| (second, *usage)));
        for part in open.operations.values() {
            collected.totals[part.row].add(part.phase, &part.tally);
            if let Some(blocks) = &mut collected.blocks[collected.names[part.row].group] {
                blocks.add(second, part.row, part.phase, &part.tally);
            }
        }
        if silent {
            return Ok(());
        }
        let interval = Interval {
            second,
            names: collected.names.clone(),
            operations: open.operations.into_values().collect(),
            rows: open.rows,
            threads: open.threads,
            level: open.level,
            complete,
        };
        self.sinks.iter_mut().try_for_each(|sink| sink.interval(&interval))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::measure::Usage;

    struct Seen {
        seconds: Vec<(u64, bool)>,
        pause: Duration,
    }

    impl Sink for Seen {
        fn interval(&mut self, interval: &Interval) -> Result<()> {
            std::thread::sleep(std::mem::take(&mut self.pause));
            self.seconds.push((interval.second, interval.complete));
            Ok(())
        }
    }

    fn batch(thread: usize, second: u64, last: bool) -> Batch {
        Batch {
            thread,
            second,
            tallies: Vec::new(),
            rows: Vec::new(),
            metrics: Vec::new(),
            usage: Usage::start().lap(thread),
            level: Level::default(),
            last: last.then(Moment::now),
        }
    }

    /// What the sink sees of `batches` of two threads, sent at once, when it takes `pause` for the first second of a
    /// load that began `ago` seconds ago.
    fn collect(ago: u64, pause: Duration, batches: Vec<Batch>) -> (Vec<(u64, bool)>, u64) {
        let (sender, receiver) = channel();
        let mut sink = Seen { seconds: Vec::new(), pause };
        let begin = Moment(Moment::now().0 - ago * SECOND);
        let mut sinks: [&mut dyn Sink; 1] = [&mut sink];
        let collector = Collector::new(
            begin,
            Arc::new(Rows::new([])),
            2,
            Vec::new(),
            Arc::new(Thinning::new(0, 0, 0)),
            &mut sinks,
        );
        batches.into_iter().for_each(|batch| sender.send(batch).unwrap());
        drop(sender);
        let collected = collector.run(&receiver, || {}).unwrap();
        (sink.seconds, collected.late_seconds)
    }

    #[test]
    fn a_slow_sink_makes_no_thread_late() {
        let batches = (0..6).flat_map(|second| [0, 1].map(|thread| batch(thread, second, second == 5)));
        let (seconds, late) = collect(4, Duration::from_millis(2_500), batches.collect());
        assert_eq!(seconds, (0..6).map(|second| (second, true)).collect::<Vec<_>>());
        assert_eq!(late, 0);
    }

    #[test]
    fn a_straggler_is_late_until_it_has_caught_up() {
        let (sender, receiver) = channel();
        let mut sink = Seen { seconds: Vec::new(), pause: Duration::ZERO };
        let begin = Moment(Moment::now().0 - 6 * SECOND);
        let mut sinks: [&mut dyn Sink; 1] = [&mut sink];
        let mut collector = Collector::new(
            begin,
            Arc::new(Rows::new([])),
            2,
            Vec::new(),
            Arc::new(Thinning::new(0, 0, 0)),
            &mut sinks,
        );
        (0..7).for_each(|second| collector.add(batch(0, second, false)));
        collector.close_ready(false).unwrap();
        // Seconds 0 to 3 ended more than two seconds ago, and thread 1 has sent nothing of them.
        assert_eq!(collector.next, 4);
        collector.add(batch(1, 0, false));
        collector.close_ready(false).unwrap();
        assert_eq!(collector.next, 4, "second 4 lacks what thread 1 did in it");
        (1..6).for_each(|second| collector.add(batch(1, second, false)));
        (0..2).for_each(|thread| collector.add(batch(thread, 7, true)));
        drop(sender);
        let collected = collector.run(&receiver, || {}).unwrap();
        assert_eq!(collected.late_seconds, 5, "0 to 3, and 6, of which thread 1 never sent anything");
        assert_eq!(
            sink.seconds.iter().map(|(second, _)| *second).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6, 7]
        );
    }
}
