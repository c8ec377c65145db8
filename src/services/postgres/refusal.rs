//! What a server refuses, with its code and in its words.

use crate::measure::{Failure, failure};

/// An error message of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    severity: String,
    /// Five characters (SQLSTATE): the first two are the class.
    pub code: String,
    message: String,
    detail: String,
    hint: String,
}

impl Refusal {
    pub fn read(body: &[u8]) -> Self {
        let mut refusal = Self::default();
        for field in body.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
            let text = String::from_utf8_lossy(&field[1..]).into_owned();
            match field[0] {
                // Not translated, where the server is new enough to say so.
                b'V' => refusal.severity = text,
                b'S' if refusal.severity.is_empty() => refusal.severity = text,
                b'C' => refusal.code = text,
                b'M' => refusal.message = text,
                b'D' => refusal.detail = text,
                b'H' => refusal.hint = text,
                _ => {}
            }
        }
        refusal
    }

    /// Whether the server ends the session with it.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// Counted under a class of its own: whoever reads results wants to tell a broken server from a wrong statement.
    pub fn failure(&self) -> Failure {
        let class = match self.code.as_str() {
            // Serialization, deadlock, a lock that is not there at once: trying again may help.
            "40001" | "40P01" | "55P03" => failure::CONFLICT,
            // Too many connections; starting up or shutting down; no such database.
            "53300" | "57P03" | "3D000" => failure::REFUSED,
            "57P01" | "57P02" | "57P05" => failure::CLOSED,
            code if code.starts_with("28") => failure::AUTH,
            code if code.starts_with("08") => failure::PROTOCOL,
            _ => failure::SQL,
        };
        let mut detail = format!("{} {}: {}", self.severity.to_lowercase(), self.code, self.message);
        for more in [self.detail.as_str(), &self.hint, self.advice()] {
            if !more.is_empty() {
                detail += &format!(" ({})", more.trim_end_matches('.'));
            }
        }
        match self.is_fatal() {
            true => Failure::lost(class, detail),
            false => Failure::kept(class, detail),
        }
    }

    /// What helps here, where the server does not know it.
    fn advice(&self) -> &'static str {
        match self.code.as_str() {
            "42601" if self.message.contains("multiple commands") => {
                "`db.script(...)` takes several statements"
            }
            "42P02" => "its value belongs into the array behind the statement",
            "53300" => "raise `max_connections`, or lower `concurrency`",
            _ => "",
        }
    }
}
