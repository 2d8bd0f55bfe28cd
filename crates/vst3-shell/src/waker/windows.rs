//! Windows: a window that is never shown, on the thread that made the instance; messages reach it from any
//! thread.
//!
//! It is of a class of the system's, and only its procedure is ours. A class of our own would stay registered
//! with the address of a procedure in a library that may be gone. And only a window's own thread can end it:
//! where an instance ends on another, the window gets the system's procedure back and is asked to close, and
//! from then on nothing leads to us.

use std::mem::transmute;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicIsize, AtomicPtr, Ordering::*};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use vst3::Steinberg::FUnknown;
use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows_sys::Win32::System::Threading::GetCurrentThreadId;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CallWindowProcW, CreateWindowExW, DestroyWindow, GWLP_WNDPROC, GetWindowLongPtrW,
    GetWindowThreadProcessId, HWND_MESSAGE, PostMessageW, SetWindowLongPtrW, WM_APP, WM_CLOSE,
};

use super::{Serve, Source};
use crate::guard;

/// The window, null until there is one.
pub struct Waker(AtomicPtr<core::ffi::c_void>);

/// Whom each window serves, by its handle.
static TARGETS: Mutex<Vec<(usize, Weak<dyn Serve>)>> = Mutex::new(Vec::new());
/// The class's own procedure: one for all windows.
static SYSTEM: AtomicIsize = AtomicIsize::new(0);

fn targets() -> MutexGuard<'static, Vec<(usize, Weak<dyn Serve>)>> {
    TARGETS.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "system" fn procedure(window: HWND, message: u32, first: WPARAM, second: LPARAM) -> LRESULT {
    if message == WM_APP {
        guard((), || {
            // The lock is not held while the host is called.
            let of = |target: &&(usize, Weak<dyn Serve>)| target.0 == window as usize;
            let target = targets().iter().find(of).and_then(|target| target.1.upgrade());
            if let Some(target) = target {
                target.serve_from_loop();
            }
        });
        return 0;
    }
    // SAFETY: the place holds null or the address that the system gave for its class; what it sent goes back
    // to it.
    unsafe { CallWindowProcW(transmute(SYSTEM.load(Acquire)), window, message, first, second) }
}

impl Waker {
    pub fn new() -> Self {
        Waker(AtomicPtr::new(null_mut()))
    }

    /// Has the main thread come. Does not wait.
    pub fn wake(&self) {
        let window = self.0.load(Acquire);
        if !window.is_null() {
            // SAFETY: a window that is gone refuses the message.
            unsafe { PostMessageW(window, WM_APP, 0, 0) };
        }
    }

    /// From now on `target` is served on this thread, which must be the main thread. No host object is looked
    /// at.
    ///
    /// # Safety
    ///
    /// None here; other systems need a host's object.
    pub unsafe fn listen(&self, _: Source, _: *mut FUnknown, target: Weak<dyn Serve>) {
        if self.is_listening() {
            return;
        }
        let class: Vec<u16> = "STATIC\0".encode_utf16().collect();
        // SAFETY: the class's name lives through the call; the window has no parent's handle, menu or data.
        let window = unsafe {
            let none = null_mut();
            CreateWindowExW(0, class.as_ptr(), null(), 0, 0, 0, 0, 0, HWND_MESSAGE, none, none, null())
        };
        if window.is_null() {
            return;
        }
        targets().push((window as usize, target));
        // SAFETY: the window is ours and of this thread, and the procedure has the type that the system
        // calls.
        unsafe {
            SYSTEM.store(GetWindowLongPtrW(window, GWLP_WNDPROC), Release);
            SetWindowLongPtrW(window, GWLP_WNDPROC, procedure as *const () as isize);
        }
        self.0.store(window, Release);
    }

    /// Whether the main thread will come when called.
    pub fn is_listening(&self) -> bool {
        !self.0.load(Acquire).is_null()
    }

    /// Leaves the main thread's queue. Best on the main thread, where the window ends at once.
    pub fn leave(&self, source: Source) {
        if source != Source::Host {
            return;
        }
        let window = self.0.swap(null_mut(), AcqRel);
        if window.is_null() {
            return;
        }
        targets().retain(|target| target.0 != window as usize);
        // SAFETY: the window is ours; one that is gone refuses the calls.
        unsafe {
            if GetWindowThreadProcessId(window, null_mut()) == GetCurrentThreadId() {
                DestroyWindow(window);
            } else {
                SetWindowLongPtrW(window, GWLP_WNDPROC, SYSTEM.load(Acquire));
                PostMessageW(window, WM_CLOSE, 0, 0);
            }
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.leave(Source::Host);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use windows_sys::Win32::UI::WindowsAndMessaging::{
        DispatchMessageW, IsWindow, MSG, PM_REMOVE, PeekMessageW,
    };

    use super::*;

    struct Counted(AtomicUsize);

    impl Serve for Counted {
        fn serve_from_loop(&self) {
            self.0.fetch_add(1, AcqRel);
        }
    }

    /// Dispatches what this thread's windows were sent.
    fn pump() {
        // SAFETY: a message is plain numbers, and the place for it lives through the calls.
        unsafe {
            let mut message: MSG = std::mem::zeroed();
            while PeekMessageW(&mut message, null_mut(), 0, 0, PM_REMOVE) != 0 {
                DispatchMessageW(&message);
            }
        }
    }

    fn listening() -> (Waker, Arc<Counted>, usize) {
        let (waker, counted) = (Waker::new(), Arc::new(Counted(AtomicUsize::new(0))));
        let target: Arc<dyn Serve> = counted.clone();
        // SAFETY: no host's object is needed.
        unsafe { waker.listen(Source::Host, null_mut(), Arc::downgrade(&target)) };
        let window = waker.0.load(Acquire) as usize;
        assert!(waker.is_listening());
        (waker, counted, window)
    }

    #[test]
    fn a_call_from_another_thread_is_served_on_this_one() {
        let (waker, counted, window) = listening();
        thread::scope(|scope| scope.spawn(|| waker.wake()).join().unwrap());
        assert_eq!(counted.0.load(Acquire), 0);
        pump();
        assert_eq!(counted.0.load(Acquire), 1);
        drop(waker);
        // SAFETY: a handle is a number to the system.
        assert_eq!(unsafe { IsWindow(window as HWND) }, 0);
    }

    /// The library may be unloaded as soon as the waker is gone, though its window waits for its thread to
    /// end it.
    #[test]
    fn an_end_on_another_thread_leaves_nothing_of_ours_behind() {
        let (waker, counted, window) = listening();
        waker.wake();
        thread::spawn(move || drop(waker)).join().unwrap();
        // SAFETY: a handle is a number to the system.
        let left = unsafe { GetWindowLongPtrW(window as HWND, GWLP_WNDPROC) };
        assert_ne!(left, procedure as *const () as isize);
        assert!(targets().iter().all(|target| target.0 != window));
        pump();
        // SAFETY: as above.
        assert_eq!(unsafe { IsWindow(window as HWND) }, 0);
        assert_eq!(counted.0.load(Acquire), 0);
    }
}
