//! Which virtual user has which file, where each has its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The users of one operation, numbered as they come; a number is free again when its user is gone.
#[derive(Default)]
pub struct Seats(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    /// Of the files: when they are made anew, all seats are free.
    generation: u64,
    seats: Vec<bool>,
}

/// One user's number, from 0.
pub struct Seat {
    pub number: u64,
    generation: u64,
    seats: Arc<Seats>,
}

impl Seats {
    /// The lowest number that is free.
    pub fn take(self: &Arc<Self>, generation: u64) -> Seat {
        let mut taken = self.taken();
        if taken.generation != generation {
            *taken = Taken { generation, seats: Vec::new() };
        }
        let number = taken.seats.iter().position(|taken| !taken).unwrap_or(taken.seats.len());
        match taken.seats.get_mut(number) {
            Some(seat) => *seat = true,
            None => taken.seats.push(true),
        }
        Seat { number: number as u64, generation, seats: self.clone() }
    }

    /// The most users there were at once.
    pub fn most(&self) -> usize {
        self.taken().seats.len()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if taken.generation == self.generation {
            taken.seats[self.number as usize] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again() {
        let seats = Arc::new(Seats::default());
        let [first, second] = [seats.take(1), seats.take(1)];
        assert_eq!((first.number, second.number), (0, 1));
        drop(first);
        assert_eq!((seats.take(1).number, seats.most()), (0, 2));
        // One of files that are no more frees nothing of the new ones.
        let new = [seats.take(2), seats.take(2)];
        drop(second);
        assert_eq!((new[1].number, seats.take(2).number), (1, 2));
    }
}
