//! Waits of virtual users until an instant: one kernel timer for all users of a group on a thread. Tokio's own timers tick
//! in milliseconds, which would be in every response time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::poll_fn,
    task::{Poll, Waker},
    time::Duration,
};

use tokio::sync::Notify;

use crate::measure::{Alarm, Moment};

/// Who waits for what; the second number tells apart those who wait for the same instant.
#[derive(Default)]
pub struct Sleeper {
    waiting: RefCell<BTreeMap<(Moment, u64), Waker>>,
    next: Cell<u64>,
    /// Somebody waits for an earlier instant than all others.
    earlier: Notify,
    closed: Cell<bool>,
}

impl Sleeper {
    /// Waits until `due`; at once false if the load is stopped before.
    pub async fn until(&self, due: Moment) -> bool {
        let mut is_listed = false;
        poll_fn(|context| {
            if self.closed.get() || Moment::now() >= due {
                return Poll::Ready(());
            }
            if !is_listed {
                is_listed = true;
                self.list(due, context.waker().clone());
            }
            Poll::Pending
        })
        .await;
        !self.closed.get()
    }

    /// Wakes everybody when it is time. Never ends.
    pub async fn drive(&self, alarm: Alarm) {
        loop {
            let first = self.waiting.borrow().keys().next().map(|(due, _)| *due);
            let Some(first) = first else {
                self.earlier.notified().await;
                continue;
            };
            tokio::select! {
                rung = alarm.until(first) => if rung.is_err() {
                    // Tokio's coarser timer still keeps the times; the start lag will tell.
                    tokio::time::sleep(Duration::from_nanos(first.since(Moment::now()))).await;
                },
                () = self.earlier.notified() => {}
            }
            self.wake(Moment::now());
        }
    }

    /// Ends all waits.
    pub fn close(&self) {
        self.closed.set(true);
        self.wake(Moment(u64::MAX));
    }

    fn list(&self, due: Moment, waker: Waker) {
        let number = self.next.get();
        self.next.set(number + 1);
        let mut waiting = self.waiting.borrow_mut();
        waiting.insert((due, number), waker);
        if waiting.keys().next() == Some(&(due, number)) {
            self.earlier.notify_one();
        }
    }

    fn wake(&self, now: Moment) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(entry) = waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            entry.remove().wake();
        }
    }
}
