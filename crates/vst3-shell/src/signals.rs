//! What is wanted of the main thread, noted from any thread without waiting.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering::*};

use crate::mode::mode;
use crate::waker::Waker;

/// The notes of one instance, and the way to the main thread.
pub struct Signals {
    /// Reaches the main thread.
    pub waker: Waker,
    main: AtomicUsize,
    posted: AtomicBool,
    callback: AtomicBool,
    flush: AtomicBool,
    close: AtomicBool,
    /// VST3 `RestartFlags`.
    changes: AtomicI32,
    /// Width and height that the editor wants; 0 for none.
    size: AtomicU64,
}

/// Notes that were taken at once.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    /// The plugin wants its `on_main_thread`.
    pub callback: bool,
    /// The editor's window is to be closed.
    pub close: bool,
    /// VST3 `RestartFlags` for the host.
    pub changes: i32,
    /// The size that the editor wants.
    pub size: Option<(u32, u32)>,
}

thread_local! {
    static HERE: u8 = const { 0 };
}

/// A number that no other living thread has. (The standard library's thread id may allocate.)
fn here() -> usize {
    HERE.with(|mark| std::ptr::from_ref(mark) as usize)
}

impl Signals {
    pub fn new() -> Self {
        let flag = || AtomicBool::new(false);
        Signals {
            waker: Waker::new(),
            main: AtomicUsize::new(here()),
            posted: flag(),
            callback: flag(),
            flush: flag(),
            close: flag(),
            changes: AtomicI32::new(0),
            size: AtomicU64::new(0),
        }
    }

    /// From now on this thread is the main thread.
    pub fn claim_main(&self) {
        self.main.store(here(), Release);
    }

    /// Whether this is the main thread, and not in the middle of a block (hosts may process on it).
    pub fn is_main(&self) -> bool {
        mode().is_none() && self.main.load(Acquire) == here()
    }

    /// The plugin's `on_main_thread` is wanted.
    pub fn want_callback(&self) {
        self.callback.store(true, Release);
        self.wake();
    }

    /// The plugin has parameter changes to tell.
    pub fn want_flush(&self) {
        self.flush.store(true, Release);
        self.wake();
    }

    /// The editor is to be closed on the main thread.
    pub fn want_close(&self) {
        self.close.store(true, Release);
        self.wake();
    }

    /// The host is to be told of changes: VST3 `RestartFlags`.
    pub fn want_changes(&self, flags: i32) {
        self.changes.fetch_or(flags, AcqRel);
        self.wake();
    }

    /// The editor wants that size, in the system's pixels.
    pub fn want_size(&self, width: u32, height: u32) {
        self.size.store(u64::from(width) << 32 | u64::from(height), Release);
        self.wake();
    }

    /// Calls the main thread, once until it has come.
    pub fn wake(&self) {
        if !self.posted.swap(true, AcqRel) {
            self.waker.wake();
        }
    }

    /// Whether the main thread has been called and has not come yet.
    pub fn is_pending(&self) -> bool {
        self.posted.load(Acquire)
    }

    /// Takes all notes but that of a flush.
    pub fn take(&self) -> Taken {
        // Acquires what whoever set it had noted before. Were it only stored, a note that came with no call
        // of its own, since one was on its way, could be read as not there yet, and nobody would call again.
        self.posted.swap(false, AcqRel);
        let size = self.size.swap(0, AcqRel);
        Taken {
            callback: self.callback.swap(false, AcqRel),
            close: self.close.swap(false, AcqRel),
            changes: self.changes.swap(0, AcqRel),
            size: (size != 0).then_some(((size >> 32) as u32, size as u32)),
        }
    }

    /// Whether a flush is wanted.
    pub fn wants_flush(&self) -> bool {
        self.flush.load(Acquire)
    }

    /// A flush begins.
    pub fn flushing(&self) {
        self.flush.store(false, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::{Mode, Running};

    #[test]
    fn notes_are_taken_once() {
        let signals = Signals::new();
        signals.want_callback();
        signals.want_size(640, 480);
        signals.want_changes(4);
        signals.want_changes(8);
        assert!(signals.is_pending());
        let taken = Taken { callback: true, close: false, changes: 12, size: Some((640, 480)) };
        assert_eq!(signals.take(), taken);
        assert!(!signals.is_pending());
        assert_eq!(signals.take(), Taken::default());
    }

    #[test]
    fn the_main_thread_is_the_one_that_says_so_and_not_while_it_processes() {
        let signals = Signals::new();
        assert!(signals.is_main());
        let block = Running::start(Mode::Realtime);
        assert!(!signals.is_main());
        drop(block);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(!signals.is_main());
                signals.claim_main();
                assert!(signals.is_main());
            });
        });
        assert!(!signals.is_main());
    }
}
