//! What a service implements to be put under load: a client opens sessions, a session performs operations.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::Told;
use crate::error::Result;
use crate::measure::{Failure, Moment, Outcome, Summary};

/// An endpoint with its settings. Making one touches no network; opening a session does.
#[async_trait(?Send)]
pub trait Client: Send + Sync {
    /// Where it leads, for messages: `http://127.0.0.1:8080`. Passwords are masked already.
    fn endpoint(&self) -> String;

    /// How many calls an open loop has in flight at most, unless its plan says; none for as many as elsewhere.
    fn open_concurrency(&self) -> Option<u32> {
        None
    }

    /// Begins to watch what the server says of itself, for the length of a load; none if it says nothing. Waits for the
    /// first numbers.
    fn watch(&self) -> Option<Result<Box<dyn Watch>, Failure>> {
        None
    }

    /// Opens what one virtual user needs: a connection, a login, file descriptors. Called on the user's thread.
    async fn open(&self) -> Result<Box<dyn Session>, Failure>;
}

/// A server that is watched during a load.
pub trait Watch: Send {
    /// Ends it, when all sessions of the load are closed: what changed meanwhile, by names that carry their unit.
    fn end(self: Box<Self>) -> Result<serde_json::Map<String, serde_json::Value>, Failure>;
}

/// One thing done over and over against a service, e.g. `GET /users/{user}`.
///
/// Shared by all virtual users; everything that can be prepared once is prepared when it is made.
pub trait Operation: Any + Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// The kind of service it loads: `http`, `files`, `postgres`. Goes to `service` in the results.
    fn service(&self) -> &'static str;

    /// Which group of contracts the results belong to: `http`, `storage`, `inference`, `vectordb`.
    fn component(&self) -> &'static str;

    /// The client whose sessions perform it. A virtual user keeps at most one session a client.
    fn client(&self) -> &Arc<dyn Client>;

    /// What a reader of the results must know of it, as stored in `config`: method, path, sizes. No secrets.
    fn describe(&self) -> serde_json::Value;

    /// Runs once before the sessions open, untimed: writes the files that will be read, checks free space.
    /// `seed` is the trial's. Blocking; ends early with [`crate::error::ErrorKind::Cancelled`] when `cancel` is set.
    fn prepare(&self, _seed: u64, _cancel: &CancellationToken) -> Result<()> {
        Ok(())
    }

    /// Runs once after the load however it ended: removes what [`Operation::prepare`] and the calls left behind.
    fn cleanup(&self) -> Result<()> {
        Ok(())
    }

    /// What is done one after the other within each call and has a row of its own: the statements of a transaction.
    fn parts(&self) -> &[String] {
        &[]
    }

    /// Figures that only this kind of operation has, from its row: `read_mb_per_second`. Names carry units.
    fn extras(&self, _row: &Summary) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// Whether its sessions have something for [`Session::told`].
    fn tells(&self) -> bool {
        false
    }

    /// What a reader of the results must know of how the load went; asked once, after it.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

/// One virtual user's open connection. The worker times each call; a session never does.
#[async_trait(?Send)]
pub trait Session {
    /// Performs `operation`, whose client opened this session. Dropped half-way when the call times out; the
    /// session is then dropped too.
    ///
    /// With `keep` the answer is held for [`Session::reply`]; without it nothing of the answer is stored.
    async fn call(&mut self, operation: &dyn Operation, turn: Turn, keep: bool) -> Result<Outcome, Failure>;

    /// Whether the session can perform another call. Asked before each further one, without touching the network;
    /// after `false` the worker drops the session and opens another, which is no failure.
    fn reusable(&mut self) -> bool {
        true
    }

    /// When each of [`Operation::parts`] ended in the last call, as far as it came.
    fn marks(&self) -> &[Moment] {
        &[]
    }

    /// Hands out what the last call told of itself, however it ended; only asked if [`Operation::tells`].
    fn told(&mut self) -> Vec<Told> {
        Vec::new()
    }

    /// Hands out the answer of the last call made with `keep`: the service's own reply type.
    fn reply(&mut self) -> Box<dyn Any + Send>;
}

/// Which call this is. Payloads are functions of it, so the same seed sends the same requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    pub seed: u64,
    /// The global number of the call, or of the journey it belongs to, from 0.
    pub number: u64,
    /// The how-manieth run of the operation within its journey; 0 outside.
    pub step: u32,
}
