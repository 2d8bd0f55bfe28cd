//! The CLAP editor. All on the main thread.

use std::ffi::{CStr, c_void};

use clap_sys::ext::gui::{
    CLAP_WINDOW_API_COCOA, CLAP_WINDOW_API_WIN32, CLAP_WINDOW_API_X11, clap_window, clap_window_handle,
};

use super::{Plugin, call};

/// The kind of window that this system's hosts embed.
pub const API: &CStr = if cfg!(target_os = "macos") {
    CLAP_WINDOW_API_COCOA
} else if cfg!(target_os = "windows") {
    CLAP_WINDOW_API_WIN32
} else {
    CLAP_WINDOW_API_X11
};

impl Plugin {
    /// Whether there is an editor that can be embedded.
    pub fn has_editor(&self) -> bool {
        call!(self.gui, is_api_supported, self.object, API.as_ptr(), false).unwrap_or(false)
    }

    /// Makes the editor inside the host's window and shows it.
    pub fn open_editor(&self, parent: *mut c_void, scale: Option<f64>) -> bool {
        if !call!(self.gui, create, self.object, API.as_ptr(), false).unwrap_or(false) {
            return false;
        }
        if let Some(scale) = scale {
            call!(self.gui, set_scale, self.object, scale);
        }
        let specific = if cfg!(any(target_os = "macos", target_os = "windows")) {
            clap_window_handle { ptr: parent }
        } else {
            clap_window_handle { x11: parent as std::ffi::c_ulong }
        };
        let window = clap_window { api: API.as_ptr(), specific };
        if !call!(self.gui, set_parent, self.object, &window).unwrap_or(false) {
            self.close_editor();
            return false;
        }
        call!(self.gui, show, self.object);
        true
    }

    /// Ends the editor.
    pub fn close_editor(&self) {
        call!(self.gui, destroy, self.object);
    }

    /// The editor's size in the system's pixels.
    pub fn editor_size(&self) -> Option<(u32, u32)> {
        let (mut width, mut height) = (0, 0);
        let done = call!(self.gui, get_size, self.object, &mut width, &mut height);
        (done.unwrap_or(false) && width > 0 && height > 0).then_some((width, height))
    }

    /// Whether users may resize the editor.
    pub fn editor_can_resize(&self) -> bool {
        call!(self.gui, can_resize, self.object).unwrap_or(false)
    }

    /// The nearest size that the editor can have.
    pub fn adjust_editor_size(&self, (mut width, mut height): (u32, u32)) -> Option<(u32, u32)> {
        let done = call!(self.gui, adjust_size, self.object, &mut width, &mut height);
        done.unwrap_or(false).then_some((width, height))
    }

    /// The host's window has that size now.
    pub fn set_editor_size(&self, (width, height): (u32, u32)) -> bool {
        call!(self.gui, set_size, self.object, width, height).unwrap_or(false)
    }

    /// Pixels to a point.
    pub fn set_editor_scale(&self, scale: f64) {
        call!(self.gui, set_scale, self.object, scale);
    }
}
