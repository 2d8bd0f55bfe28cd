//! The editor as a VST3 view: the CLAP's editor, embedded in the host's window.

use std::ffi::{CStr, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering::*};

use vst3::Steinberg::{
    FIDString, IPlugFrame, IPlugView, IPlugViewContentScaleSupport,
    IPlugViewContentScaleSupport_::ScaleFactor, IPlugViewContentScaleSupportTrait, IPlugViewTrait, TBool,
    ViewRect, char16, int16, kInternalError, kInvalidArgument, kPlatformTypeHWND, kPlatformTypeNSView,
    kPlatformTypeX11EmbedWindowID, kResultFalse, kResultOk, kResultTrue, tresult,
};
use vst3::{Class, ComRef, ComWrapper};

use crate::guard;
use crate::instance::{Instance, View};
use crate::waker::Source;

/// A view. One at a time can be attached.
pub struct EditorView {
    instance: Arc<Instance>,
    /// Its own address as a COM object.
    this: AtomicPtr<IPlugView>,
}

impl Class for EditorView {
    type Interfaces = (IPlugView, IPlugViewContentScaleSupport);
}

/// The kind of window that this system's hosts hand in.
fn platform() -> &'static CStr {
    let name = if cfg!(target_os = "macos") {
        kPlatformTypeNSView
    } else if cfg!(target_os = "windows") {
        kPlatformTypeHWND
    } else {
        kPlatformTypeX11EmbedWindowID
    };
    // SAFETY: the constant is a C string.
    unsafe { CStr::from_ptr(name) }
}

impl EditorView {
    /// A view with one reference, which is the caller's.
    pub fn create(instance: Arc<Instance>) -> *mut IPlugView {
        let view = ComWrapper::new(EditorView { instance, this: AtomicPtr::default() });
        let pointer = view.to_com_ptr::<IPlugView>().map_or(std::ptr::null_mut(), |view| view.into_raw());
        view.this.store(pointer, Release);
        pointer
    }

    fn view(&self) -> View {
        View(self.this.load(Acquire))
    }

    fn detach(&self) {
        self.instance.close_view(self.view());
    }
}

fn size_of(rect: &ViewRect) -> Option<(u32, u32)> {
    let width = rect.right.checked_sub(rect.left).and_then(|width| u32::try_from(width).ok())?;
    let height = rect.bottom.checked_sub(rect.top).and_then(|height| u32::try_from(height).ok())?;
    (width > 0 && height > 0).then_some((width, height))
}

fn set_size(rect: &mut ViewRect, (width, height): (u32, u32)) {
    rect.right = rect.left.saturating_add_unsigned(width);
    rect.bottom = rect.top.saturating_add_unsigned(height);
}

impl IPlugViewTrait for EditorView {
    unsafe fn isPlatformTypeSupported(&self, kind: FIDString) -> tresult {
        // SAFETY: the host hands in a C string, or null.
        let same = !kind.is_null() && unsafe { CStr::from_ptr(kind) } == platform();
        if same { kResultTrue } else { kResultFalse }
    }

    unsafe fn attached(&self, parent: *mut c_void, kind: FIDString) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a C string, or null.
            if parent.is_null() || unsafe { self.isPlatformTypeSupported(kind) } != kResultTrue {
                return kInvalidArgument;
            }
            if self.instance.open(self.view(), parent) { kResultOk } else { kResultFalse }
        })
    }

    unsafe fn removed(&self) -> tresult {
        guard(kInternalError, || {
            self.detach();
            kResultOk
        })
    }

    unsafe fn onWheel(&self, _: f32) -> tresult {
        // The window gets what is turned and typed from the system.
        kResultFalse
    }

    unsafe fn onKeyDown(&self, _: char16, _: int16, _: int16) -> tresult {
        kResultFalse
    }

    unsafe fn onKeyUp(&self, _: char16, _: int16, _: int16) -> tresult {
        kResultFalse
    }

    unsafe fn getSize(&self, rect: *mut ViewRect) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a place for it, or null.
            let Some(rect) = (unsafe { rect.as_mut() }) else { return kInvalidArgument };
            let Some(size) = self.instance.plugin.editor_size() else { return kResultFalse };
            *rect = ViewRect { left: 0, top: 0, right: 0, bottom: 0 };
            set_size(rect, size);
            kResultOk
        })
    }

    unsafe fn onSize(&self, rect: *mut ViewRect) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a size, or null.
            let Some(size) = unsafe { rect.as_ref() }.and_then(size_of) else { return kInvalidArgument };
            let instance = &self.instance;
            if instance.is_open(self.view()) && instance.signals.is_main() {
                instance.with_editor(|plugin| plugin.set_editor_size(size));
            }
            kResultOk
        })
    }

    unsafe fn onFocus(&self, _: TBool) -> tresult {
        kResultOk
    }

    unsafe fn setFrame(&self, frame: *mut IPlugFrame) -> tresult {
        guard(kInternalError, || {
            let instance = &self.instance;
            // SAFETY: the host hands in its frame, or null.
            let kept = unsafe { ComRef::from_raw(frame) }.map(|frame| frame.to_com_ptr());
            if kept.is_none() {
                instance.signals.waker.leave(Source::Frame);
            }
            instance.set_frame(kept);
            // SAFETY: as above; every COM object begins as one of the base interface.
            unsafe { instance.listen(Source::Frame, frame.cast()) };
            kResultOk
        })
    }

    unsafe fn canResize(&self) -> tresult {
        guard(
            kResultFalse,
            || {
                if self.instance.plugin.editor_can_resize() { kResultTrue } else { kResultFalse }
            },
        )
    }

    unsafe fn checkSizeConstraint(&self, rect: *mut ViewRect) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in a size, or null.
            let Some(rect) = (unsafe { rect.as_mut() }) else { return kInvalidArgument };
            let instance = &self.instance;
            let fits = if !instance.plugin.editor_can_resize() {
                instance.plugin.editor_size()
            } else if instance.is_open(self.view()) && instance.signals.is_main() {
                size_of(rect).and_then(|size| instance.with_editor(|plugin| plugin.adjust_editor_size(size)))
            } else {
                size_of(rect)
            };
            let Some(fits) = fits else { return kResultFalse };
            set_size(rect, fits);
            kResultTrue
        })
    }
}

impl IPlugViewContentScaleSupportTrait for EditorView {
    unsafe fn setContentScaleFactor(&self, factor: ScaleFactor) -> tresult {
        guard(kInternalError, || {
            if !factor.is_finite() || factor <= 0.0 {
                return kInvalidArgument;
            }
            self.instance.set_scale(factor.into());
            kResultOk
        })
    }
}

impl Drop for EditorView {
    fn drop(&mut self) {
        guard((), || self.detach());
    }
}
