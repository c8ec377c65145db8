//! Wakes the connections of one thread at their moments, all on one alarm.

use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::BinaryHeap,
    future::poll_fn,
    io,
    task::{Poll, Waker},
};

use tokio::sync::Notify;

use crate::measure::{Alarm, Moment};

/// What waits for its moment. Belongs to the runtime it was made in.
pub struct Timetable {
    alarm: Alarm,
    waiting: RefCell<BinaryHeap<Entry>>,
    /// An entry came in front of the one that the alarm is set for.
    sooner: Notify,
}

struct Entry {
    due: Moment,
    waker: Waker,
}

impl Timetable {
    pub fn new() -> io::Result<Self> {
        Ok(Self { alarm: Alarm::new()?, waiting: RefCell::default(), sooner: Notify::new() })
    }

    /// Wakes everyone in time; must run beside whoever waits.
    pub async fn run(&self) -> io::Result<()> {
        loop {
            let next = self.wake_due();
            tokio::select! {
                biased;
                rung = self.alarm.until(next), if next != NEVER => rung?,
                () = self.sooner.notified() => {}
            }
        }
    }

    pub async fn until(&self, due: Moment) {
        let mut entered = false;
        poll_fn(|context| {
            if due <= Moment::now() {
                return Poll::Ready(());
            }
            if !entered {
                entered = true;
                self.enter(Entry { due, waker: context.waker().clone() });
            }
            Poll::Pending
        })
        .await;
    }

    fn enter(&self, entry: Entry) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.peek().is_none_or(|first| entry.due < first.due) {
            self.sooner.notify_one();
        }
        waiting.push(entry);
    }

    /// Returns when the next entry is due.
    fn wake_due(&self) -> Moment {
        let mut waiting = self.waiting.borrow_mut();
        let now = Moment::now();
        loop {
            match waiting.peek() {
                None => return NEVER,
                Some(first) if first.due > now => return first.due,
                Some(_) => waiting.pop().map(|first| first.waker.wake()),
            };
        }
    }
}

const NEVER: Moment = Moment(u64::MAX);

/// The heap is one of the greatest; the greatest is due first.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Entry {}
