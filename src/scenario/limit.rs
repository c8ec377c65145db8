//! How long a trial may take.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::error::{Error, Result};
use crate::host::Host;
use crate::measure::Span;

/// Stops what runs unless it is dropped in time.
pub struct Limit {
    over: Arc<(Mutex<bool>, Condvar)>,
    watch: Option<thread::JoinHandle<()>>,
}

impl Limit {
    pub fn start(host: &Arc<Host>, length: Span) -> Result<Self> {
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let (host, seen) = (host.clone(), over.clone());
        let watch = thread::Builder::new()
            .name("trial timeout".to_owned())
            .spawn(move || {
                if !is_over(&seen, length.0) {
                    host.expire();
                }
            })
            .map_err(|error| Error::io("cannot start the thread that limits a trial").because(&error))?;
        Ok(Self { over, watch: Some(watch) })
    }
}

/// Waits; whether the trial was over first.
fn is_over((over, changed): &(Mutex<bool>, Condvar), length: Duration) -> bool {
    let end = Instant::now() + length;
    let mut over = over.lock().unwrap_or_else(PoisonError::into_inner);
    while !*over {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        over = changed.wait_timeout(over, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    true
}

impl Drop for Limit {
    fn drop(&mut self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
        if let Some(watch) = self.watch.take() {
            watch.join().ok();
        }
    }
}
