//! How the server under test behaves. Names are those of the options in scripts and on the command line.

use serde::{Deserialize, Serialize};

use super::{Pause, ServiceTime, pause};
use crate::error::{Error, Result};

/// Without anything set: a free port, every request answered at once with 128 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// 0 takes a free one.
    pub port: u16,
    pub service_time: ServiceTime,
    /// How many requests are served at once; the others wait, first in first out. 0 serves all at once.
    pub servers: u32,
    /// The share of requests that is answered with `error_status`, 0 to 1.
    pub error_rate: f64,
    pub error_status: u16,
    /// Size of the answer's body.
    pub body_bytes: usize,
    /// Times in which the whole server stands still.
    #[serde(deserialize_with = "pause::one_or_many")]
    pub pause: Vec<Pause>,
    /// Answers in chunked encoding instead of naming the length.
    pub chunked: bool,
    /// The connection is closed half-way through every n-th answer.
    pub drop_every: Option<u64>,
    /// Decides service times and errors: the same seed serves the same.
    pub seed: u64,
    pub threads: usize,
    /// Keeps one entry a request, given out at `/log`.
    pub log: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            service_time: ServiceTime::None,
            servers: 0,
            error_rate: 0.0,
            error_status: 500,
            body_bytes: 128,
            pause: Vec::new(),
            chunked: false,
            drop_every: None,
            seed: 0,
            threads: 1,
            log: false,
        }
    }
}

/// The answer is kept ready in memory.
const LARGEST_BODY: usize = 64 << 20;
const MOST_SERVERS: u32 = 1_000_000;
const MOST_THREADS: usize = 256;

impl Settings {
    /// The same with its pauses in order, or what is wrong with it.
    pub fn check(mut self) -> Result<Self> {
        let wrong = |what: String| Err(Error::usage(what));
        if !(0.0..=1.0).contains(&self.error_rate) {
            return wrong(format!("`error_rate` is a share from 0 to 1, not {}", self.error_rate));
        }
        if !(400..=599).contains(&self.error_status) {
            return wrong(format!("`error_status` must be from 400 to 599, not {}", self.error_status));
        }
        if self.body_bytes > LARGEST_BODY {
            return Err(Error::usage(format!("`body_bytes` must be at most {LARGEST_BODY} (64 MiB)"))
                .hint("for larger bodies send requests to `/bytes/N`"));
        }
        if !(1..=MOST_THREADS).contains(&self.threads) {
            return wrong(format!("`threads` must be from 1 to {MOST_THREADS}, not {}", self.threads));
        }
        if self.servers > MOST_SERVERS {
            return Err(Error::usage(format!("`servers` must be at most {MOST_SERVERS}"))
                .hint("leave it out to serve all requests at once"));
        }
        if self.drop_every == Some(0) {
            return wrong("`drop_every` must be at least 1".to_owned());
        }
        self.pause.sort_by_key(|pause| pause.at);
        let overlap = |pair: &&[Pause]| pair[0].at.0 + pair[0].duration.0 > pair[1].at.0;
        match self.pause.windows(2).find(overlap) {
            Some(pair) => wrong(format!("the pauses {} and {} overlap", pair[0], pair[1])),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Settings, String> {
        let settings: Settings = serde_json::from_str(json).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.to_string())
    }

    #[test]
    fn everything_can_be_left_out_and_reads_back() {
        assert_eq!(read("{}").unwrap(), Settings::default());
        let settings = read(
            r#"{"service_time": "exponential:2ms", "servers": 2, "error_rate": 0.1, "threads": 2, "log": true,
                "pause": [{"at": "2s", "duration": 0.5}, "1s+100ms"]}"#,
        )
        .unwrap();
        assert_eq!(settings.pause.iter().map(Pause::to_string).collect::<Vec<_>>(), ["1s+100ms", "2s+500ms"]);
        assert_eq!(read(&serde_json::to_string(&settings).unwrap()).unwrap(), settings);
        assert_eq!(read(r#"{"pause": {"at": 2, "duration": "1s"}}"#).unwrap().pause.len(), 1);
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |json: &str| read(json).unwrap_err();
        assert!(message(r#"{"sevice_time": "2ms"}"#).contains("unknown field `sevice_time`"));
        assert!(message(r#"{"pause": {"at": 2, "length": 1}}"#).contains("unknown field `length`"));
        assert!(message(r#"{"pause": "noon"}"#).contains("`noon` is not a pause; write e.g. \"2s+500ms\""));
        assert_eq!(message(r#"{"error_rate": 10}"#), "`error_rate` is a share from 0 to 1, not 10");
        assert_eq!(message(r#"{"threads": 0}"#), "`threads` must be from 1 to 256, not 0");
        assert_eq!(message(r#"{"drop_every": 0}"#), "`drop_every` must be at least 1");
        assert_eq!(message(r#"{"pause": ["2s+1s", "1s+1001ms"]}"#), "the pauses 1s+1.001s and 2s+1s overlap");
    }
}
