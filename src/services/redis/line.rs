//! A command as it is sent: an array of strings, compiled once, filled in once a call.

use crate::load::{
    Turn,
    payload::{Encoding, Generator, KeyWriter, Template},
};
use crate::measure::hash::Draws;

/// One word of a command.
pub enum Word {
    /// Text, perhaps with drawn values in it.
    Text(Template),
    Key(KeyWriter),
    /// Random bytes.
    Noise(Noise),
}

/// Random bytes, of a length that may be drawn as well.
#[derive(Debug, Clone)]
pub struct Noise {
    pub size: Size,
    pub stream: u64,
}

#[derive(Debug, Clone)]
pub enum Size {
    Fixed(u64),
    /// A generator of lengths and its stream.
    Drawn(Generator, u64),
}

/// The most bytes of one value, as Redis has it unless it is told otherwise.
pub const LARGEST: u64 = 512 * 1024 * 1024;

/// The bytes of a command.
#[derive(Default)]
pub struct Line {
    pieces: Vec<Piece>,
    /// Bytes of the values that have the same length each time.
    value_bytes: u64,
}

enum Piece {
    /// Bytes as they are, the lengths included.
    Fixed(Template),
    /// A word whose length differs from turn to turn.
    Varying {
        template: Template,
        is_value: bool,
    },
    Key(KeyWriter),
    Noise(Noise),
}

impl Line {
    /// A command of these words; each comes with whether it is a value whose bytes are counted.
    pub fn new(words: Vec<(Word, bool)>) -> Self {
        let mut line = Self::default();
        line.fixed(Template::literal(format!("*{}\r\n", words.len())));
        for (word, is_value) in words {
            line.push(word, is_value);
        }
        line
    }

    fn push(&mut self, word: Word, is_value: bool) {
        match word {
            Word::Text(template) => match template.fixed_len() {
                Some(len) => {
                    self.value_bytes += if is_value { len as u64 } else { 0 };
                    self.length(len);
                    self.fixed(template);
                    self.fixed(Template::literal(*b"\r\n"));
                }
                None => self.pieces.push(Piece::Varying { template, is_value }),
            },
            Word::Key(writer) => {
                self.length(writer.width());
                self.pieces.push(Piece::Key(writer));
                self.fixed(Template::literal(*b"\r\n"));
            }
            Word::Noise(noise) => self.pieces.push(Piece::Noise(noise)),
        }
    }

    fn length(&mut self, len: usize) {
        self.fixed(Template::literal(format!("${len}\r\n")));
    }

    fn fixed(&mut self, template: Template) {
        match self.pieces.last_mut() {
            Some(Piece::Fixed(last)) => last.append(template),
            _ => self.pieces.push(Piece::Fixed(template)),
        }
    }

    /// All it ever is, if that is the same at every turn.
    pub fn constant(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [Piece::Fixed(template)] => template.constant(),
            _ => None,
        }
    }

    /// Appends the command of this turn; returns the bytes of its values.
    #[inline]
    pub fn write(&self, turn: Turn, out: &mut Vec<u8>) -> u64 {
        let mut value_bytes = self.value_bytes;
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(template) => template.write(turn, out),
                Piece::Key(writer) => writer.write(turn, out),
                Piece::Varying { template, is_value } => {
                    let start = out.len();
                    template.write(turn, out);
                    let len = out.len() - start;
                    insert_length(out, start);
                    value_bytes += if *is_value { len as u64 } else { 0 };
                }
                Piece::Noise(noise) => value_bytes += noise.write(turn, out),
            }
        }
        value_bytes
    }

    pub fn value_bytes(&self) -> u64 {
        self.value_bytes
    }
}

impl Noise {
    fn write(&self, turn: Turn, out: &mut Vec<u8>) -> u64 {
        let len = match &self.size {
            Size::Fixed(len) => *len,
            Size::Drawn(generator, stream) => {
                let drawn = generator.value(*stream, turn);
                drawn
                    .as_u64()
                    .or_else(|| drawn.as_f64().map(|len| len as u64))
                    .unwrap_or_default()
                    .min(LARGEST)
            }
        };
        out.push(b'$');
        Encoding::Raw.int(len as i64, out);
        out.extend_from_slice(b"\r\n");
        let mut draws = Draws::new(turn.seed, self.stream, turn.number, turn.step);
        out.reserve(len as usize + 10);
        for _ in 0..len / 8 {
            out.extend_from_slice(&draws.bits().to_le_bytes());
        }
        out.extend_from_slice(&draws.bits().to_le_bytes()[..(len % 8) as usize]);
        out.extend_from_slice(b"\r\n");
        len
    }
}

/// Makes a word of the bytes from `start` on. The server takes no spaces before a number, so the length is put in
/// after it is known, and the bytes move.
fn insert_length(out: &mut Vec<u8>, start: usize) {
    let end = out.len();
    out.push(b'$');
    Encoding::Raw.int((end - start) as i64, out);
    out.extend_from_slice(b"\r\n");
    let header = out.len() - end;
    out[start..].rotate_right(header);
    out.extend_from_slice(b"\r\n");
}

/// Appends a command of words that are known.
pub fn written(words: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
