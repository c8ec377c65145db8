//! `benchscript target`: the built-in server under test, by hand.

use clap::{Args, Subcommand};

use super::{Ending, Outcome};
use crate::error::Error;
use crate::target::{Pause, ServiceTime, Settings, serve};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  benchscript target http --port 8080 --service-time exponential:2ms --servers 4\n  curl http://127.0.0.1:8080/stats"
)]
pub struct Target {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// An HTTP server on 127.0.0.1; prints its address, serves until Ctrl-C
    #[command(
        after_help = "Examples:\n  benchscript target http --port 8080 --service-time bimodal:1ms,20ms,0.1\n  benchscript target http --service-time 2ms --pause 5s+1s --error-rate 0.01"
    )]
    Http(Box<Http>),
}

#[derive(Args)]
struct Http {
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// `none`, `2ms`, `exponential:2ms` or `bimodal:1ms,20ms,0.1` (fast, slow, share of slow)
    #[arg(long, value_name = "TIME", default_value = "none", value_parser = parse::<ServiceTime>)]
    service_time: ServiceTime,

    /// Requests served at once; the others wait in line. 0 serves all at once
    #[arg(long, value_name = "N", default_value_t = 0)]
    servers: u32,

    /// Share of requests that fail, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    error_rate: f64,

    /// Status of those
    #[arg(long, value_name = "STATUS", default_value_t = 500)]
    error_status: u16,

    /// Size of each answer's body
    #[arg(long, value_name = "N", default_value_t = 128)]
    body_bytes: usize,

    /// The server stands still: `3s+1s` is 1 s long, 3 s after the first request
    #[arg(long, value_name = "AT+LENGTH", value_parser = parse::<Pause>)]
    pause: Vec<Pause>,

    /// Answer in chunked encoding
    #[arg(long)]
    chunked: bool,

    /// Close the connection half-way through every N-th answer
    #[arg(long, value_name = "N")]
    drop_every: Option<u64>,

    /// Decides service times and errors
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Threads that serve
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Keep one entry a request, given out at /log
    #[arg(long)]
    log: bool,

    /// All settings as JSON, as scripts start it
    #[arg(long, hide = true)]
    settings: Option<String>,

    /// End when stdin does
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

impl Target {
    pub fn execute(self) -> Outcome {
        let Kind::Http(http) = self.kind;
        let settings = match &http.settings {
            Some(text) => serde_json::from_str(text)
                .map_err(|error| Error::usage("`--settings` is not a target's settings").because(&error))?,
            None => Settings {
                port: http.port,
                service_time: http.service_time,
                servers: http.servers,
                error_rate: http.error_rate,
                error_status: http.error_status,
                body_bytes: http.body_bytes,
                pause: http.pause,
                chunked: http.chunked,
                drop_every: http.drop_every,
                seed: http.seed,
                threads: http.threads,
                log: http.log,
            },
        };
        serve(settings, http.until_stdin_ends)?;
        Ok(Ending::Done)
    }
}

fn parse<T: std::str::FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| {
        error.hints.iter().fold(error.to_string(), |text, hint| format!("{text}; {hint}"))
    })
}
