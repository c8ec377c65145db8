//! What services say, as errors show it: the last lines, without secrets.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use crate::error::Error;
use crate::measure::secrets::{MASK, mask_urls};

/// How much of a log an error shows.
const TAIL_LINES: usize = 10;
const TAIL_BYTES: u64 = 4096;
const TAIL_WIDTH: usize = 200;

/// Without passwords in URLs and what the definition calls credentials.
pub fn masked(text: &str, credentials: &BTreeMap<String, String>) -> String {
    let secrets = credentials.values().filter(|secret| !secret.is_empty());
    secrets.fold(mask_urls(text), |text, secret| text.replace(secret.as_str(), MASK))
}

/// Adds the last lines of a log.
pub fn with_tail(error: Error, log: &Path, credentials: &BTreeMap<String, String>) -> Error {
    let text = tail(log, TAIL_BYTES);
    match text.trim().is_empty() {
        true => error.hint("its log is empty"),
        false => {
            with_lines(error, &format!("its log, {}, ends with", shown(log)), &masked(&text, credentials))
        }
    }
}

/// A path as a person in the current folder would write it.
fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

/// The last bytes of a file, as a text.
pub fn tail(path: &Path, bytes: u64) -> String {
    let read = || {
        let mut file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        std::io::Result::Ok(tail)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// Adds the last lines of what something said.
pub fn with_lines(error: Error, about: &str, text: &str) -> Error {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(TAIL_LINES)..].iter();
    let last = last.map(|line| format!("\n  | {}", line.chars().take(TAIL_WIDTH).collect::<String>()));
    error.hint(format!("{about}:{}", last.collect::<String>()))
}
