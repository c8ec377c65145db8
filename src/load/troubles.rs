//! Mistakes of scripts in journeys: after so many the load ends, since a broken script measures nothing.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::measure::{Failure, failure};

/// Journeys that a mistake in the script may end.
const MOST: u64 = 1_000;
/// The same while none has come through.
const MOST_WITHOUT_SUCCESS: u64 = 100;

/// What all threads of a load have seen of them.
pub struct Troubles {
    journeys: AtomicU64,
    succeeded: AtomicBool,
    first: Mutex<Option<String>>,
    /// Ends the load.
    give_up: CancellationToken,
}

impl Troubles {
    pub fn new(give_up: CancellationToken) -> Self {
        Self {
            journeys: AtomicU64::new(0),
            succeeded: AtomicBool::new(false),
            first: Mutex::default(),
            give_up,
        }
    }

    /// Looks at how a journey ended.
    pub fn saw(&self, result: &Result<(), Failure>) {
        match result {
            // Read first: all threads come here all the time.
            Ok(()) if self.succeeded.load(Relaxed) => {}
            Ok(()) => self.succeeded.store(true, Relaxed),
            Err(failure) if failure.class == failure::SCRIPT => self.count(&failure.detail),
            Err(_) => {}
        }
    }

    fn count(&self, detail: &str) {
        self.first
            .lock()
            .expect("nothing panics while it holds the text")
            .get_or_insert_with(|| detail.to_owned());
        if self.journeys.fetch_add(1, Relaxed) + 1 >= self.bound() {
            self.give_up.cancel();
        }
    }

    fn bound(&self) -> u64 {
        if self.succeeded.load(Relaxed) { MOST } else { MOST_WITHOUT_SUCCESS }
    }

    /// Why the load was ended, if this did it.
    pub fn verdict(&self) -> Option<Error> {
        let journeys = self.journeys.load(Relaxed);
        if journeys < self.bound() {
            return None;
        }
        let first = self.first.lock().expect("nothing panics while it holds the text").clone();
        let mut error = Error::usage(format!("the load was ended: its script failed in {journeys} journeys"));
        error.causes.extend(first);
        Some(error)
    }
}
