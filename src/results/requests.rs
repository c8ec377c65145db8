//! `requests.jsonl`: single calls, spooled as binary rows while the load runs and formatted after it.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use zstd::stream::{Encoder, raw::CParameter};

use super::atomic::cannot_write;
use crate::error::Result;
use crate::measure::{Interval, Phase, Row, RowName, Thinning, failure, row::ROW_BYTES};

/// Files larger than this are compressed.
const COMPRESS_ABOVE: usize = 16 << 20;
/// zstd's fastest level: the text shrinks to a tenth already.
const COMPRESSION: i32 = 1;
/// Lines are alike, so that what one repeats is close by: a window of 128 KiB and a table of 8,192 places stay in a core's own
/// cache. Beside the level's own, a quarter less time and a twentieth fewer bytes.
const NEAR: [CParameter; 2] = [CParameter::WindowLog(17), CParameter::HashLog(13)];
/// What is compressed at once: stays in a core's own cache too.
const PIECE: usize = 256 << 10;

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
    pub fn format(self, names: &[RowName], service: &str, begin_ns: u64, thinning: &Thinning) -> Result<u64> {
        let path = self.path.with_file_name("requests.jsonl");
        let lines = Lines::new(names, service, begin_ns);
        let count = write_lines(&self.path, &path, &lines, thinning).map_err(|error| {
            // A part would pass for the whole, and take space that the numbers themselves need.
            fs::remove_file(&path).ok();
            fs::remove_file(path.with_file_name("requests.jsonl.zst")).ok();
            cannot_write(&path, &error)
        })?;
        fs::remove_file(&self.path).ok();
        Ok(count)
    }
}

fn write_lines(spool: &Path, path: &Path, lines: &Lines, thinning: &Thinning) -> io::Result<u64> {
    let mut rows = BufReader::with_capacity(1 << 16, File::open(spool)?);
    let mut text = Vec::new();
    // Made when the text outgrows a plain file: it is never written twice.
    let mut compressed = None;
    let mut bytes = [0u8; ROW_BYTES];
    let mut count = 0;
    while read_row(&mut rows, &mut bytes)? {
        let row = Row::read(&bytes);
        // Kept when it was made, but the share has been halved since.
        if !thinning.keeps(row.turn, row.class != 0) {
            continue;
        }
        lines.write(&row, &mut text);
        count += 1;
        if text.len() > if compressed.is_some() { PIECE } else { COMPRESS_ABOVE } {
            let encoder = match compressed.as_mut() {
                Some(encoder) => encoder,
                None => {
                    let file = File::create(path.with_file_name("requests.jsonl.zst"))?;
                    let mut encoder = Encoder::new(file, COMPRESSION)?;
                    NEAR.into_iter().try_for_each(|parameter| encoder.set_parameter(parameter))?;
                    compressed.insert(encoder)
                }
            };
            encoder.write_all(&text)?;
            text.clear();
        }
    }
    match compressed {
        Some(mut encoder) => {
            encoder.write_all(&text)?;
            encoder.finish()?.sync_all()?;
        }
        None => {
            let mut file = File::create(path)?;
            file.write_all(&text)?;
            file.sync_all()?;
        }
    }
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

/// Turns rows into lines; what is the same in all of them is prepared.
struct Lines {
    /// `"service_type":...,"operation_type":...,"phase":"`, by operation.
    kinds: Vec<Vec<u8>>,
    begin_ns: u64,
}

impl Lines {
    fn new(names: &[RowName], service: &str, begin_ns: u64) -> Self {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let kind = |row: &RowName| {
            let (service, name) = (quoted(service), quoted(&row.name));
            format!(",\"service_type\":{service},\"operation_type\":{name},\"phase\":\"")
        };
        Self { kinds: names.iter().map(|row| kind(row).into_bytes()).collect(), begin_ns }
    }

    /// Appends a line. Written by hand: a long trial has 200,000 of them, and the formatter costs ten times as much.
    fn write(&self, row: &Row, out: &mut Vec<u8>) {
        let mut time = |name: &[u8], nanos: u64| {
            out.extend_from_slice(name);
            seconds(nanos, out);
        };
        time(b"{\"timestamp_start\":", self.begin_ns + row.started);
        time(b",\"timestamp_end\":", self.begin_ns + row.ended);
        time(b",\"latency_s\":", row.ended.saturating_sub(row.due));
        time(b",\"service_time_s\":", row.ended.saturating_sub(row.started));
        time(b",\"due_s\":", row.due);
        if row.first_byte != 0 {
            time(b",\"first_byte_s\":", row.first_byte.saturating_sub(row.due));
        }
        out.extend_from_slice(b",\"request_id\":");
        digits(row.turn, 1, out);
        let success: &[u8] = if row.class == 0 { b",\"success\":true" } else { b",\"success\":false" };
        out.extend_from_slice(success);
        out.extend_from_slice(self.kinds.get(row.operation as usize).map_or(b"" as &[u8], Vec::as_slice));
        out.extend_from_slice(Phase::ALL.get(row.phase as usize).map_or("", |phase| phase.word()).as_bytes());
        out.push(b'"');
        if row.status != 0 {
            out.extend_from_slice(b",\"http_status\":");
            digits(u64::from(row.status), 1, out);
        }
        match failure::class_of(row.class) {
            Some(class) => {
                out.extend_from_slice(b",\"error\":\"");
                out.extend_from_slice(class.as_bytes());
                out.push(b'"');
            }
            None => {
                out.extend_from_slice(b",\"bytes\":");
                digits(row.bytes, 1, out);
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// Nanoseconds, written as seconds with all their digits.
fn seconds(nanos: u64, out: &mut Vec<u8>) {
    digits(nanos / 1_000_000_000, 1, out);
    out.push(b'.');
    digits(nanos % 1_000_000_000, 9, out);
}

/// A number with at least `fewest` digits.
fn digits(mut number: u64, fewest: usize, out: &mut Vec<u8>) {
    let mut text = [b'0'; 20];
    let mut at = text.len();
    while number > 0 || text.len() - at < fewest {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> RowName {
        RowName { name: name.to_owned(), group: 0, is_part: false }
    }

    #[test]
    fn a_line_is_json_with_every_nanosecond() {
        let lines = Lines::new(&[row("GET \"/\"")], "http", 1_700_000_000_000_000_000);
        let row = Row {
            turn: 0,
            due: 5,
            started: 1_000_000_007,
            ended: 2_000_000_000,
            first_byte: 1_500_000_000,
            bytes: 128,
            operation: 0,
            status: 200,
            class: 0,
            phase: 1,
        };
        let mut out = Vec::new();
        lines.write(&row, &mut out);
        lines.write(
            &Row { class: failure::class_code(failure::TIMEOUT), status: 0, first_byte: 0, ..row },
            &mut out,
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"timestamp_start\":1700000001.000000007,\"timestamp_end\":1700000002.000000000,\"latency_s\":1.999999995,\"service_time_s\":0.999999993,\"due_s\":0.000000005,\"first_byte_s\":1.499999995,\"request_id\":0,\"success\":true,\"service_type\":\"http\",\"operation_type\":\"GET \\\"/\\\"\",\"phase\":\"measured\",\"http_status\":200,\"bytes\":128}\n\
             {\"timestamp_start\":1700000001.000000007,\"timestamp_end\":1700000002.000000000,\"latency_s\":1.999999995,\"service_time_s\":0.999999993,\"due_s\":0.000000005,\"request_id\":0,\"success\":false,\"service_type\":\"http\",\"operation_type\":\"GET \\\"/\\\"\",\"phase\":\"measured\",\"error\":\"timeout\"}\n"
        );
    }

    #[test]
    fn a_large_file_is_compressed_and_holds_every_line() {
        let folder = std::env::temp_dir().join(format!("benchscript-requests-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut spool = Spool::create(&folder).unwrap();
        let mut bytes = Vec::new();
        // More than 16 MiB of text: a line has over 200 bytes.
        let count = 90_000;
        (0..count).for_each(|turn| Row { turn, status: 200, ..Row::default() }.write(&mut bytes));
        spool.file.write_all(&bytes).unwrap();
        let thinning = Thinning::new(1, u64::MAX, 0);
        assert_eq!(spool.format(&[row("GET /")], "http", 0, &thinning).unwrap(), count);
        let packed = File::open(folder.join("requests.jsonl.zst")).unwrap();
        let text = String::from_utf8(zstd::stream::decode_all(packed).unwrap()).unwrap();
        assert!(text.len() as u64 > 16 << 20, "{}", text.len());
        assert_eq!(text.lines().count() as u64, count);
        assert!(text.lines().last().unwrap().contains("\"request_id\":89999,"));
        assert!(!folder.join("requests.jsonl").exists() && !folder.join("requests.spool").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
