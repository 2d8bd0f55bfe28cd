//! The host as plugins see it: its name, its run loop, and whom they tell of edits.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vst3::Steinberg::Linux::{
    FileDescriptor, IEventHandler, IEventHandlerTrait, IRunLoop, IRunLoopTrait, ITimerHandler, TimerInterval,
};
use vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandlerTrait, IHostApplication, IHostApplicationTrait, ParamID, ParamValue,
    String128,
};
use vst3::Steinberg::{TUID, int32, kInvalidArgument, kNoInterface, kNotImplemented, kResultOk, tresult};
use vst3::{Class, ComPtr, ComRef};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_name(name: *mut String128) -> tresult {
    let mut text: String128 = [0; 128];
    for (to, from) in text.iter_mut().zip("Contrafact host".encode_utf16()) {
        *to = from as _;
    }
    // SAFETY: the plugin hands in a place for a name.
    unsafe { name.write(text) };
    kResultOk
}

/// The host without a run loop.
pub struct Application;

impl Class for Application {
    type Interfaces = (IHostApplication,);
}

impl IHostApplicationTrait for Application {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        write_name(name)
    }

    unsafe fn createInstance(&self, _: *mut TUID, _: *mut TUID, _: *mut *mut c_void) -> tresult {
        kNoInterface
    }
}

/// The host's main loop: on Linux the descriptors that its main thread watches, on Windows that thread's
/// messages. On macOS the system's main queue would be served, which only a program's first thread can do:
/// there nothing is.
#[derive(Clone, Default)]
pub struct Vst3Loop(Arc<Mutex<Vec<Watch>>>);

/// A descriptor, and whom to call when it can be read.
type Watch = (ComPtr<IEventHandler>, FileDescriptor);

impl Vst3Loop {
    /// Serves what plugins want of the main thread, and waits for it at most so long.
    pub fn pump(&self, wait: Duration) {
        for fd in ready(&self.descriptors(), wait) {
            // A plugin may come and go while it is called, so the lock is not held.
            let handler =
                lock(&self.0).iter().find(|(_, watched)| *watched == fd).map(|(handler, _)| handler.clone());
            if let Some(handler) = handler {
                // SAFETY: the handler is alive.
                unsafe { handler.onFDIsSet(fd) };
            }
        }
    }

    /// How many descriptors are watched.
    pub fn watched(&self) -> usize {
        lock(&self.0).len()
    }

    fn descriptors(&self) -> Vec<FileDescriptor> {
        lock(&self.0).iter().map(|(_, fd)| *fd).collect()
    }

    fn watch(&self, handler: *mut IEventHandler, fd: FileDescriptor) -> tresult {
        // SAFETY: the plugin hands in its handler.
        let Some(handler) = (unsafe { ComRef::from_raw(handler) }) else { return kInvalidArgument };
        lock(&self.0).push((handler.to_com_ptr(), fd));
        kResultOk
    }

    fn leave(&self, handler: *mut IEventHandler) -> tresult {
        let mut watched = lock(&self.0);
        let (gone, kept) = std::mem::take(&mut *watched)
            .into_iter()
            .partition::<Vec<_>, _>(|(watched, _)| watched.as_ptr() == handler);
        *watched = kept;
        drop(watched);
        if gone.is_empty() { kInvalidArgument } else { kResultOk }
    }
}

/// The descriptors that can be read, after waiting for one at most so long.
#[cfg(target_os = "linux")]
fn ready(descriptors: &[FileDescriptor], wait: Duration) -> Vec<FileDescriptor> {
    let mut polled: Vec<_> =
        descriptors.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    // SAFETY: the list is as long as is said.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, wait.as_millis() as i32) };
    polled.iter().filter(|polled| polled.revents & libc::POLLIN != 0).map(|polled| polled.fd).collect()
}

/// Waits for a message to a window of this thread at most so long, and hands on all that are there. No
/// descriptors.
#[cfg(windows)]
fn ready(_: &[FileDescriptor], wait: Duration) -> Vec<FileDescriptor> {
    use std::ptr::{null, null_mut};

    use windows_sys::Win32::UI::WindowsAndMessaging::{
        DispatchMessageW, MSG, MsgWaitForMultipleObjects, PM_REMOVE, PeekMessageW, QS_ALLINPUT,
    };

    let milliseconds = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX - 1);
    // SAFETY: no handles are waited for; a message is plain numbers, and the place for it lives through the
    // calls.
    unsafe {
        MsgWaitForMultipleObjects(0, null(), 0, milliseconds, QS_ALLINPUT);
        let mut message: MSG = std::mem::zeroed();
        while PeekMessageW(&mut message, null_mut(), 0, 0, PM_REMOVE) != 0 {
            DispatchMessageW(&message);
        }
    }
    Vec::new()
}

#[cfg(not(any(target_os = "linux", windows)))]
fn ready(_: &[FileDescriptor], wait: Duration) -> Vec<FileDescriptor> {
    std::thread::sleep(wait);
    Vec::new()
}

/// The host, or the frame of an editor, that lends its run loop.
pub struct Lender(pub Vst3Loop);

impl Class for Lender {
    type Interfaces = (IHostApplication, IRunLoop);
}

impl IHostApplicationTrait for Lender {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        write_name(name)
    }

    unsafe fn createInstance(&self, _: *mut TUID, _: *mut TUID, _: *mut *mut c_void) -> tresult {
        kNoInterface
    }
}

macro_rules! lend {
    ($class:ty, $field:tt) => {
        impl IRunLoopTrait for $class {
            unsafe fn registerEventHandler(
                &self,
                handler: *mut IEventHandler,
                fd: FileDescriptor,
            ) -> tresult {
                self.$field.watch(handler, fd)
            }

            unsafe fn unregisterEventHandler(&self, handler: *mut IEventHandler) -> tresult {
                self.$field.leave(handler)
            }

            unsafe fn registerTimer(&self, _: *mut ITimerHandler, _: TimerInterval) -> tresult {
                kNotImplemented
            }

            unsafe fn unregisterTimer(&self, _: *mut ITimerHandler) -> tresult {
                kNotImplemented
            }
        }
    };
}

lend!(Lender, 0);
lend!(super::editor::Frame, run_loop);

/// What a plugin tells the host of its parameters. Values from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Vst3Edit {
    /// A user takes the control of a parameter in the editor.
    Begin(u32),
    /// A user sets it.
    Set(u32, f64),
    /// A user leaves it.
    End(u32),
    /// The plugin has changed: VST3's restart flags.
    Changed(i32),
}

/// Notes what is told.
#[derive(Default)]
pub struct Handler(pub Mutex<Vec<Vst3Edit>>);

impl Handler {
    fn note(&self, edit: Vst3Edit) -> tresult {
        lock(&self.0).push(edit);
        kResultOk
    }

    /// What was told since the last call.
    pub fn take(&self) -> Vec<Vst3Edit> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Class for Handler {
    type Interfaces = (IComponentHandler,);
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, id: ParamID) -> tresult {
        self.note(Vst3Edit::Begin(id))
    }

    unsafe fn performEdit(&self, id: ParamID, value: ParamValue) -> tresult {
        self.note(Vst3Edit::Set(id, value))
    }

    unsafe fn endEdit(&self, id: ParamID) -> tresult {
        self.note(Vst3Edit::End(id))
    }

    unsafe fn restartComponent(&self, flags: int32) -> tresult {
        self.note(Vst3Edit::Changed(flags))
    }
}
