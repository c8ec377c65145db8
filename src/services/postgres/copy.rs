//! Rows with one COPY: command, rows and end in one row of messages, so that it takes one round trip.

use super::{
    message::{COPY_DONE, message, query},
    statement::row_turn,
    value::Value,
};
use crate::load::Turn;

pub struct Copy {
    command: Vec<u8>,
    values: Vec<Value>,
    rows: u64,
}

impl Copy {
    /// `rows` rows of `values`, copied with `command`.
    pub fn new(command: &str, values: Vec<Value>, rows: u64) -> Self {
        let mut messages = Vec::new();
        query(command, &mut messages);
        Self { command: messages, values, rows }
    }

    /// Appends everything; returns the bytes of the rows. A server that refuses the command skips the rest.
    pub fn write(&self, turn: Turn, out: &mut Vec<u8>) -> u64 {
        out.extend_from_slice(&self.command);
        let start = out.len();
        message(b'd', out, |out| {
            for row in 0..self.rows {
                let turn = row_turn(turn, row, self.rows);
                for (at, value) in self.values.iter().enumerate() {
                    if at > 0 {
                        out.push(b'\t');
                    }
                    value.copy(turn, out);
                }
                out.push(b'\n');
            }
        });
        let bytes = out.len() - start - 5;
        out.extend_from_slice(&COPY_DONE);
        bytes as u64
    }
}
