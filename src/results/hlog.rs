//! `latency.hlog`: one HdrHistogram a second, operation and kind, in the format other tools read (V2, deflate).
//!
//! Tags: `op` response time, `op/service` service time, `op/failed` response time of failures, `op/warmup` response
//! time before the measured window. Characters that the format forbids in a tag become `_`. Values are nanoseconds.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use base64::prelude::{BASE64_STANDARD, Engine};
use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer, V2DeflateSerializer,
        interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag},
    },
};

use crate::measure::{Interval, Phase, tally};

/// The first lines of a log that starts at `start`.
pub fn header(start: SystemTime) -> Vec<u8> {
    let mut text = Vec::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Logged with benchscript]").with_start_time(start).with_base_time(start);
    builder
        .begin_log_with(&mut text, &mut V2DeflateSerializer::new())
        .expect("writing to memory does not fail");
    text.extend_from_slice(
        b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
    );
    text
}

/// The lines of one second.
pub fn lines(interval: &Interval) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(1e6)
        .begin_log_with(&mut text, &mut serializer)
        .expect("writing to memory does not fail");
    let mut put = |histogram: &Histogram<u32>, tag: &str| {
        let start = Duration::from_secs(interval.second);
        log.write_histogram(histogram, start, Duration::from_secs(1), Tag::new(tag))
            .expect("a histogram of an hour serialises, and writing to memory does not fail");
    };
    for part in &interval.operations {
        let name = tag(&interval.names[part.row].name);
        if part.phase == Phase::Warmup {
            if let Some(times) = part.tally.response_times() {
                put(&times, &format!("{name}/warmup"));
            }
            continue;
        }
        if let Some(times) = part.tally.response_times() {
            put(&times, &name);
        }
        if let Some(times) = part.tally.service_times() {
            put(&times, &format!("{name}/service"));
        }
        if let Some(times) = part.tally.failed_times() {
            put(times, &format!("{name}/failed"));
        }
    }
    text
}

/// An operation's name as a tag.
pub fn tag(name: &str) -> String {
    name.chars().map(|c| if c.is_whitespace() || c == ',' || c == '/' { '_' } else { c }).collect()
}

/// All histograms of a log added up by tag. Stops at the first broken line: the one a crash cut off.
pub fn read(path: &Path) -> Vec<(String, Histogram<u64>)> {
    let mut found: Vec<(String, Histogram<u64>)> = Vec::new();
    let text = fs::read(path).unwrap_or_default();
    let mut deserializer = Deserializer::new();
    for entry in IntervalLogIterator::new(&text) {
        let Ok(entry) = entry else { break };
        let LogEntry::Interval(line) = entry else { continue };
        let Ok(bytes) = BASE64_STANDARD.decode(line.encoded_histogram()) else { break };
        let Ok(histogram) = deserializer.deserialize::<u64, _>(&mut bytes.as_slice()) else { break };
        let tag = line.tag().map_or("", |tag| tag.as_str());
        match found.iter_mut().find(|(known, _)| known == tag) {
            Some((_, total)) => tally::pour(total, &histogram),
            None => {
                let mut total = tally::histogram();
                tally::pour(&mut total, &histogram);
                found.push((tag.to_owned(), total));
            }
        }
    }
    found
}
