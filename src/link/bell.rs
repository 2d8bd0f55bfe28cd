//! Waking the worker, whichever thread it is at present.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::thread::Thread;

/// As many threads may take the worker's place one after another.
pub const LIVES: usize = 8;

/// Wakes the worker. [`Thread::unpark`] neither allocates nor locks, so the audio thread may ring.
#[derive(Debug, Default)]
pub struct Bell {
    threads: [OnceLock<Thread>; LIVES],
    /// Which of them it is.
    present: AtomicUsize,
}

impl Bell {
    /// Wakes the worker. Real-time safe.
    pub fn ring(&self) {
        // Either the thread that has just taken over is rung for, or it sees what was sent before the
        // ringing.
        fence(Ordering::SeqCst);
        if let Some(thread) = self.threads.get(self.present.load(Ordering::SeqCst)).and_then(OnceLock::get) {
            thread.unpark();
        }
    }

    /// This thread is the worker from now on, the `life`-th that is.
    pub fn take_over(&self, life: usize) {
        if let Some(place) = self.threads.get(life) {
            let _ = place.set(std::thread::current());
            self.present.store(life, Ordering::SeqCst);
            fence(Ordering::SeqCst);
        }
    }
}
