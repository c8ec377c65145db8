//! A failed call: data, not an error. Classes are words that reports and scripts share.

use std::io;

pub const TIMEOUT: &str = "timeout";
pub const REFUSED: &str = "refused";
pub const RESET: &str = "reset";
/// The server closed the connection before the whole answer had come.
pub const CLOSED: &str = "closed";
pub const DNS: &str = "dns";
pub const TLS: &str = "tls";
pub const UNREACHABLE: &str = "unreachable";
pub const PROTOCOL: &str = "protocol";
pub const STATUS_1XX: &str = "status_1xx";
pub const STATUS_2XX: &str = "status_2xx";
pub const STATUS_3XX: &str = "status_3xx";
pub const STATUS_4XX: &str = "status_4xx";
pub const STATUS_5XX: &str = "status_5xx";
pub const IO: &str = "io";
pub const CHECK: &str = "check";
pub const SCRIPT: &str = "script";
/// Never sent: it waited in line for a session longer than the timeout.
pub const DROPPED: &str = "dropped";
/// Still in flight, or in line, when the load had ended and drained.
pub const UNFINISHED: &str = "unfinished";
/// A command ended with another exit code than it should.
pub const EXIT: &str = "exit";
/// The server answered with an error that has no class of its own.
pub const ERROR_REPLY: &str = "error_reply";
// What Redis calls its errors, in lower case.
pub const NOAUTH: &str = "noauth";
pub const WRONGPASS: &str = "wrongpass";
pub const NOPERM: &str = "noperm";
pub const OOM: &str = "oom";
pub const LOADING: &str = "loading";
pub const BUSY: &str = "busy";
pub const READONLY: &str = "readonly";
pub const MISCONF: &str = "misconf";
pub const MOVED: &str = "moved";
pub const CLUSTERDOWN: &str = "clusterdown";
pub const WRONGTYPE: &str = "wrongtype";
/// A database refused a statement.
pub const SQL: &str = "sql";
/// A database gave up a transaction because of another one: serialization, deadlock, a lock; trying again may help.
pub const CONFLICT: &str = "conflict";
/// A server refused user or password.
pub const AUTH: &str = "auth";
/// The disk is full, or a quota used up.
pub const NO_SPACE: &str = "no_space";
/// Nothing is left of what the load was to use: all files are deleted.
pub const USED_UP: &str = "used_up";
// What S3 calls its errors, in words.
pub const NO_SUCH_KEY: &str = "no_such_key";
pub const NO_SUCH_BUCKET: &str = "no_such_bucket";
pub const ACCESS_DENIED: &str = "access_denied";
pub const WRONG_ACCESS_KEY: &str = "wrong_access_key";
pub const WRONG_SIGNATURE: &str = "wrong_signature";
pub const SLOW_DOWN: &str = "slow_down";
/// What was read is not what was written.
pub const CORRUPT: &str = "corrupt";
/// A sample that a command told of, failed for a reason without a class.
pub const REPORTED: &str = "reported";

/// A failed call: `class` is counted, the first `detail` of each class is kept.
#[derive(Debug, Clone)]
pub struct Failure {
    pub class: &'static str,
    pub detail: String,
    /// The HTTP status, if an answer came.
    pub status: u16,
    /// Whether the session can still be used. A lost one is reopened before the next call.
    pub session_lost: bool,
}

impl Failure {
    /// A failure after which the session cannot be used any more.
    pub fn lost(class: &'static str, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into(), status: 0, session_lost: true }
    }

    /// A failure that leaves the session as good as before.
    pub fn kept(class: &'static str, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into(), status: 0, session_lost: false }
    }

    /// The class of a failed system call on a connection.
    pub fn from_io(what: &str, error: &io::Error) -> Self {
        use io::ErrorKind::*;
        let class = match error.kind() {
            ConnectionRefused => REFUSED,
            ConnectionReset | BrokenPipe | ConnectionAborted => RESET,
            UnexpectedEof => CLOSED,
            TimedOut => TIMEOUT,
            HostUnreachable | NetworkUnreachable | AddrNotAvailable => UNREACHABLE,
            _ => IO,
        };
        Self::lost(class, format!("{what}: {error}"))
    }
}

impl Failure {
    /// What to look at first, where nothing at all could be reached.
    pub fn advice(&self) -> Option<&'static str> {
        match self.class {
            REFUSED => Some("is the service running, and is this its port?"),
            DNS => Some("check the host name; on a compute node, use the node's own name or address"),
            NOAUTH => Some("give the client a `password`"),
            WRONGPASS => Some("check user and password"),
            LOADING => Some("the server still reads its data: try again when it has"),
            OOM => Some("raise the server's `maxmemory`, or let it evict keys: `maxmemory-policy`"),
            NO_SUCH_KEY => {
                Some("`fill` writes the keys that `get` reads; size and prefix of keys must be the same")
            }
            NO_SUCH_BUCKET => {
                Some("make it: `store.create_bucket().run()`, or give the client another `bucket`")
            }
            ACCESS_DENIED => Some("check the credentials, and what they may do in this bucket"),
            WRONG_ACCESS_KEY => Some("check `access_key`: the server does not know it"),
            WRONG_SIGNATURE => Some("check `secret_key` and `region`, and the clock of this machine"),
            TIMEOUT | UNREACHABLE => Some("is the address right and the network open?"),
            _ => None,
        }
    }
}

/// The class of a failed system call on files.
pub fn of_disk(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => NO_SPACE,
        _ => IO,
    }
}

/// The class of an HTTP status that was not expected.
pub fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => STATUS_1XX,
        2 => STATUS_2XX,
        3 => STATUS_3XX,
        4 => STATUS_4XX,
        _ => STATUS_5XX,
    }
}

/// Every class by its position, so that a row can hold a byte; unknown bytes read as `io`. New ones go to the end.
const CLASSES: &[&str] = &[
    TIMEOUT,
    REFUSED,
    RESET,
    CLOSED,
    DNS,
    TLS,
    UNREACHABLE,
    PROTOCOL,
    STATUS_1XX,
    STATUS_2XX,
    STATUS_3XX,
    STATUS_4XX,
    STATUS_5XX,
    IO,
    CHECK,
    SCRIPT,
    DROPPED,
    UNFINISHED,
    EXIT,
    ERROR_REPLY,
    NOAUTH,
    WRONGPASS,
    NOPERM,
    OOM,
    LOADING,
    BUSY,
    READONLY,
    MISCONF,
    MOVED,
    CLUSTERDOWN,
    WRONGTYPE,
    SQL,
    CONFLICT,
    AUTH,
    NO_SPACE,
    USED_UP,
    NO_SUCH_KEY,
    NO_SUCH_BUCKET,
    ACCESS_DENIED,
    WRONG_ACCESS_KEY,
    WRONG_SIGNATURE,
    SLOW_DOWN,
    CORRUPT,
    REPORTED,
];

/// A class as a small number from 1; 0 is left for success.
pub fn class_code(class: &str) -> u8 {
    CLASSES.iter().position(|known| *known == class).map_or(14, |at| at as u8 + 1)
}

/// The class of a code of [`class_code`]; `None` for 0.
pub fn class_of(code: u8) -> Option<&'static str> {
    match code {
        0 => None,
        code => Some(CLASSES.get(code as usize - 1).copied().unwrap_or(IO)),
    }
}

/// All classes, in the order of [`class_code`].
pub fn classes() -> &'static [&'static str] {
    CLASSES
}

pub fn is_class(class: &str) -> bool {
    named(class).is_some()
}

/// The class of this name.
pub fn named(class: &str) -> Option<&'static str> {
    CLASSES.iter().copied().find(|known| *known == class)
}
