//! Which files of a tree are there at the moment, and which of them calls are working on.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Shared by all operations of a tree; holds eight bytes a file.
#[derive(Default)]
pub struct Live(Mutex<State>);

#[derive(Default)]
struct State {
    /// Their numbers, those that were made first in front.
    files: VecDeque<u64>,
    /// The number of the next file.
    next: u64,
    /// How many calls use a file, which nobody deletes meanwhile.
    busy: HashMap<u64, u32>,
}

/// A file that a call uses, until this is dropped.
pub struct Used<'a> {
    live: &'a Live,
    pub number: u64,
}

impl Live {
    /// A panic cannot leave these short critical sections half-way: a poisoned lock is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a file that is about to be made.
    pub fn next(&self) -> u64 {
        let mut state = self.state();
        state.next += 1;
        state.next - 1
    }

    /// The file has been made.
    pub fn add(&self, number: u64) {
        self.state().files.push_back(number);
    }

    /// The file that `draw` chooses, told how many there are; none if there is no file.
    pub fn choose(&self, draw: impl FnOnce(u64) -> u64) -> Option<Used<'_>> {
        let mut state = self.state();
        if state.files.is_empty() {
            return None;
        }
        let number = state.files[draw(state.files.len() as u64) as usize];
        *state.busy.entry(number).or_default() += 1;
        drop(state);
        Some(Used { live: self, number })
    }

    /// Takes out the oldest file that no other call uses.
    pub fn take(&self) -> Option<u64> {
        let mut state = self.state();
        let free = state.files.iter().position(|number| !state.busy.contains_key(number))?;
        state.files.remove(free)
    }

    /// Puts back what was taken and is still there.
    pub fn put_back(&self, number: u64) {
        self.state().files.push_front(number);
    }

    /// The numbers of all files.
    pub fn all(&self) -> Vec<u64> {
        self.state().files.iter().copied().collect()
    }
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        let busy = &mut self.live.state().busy;
        if let Some(users) = busy.get_mut(&self.number) {
            *users -= 1;
            if *users == 0 {
                busy.remove(&self.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_not_taken() {
        let live = Live::default();
        for _ in 0..3 {
            live.add(live.next());
        }
        let first = live.choose(|files| files - 3).unwrap();
        let again = live.choose(|_| 0).unwrap();
        assert_eq!((first.number, again.number), (0, 0));
        assert_eq!([live.take(), live.take(), live.take()], [Some(1), Some(2), None]);
        drop(first);
        assert_eq!(live.take(), None, "the other still uses it");
        drop(again);
        assert_eq!(live.take(), Some(0));
        assert!(live.choose(|_| unreachable!()).is_none());
        live.put_back(0);
        assert_eq!(live.all(), [0]);
        assert_eq!(live.next(), 3);
    }
}
