//! The process mode of the block that runs on this thread.
//!
//! A VST3 host may change the mode with every block, and CLAP has no call for that from the audio thread.
//! Shell and plugin are one library, so the shell leaves the mode where the plugin's `process` can read it.

use std::cell::Cell;

use vst3::Steinberg::Vst::ProcessModes_;

/// How blocks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In time with the clock.
    Realtime,
    /// Ahead of the clock, by an amount that nobody tells, but not to be waited in either.
    Prefetch,
    /// As fast as they come: a bounce, which may wait.
    Offline,
}

impl Mode {
    /// The mode of a VST3 number; what is unknown is real time.
    pub(crate) fn of(number: i32) -> Mode {
        match number as _ {
            ProcessModes_::kOffline => Mode::Offline,
            ProcessModes_::kPrefetch => Mode::Prefetch,
            _ => Mode::Realtime,
        }
    }
}

thread_local! {
    static RUNNING: Cell<Option<Mode>> = const { Cell::new(None) };
}

/// The mode of the VST3 block that this thread processes now; `None` outside of one, and in another format.
/// Real-time safe.
pub fn mode() -> Option<Mode> {
    RUNNING.get()
}

/// Marks this thread as processing until dropped.
pub(crate) struct Running(Option<Mode>);

impl Running {
    pub(crate) fn start(mode: Mode) -> Running {
        Running(RUNNING.replace(Some(mode)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_known_inside_a_block_only() {
        assert_eq!(mode(), None);
        {
            let _block = Running::start(Mode::of(2));
            assert_eq!(mode(), Some(Mode::Offline));
            assert_eq!(std::thread::spawn(mode).join().unwrap(), None);
        }
        assert_eq!(mode(), None);
        assert_eq!(
            (Mode::of(1), Mode::of(0), Mode::of(77)),
            (Mode::Prefetch, Mode::Realtime, Mode::Realtime)
        );
    }
}
