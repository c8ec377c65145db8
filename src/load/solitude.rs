//! Whether a generator thread carries a single virtual user: its calls may then hold the thread for a moment.

use std::cell::Cell;

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Says how many virtual users this thread carries.
pub(super) fn settle(users: u32) {
    ALONE.set(users == 1);
}

/// Whether nobody else's call is made late if this thread waits: one virtual user, on a thread of a load. The thread still
/// ends overdue calls and hands over its seconds, so a wait must be shorter than 10 ms.
pub fn is_alone() -> bool {
    ALONE.get()
}
