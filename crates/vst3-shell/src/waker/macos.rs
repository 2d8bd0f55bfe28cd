//! macOS: a source of events on the main dispatch queue, which may be fed from any thread without waiting.

use std::ffi::{c_ulong, c_void};
use std::sync::{Mutex, PoisonError, Weak};

use vst3::Steinberg::FUnknown;

use super::{Serve, Source};
use crate::guard;

#[repr(C)]
struct Opaque([u8; 0]);

// Part of every program's system library. A queue is an object; a source's type is the address of a constant.
unsafe extern "C" {
    static _dispatch_main_q: Opaque;
    static _dispatch_source_type_data_add: Opaque;
    fn dispatch_source_create(
        kind: *const Opaque,
        handle: c_ulong,
        mask: c_ulong,
        queue: *const Opaque,
    ) -> *mut c_void;
    fn dispatch_source_set_event_handler_f(source: *mut c_void, handler: extern "C" fn(*mut c_void));
    fn dispatch_source_merge_data(source: *mut c_void, value: c_ulong);
    fn dispatch_source_cancel(source: *mut c_void);
    fn dispatch_set_context(object: *mut c_void, context: *mut c_void);
    fn dispatch_set_finalizer_f(object: *mut c_void, finalizer: extern "C" fn(*mut c_void));
    fn dispatch_resume(object: *mut c_void);
    fn dispatch_release(object: *mut c_void);
}

/// The source.
pub struct Waker {
    source: *mut c_void,
    listening: Mutex<bool>,
}

// SAFETY: dispatch objects may be used from any thread.
unsafe impl Send for Waker {}
// SAFETY: as above.
unsafe impl Sync for Waker {}

extern "C" fn call(context: *mut c_void) {
    guard((), || {
        // SAFETY: the context is set before the source is resumed and freed by `free`, after the last call.
        let target = unsafe { &*context.cast::<Weak<dyn Serve>>() };
        if let Some(target) = target.upgrade() {
            target.serve_from_loop();
        }
    });
}

extern "C" fn free(context: *mut c_void) {
    // SAFETY: `listen` made the box and gave it away; this is called once, when nothing uses the source any
    // more.
    guard((), || drop(unsafe { Box::from_raw(context.cast::<Weak<dyn Serve>>()) }));
}

impl Waker {
    pub fn new() -> Self {
        // SAFETY: both constants are the system's. Made suspended, the source does nothing yet.
        let source = unsafe {
            dispatch_source_create(
                &raw const _dispatch_source_type_data_add,
                0,
                0,
                &raw const _dispatch_main_q,
            )
        };
        Waker { source, listening: Mutex::new(false) }
    }

    /// Has the main thread come. Does not wait.
    pub fn wake(&self) {
        if !self.source.is_null() {
            // SAFETY: the source is alive.
            unsafe { dispatch_source_merge_data(self.source, 1) };
        }
    }

    /// From now on `target` is served. The queue is the system's, so no host object is looked at.
    ///
    /// # Safety
    ///
    /// None here; other systems need a host's object.
    pub unsafe fn listen(&self, _: Source, _: *mut FUnknown, target: Weak<dyn Serve>) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if self.source.is_null() || std::mem::replace(&mut *listening, true) {
            return;
        }
        let context = Box::into_raw(Box::new(target)).cast::<c_void>();
        // SAFETY: the source is alive and suspended; the box lives until `free`.
        unsafe {
            dispatch_set_context(self.source, context);
            dispatch_set_finalizer_f(self.source, free);
            dispatch_source_set_event_handler_f(self.source, call);
            dispatch_resume(self.source);
        }
    }

    /// Whether the main thread will come when called.
    pub fn is_listening(&self) -> bool {
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing to leave: see [`Self::listen`].
    pub fn leave(&self, _: Source) {}
}

impl Drop for Waker {
    fn drop(&mut self) {
        let listening = *self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if self.source.is_null() {
            return;
        }
        // SAFETY: the source is alive, and a source must not be released suspended. Calls that are under way
        // find the instance gone; the context goes with the last of them.
        unsafe {
            if !listening {
                dispatch_resume(self.source);
            }
            dispatch_source_cancel(self.source);
            dispatch_release(self.source);
        }
    }
}
