//! The thread that looks: at t0, at the end of each second of the load, and at its end.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::Probe;
use crate::error::{Error, Result};
use crate::load::Sink;
use crate::measure::{Interval, Moment};
use crate::results::{RESOURCES, ResourceFile, ResourceRow, Resources};

const SECOND: u64 = 1_000_000_000;

/// A shorter time says nothing: the kernel counts CPU time in steps of 10 ms.
const SHORTEST_S: f64 = 0.1;

/// Looks while a load runs, and writes `resources.csv` second by second.
pub struct Sampler {
    file: ResourceFile,
    /// Taken along by the thread.
    probes: Vec<Box<dyn Probe>>,
    running: Option<Running>,
    /// Come, but not written yet: their seconds have not closed.
    ahead: Vec<ResourceRow>,
    trial: PathBuf,
    /// Seconds of the load that have closed.
    closed: u64,
}

struct Running {
    stop: mpsc::Sender<()>,
    rows: mpsc::Receiver<ResourceRow>,
    thread: JoinHandle<Vec<String>>,
}

impl Sampler {
    /// For the trial whose folder is `trial`; looks from the load's begin on.
    pub fn new(trial: &Path, probes: Vec<Box<dyn Probe>>) -> Result<Self> {
        let names = probes.iter().flat_map(|probe| {
            let name = probe.name();
            probe.quantities().iter().map(move |quantity| format!("{name}.{quantity}"))
        });
        let columns: Arc<[String]> = names.collect();
        let file = ResourceFile::create(trial, &columns)?;
        Ok(Self { file, probes, running: None, ahead: Vec::new(), trial: trial.to_owned(), closed: 0 })
    }

    /// Takes the last look. Returns all rows, as many as the load had seconds, and what could not be known. The rows come out of the
    /// file: kept here, they would make the memory of a load grow with its length.
    pub fn end(mut self) -> Result<(Resources, Vec<String>)> {
        let mut missing = Vec::new();
        if let Some(Running { stop, rows, thread }) = self.running.take() {
            // If it is gone already, it has looked for as long as it could.
            stop.send(()).ok();
            missing =
                thread.join().unwrap_or_else(|_| vec!["the thread that looks at resources ended".to_owned()]);
            self.ahead.extend(rows.try_iter());
            self.write()?;
        }
        Ok((Resources::read(&self.trial.join(RESOURCES)), missing))
    }

    /// Writes the rows of closed seconds.
    fn write(&mut self) -> Result<()> {
        let count = self.ahead.iter().take_while(|row| row.second < self.closed).count();
        let rows: Vec<ResourceRow> = self.ahead.drain(..count).collect();
        self.file.add(&rows)
    }
}

impl Sink for Sampler {
    fn begin(&mut self, begin: Moment, _utc_ns: u64) -> Result<()> {
        let ((stop, stopped), (sender, rows)) = (mpsc::channel(), mpsc::channel());
        let probes = std::mem::take(&mut self.probes);
        let thread = thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || look(begin, probes, &stopped, &sender))
            .map_err(|error| Error::io("cannot start the thread that looks at resources").because(&error))?;
        self.running = Some(Running { stop, rows, thread });
        Ok(())
    }

    fn interval(&mut self, interval: &Interval) -> Result<()> {
        self.closed = interval.second + 1;
        if let Some(running) = &self.running {
            self.ahead.extend(running.rows.try_iter());
        }
        self.write()
    }
}

/// Looks until it is stopped; returns what the probes do not know.
fn look(
    begin: Moment,
    mut probes: Vec<Box<dyn Probe>>,
    stop: &mpsc::Receiver<()>,
    rows: &mpsc::Sender<ResourceRow>,
) -> Vec<String> {
    let mut is_over = wait(stop, begin);
    let mut last = Moment::now();
    let mut look = |elapsed_s: f64| -> Vec<Option<f64>> {
        probes.iter_mut().flat_map(|probe| probe.look(elapsed_s)).collect()
    };
    let unknown = vec![None; look(0.0).len()];
    // The first second without a row.
    let mut next = 0;
    while !is_over {
        is_over = wait(stop, begin.plus((next + 1) * SECOND));
        let now = Moment::now();
        let since_begin = now.since(begin);
        let elapsed_s = now.since(last) as f64 / 1e9;
        let values = if elapsed_s < SHORTEST_S { unknown.clone() } else { look(elapsed_s) };
        last = now;
        // Where it was kept from looking, each second in between had its share.
        let ended = since_begin / SECOND;
        let whole = (next..ended).map(|second| {
            let until_s = if second + 1 == ended { since_begin as f64 / 1e9 } else { (second + 1) as f64 };
            ResourceRow { second, until_s, values: values.clone() }
        });
        let rest = ResourceRow { second: ended, until_s: since_begin as f64 / 1e9, values: values.clone() };
        for row in whole.chain(is_over.then_some(rest)) {
            // Whoever does not listen any more does not need it.
            rows.send(row).ok();
        }
        next = next.max(ended);
    }
    probes.iter().flat_map(|probe| probe.missing()).collect()
}

/// Waits until `due`; true if it is to stop before.
fn wait(stop: &mpsc::Receiver<()>, due: Moment) -> bool {
    let left = Duration::from_nanos(due.since(Moment::now()));
    !matches!(stop.recv_timeout(left), Err(mpsc::RecvTimeoutError::Timeout))
}
