//! A window of Windows' own, to open editors in.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::HWND;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DestroyWindow, DispatchMessageW, GW_CHILD, GetWindow, MSG, PM_REMOVE, PeekMessageW,
    SWP_NOMOVE, SWP_NOZORDER, SetWindowPos, TranslateMessage, WS_POPUP, WS_VISIBLE,
};

/// A plain window, on the thread that made it.
pub struct Frame(HWND);

impl Frame {
    /// A window of that size at the screen's corner; `None` where there is no screen.
    pub fn new(width: u16, height: u16) -> Option<Self> {
        let class: Vec<u16> = "STATIC\0".encode_utf16().collect();
        // SAFETY: the class is the system's own and its name ends in a zero; nothing else is pointed to.
        let window = unsafe {
            let style = WS_POPUP | WS_VISIBLE;
            let (width, height) = (width.into(), height.into());
            CreateWindowExW(
                0,
                class.as_ptr(),
                null(),
                style,
                0,
                0,
                width,
                height,
                null_mut(),
                null_mut(),
                null_mut(),
                null(),
            )
        };
        (!window.is_null()).then_some(Self(window))
    }

    /// Its handle, for an editor's parent.
    pub fn handle(&self) -> u64 {
        self.0 as usize as u64
    }

    /// Whether an editor is in it.
    pub fn has_child(&self) -> bool {
        // SAFETY: the window is alive.
        !unsafe { GetWindow(self.0, GW_CHILD) }.is_null()
    }

    /// Gives it another size.
    pub fn resize(&self, width: u16, height: u16) {
        let how = SWP_NOMOVE | SWP_NOZORDER;
        // SAFETY: the window is alive.
        unsafe { SetWindowPos(self.0, null_mut(), 0, 0, width.into(), height.into(), how) };
    }

    /// Serves this thread's messages, as a host's main loop does.
    pub fn pump() {
        // SAFETY: a message is plain data, which the system fills.
        unsafe {
            let mut message: MSG = std::mem::zeroed();
            while PeekMessageW(&mut message, null_mut(), 0, 0, PM_REMOVE) != 0 {
                TranslateMessage(&message);
                DispatchMessageW(&message);
            }
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: the window is alive, and this the thread that made it: it cannot be sent to another.
        unsafe { DestroyWindow(self.0) };
    }
}
