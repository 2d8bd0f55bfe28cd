//! Drags a file out of a window into whatever takes files: a host's track, a file manager.
//!
//! One file a system, each over what the system itself has for it: XDND on X11, OLE on Windows, AppKit on
//! macOS. The file is not read, nor moved, nor deleted: whoever takes it copies it when they like, so it must
//! stay where it is.

#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "x11/mod.rs"]
mod system;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use raw_window_handle::WindowHandle;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum DragError {
    /// The path does not begin at the root, or names no file.
    #[error("{0}: it cannot be dragged, for it is no file with an absolute path; save it first")]
    NoFile(String),
    /// The system would not.
    #[error("the system did not let the file be dragged ({0}); save it and take it from its folder")]
    System(String),
}

/// What became of a drag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody took the file.
    Taken,
    /// It was let go where nobody takes files, or given up.
    Refused,
}

/// A drag that was started.
#[derive(Clone, Debug)]
pub struct Drag(Arc<AtomicU8>);

impl Drag {
    fn new() -> Self {
        Self(Arc::new(AtomicU8::new(0)))
    }

    /// What became of it; `None` as long as it goes on.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.0.load(Ordering::Acquire) {
            1 => Some(Outcome::Taken),
            2 => Some(Outcome::Refused),
            _ => None,
        }
    }

    fn end(&self, outcome: Outcome) {
        self.0.store(if outcome == Outcome::Taken { 1 } else { 2 }, Ordering::Release);
    }
}

/// Starts to drag `file`, an absolute path, while the first mouse button is held down in `window`. It ends
/// when the button is let go, or with Escape. Returns at once; to be called on the window's thread. Only
/// macOS needs the window.
///
/// On Windows and macOS the window does not hear of the button's release: the system took it.
///
/// # Errors
///
/// There is no such file, or the system cannot drag.
pub fn start(file: &Path, window: Option<WindowHandle>) -> Result<Drag, DragError> {
    if !file.is_absolute() || !file.is_file() {
        return Err(DragError::NoFile(file.display().to_string()));
    }
    let drag = Drag::new();
    system::start(file, window, drag.clone()).map_err(DragError::System)?;
    Ok(drag)
}

/// Whether the window hears of the button's release at the end of a drag.
pub const RELEASE_IS_HEARD: bool = cfg!(target_os = "linux");
