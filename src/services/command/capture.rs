//! What a command writes to a pipe, kept within bounds: its beginning and its end.

use std::{collections::VecDeque, io};

use tokio::net::unix::pipe::Receiver;

use super::lines::Lines;
use crate::measure::Moment;

/// What one read takes at most, bytes.
const READ_SIZE: usize = 16 * 1024;

/// How often is read at a stretch: all that a pipe can hold by default, and more.
const READS: usize = 16;

/// The first and the last bytes of a stream, `limit` of each.
pub struct Capture<'a> {
    /// Takes the lines apart as they come.
    lines: Option<&'a mut Lines>,
    limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl<'a> Capture<'a> {
    pub fn new(limit: usize, lines: Option<&'a mut Lines>) -> Self {
        Self { lines, limit, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    /// Takes everything until the pipe is closed.
    pub async fn fill(&mut self, pipe: &Receiver) {
        while pipe.readable().await.is_ok() && self.take(pipe) {}
    }

    /// Takes what is there now; `false` at the end of the stream.
    pub fn take(&mut self, pipe: &Receiver) -> bool {
        let mut buffer = [0; READ_SIZE];
        for _ in 0..READS {
            match pipe.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => self.push(&buffer[..count]),
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }

    /// How many bytes came in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// All of it; where bytes are missing in the middle, a line says how many.
    pub fn into_text(self) -> String {
        let (head, tail): (_, Vec<u8>) = (self.head, self.tail.into());
        let missing = self.total - head.len() as u64 - tail.len() as u64;
        if missing == 0 {
            return String::from_utf8_lossy(&[head, tail].concat()).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&head), String::from_utf8_lossy(&tail));
        format!("{head}\n[{missing} bytes are left out here]\n{tail}")
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(lines) = &mut self.lines {
            lines.push(bytes, Moment::now());
        }
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(self.limit - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.limit);
        self.tail.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(limit: usize, pieces: &[&str]) -> String {
        let mut capture = Capture::new(limit, None);
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        capture.into_text()
    }

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        assert_eq!(text(4, &["abc"]), "abc");
        assert_eq!(text(4, &["abc", "defgh"]), "abcdefgh");
        assert_eq!(text(4, &["abc", "defghi"]), "abcd\n[1 bytes are left out here]\nfghi");
        assert_eq!(text(2, &["ab", "ü", "cd", "ef"]), "ab\n[4 bytes are left out here]\nef");
        assert_eq!(text(0, &["abc"]), "\n[3 bytes are left out here]\n");
        // A letter that both halves share.
        assert_eq!(text(1, &["ü"]), "ü");
    }
}
