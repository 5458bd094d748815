//! Players and simulators that nobody uses at the moment.
//!
//! They remember the steps that they have made (see `engine/memory`), so the next piece of
//! work goes to one that has played before rather than to a new one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Those that are free, and how a new one is made.
pub struct Idle<T, F> {
    free: Mutex<Vec<T>>,
    new: F,
}

impl<T, F: Fn() -> T> Idle<T, F> {
    /// None yet.
    pub fn new(new: F) -> Self {
        Idle {
            free: Mutex::new(Vec::new()),
            new,
        }
    }

    /// Does some work with one that is free, or with a new one.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let free = self.free().pop();
        let mut one = free.unwrap_or_else(&self.new);
        let result = work(&mut one);
        self.free().push(one);
        result
    }

    /// A panic while the list was held has left it as it was.
    fn free(&self) -> MutexGuard<'_, Vec<T>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
