//! Reads the answers to the commands of one call, in whatever pieces they come. Knows no socket, so it can be fuzzed.

use super::reply::{RedisReply, Reply};
use crate::measure::{Failure, failure};
use crate::services::net::{Progress, Reads, excerpt, protocol};

/// The longest line that is read, bytes: longer texts come with their length.
const LINE_LIMIT: usize = 64 * 1024;
/// The largest answer that is kept, bytes. What is not kept may have any size.
const KEPT_LIMIT: usize = 64 * 1024 * 1024;

/// A state machine fed with bytes, which copies none unless they are to be kept or a line comes in two pieces.
#[derive(Debug, Default)]
pub struct Reader {
    state: State,
    /// The part of a line that has come.
    pending: Vec<u8>,
    /// Whole answers that are still to come.
    answers: u32,
    /// Parts of the present answer that are still to come, if it is an array.
    parts: u64,
    seen: Seen,
    /// The answers as they came, if they are wanted.
    kept: Option<Vec<u8>>,
}

/// What the answers of one call held.
#[derive(Debug, Default)]
pub struct Seen {
    /// Bytes of all strings.
    pub bytes: u64,
    /// Answers that were nil.
    pub nils: u32,
    /// Answers that were refusals, and what the first one said.
    pub refusals: u32,
    pub refusal: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Line,
    /// So many bytes of a string are still to come.
    Text(u64),
    /// The line end behind a string.
    TextEnd,
}

impl Reader {
    /// Awaits the answers to so many commands.
    pub fn start(&mut self, answers: u32, keep: bool) {
        self.state = State::Line;
        self.pending.clear();
        (self.answers, self.parts) = (answers, 0);
        let Seen { bytes, nils, refusals, refusal } = &mut self.seen;
        (*bytes, *nils, *refusals) = (0, 0, 0);
        refusal.clear();
        self.kept = keep.then(Vec::new);
    }

    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The answers, if they were to be kept.
    pub fn reply(&mut self) -> Result<RedisReply, Failure> {
        let kept = self.kept.take().unwrap_or_default();
        let mut rest = kept.as_slice();
        let mut values = Vec::new();
        while !rest.is_empty() {
            let (value, behind) =
                Reply::parse(rest).ok_or_else(|| protocol("an answer nested too deeply to be kept", rest))?;
            values.push(value);
            rest = behind;
        }
        Ok(RedisReply { values })
    }

    /// Takes bytes up to a line end, and acts on the line once it is complete. Returns what lies behind.
    #[inline]
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Failure> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.pending.extend_from_slice(bytes);
            return match self.pending.len() {
                0..=LINE_LIMIT => Ok(&[]),
                _ => Err(protocol("an endless line in an answer", &self.pending)),
            };
        };
        let (line, rest) = bytes.split_at(end + 1);
        if self.pending.is_empty() {
            self.act(line)?;
            return Ok(rest);
        }
        self.pending.extend_from_slice(line);
        let line = std::mem::take(&mut self.pending);
        let acted = self.act(&line);
        self.pending = line;
        self.pending.clear();
        acted.map(|()| rest)
    }

    fn act(&mut self, line: &[u8]) -> Result<(), Failure> {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Err(protocol("no answer of RESP", line));
        };
        if self.state == State::TextEnd {
            if !text.is_empty() {
                return Err(protocol("a string longer than its length", line));
            }
            self.state = State::Line;
            self.ended(0);
            return Ok(());
        }
        let Some((kind, text)) = text.split_first() else {
            return Err(protocol("an empty line for an answer", line));
        };
        match kind {
            b'$' => match number(text) {
                Some(len @ 0..) => {
                    self.seen.bytes += len as u64;
                    self.state = if len == 0 { State::TextEnd } else { State::Text(len as u64) };
                }
                Some(-1) => self.nil(),
                _ => return Err(protocol("a string without a length", line)),
            },
            b'+' => {
                self.seen.bytes += text.len() as u64;
                self.ended(0);
            }
            b':' if number(text).is_some() => self.ended(0),
            b'-' => {
                // Inside an array it is a value, as in the answer to EXEC.
                if self.parts == 0 {
                    if self.seen.refusals == 0 {
                        self.seen.refusal.extend_from_slice(text);
                    }
                    self.seen.refusals += 1;
                }
                self.ended(0);
            }
            b'*' => match number(text) {
                Some(count @ 0..) => self.ended(count as u64),
                Some(-1) => self.nil(),
                _ => return Err(protocol("an array without a length", line)),
            },
            _ => return Err(protocol("no answer of RESP", line)),
        }
        Ok(())
    }

    fn nil(&mut self) {
        self.seen.nils += u32::from(self.parts == 0);
        self.ended(0);
    }

    /// One part is over, with so many parts of its own to come.
    #[inline]
    fn ended(&mut self, parts: u64) {
        self.parts = self.parts.saturating_sub(1).saturating_add(parts);
        if self.parts == 0 {
            self.answers -= 1;
        }
    }
}

impl Reads for Reader {
    fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Failure> {
        if let Some(kept) = &mut self.kept {
            if kept.len() + bytes.len() > KEPT_LIMIT {
                return Err(protocol("an answer of more than 64 MiB, which is too large to keep", kept));
            }
            kept.extend_from_slice(bytes);
        }
        let mut rest = bytes;
        loop {
            rest = match self.state {
                _ if self.answers == 0 && rest.is_empty() => return Ok(Progress::Done),
                _ if self.answers == 0 => {
                    return Err(protocol(&format!("{} bytes after the end of the answer", rest.len()), rest));
                }
                _ if rest.is_empty() => return Ok(Progress::More),
                State::Text(left) => {
                    let len = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    let left = left - len as u64;
                    self.state = if left == 0 { State::TextEnd } else { State::Text(left) };
                    &rest[len..]
                }
                State::Line if matches!(rest, [0x14..=0x17, 3, ..]) && self.pending.is_empty() => {
                    return Err(protocol("an answer in TLS to a plain command (is it `rediss://`?)", rest));
                }
                State::Line | State::TextEnd => self.line(rest)?,
            };
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        let within = self.parts > 0 || self.state != State::Line || !self.pending.is_empty();
        let what = match (within, self.seen.refusals) {
            // What it says before it hangs up: too many clients, for one.
            (_, 1..) => format!("after it said `{}`", excerpt(&self.seen.refusal, 160)),
            (true, _) => "within an answer".to_owned(),
            (false, _) => "without an answer".to_owned(),
        };
        Err(Failure::lost(failure::CLOSED, format!("the server closed the connection {what}")))
    }
}

/// Decimal digits, perhaps with a sign.
#[inline]
fn number(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // Counts down, since there is one more negative number.
        value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[u8] = b"+OK\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n:-42\r\n*3\r\n$1\r\nx\r\n*2\r\n:1\r\n*-1\r\n$-1\r\n*0\r\n*-1\r\n-OOM no room\r\n*1\r\n-ERR inside\r\n:-9223372036854775808\r\n";
    const ANSWERS: u32 = 11;

    fn text(text: &str) -> Reply {
        Reply::Text(text.into())
    }

    /// Feeds the pieces; the last one must complete the answers.
    fn read(pieces: &[&[u8]], answers: u32) -> Result<Reader, Failure> {
        let mut reader = Reader::default();
        reader.start(answers, true);
        let mut progress = Progress::More;
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            assert_eq!(progress, Progress::More);
            progress = reader.feed(piece)?;
        }
        if progress == Progress::More {
            reader.end()?;
        }
        Ok(reader)
    }

    #[test]
    fn answers_are_understood_wherever_they_are_cut() {
        let cuts = (0..ALL.len()).map(|cut| vec![&ALL[..cut], &ALL[cut..]]);
        let single: Vec<&[u8]> = ALL.chunks(1).collect();
        for pieces in cuts.chain([single]) {
            let mut reader = read(&pieces, ANSWERS).unwrap();
            let Seen { bytes, nils, refusals, refusal } = reader.seen();
            assert_eq!((*bytes, *nils, *refusals, refusal.as_slice()), (8, 2, 1, &b"OOM no room"[..]));
            let inner = Reply::Array(vec![Reply::Number(1), Reply::Nil]);
            let wanted = [
                text("OK"),
                text("a\r\nbc"),
                text(""),
                Reply::Nil,
                Reply::Number(-42),
                Reply::Array(vec![text("x"), inner, Reply::Nil]),
                Reply::Array(vec![]),
                Reply::Nil,
                Reply::Refused(b"OOM no room".to_vec()),
                Reply::Array(vec![Reply::Refused(b"ERR inside".to_vec())]),
                Reply::Number(i64::MIN),
            ];
            assert_eq!(reader.reply().unwrap().values, wanted);
        }
    }

    #[test]
    fn nonsense_is_a_failure_that_shows_it() {
        for (answer, word) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "no answer of RESP"),
            (b"+OK\n", "no answer of RESP"),
            (b"\r\n", "empty line"),
            (b"$x\r\n", "without a length"),
            (b"$-2\r\n", "without a length"),
            (b"*99999999999999999999\r\n", "without a length"),
            (b":1x\r\n", "no answer of RESP"),
            (b"$1\r\nab\r\n", "longer than its length"),
            (b"+OK\r\n+OK\r\n", "5 bytes after the end"),
            (b"\x15\x03\x01\x00", "is it `rediss://`?"),
        ] {
            let failure = read(&[answer], 1).unwrap_err();
            assert!(failure.class == "protocol" && failure.session_lost, "{failure:?}");
            assert!(failure.detail.contains(word), "{failure:?}");
        }
        let endless = [b'+'; 70_000];
        assert!(read(&[&endless[..40_000], &endless], 1).unwrap_err().detail.contains("endless"));
        let deep = "*1\r\n".repeat(100) + ":1\r\n";
        assert!(read(&[deep.as_bytes()], 1).unwrap().reply().is_err());
    }

    #[test]
    fn an_answer_that_breaks_off_says_where() {
        for (answer, word) in [
            (&b""[..], "without an answer"),
            (b"$5\r\nab", "within an answer"),
            (b"+O", "within an answer"),
            (b"*2\r\n:1\r\n", "within an answer"),
            (b"-ERR max number of clients reached\r\n", "after it said `ERR max number"),
        ] {
            let failure = read(&[answer], 2).unwrap_err();
            assert!(failure.class == "closed" && failure.detail.contains(word), "{failure:?}");
        }
    }
}
