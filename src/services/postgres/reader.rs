//! Reads what a server answers: rows are counted, and kept only where that was asked for.

use super::refusal::Refusal;
use crate::measure::{Failure, Moment, failure};
use crate::services::net::{Progress, Reads, protocol};

/// Messages longer than this are no answer of a PostgreSQL server, bytes.
const LONGEST: usize = 1 << 30;
/// The most that is kept of one answer, bytes. What is not kept may have any size.
const KEPT_LIMIT: usize = 64 * 1024 * 1024;
/// Kind and length.
const HEAD: usize = 5;

/// The rows of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostgresReply {
    /// Names and types (object ids) of the columns.
    pub columns: Vec<(String, u32)>,
    /// As the server writes them; none for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows returned, inserted, updated, deleted or copied, as the server counts them.
    pub affected: u64,
}

/// One answer, as far as it has come.
#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of a message whose end has not come.
    partial: Vec<u8>,
    /// Bytes left of a message that nobody wants.
    skipping: usize,
    /// Bytes of rows.
    pub bytes: u64,
    /// Rows as the server counts them.
    pub affected: u64,
    /// Statements that were parsed.
    pub parsed: u32,
    /// When the first byte came.
    pub first_byte: Option<Moment>,
    /// The first refusal.
    pub refusal: Option<Box<Refusal>>,
    /// Whether a transaction is open: `I` none, `T` one, `E` one that failed.
    pub status: u8,
    keep: bool,
    kept_bytes: usize,
    reply: PostgresReply,
}

impl Reader {
    /// Forgets the last answer.
    pub fn start(&mut self, keep: bool) {
        (self.bytes, self.affected, self.parsed, self.keep) = (0, 0, 0, keep);
        self.refusal = None;
    }

    /// Forgets the rows that were kept.
    pub fn forget(&mut self) {
        (self.reply, self.kept_bytes) = (PostgresReply::default(), 0);
    }

    /// The rows of all answers since [`Reader::forget`]; of several results the last one with rows.
    pub fn take_reply(&mut self) -> PostgresReply {
        std::mem::take(&mut self.reply)
    }

    /// Takes bytes; says whether the server is ready for the next statement.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<bool, Failure> {
        let mut ready = false;
        while !bytes.is_empty() {
            if self.skipping > 0 {
                let step = self.skipping.min(bytes.len());
                self.skipping -= step;
                bytes = &bytes[step..];
                continue;
            }
            if self.partial.is_empty() && bytes.len() >= HEAD {
                let whole = whole(bytes)?;
                if bytes.len() >= whole {
                    ready |= self.message(bytes[0], &bytes[HEAD..whole])?;
                    bytes = &bytes[whole..];
                    continue;
                }
                if bytes[0] == b'D' && !self.keep {
                    self.bytes += (whole - HEAD) as u64;
                    self.skipping = whole - bytes.len();
                    break;
                }
            }
            // A message in pieces: first its head, then the rest of it.
            let wanted = if self.partial.len() < HEAD { HEAD } else { whole(&self.partial)? };
            let step = (wanted - self.partial.len()).min(bytes.len());
            self.partial.extend_from_slice(&bytes[..step]);
            bytes = &bytes[step..];
            if self.partial.len() >= HEAD && self.partial.len() == whole(&self.partial)? {
                let message = std::mem::take(&mut self.partial);
                ready |= self.message(message[0], &message[HEAD..])?;
                self.partial = message;
                self.partial.clear();
            }
        }
        Ok(ready)
    }

    #[inline]
    fn message(&mut self, kind: u8, body: &[u8]) -> Result<bool, Failure> {
        match kind {
            b'D' => {
                self.bytes += body.len() as u64;
                if self.keep {
                    self.row(body)?;
                }
            }
            b'C' => self.affected = self.affected.wrapping_add(count(body)),
            b'Z' => {
                self.status = body.first().copied().unwrap_or(b'I');
                self.reply.affected = self.reply.affected.wrapping_add(self.affected);
                return Ok(true);
            }
            b'1' => self.parsed += 1,
            b'E' => {
                let refusal = Refusal::read(body);
                // After this the server hangs up, and says nothing of being ready.
                if refusal.is_fatal() {
                    return Err(refusal.failure());
                }
                self.refusal.get_or_insert_with(|| Box::new(refusal));
            }
            b'T' if self.keep => {
                self.reply.rows.clear();
                self.reply.columns = columns(body).ok_or_else(|| bad("columns", body))?;
            }
            // Bind complete, no data, notices, settings that changed, notifications, the wait for a COPY's rows.
            b'2' | b'3' | b'n' | b'T' | b'N' | b'S' | b'A' | b'G' | b'I' | b't' | b's' => {}
            b'H' | b'W' => {
                return Err(Failure::lost(failure::PROTOCOL, "COPY out of the server is not supported"));
            }
            _ => return Err(bad("a message of unknown kind", &[kind])),
        }
        Ok(false)
    }

    fn row(&mut self, body: &[u8]) -> Result<(), Failure> {
        self.kept_bytes += body.len();
        if self.kept_bytes > KEPT_LIMIT {
            let detail = "an answer of more than 64 MiB is too large to keep; under load it is not kept";
            return Err(Failure::lost(failure::IO, detail));
        }
        self.reply.rows.push(values(body).ok_or_else(|| bad("a row", body))?);
        Ok(())
    }
}

impl Reads for Reader {
    #[inline]
    fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Failure> {
        self.first_byte.get_or_insert_with(Moment::now);
        Ok(if self.take(bytes)? { Progress::Done } else { Progress::More })
    }

    fn end(&mut self) -> Result<(), Failure> {
        let detail = "the server closed the connection before the whole answer had come";
        Err(Failure::lost(failure::CLOSED, detail))
    }
}

/// How long the message is that `bytes` begin with, its head included.
fn whole(bytes: &[u8]) -> Result<usize, Failure> {
    let length = u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize;
    if !(4..=LONGEST).contains(&length) {
        return Err(bad("a message", bytes));
    }
    Ok(length + 1)
}

/// The number at the end of `INSERT 0 5`; 0 where there is none.
fn count(tag: &[u8]) -> u64 {
    let digits = tag.strip_suffix(b"\0").unwrap_or(tag).rsplit(|byte| *byte == b' ').next();
    let digits = digits.unwrap_or_default();
    digits
        .iter()
        .try_fold(0u64, |sum, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            Some(sum.wrapping_mul(10).wrapping_add(u64::from(digit)))
        })
        .unwrap_or(0)
}

fn columns(body: &[u8]) -> Option<Vec<(String, u32)>> {
    let (count, mut rest) =
        body.split_first_chunk().map(|(count, rest)| (u16::from_be_bytes(*count), rest))?;
    let mut columns = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let end = rest.iter().position(|byte| *byte == 0)?;
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        // Table and number of the column, its type, then size, modifier and format.
        let fixed = rest.get(end + 1..end + 19)?;
        columns.push((name, u32::from_be_bytes(fixed[6..10].try_into().ok()?)));
        rest = &rest[end + 19..];
    }
    Some(columns)
}

fn values(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) =
        body.split_first_chunk().map(|(count, rest)| (u16::from_be_bytes(*count), rest))?;
    let mut values = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk()?;
        rest = after;
        let length = i32::from_be_bytes(*length);
        values.push(match usize::try_from(length) {
            Err(_) => None,
            Ok(length) => {
                let text = rest.get(..length)?;
                rest = &rest[length..];
                Some(String::from_utf8_lossy(text).into_owned())
            }
        });
    }
    Some(values)
}

fn bad(what: &str, bytes: &[u8]) -> Failure {
    let mut failed = protocol(&format!("{what} that cannot be read"), bytes);
    failed.detail += " (is it PostgreSQL?)";
    failed
}

#[cfg(test)]
mod tests {
    use super::super::message::message;
    use super::*;

    fn answer() -> Vec<u8> {
        let mut out = Vec::new();
        message(b'1', &mut out, |_| ());
        message(b'2', &mut out, |_| ());
        message(b'T', &mut out, |out| {
            out.extend_from_slice(&[0, 2]);
            for (name, kind) in [("id", 23u32), ("v", 25)] {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(&[0; 7]);
                out.extend_from_slice(&kind.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
            }
        });
        for _ in 0..2 {
            message(b'D', &mut out, |out| {
                out.extend_from_slice(&[0, 2, 0, 0, 0, 1, b'7']);
                out.extend_from_slice(&(-1i32).to_be_bytes());
            });
        }
        message(b'C', &mut out, |out| out.extend_from_slice(b"SELECT 2\0"));
        message(b'Z', &mut out, |out| out.push(b'T'));
        out
    }

    #[test]
    fn pieces_of_any_size_read_the_same() {
        let bytes = answer();
        for keep in [false, true] {
            for size in 1..=bytes.len() {
                let mut reader = Reader::default();
                reader.start(keep);
                let mut pieces =
                    bytes.chunks(size).map(|piece| reader.take(piece).unwrap()).collect::<Vec<_>>();
                assert!(pieces.pop().unwrap() && !pieces.contains(&true), "{size}");
                assert_eq!((reader.bytes, reader.affected, reader.parsed), (22, 2, 1), "{size}");
                assert_eq!(reader.status, b'T');
                let reply = reader.take_reply();
                assert_eq!(reply.rows.len(), if keep { 2 } else { 0 });
                if keep {
                    assert_eq!(reply.columns, [("id".to_owned(), 23), ("v".to_owned(), 25)]);
                    assert_eq!(reply.rows[1], [Some("7".to_owned()), None]);
                }
            }
        }
    }

    #[test]
    fn tags_count() {
        for (tag, rows) in [("INSERT 0 5\0", 5), ("SELECT 12\0", 12), ("BEGIN\0", 0), ("COPY 1000\0", 1000)] {
            assert_eq!(count(tag.as_bytes()), rows, "{tag}");
        }
        // More than can be: no server says so, and nothing panics.
        assert_eq!(count(b"SELECT 99999999999999999999\0"), 7_766_279_631_452_241_919);
    }

    #[test]
    fn what_is_not_postgresql_is_a_protocol_failure() {
        let mut reader = Reader::default();
        assert_eq!(reader.take(b"HTTP/1.1 400 Bad Request").unwrap_err().class, "protocol");
    }
}
