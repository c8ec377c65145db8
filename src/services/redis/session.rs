//! One virtual user's connection: writes the commands of a call, reads their answers, nothing else.

use std::any::Any;

use async_trait::async_trait;

use super::{
    command::{Command, Counted},
    reader::Reader,
    refusal,
    reply::{RedisReply, Reply},
};
use crate::load::{Operation, Session, Turn};
use crate::measure::{Failure, Outcome};
use crate::services::net::{Wire, protocol};

pub struct RedisSession {
    wire: Wire,
    reader: Reader,
    /// The connection carries no further call: it is in the middle of one.
    closing: bool,
    /// What the server said without being asked, which fails the next call.
    noticed: Option<Failure>,
    reply: RedisReply,
}

/// What a call has moved so far.
#[derive(Default)]
struct Moved {
    /// Bytes of values sent, and of strings received.
    sent: u64,
    received: u64,
    commands: u64,
    nils: u64,
}

impl RedisSession {
    pub(super) fn new(wire: Wire, reader: Reader) -> Self {
        Self { wire, reader, closing: false, noticed: None, reply: RedisReply::default() }
    }

    /// Sends `count` commands at once, numbered from `first`, and reads all their answers.
    async fn exchange(
        &mut self,
        command: &Command,
        (first, count): (u64, u32),
        turn: Turn,
        moved: &mut Moved,
        keep: bool,
    ) -> Result<(), Failure> {
        let line = &command.line;
        let constant = if count == 1 { line.constant() } else { None };
        let mut sent = line.value_bytes();
        let write = |out: &mut Vec<u8>| {
            let numbers = first..first + u64::from(count);
            sent = numbers.map(|number| line.write(Turn { number, ..turn }, out)).sum();
        };
        self.closing = true;
        self.reader.start(count, keep);
        let whole = self.wire.exchange(constant, write, &mut self.reader).await?;
        self.closing = !whole;
        let seen = self.reader.seen();
        if let Some(failure) = refusal::of(seen, count) {
            return Err(failure);
        }
        moved.sent += sent;
        moved.received += seen.bytes;
        moved.commands += u64::from(count);
        moved.nils += u64::from(seen.nils);
        Ok(())
    }
}

#[async_trait(?Send)]
impl Session for RedisSession {
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        let command = (operation as &dyn Any)
            .downcast_ref::<Command>()
            .expect("a session is given only operations of its own client, which makes commands alone");
        if let Some(failure) = self.noticed.take() {
            return Err(failure);
        }
        let mut moved = Moved::default();
        match command.fills {
            None => {
                let first = turn.number.wrapping_mul(u64::from(command.pipeline));
                let batch = (first, command.pipeline);
                self.exchange(command, batch, turn, &mut moved, keep).await?;
                if keep {
                    self.reply = self.reader.reply()?;
                }
            }
            Some(keys) => {
                while moved.commands < keys {
                    let count = (keys - moved.commands).min(u64::from(command.pipeline)) as u32;
                    let batch = (moved.commands, count);
                    self.exchange(command, batch, turn, &mut moved, false).await?;
                }
                self.reply = RedisReply { values: vec![Reply::Number(keys as i64)] };
            }
        }
        Ok(match command.counted {
            Counted::Hits => {
                Outcome { bytes: moved.received, items: moved.commands - moved.nils, ..Outcome::default() }
            }
            Counted::Sent => Outcome { bytes: moved.sent, items: moved.commands, ..Outcome::default() },
            Counted::Received => {
                Outcome { bytes: moved.received, items: moved.commands, ..Outcome::default() }
            }
        })
    }

    fn reusable(&mut self) -> bool {
        if self.closing || self.noticed.is_some() {
            return !self.closing;
        }
        let unasked = self.wire.idle(|bytes| match bytes {
            [] => None,
            // Some servers say why before they hang up.
            [b'-', said @ ..] => Some(Failure::lost(
                refusal::class(said),
                format!("the server says `{}`", said.trim_ascii_end().escape_ascii()),
            )),
            _ => Some(protocol("an answer that nobody asked for", bytes)),
        });
        match unasked {
            None => true,
            Some(None) => false,
            Some(said) => {
                self.noticed = said;
                true
            }
        }
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        Box::new(std::mem::take(&mut self.reply))
    }
}
