//! One virtual user's connection: writes statements, reads their answers, nothing else. The hot path of PostgreSQL.

use std::any::Any;

use async_trait::async_trait;

use super::{
    login::Login,
    message::{TERMINATE, query},
    operation::{Kind, PostgresOperation},
    reader::{PostgresReply, Reader},
    statement::{How, Statement},
};
use crate::load::{Operation, Session, Turn};
use crate::measure::{Failure, Moment, Outcome};
use crate::services::net::Wire;

pub struct PostgresSession {
    wire: Wire,
    reader: Reader,
    /// Whether the statement of this number is prepared.
    prepared: Vec<bool>,
    /// What came behind the login.
    early: Vec<u8>,
    /// In the middle of an answer, or ended by the server.
    broken: bool,
    /// When each statement of the last transaction ended.
    marks: Vec<Moment>,
}

impl PostgresSession {
    pub(super) fn new(login: Login) -> Self {
        Self {
            wire: Wire::new(login.stream),
            reader: Reader::default(),
            prepared: Vec::new(),
            early: login.rest,
            broken: false,
            marks: Vec::new(),
        }
    }

    /// Sends one row of messages, `constant` or else what `write` writes, and reads until the server is ready again.
    async fn exchange(
        &mut self,
        constant: Option<&[u8]>,
        write: impl FnOnce(&mut Vec<u8>),
        keep: bool,
    ) -> Result<(), Failure> {
        self.broken = true;
        self.reader.start(keep);
        // An answer that came before all was sent leaves the connection in the middle of it.
        self.broken = !self.wire.exchange(constant, write, &mut self.reader).await?;
        match self.reader.refusal.take() {
            None => Ok(()),
            Some(refusal) => {
                // Somebody has dropped them: a pooler, `discard all`.
                if refusal.code == "26000" {
                    self.prepared.clear();
                }
                Err(refusal.failure())
            }
        }
    }

    /// Asks a text of its own, by the simple protocol.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<PostgresReply, Failure> {
        self.reader.forget();
        self.exchange(None, |out| query(sql, out), true).await?;
        Ok(self.reader.take_reply())
    }

    /// Runs one statement; `counted` adds up what it moved.
    async fn run(
        &mut self,
        statement: &Statement,
        turn: Turn,
        keep: bool,
        counted: &mut Outcome,
    ) -> Result<(), Failure> {
        let known = self.prepared.get(statement.number).copied().unwrap_or(false);
        let how = How { parse: !known, describe: keep };
        let done = self.exchange(statement.constant(how), |out| statement.write(turn, how, out), keep).await;
        if self.reader.parsed > 0 && statement.is_prepared() {
            if self.prepared.len() <= statement.number {
                self.prepared.resize(statement.number + 1, false);
            }
            self.prepared[statement.number] = true;
        }
        done?;
        counted.bytes += self.reader.bytes;
        counted.items += self.reader.affected;
        Ok(())
    }

    /// Runs the statements of a transaction one after the other; where one is refused, nothing of it stays.
    async fn transaction(
        &mut self,
        statements: &[Statement],
        turn: Turn,
        keep: bool,
        counted: &mut Outcome,
    ) -> Result<(), Failure> {
        for statement in statements {
            if let Err(refused) = self.run(statement, turn, keep, counted).await {
                if !refused.session_lost && self.reader.status != b'I' {
                    self.exchange(None, |out| query("rollback", out), false).await?;
                }
                return Err(refused);
            }
            self.marks.push(Moment::now());
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl Session for PostgresSession {
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure> {
        let operation = (operation as &dyn Any)
            .downcast_ref::<PostgresOperation>()
            .expect("a session is given only operations of its own client, which makes these alone");
        self.reader.first_byte = None;
        self.marks.clear();
        if keep {
            self.reader.forget();
        }
        let mut counted = Outcome::default();
        match &operation.kind {
            Kind::Statement(statement) => self.run(statement, turn, keep, &mut counted).await?,
            Kind::Transaction(statements) => {
                self.transaction(statements, turn, keep, &mut counted).await?;
            }
            Kind::Script(messages) => {
                self.exchange(Some(messages), |_| (), keep).await?;
                counted.items = self.reader.affected;
            }
            Kind::Copy(copy) => {
                self.exchange(None, |out| counted.bytes = copy.write(turn, out), keep).await?;
                counted.items = self.reader.affected;
            }
        }
        counted.first_byte = self.reader.first_byte;
        Ok(counted)
    }

    fn reusable(&mut self) -> bool {
        if self.broken {
            return false;
        }
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            self.broken = self.reader.take(&early).is_err();
        }
        // Notices and settings that changed may come at any time. Farewells are fatal errors, which the reader does not take.
        let reader = &mut self.reader;
        let alive = self.wire.idle(|bytes| !bytes.is_empty() && reader.take(bytes).is_ok()).unwrap_or(true);
        self.broken |= !alive;
        !self.broken
    }

    fn marks(&self) -> &[Moment] {
        &self.marks
    }

    fn reply(&mut self) -> Box<dyn Any + Send> {
        Box::new(self.reader.take_reply())
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        if !self.broken {
            self.wire.farewell(&TERMINATE);
        }
    }
}
