//! Linux: an event descriptor in the host's run loop.

use std::sync::{Mutex, PoisonError, Weak};

use vst3::Steinberg::Linux::{FileDescriptor, IEventHandler, IEventHandlerTrait, IRunLoop, IRunLoopTrait};
use vst3::Steinberg::{FUnknown, kResultOk};
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use super::{Serve, Source};
use crate::guard;

/// The descriptor, and the run loop that watches it.
pub struct Waker {
    fd: FileDescriptor,
    watch: Mutex<Option<Watch>>,
}

struct Watch {
    source: Source,
    run_loop: ComPtr<IRunLoop>,
    handler: ComPtr<IEventHandler>,
}

struct Handler {
    fd: FileDescriptor,
    target: Weak<dyn Serve>,
}

impl Class for Handler {
    type Interfaces = (IEventHandler,);
}

impl IEventHandlerTrait for Handler {
    unsafe fn onFDIsSet(&self, _: FileDescriptor) {
        guard((), || {
            if let Some(target) = self.target.upgrade() {
                // The instance owns the descriptor, so it is open.
                clear(self.fd);
                target.serve_from_loop();
            }
        });
    }
}

impl Waker {
    pub fn new() -> Self {
        // SAFETY: no pointers are passed. Failure gives -1, which later calls refuse without harm.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        Waker { fd, watch: Mutex::new(None) }
    }

    /// Has the main thread come. One system call, which does not wait.
    pub fn wake(&self) {
        let one = 1_u64;
        // SAFETY: an event descriptor takes eight bytes. A full counter is set already.
        unsafe { libc::write(self.fd, std::ptr::from_ref(&one).cast(), 8) };
    }

    /// Uses the run loop that a host object lends, if it does and there is none yet. On the main thread.
    ///
    /// # Safety
    ///
    /// `from` is null or a host's object.
    pub unsafe fn listen(&self, source: Source, from: *mut FUnknown, target: Weak<dyn Serve>) {
        // SAFETY: the caller says so.
        let Some(from) = (unsafe { ComRef::from_raw(from) }) else { return };
        let Some(run_loop) = from.cast::<IRunLoop>() else { return };
        let handler = ComWrapper::new(Handler { fd: self.fd, target });
        let Some(handler) = handler.to_com_ptr::<IEventHandler>() else { return };
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: both objects are alive, and the host counts its reference to the handler.
        if watch.is_none() && unsafe { run_loop.registerEventHandler(handler.as_ptr(), self.fd) } == kResultOk
        {
            *watch = Some(Watch { source, run_loop, handler });
        }
    }

    /// Whether the main thread will come when called.
    pub fn is_listening(&self) -> bool {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Leaves the run loop of that source. On the main thread.
    pub fn leave(&self, source: Source) {
        let watch =
            self.watch.lock().unwrap_or_else(PoisonError::into_inner).take_if(|it| it.source == source);
        if let Some(watch) = watch {
            // SAFETY: both objects are alive.
            unsafe { watch.run_loop.unregisterEventHandler(watch.handler.as_ptr()) };
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.leave(Source::Frame);
        self.leave(Source::Host);
        if self.fd >= 0 {
            // SAFETY: nobody else has the descriptor: handlers that live on have lost their instance.
            unsafe { libc::close(self.fd) };
        }
    }
}

/// Takes what was written, so that the descriptor rests.
fn clear(fd: FileDescriptor) {
    let mut count = 0_u64;
    // SAFETY: an event descriptor gives eight bytes.
    unsafe { libc::read(fd, std::ptr::from_mut(&mut count).cast(), 8) };
}
