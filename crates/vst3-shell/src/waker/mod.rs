//! The way to the host's main thread, by system. CLAP plugins ask their host for a call there; VST3 has no
//! such thing.
//!
//! On Linux a VST3 host lends plugins its run loop, which watches a file descriptor of ours. On macOS and
//! Windows the system has a queue for the main thread. At rest none of them costs anything.
//!
//! Without a run loop (some hosts without windows lend none) calls wait until the host does something on the
//! main thread that we use to serve them.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::Waker;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub use macos::Waker;

#[cfg(target_os = "windows")]
mod windows;
#[cfg(target_os = "windows")]
pub use windows::Waker;

/// Who does on the main thread what has been noted.
pub trait Serve: Send + Sync {
    /// Called on the main thread, by its run loop.
    fn serve_from_loop(&self);
}

/// Where a run loop may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The host's context: there while the instance is.
    Host,
    /// The editor's frame: there while the editor is.
    Frame,
}
