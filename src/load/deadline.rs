//! Deadlines of calls: one sweep every few milliseconds a thread, not one timer a call.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    task::{Poll, Waker},
};

use crate::measure::Moment;

/// The due time of a slot without a call.
const IDLE: Moment = Moment(u64::MAX);
/// After every call's deadline: one without an end has this one, so that the end of the load still reaches it.
const LAST: Moment = Moment(u64::MAX - 1);

/// One slot a virtual user of the thread.
#[derive(Default)]
pub struct Deadlines {
    slots: RefCell<Vec<Slot>>,
}

struct Slot {
    due: Moment,
    expired: bool,
    waker: Option<Waker>,
}

impl Deadlines {
    /// A new slot's number.
    pub fn slot(&self) -> usize {
        let mut slots = self.slots.borrow_mut();
        slots.push(Slot { due: IDLE, expired: false, waker: None });
        slots.len() - 1
    }

    /// Does `work`, or gives up once a sweep has found `due` passed: then `None`, and the work is dropped.
    ///
    /// Sets `waited` if the work had to wait for something.
    pub async fn within<T>(
        &self,
        slot: usize,
        due: Moment,
        waited: &mut bool,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = pin!(work);
        let mut armed = false;
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                if armed {
                    self.slots.borrow_mut()[slot].due = IDLE;
                }
                return Poll::Ready(Some(done));
            }
            *waited = true;
            let slot = &mut self.slots.borrow_mut()[slot];
            if !armed {
                (slot.due, slot.expired, armed) = (due.min(LAST), false, true);
            } else if slot.expired {
                slot.due = IDLE;
                return Poll::Ready(None);
            }
            if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                slot.waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Ends every call whose deadline lies before `now`.
    pub fn sweep(&self, now: Moment) {
        for slot in self.slots.borrow_mut().iter_mut() {
            if slot.due <= now {
                slot.expired = true;
                slot.due = IDLE;
                if let Some(waker) = &slot.waker {
                    waker.wake_by_ref();
                }
            }
        }
    }

    /// Ends every call in flight.
    pub fn expire_all(&self) {
        self.sweep(LAST);
    }
}
