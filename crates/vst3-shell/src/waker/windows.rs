//! Windows: a window that is never shown, on the thread that made the instance; messages reach it from any thread.

use std::ffi::c_void;
use std::sync::atomic::{AtomicIsize, Ordering::*};
use std::sync::{Once, Weak};

use vst3::Steinberg::FUnknown;

use super::{Serve, Source};
use crate::guard;

type Handle = isize;
type Procedure = unsafe extern "system" fn(Handle, u32, usize, isize) -> isize;

#[repr(C)]
struct WindowClass {
    style: u32,
    procedure: Procedure,
    class_extra: i32,
    window_extra: i32,
    instance: Handle,
    icon: Handle,
    cursor: Handle,
    background: Handle,
    menu_name: *const u16,
    class_name: *const u16,
}

#[link(name = "user32")]
unsafe extern "system" {
    fn RegisterClassW(class: *const WindowClass) -> u16;
    fn CreateWindowExW(
        extended_style: u32,
        class_name: *const u16,
        window_name: *const u16,
        style: u32,
        x: i32,
        y: i32,
        width: i32,
        height: i32,
        parent: Handle,
        menu: Handle,
        instance: Handle,
        parameter: *const c_void,
    ) -> Handle;
    fn DestroyWindow(window: Handle) -> i32;
    fn PostMessageW(window: Handle, message: u32, first: usize, second: isize) -> i32;
    fn DefWindowProcW(window: Handle, message: u32, first: usize, second: isize) -> isize;
    #[cfg_attr(target_pointer_width = "32", link_name = "SetWindowLongW")]
    fn SetWindowLongPtrW(window: Handle, index: i32, value: isize) -> isize;
    #[cfg_attr(target_pointer_width = "32", link_name = "GetWindowLongW")]
    fn GetWindowLongPtrW(window: Handle, index: i32) -> isize;
}

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut Handle) -> i32;
}

const MESSAGE_ONLY: Handle = -3;
const USER_DATA: i32 = -21;
const WM_DESTROY: u32 = 0x0002;
const WM_APP: u32 = 0x8000;
/// The module of an address, with no reference taken.
const FROM_ADDRESS: u32 = 0x4 | 0x2;

/// The window, 0 until there is one.
pub struct Waker(AtomicIsize);

unsafe extern "system" fn procedure(window: Handle, message: u32, first: usize, second: isize) -> isize {
    // SAFETY: the window is ours; what is stored with it is null or the box that `listen` made.
    let target = unsafe { GetWindowLongPtrW(window, USER_DATA) } as *mut Weak<dyn Serve>;
    match message {
        WM_APP if !target.is_null() => {
            // SAFETY: the box is freed at the window's end only, on this thread.
            let target = unsafe { &*target }.upgrade();
            guard((), || target.iter().for_each(|target| target.serve_from_loop()));
            0
        }
        WM_DESTROY if !target.is_null() => {
            // SAFETY: the box is taken out before it is freed.
            unsafe {
                SetWindowLongPtrW(window, USER_DATA, 0);
                drop(Box::from_raw(target));
            }
            0
        }
        // SAFETY: what the system sent goes back to it.
        _ => unsafe { DefWindowProcW(window, message, first, second) },
    }
}

/// This library, and the window class, whose name is the library's own: another copy may have one too.
fn class() -> (Handle, Vec<u16>) {
    static REGISTER: Once = Once::new();
    let mut module = 0;
    // SAFETY: the address is in this library, and the place takes a handle.
    unsafe { GetModuleHandleExW(FROM_ADDRESS, procedure as *const c_void, &mut module) };
    let name: Vec<u16> = format!("vst3-shell-{module:x}\0").encode_utf16().collect();
    REGISTER.call_once(|| {
        let class = WindowClass {
            style: 0,
            procedure,
            class_extra: 0,
            window_extra: 0,
            instance: module,
            icon: 0,
            cursor: 0,
            background: 0,
            menu_name: std::ptr::null(),
            class_name: name.as_ptr(),
        };
        // SAFETY: the name and the class live through the call. The system drops the class with the library.
        unsafe { RegisterClassW(&class) };
    });
    (module, name)
}

impl Waker {
    pub fn new() -> Self {
        Waker(AtomicIsize::new(0))
    }

    /// Has the main thread come. Does not wait.
    pub fn wake(&self) {
        let window = self.0.load(Acquire);
        if window != 0 {
            // SAFETY: a window that is gone refuses the message.
            unsafe { PostMessageW(window, WM_APP, 0, 0) };
        }
    }

    /// From now on `target` is served on this thread, which must be the main thread. No host object is looked at.
    ///
    /// # Safety
    ///
    /// None here; other systems need a host's object.
    pub unsafe fn listen(&self, _: Source, _: *mut FUnknown, target: Weak<dyn Serve>) {
        if self.0.load(Acquire) != 0 {
            return;
        }
        let (module, name) = class();
        let (none, null) = (0, std::ptr::null());
        // SAFETY: the names live through the call.
        let window = unsafe {
            CreateWindowExW(0, name.as_ptr(), name.as_ptr(), 0, 0, 0, 0, 0, MESSAGE_ONLY, none, module, null)
        };
        if window != 0 {
            let target: *mut Weak<dyn Serve> = Box::into_raw(Box::new(target));
            // SAFETY: the window is ours and frees the box at its end.
            unsafe { SetWindowLongPtrW(window, USER_DATA, target as isize) };
            self.0.store(window, Release);
        }
    }

    /// Whether the main thread will come when called.
    pub fn is_listening(&self) -> bool {
        self.0.load(Acquire) != 0
    }

    /// Leaves the main thread's queue. On the main thread, which alone may end its windows.
    pub fn leave(&self, source: Source) {
        if source == Source::Host {
            let window = self.0.swap(0, AcqRel);
            if window != 0 {
                // SAFETY: the window is ours.
                unsafe { DestroyWindow(window) };
            }
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.leave(Source::Host);
    }
}
