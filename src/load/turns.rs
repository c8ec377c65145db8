//! Which turn is whose in a closed loop.

use std::cell::Cell;

use super::Plan;
use crate::measure::{Moment, Window};

/// Which turns the users of one thread take in a closed loop: thread k of n owns turns k, k + n, ...
pub struct Turns {
    window: Window,
    requests: Option<u64>,
    /// How many of them each user makes, and how many users there are: user u of n then owns turns u, u + n, ...
    pub each: Option<(u64, u64)>,
    threads: u64,
    next: Cell<u64>,
    /// Turns of warm-up where the measured ones are numbered 0 to `requests`: they follow after those, so that
    /// warm-up never sends what will be measured.
    next_warmup: Cell<u64>,
}

impl Turns {
    pub fn new(window: Window, plan: &Plan, thread: usize, threads: usize) -> Self {
        let (thread, threads) = (thread as u64, threads as u64);
        let requests = plan.calls();
        let each = plan.requests_each.map(|each| (each, u64::from(plan.concurrency())));
        let warmup = requests.unwrap_or(0) + thread;
        Self { window, requests, each, threads, next: Cell::new(thread), next_warmup: Cell::new(warmup) }
    }

    /// The next turn of a user whose call is due at `now`; none if there is none left for it.
    pub fn take(&self, now: Moment, own: &mut Own) -> Option<u64> {
        if now >= self.window.to {
            return None;
        }
        if let Some((each, users)) = self.each {
            let (made, first) = match now < self.window.from {
                true => (&mut own.warmup, each * users),
                false if own.measured >= each => return None,
                false => (&mut own.measured, 0),
            };
            *made += 1;
            return Some(first + (*made - 1) * users + own.user);
        }
        let counter = match self.requests {
            Some(_) if now < self.window.from => &self.next_warmup,
            Some(requests) if self.next.get() >= requests => return None,
            _ => &self.next,
        };
        let turn = counter.get();
        counter.set(turn + self.threads);
        Some(turn)
    }
}

/// The turns that one user has taken, where it has its own.
pub struct Own {
    pub user: u64,
    pub warmup: u64,
    pub measured: u64,
}
