//! `requests.jsonl`: single calls, spooled as binary rows while the load runs and formatted after it.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use super::atomic::cannot_write;
use crate::error::Result;
use crate::measure::{Interval, Phase, Row, Thinning, failure, row::ROW_BYTES};

/// Files larger than this are compressed.
const COMPRESS_ABOVE: u64 = 16 << 20;

/// The binary file that rows go to, second by second.
pub struct Spool {
    path: PathBuf,
    file: File,
}

impl Spool {
    pub fn create(folder: &Path) -> Result<Self> {
        let path = folder.join("requests.spool");
        let file = File::create(&path).map_err(|error| cannot_write(&path, &error))?;
        Ok(Self { path, file })
    }

    pub fn add(&mut self, interval: &Interval) -> Result<()> {
        let mut bytes = Vec::with_capacity(interval.rows.len() * ROW_BYTES);
        interval.rows.iter().for_each(|row| row.write(&mut bytes));
        self.file.write_all(&bytes).map_err(|error| cannot_write(&self.path, &error))
    }

    /// Writes `requests.jsonl`, or `requests.jsonl.zst` if it is large, and removes the spool. Returns the number of
    /// lines. `begin_ns` is the start of the load after the epoch.
    pub fn format(self, names: &[String], service: &str, begin_ns: u64, thinning: &Thinning) -> Result<u64> {
        let path = self.path.with_file_name("requests.jsonl");
        let count = write_lines(&self.path, &path, names, service, begin_ns, thinning)
            .and_then(|count| compress_if_large(&path).map(|()| count))
            .map_err(|error| cannot_write(&path, &error))?;
        fs::remove_file(&self.path).ok();
        Ok(count)
    }
}

fn write_lines(
    spool: &Path,
    path: &Path,
    names: &[String],
    service: &str,
    begin_ns: u64,
    thinning: &Thinning,
) -> io::Result<u64> {
    let mut rows = BufReader::with_capacity(1 << 16, File::open(spool)?);
    let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let service = quoted(service);
    let mut bytes = [0u8; ROW_BYTES];
    let mut count = 0;
    while read_row(&mut rows, &mut bytes)? {
        let row = Row::read(&bytes);
        // Kept when it was made, but the share has been halved since.
        if !thinning.keeps(row.turn, row.class != 0) {
            continue;
        }
        let name = names.get(row.operation as usize).map_or("\"\"", String::as_str);
        write_line(&mut out, &row, name, &service, begin_ns)?;
        count += 1;
    }
    out.into_inner()?.sync_all()?;
    Ok(count)
}

/// Whether a whole row was read; a row that a crash cut off is left out.
fn read_row(rows: &mut impl Read, bytes: &mut [u8; ROW_BYTES]) -> io::Result<bool> {
    match rows.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_line(out: &mut impl Write, row: &Row, name: &str, service: &str, begin_ns: u64) -> io::Result<()> {
    let epoch = |nanos: u64| Seconds(begin_ns + nanos);
    let phase = Phase::ALL.get(row.phase as usize).map_or("", |phase| phase.word());
    write!(
        out,
        "{{\"request_id\":{},\"timestamp_start\":{},\"timestamp_end\":{},\"latency_s\":{},\"service_time_s\":{},\
         \"due_s\":{},\"success\":{},\"service_type\":{service},\"operation_type\":{name},\"phase\":\"{phase}\"",
        row.turn,
        epoch(row.started),
        epoch(row.ended),
        Seconds(row.ended.saturating_sub(row.due)),
        Seconds(row.ended.saturating_sub(row.started)),
        Seconds(row.due),
        row.class == 0,
    )?;
    if row.status != 0 {
        write!(out, ",\"http_status\":{}", row.status)?;
    }
    if let Some(class) = failure::class_of(row.class) {
        write!(out, ",\"error\":\"{class}\"")?;
    } else {
        write!(out, ",\"bytes\":{}", row.bytes)?;
    }
    if row.first_byte != 0 {
        write!(out, ",\"first_byte_s\":{}", Seconds(row.first_byte.saturating_sub(row.due)))?;
    }
    out.write_all(b"}\n")
}

/// Nanoseconds, written as seconds with all their digits.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

fn compress_if_large(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.len() <= COMPRESS_ABOVE {
        return Ok(());
    }
    let out = File::create(path.with_file_name("requests.jsonl.zst"))?;
    zstd::stream::copy_encode(File::open(path)?, &out, 3)?;
    out.sync_all()?;
    fs::remove_file(path)
}
