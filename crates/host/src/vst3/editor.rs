//! The plugin's controller and its editor in a window of the host's, apart from the audio side.

use std::ffi::c_void;
use std::sync::Arc;

use vst3::Steinberg::Linux::IRunLoop;
use vst3::Steinberg::Vst::{IEditController, IEditControllerTrait, ViewType::kEditor};
use vst3::Steinberg::{
    IPlugFrame, IPlugFrameTrait, IPlugView, IPlugViewTrait, ViewRect, kInvalidArgument, kPlatformTypeHWND,
    kPlatformTypeX11EmbedWindowID, kResultOk, kResultTrue, tresult,
};
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use super::application::Vst3Loop;
use super::module::Module;
use super::{Vst3Host, check};
use crate::HostError;

/// What is around an editor: it gives it the room that it asks for.
pub struct Frame {
    pub run_loop: Vst3Loop,
}

impl Class for Frame {
    type Interfaces = (IPlugFrame, IRunLoop);
}

impl IPlugFrameTrait for Frame {
    unsafe fn resizeView(&self, view: *mut IPlugView, size: *mut ViewRect) -> tresult {
        // SAFETY: the plugin hands in its view and a size.
        match unsafe { ComRef::from_raw(view) } {
            // SAFETY: as above.
            Some(view) => unsafe { view.onSize(size) },
            None => kInvalidArgument,
        }
    }
}

/// An open editor; dropped, it is closed. It belongs to the thread that opened it.
pub struct Vst3Editor {
    view: ComPtr<IPlugView>,
    _frame: ComWrapper<Frame>,
    _module: Arc<Module>,
}

impl Vst3Host {
    /// The controller's side, for other threads than the one that processes.
    pub fn controller(&self) -> Vst3Controller {
        let (controller, run_loop) = (self.controller.clone(), self.main_loop());
        Vst3Controller { controller, run_loop, module: self.module.clone() }
    }
}

/// An instance's parameters and editor, apart from its audio side.
#[derive(Clone)]
pub struct Vst3Controller {
    controller: ComPtr<IEditController>,
    run_loop: Vst3Loop,
    // Last, so that the library outlives every object made of its code.
    module: Arc<Module>,
}

impl Vst3Controller {
    /// Opens the editor inside of a window, see [`crate::ClapHost::open_editor`]. The calling thread is the
    /// main thread; [`Vst3Host::main_loop`] must be pumped on it.
    ///
    /// # Errors
    ///
    /// The plugin has no editor for this system, or refuses.
    pub fn open_editor(&self, parent: impl Into<u64>) -> Result<Vst3Editor, HostError> {
        // SAFETY: the calls come in the standard's order, on objects that are alive, and the name is the
        // standard's.
        unsafe {
            let view = ComPtr::from_raw(self.controller.createView(kEditor))
                .ok_or(HostError::Missing("an editor"))?;
            let kind = if cfg!(windows) { kPlatformTypeHWND } else { kPlatformTypeX11EmbedWindowID };
            if view.isPlatformTypeSupported(kind) != kResultTrue {
                return Err(HostError::Missing("an editor for this system"));
            }
            let frame = ComWrapper::new(Frame { run_loop: self.run_loop.clone() });
            let pointer = frame.as_com_ref::<IPlugFrame>().map_or(std::ptr::null_mut(), |of| of.as_ptr());
            check(view.setFrame(pointer), "take its editor's frame")?;
            let editor = Vst3Editor { view, _frame: frame, _module: self.module.clone() };
            check(editor.view.attached(parent.into() as usize as *mut c_void, kind), "open its editor")?;
            Ok(editor)
        }
    }

    /// Sets a parameter (0..=1). Whether the plugin has it.
    pub fn set(&self, id: u32, normalised: f64) -> bool {
        // SAFETY: the controller is alive.
        unsafe { self.controller.setParamNormalized(id, normalised) == kResultOk }
    }

    /// The value that the controller shows, 0..=1.
    pub fn value(&self, id: u32) -> f64 {
        // SAFETY: the controller is alive.
        unsafe { self.controller.getParamNormalized(id) }
    }
}

impl Vst3Editor {
    /// Width and height in pixels.
    pub fn size(&self) -> Option<(u32, u32)> {
        let mut rect = ViewRect { left: 0, top: 0, right: 0, bottom: 0 };
        // SAFETY: the view is alive and gets a place for its size.
        let done = unsafe { self.view.getSize(&mut rect) } == kResultOk;
        let size = (u32::try_from(rect.right - rect.left), u32::try_from(rect.bottom - rect.top));
        if let (true, (Ok(width), Ok(height))) = (done, size) { Some((width, height)) } else { None }
    }

    /// Tells the editor that its window has another size now. Whether it takes it.
    pub fn resize(&self, width: u32, height: u32) -> bool {
        let mut rect = ViewRect { left: 0, top: 0, right: width as i32, bottom: height as i32 };
        // SAFETY: the view is alive and gets a size.
        unsafe { self.view.onSize(&mut rect) == kResultOk }
    }
}

impl Drop for Vst3Editor {
    fn drop(&mut self) {
        // SAFETY: the view is alive.
        unsafe {
            self.view.removed();
            self.view.setFrame(std::ptr::null_mut());
        }
    }
}
