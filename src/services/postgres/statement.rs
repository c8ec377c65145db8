//! One statement, compiled once: what never changes is written down as it is sent, values are put in place.

use super::{
    message::{DESCRIBE, EXECUTE, SYNC, counted, message, text},
    settings::Mode,
    sql::Piece,
    value::Value,
};
use crate::error::{Error, Result};
use crate::load::Turn;

/// The most values that one statement can have: their count is sent in 16 bits.
pub const MOST_VALUES: usize = 65_535;

/// Rows that one INSERT or COPY can have; their text must fit into memory.
pub const MOST_ROWS: u64 = 1_000_000;

/// A statement with its values.
pub struct Statement {
    /// Its number in the client, by which sessions know whether they have prepared it.
    pub number: usize,
    form: Form,
    values: Vec<Value>,
    /// Groups of the values: the rows of an INSERT, each with the values of a turn of its own.
    rows: u64,
}

/// How it is sent.
enum Form {
    /// As text.
    Simple(Vec<Piece>),
    /// As messages.
    Bound {
        prepared: bool,
        /// Parse.
        parse: Vec<u8>,
        /// Bind up to the values: portal, name, formats, how many.
        bind: Vec<u8>,
        /// All that follows on Parse, if no value ever changes.
        constant: Option<Vec<u8>>,
    },
}

/// What is sent before the values, and whether their columns are asked for.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// The session has not prepared it yet.
    pub parse: bool,
    /// Names and types of the columns are wanted.
    pub describe: bool,
}

impl Statement {
    /// `pieces` hold the values by number; with `rows` they are the pieces of all rows, and `values` those of one.
    pub fn new(
        pieces: Vec<Piece>,
        values: Vec<Value>,
        rows: u64,
        mode: Mode,
        number: impl FnOnce(&str) -> usize,
    ) -> Result<Self> {
        let count = values.len() * rows as usize;
        if count > MOST_VALUES {
            return Err(Error::usage(format!("a statement with {count} values"))
                .hint(format!("{MOST_VALUES} are the most; for more rows at once there is `db.copy(...)`")));
        }
        let shown = sql(&pieces);
        if shown.contains('\0') {
            return Err(Error::usage("a statement with a zero byte"));
        }
        let number = number(&shown);
        if mode == Mode::Simple {
            return Ok(Self { number, form: Form::Simple(pieces), values, rows });
        }
        let prepared = mode == Mode::Prepared;
        let name = if prepared { format!("s{number}") } else { String::new() };
        let mut parse = Vec::new();
        message(b'P', &mut parse, |out| {
            text(&name, out);
            text(&shown, out);
            // The server finds the types.
            out.extend_from_slice(&[0, 0]);
        });
        let mut bind = Vec::new();
        text("", &mut bind);
        text(&name, &mut bind);
        match values.iter().any(Value::is_binary) {
            true => {
                bind.extend_from_slice(&(count as u16).to_be_bytes());
                for _ in 0..rows {
                    values.iter().for_each(|value| bind.extend_from_slice(&[0, u8::from(value.is_binary())]));
                }
            }
            false => bind.extend_from_slice(&[0, 0]),
        }
        bind.extend_from_slice(&(count as u16).to_be_bytes());
        let mut statement =
            Self { number, form: Form::Bound { prepared, parse, bind, constant: None }, values, rows };
        if statement.values.iter().all(Value::is_constant) {
            let mut whole = Vec::new();
            statement.write(
                Turn { seed: 0, number: 0, step: 0 },
                How { parse: false, describe: false },
                &mut whole,
            );
            if let Form::Bound { constant, .. } = &mut statement.form {
                *constant = Some(whole);
            }
        }
        Ok(statement)
    }

    /// Whether sessions prepare it.
    pub fn is_prepared(&self) -> bool {
        matches!(self.form, Form::Bound { prepared: true, .. })
    }

    /// All that is sent for a prepared statement whose columns are not wanted, if that never changes.
    #[inline]
    pub fn constant(&self, how: How) -> Option<&[u8]> {
        match &self.form {
            Form::Bound { constant: Some(constant), prepared: true, .. } if !how.parse && !how.describe => {
                Some(constant)
            }
            _ => None,
        }
    }

    /// Appends everything up to Sync.
    pub fn write(&self, turn: Turn, how: How, out: &mut Vec<u8>) {
        let (parse, bind) = match &self.form {
            Form::Simple(pieces) => return message(b'Q', out, |out| self.write_text(pieces, turn, out)),
            Form::Bound { parse, bind, .. } => (parse, bind),
        };
        if how.parse {
            out.extend_from_slice(parse);
        }
        out.push(b'B');
        counted(out, |out| {
            out.extend_from_slice(bind);
            for row in 0..self.rows {
                let turn = self.turn(turn, row);
                self.values.iter().for_each(|value| value.bind(turn, out));
            }
            // All columns as text.
            out.extend_from_slice(&[0, 0]);
        });
        if how.describe {
            out.extend_from_slice(&DESCRIBE);
        }
        out.extend_from_slice(&EXECUTE);
        out.extend_from_slice(&SYNC);
    }

    fn write_text(&self, pieces: &[Piece], turn: Turn, out: &mut Vec<u8>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value(at) => {
                    let (row, column) = (at / self.values.len(), at % self.values.len());
                    self.values[column].literal(self.turn(turn, row as u64), out);
                }
            }
        }
        out.push(0);
    }

    /// Each row has the values of a turn of its own, so that a sequence goes on from row to row.
    fn turn(&self, turn: Turn, row: u64) -> Turn {
        row_turn(turn, row, self.rows)
    }
}

/// The turn that row `row` of `rows` takes its values from.
#[inline]
pub fn row_turn(turn: Turn, row: u64, rows: u64) -> Turn {
    Turn { number: turn.number.wrapping_mul(rows).wrapping_add(row), ..turn }
}

/// The text with `$1` for the values.
pub fn sql(pieces: &[Piece]) -> String {
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Value(at) => format!("${}", at + 1),
    });
    shown.collect()
}
