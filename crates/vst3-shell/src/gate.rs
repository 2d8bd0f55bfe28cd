//! Who may touch the plugin's audio side: the thread that processes, or, between blocks, another one.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What one thread at a time may touch.
pub struct Gate<T> {
    value: UnsafeCell<T>,
    inside: AtomicBool,
    outside: AtomicBool,
    /// One at a time of those who are not the audio thread.
    turn: Mutex<()>,
    made: Instant,
    /// The end of the last block, in milliseconds since `made`, plus one; 0 before the first.
    last: AtomicU64,
}

// SAFETY: `Inside` and the closures of `outside` exclude each other (see `enter`), so the value goes from
// thread to thread but is never shared.
unsafe impl<T: Send> Sync for Gate<T> {}

/// The audio thread's hold.
pub struct Inside<'a, T>(&'a Gate<T>);

impl<T> Gate<T> {
    pub fn new(value: T) -> Self {
        let flag = || AtomicBool::new(false);
        let (inside, outside, last) = (flag(), flag(), AtomicU64::new(0));
        Gate { value: value.into(), inside, outside, turn: Mutex::new(()), made: Instant::now(), last }
    }

    /// Takes the value for a block; `None` where another thread processes already, which no host should do.
    ///
    /// Each side raises its own flag and then looks at the other's, so at least one of two sees the other.
    /// The outside gives way, so the audio thread waits only for one that was in first, for some
    /// microseconds; and it is let in only when no block is expected (see [`Gate::resting`]). The wait
    /// sleeps, for a spinning thread of high priority may keep the other from ever running.
    pub fn enter(&self) -> Option<Inside<'_, T>> {
        if self.inside.swap(true, SeqCst) {
            return None;
        }
        let mut tries = 0;
        while self.outside.load(SeqCst) {
            tries += 1;
            if tries < 64 {
                std::hint::spin_loop();
            } else {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        Some(Inside(self))
    }

    /// Runs `work` between blocks; `None`, and nothing is run, while one is processed. Not for the audio
    /// thread.
    pub fn outside<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.outside.store(true, SeqCst);
        let _leave = Lower(&self.outside);
        // SAFETY: no thread is inside, none enters before `outside` is lowered, and this thread has the turn.
        (!self.inside.load(SeqCst)).then(|| work(unsafe { &mut *self.value.get() }))
    }

    /// As [`Gate::outside`], but waits for the end of a block, at most a second.
    pub fn outside_soon<R>(&self, mut work: impl FnMut(&mut T) -> R) -> Option<R> {
        let since = Instant::now();
        loop {
            match self.outside(&mut work) {
                None if since.elapsed() < Duration::from_secs(1) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                done => return done,
            }
        }
    }

    /// Whether no block has been processed for that long.
    pub fn resting(&self, at_least: Duration) -> bool {
        match self.last.load(Acquire) {
            0 => true,
            last => self.now().saturating_sub(last) as u128 > at_least.as_millis(),
        }
    }

    fn now(&self) -> u64 {
        1 + self.made.elapsed().as_millis() as u64
    }
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this thread is the only one inside, and nobody is outside.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Inside<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        self.0.last.store(self.0.now(), Release);
        self.0.inside.store(false, SeqCst);
    }
}

struct Lower<'a>(&'a AtomicBool);

impl Drop for Lower<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_and_outside_exclude_each_other() {
        let gate = Gate::new((0_u64, 0_u64));
        assert!(gate.resting(Duration::ZERO));
        let inside = gate.enter().unwrap();
        assert!(gate.enter().is_none(), "one thread processes");
        assert!(gate.outside(|_| ()).is_none());
        drop(inside);
        assert!(!gate.resting(Duration::from_secs(3600)));
        assert_eq!(gate.outside(|_| 5), Some(5));
    }

    #[test]
    fn no_two_threads_ever_hold_the_value() {
        const TIMES: u64 = 20_000;
        // Two halves that only ever differ while somebody is at work.
        let gate = Gate::new((0_u64, 0_u64));
        let raise = |value: &mut (u64, u64)| {
            assert_eq!(value.0, value.1);
            value.0 += 1;
            std::hint::black_box(&value);
            value.1 += 1;
        };
        let mut outside = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| (0..TIMES).for_each(|_| raise(&mut gate.enter().unwrap())));
            let others: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| (0..TIMES).filter(|_| gate.outside(raise).is_some()).count()))
                .collect();
            outside = others.into_iter().map(|other| other.join().unwrap()).sum::<usize>() as u64;
        });
        assert_eq!(gate.outside(|value| *value), Some((TIMES + outside, TIMES + outside)));
    }
}
