//! Answers that begin with `-`: which class of failure each is.

use super::reader::Seen;
use crate::measure::{Failure, failure};
use crate::services::net::excerpt;

/// How much of what the server said is shown, bytes.
const EXCERPT_LIMIT: usize = 160;

/// The failure of a call of so many commands, if any of them was refused. The connection stays as good as before.
pub fn of(seen: &Seen, commands: u32) -> Option<Failure> {
    if seen.refusals == 0 {
        return None;
    }
    let said = excerpt(&seen.refusal, EXCERPT_LIMIT);
    let detail = match commands {
        1 => format!("the server says `{said}`"),
        _ => format!("the server refused {} of {commands} commands, the first with `{said}`", seen.refusals),
    };
    Some(Failure::kept(class(&seen.refusal), detail))
}

/// The class by the first word, as the server writes it.
pub fn class(said: &[u8]) -> &'static str {
    match said.split(|byte| *byte == b' ').next().unwrap_or_default() {
        b"NOAUTH" => failure::NOAUTH,
        b"WRONGPASS" => failure::WRONGPASS,
        b"NOPERM" => failure::NOPERM,
        b"OOM" => failure::OOM,
        b"LOADING" => failure::LOADING,
        b"BUSY" => failure::BUSY,
        b"READONLY" => failure::READONLY,
        b"MISCONF" => failure::MISCONF,
        b"MOVED" => failure::MOVED,
        b"CLUSTERDOWN" => failure::CLUSTERDOWN,
        b"WRONGTYPE" => failure::WRONGTYPE,
        _ => failure::ERROR_REPLY,
    }
}
