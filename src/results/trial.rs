//! The folder of one trial: grows by the second while the load runs, gets its `metrics.json` at the end.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Point,
    atomic::{self, cannot_write},
    facts, hlog,
    requests::Spool,
    resources::{self, ResourceRow},
    schema::{Meta, Metrics, Status},
    series,
};
use crate::error::Result;
use crate::load::Sink;
use crate::measure::{Interval, Moment, RowName, Thinning};

/// A trial while it is written. Receives each second of the load as it closes.
pub struct TrialFolder {
    pub path: PathBuf,
    pub meta: Meta,
    csv: Appender,
    log: Appender,
    spool: Option<Spool>,
    names: Arc<[RowName]>,
    begin_ns: u64,
}

impl TrialFolder {
    /// Makes the folder `path` with its meta data and configuration. `with_rows` keeps single calls too.
    pub fn create(
        path: PathBuf,
        meta: Meta,
        config: &serde_json::Map<String, serde_json::Value>,
        with_rows: bool,
    ) -> Result<Self> {
        fs::create_dir_all(&path).map_err(|error| cannot_write(&path, &error))?;
        atomic::put_json(&path.join("meta.json"), &meta)?;
        let yaml = serde_saphyr::to_string(config).map_err(|error| {
            crate::error::Error::io("cannot turn the configuration into YAML").because(&error)
        })?;
        atomic::put(&path.join("effective_config.yaml"), yaml.as_bytes())?;
        let csv = Appender::create(path.join(SECONDS), series::HEADER.as_bytes())?;
        let log = Appender::create(path.join("latency.hlog"), b"")?;
        let spool = if with_rows { Some(Spool::create(&path)?) } else { None };
        Ok(Self { path, meta, csv, log, spool, names: Arc::new([]), begin_ns: 0 })
    }

    /// When the load began.
    pub fn began(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.begin_ns)
    }

    /// The seconds of the load so far. They come out of the file: kept in memory, they would make it grow with the length of the load.
    pub fn series(&self) -> Vec<Point> {
        series::read(&self.path.join(SECONDS))
    }

    /// Formats the single calls; returns how many there are.
    pub fn write_requests(&mut self, thinning: &Thinning) -> Result<Option<u64>> {
        let Some(spool) = self.spool.take() else { return Ok(None) };
        spool.format(&self.names, &self.meta.service, self.begin_ns, thinning).map(Some)
    }

    /// Writes the last files of the trial.
    pub fn finish(
        &mut self,
        status: Status,
        reason: Option<String>,
        metrics: Option<&Metrics>,
    ) -> Result<()> {
        finish(&self.path, &mut self.meta, status, reason, metrics)
    }
}

/// Writes the numbers of the trial in folder `path`, then how it ended: it counts as done only once its `meta.json` says so.
pub(super) fn finish(
    path: &Path,
    meta: &mut Meta,
    status: Status,
    reason: Option<String>,
    metrics: Option<&Metrics>,
) -> Result<()> {
    if let Some(metrics) = metrics {
        atomic::put_json(&path.join("metrics.json"), metrics)?;
        meta.duration_s = metrics.total.duration_s;
    }
    meta.status = status;
    meta.reason = reason;
    meta.ended_at = Some(facts::now());
    atomic::put_json(&path.join("meta.json"), meta)
}

impl Sink for TrialFolder {
    fn begin(&mut self, _begin: Moment, utc_ns: u64) -> Result<()> {
        self.begin_ns = utc_ns;
        self.meta.started_at = facts::rfc3339(self.began());
        atomic::put_json(&self.path.join("meta.json"), &self.meta)?;
        self.log.add(&hlog::header(self.began()))
    }

    fn interval(&mut self, interval: &Interval) -> Result<()> {
        self.names = interval.names.clone();
        self.csv.add(series::lines(interval).as_bytes())?;
        self.log.add(&hlog::lines(interval))?;
        match &mut self.spool {
            Some(spool) => spool.add(interval),
            None => Ok(()),
        }
    }
}

/// The file in the folder of a trial that has what was used.
pub const RESOURCES: &str = "resources.csv";

/// The same for the seconds of its operations.
pub const SECONDS: &str = "metrics.csv";

/// `resources.csv` while the load runs.
pub struct ResourceFile(Appender);

impl ResourceFile {
    /// Makes the file in the folder of a trial.
    pub fn create(trial: &Path, columns: &[String]) -> Result<Self> {
        let header = resources::header(columns);
        Appender::create(trial.join(RESOURCES), header.as_bytes()).map(Self)
    }

    pub fn add(&mut self, rows: &[ResourceRow]) -> Result<()> {
        let lines: String = rows.iter().map(ResourceRow::line).collect();
        self.0.add(lines.as_bytes())
    }
}

/// A file that only grows, a second at a time; what is handed over has left this process.
struct Appender {
    path: PathBuf,
    file: File,
}

impl Appender {
    fn create(path: PathBuf, start: &[u8]) -> Result<Self> {
        let file = File::create(&path).map_err(|error| cannot_write(&path, &error))?;
        let mut appender = Self { path, file };
        appender.add(start)?;
        Ok(appender)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| cannot_write(&self.path, &error))
    }
}
