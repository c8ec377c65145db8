//! The sessions that one virtual user holds: at most one a client.

use std::{sync::Arc, time::Duration};

use super::{Client, Session, Told};
use crate::measure::{Failure, failure};

/// One virtual user's sessions, opened on first use.
#[derive(Default)]
pub struct Sessions(Vec<Held>);

struct Held {
    client: Arc<dyn Client>,
    session: Option<Box<dyn Session>>,
    /// There was one before, so that the next one is a reconnect.
    had: bool,
    /// What a session that is lost had still to tell.
    told: Vec<Told>,
}

impl Sessions {
    /// Opens a session of each client; what failed is left for the first call.
    pub async fn open(clients: &[Arc<dyn Client>], limit: Duration) -> (Self, Vec<Failure>) {
        let mut held = Vec::with_capacity(clients.len());
        let mut failures = Vec::new();
        for client in clients {
            let opened = tokio::time::timeout(limit, client.open()).await.unwrap_or_else(|_| {
                Err(Failure::lost(failure::TIMEOUT, format!("no connection within {limit:?}")))
            });
            let session = opened.map_err(|failure| failures.push(failure)).ok();
            held.push(Held { client: client.clone(), had: session.is_some(), session, told: Vec::new() });
        }
        (Self(held), failures)
    }

    /// Where the session of `client` is kept: a number for the calls below.
    pub fn place(&mut self, client: &Arc<dyn Client>) -> usize {
        match self.0.iter().position(|held| Arc::ptr_eq(&held.client, client)) {
            Some(place) => place,
            None => {
                self.0.push(Held { client: client.clone(), session: None, had: false, told: Vec::new() });
                self.0.len() - 1
            }
        }
    }

    /// The session kept at `place`, if there is one that can be used again.
    pub fn usable(&mut self, place: usize) -> bool {
        let held = &mut self.0[place];
        if held.session.as_mut().is_some_and(|session| !session.reusable()) {
            held.session = None;
        }
        held.session.is_some()
    }

    /// The session kept at `place`, opened if there is none.
    pub async fn get(&mut self, place: usize) -> Result<&mut dyn Session, Failure> {
        let held = &mut self.0[place];
        if held.session.is_none() {
            held.session = Some(held.client.open().await?);
        }
        Ok(&mut **held.session.as_mut().expect("opened above"))
    }

    /// The session at `place` cannot be used any more.
    pub fn lose(&mut self, place: usize) {
        let held = &mut self.0[place];
        held.told = held.session.take().map_or(Vec::new(), |mut session| session.told());
    }

    /// What the last call of `client` told of itself.
    pub fn told(&mut self, client: &Arc<dyn Client>) -> Vec<Told> {
        let place = self.place(client);
        let held = &mut self.0[place];
        match &mut held.session {
            Some(session) => session.told(),
            None => std::mem::take(&mut held.told),
        }
    }

    /// Notes that a session was opened at `place`; says whether it replaced one that was lost.
    pub fn opened(&mut self, place: usize) -> bool {
        std::mem::replace(&mut self.0[place].had, true)
    }

    /// Closes the sessions of clients that nobody else knows any more: those that a journey made for itself.
    pub fn forget_unused(&mut self) {
        self.0.retain(|held| Arc::strong_count(&held.client) > 1);
    }

    /// How many are open.
    pub fn count(&self) -> u32 {
        self.0.iter().filter(|held| held.session.is_some()).count() as u32
    }
}
