//! A loaded VST3 module: the library, its entry and exit calls, and its factory.

use std::ffi::c_void;
use std::path::Path;

use libloading::Library;
use vst3::Steinberg::Vst::{IComponent, IEditController};
use vst3::Steinberg::{
    FUnknown, IPluginFactory, IPluginFactory3, IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, TUID,
    kResultOk,
};
use vst3::{ComPtr, Interface};

use crate::HostError;

/// Entry and exit names, by system. Each takes at most one pointer, which plugins in Rust do not look at.
#[cfg(target_os = "linux")]
const NAMES: (&[u8], &[u8]) = (b"ModuleEntry", b"ModuleExit");
#[cfg(target_os = "macos")]
const NAMES: (&[u8], &[u8]) = (b"bundleEntry", b"bundleExit");
#[cfg(target_os = "windows")]
const NAMES: (&[u8], &[u8]) = (b"InitDll", b"ExitDll");

/// A module; dropped, it is unloaded.
pub struct Module {
    // Dropped before the library that its code is in.
    factory: Option<ComPtr<IPluginFactory>>,
    /// None where the plugin is part of the program.
    library: Option<Library>,
}

impl Module {
    /// Loads the library at an absolute path (the file itself, not the bundle's folder).
    pub fn load(path: &Path) -> Result<Self, HostError> {
        let fault = |reason: String| HostError::Load { path: path.to_owned(), reason };
        // SAFETY: loading runs the library's initialisers; the caller names a plugin built to be loaded by
        // hosts.
        let library = unsafe { Library::new(path) }.map_err(|error| fault(error.to_string()))?;
        // SAFETY: these are the signatures that the VST3 standard gives for the names.
        unsafe {
            if let Ok(entry) = library.get::<unsafe extern "system" fn(*mut c_void) -> bool>(NAMES.0)
                && !entry(std::ptr::null_mut())
            {
                return Err(fault("its module entry failed".into()));
            }
            let factory = library
                .get::<unsafe extern "system" fn() -> *mut IPluginFactory>(b"GetPluginFactory")
                .map_err(|error| fault(error.to_string()))?();
            let factory = ComPtr::from_raw(factory).ok_or_else(|| fault("it has no VST3 factory".into()))?;
            Ok(Module { factory: Some(factory), library: Some(library) })
        }
    }

    /// The module of a factory in this program.
    pub fn around(factory: ComPtr<IPluginFactory>) -> Self {
        Module { factory: Some(factory), library: None }
    }

    /// Tells the factory who the host is, where it wants to know.
    pub fn introduce(&self, context: *mut FUnknown) {
        if let Some(factory) = self.factory.as_ref().and_then(|factory| factory.cast::<IPluginFactory3>()) {
            // SAFETY: both objects are alive, and the factory counts its reference.
            unsafe { factory.setHostContext(context) };
        }
    }

    /// An instance of the first audio class.
    pub fn component(&self) -> Result<ComPtr<IComponent>, HostError> {
        let factory = self.factory.as_ref().ok_or(HostError::Missing("a VST3 factory"))?;
        // SAFETY: the factory is alive, and each call gets places of the types that it fills in.
        unsafe {
            for index in 0..factory.countClasses() {
                let mut info: PClassInfo = std::mem::zeroed();
                let category = b"Audio Module Class\0";
                if factory.getClassInfo(index, &mut info) == kResultOk
                    && info.category.iter().zip(category).all(|(a, b)| *a as u8 == *b)
                {
                    return self.create(&info.cid);
                }
            }
        }
        Err(HostError::Missing("a VST3 audio class"))
    }

    /// An instance of the controller class of that id.
    pub fn controller(&self, id: &TUID) -> Result<ComPtr<IEditController>, HostError> {
        self.create(id)
    }

    fn create<I: Interface>(&self, id: &TUID) -> Result<ComPtr<I>, HostError> {
        let factory = self.factory.as_ref().ok_or(HostError::Missing("a VST3 factory"))?;
        let mut object = std::ptr::null_mut();
        // SAFETY: both ids are 16 bytes, and an object that is handed out is of the asked interface and ours
        // to release.
        unsafe {
            let done = factory.createInstance(id.as_ptr(), I::IID.as_ptr().cast(), &mut object);
            let made = if done == kResultOk { ComPtr::from_raw(object.cast::<I>()) } else { None };
            made.ok_or_else(|| HostError::refused("make a VST3 instance"))
        }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        self.factory = None;
        let Some(library) = &self.library else { return };
        // SAFETY: the signature is the standard's, and every object of the module is gone by now.
        unsafe {
            if let Ok(exit) = library.get::<unsafe extern "system" fn() -> bool>(NAMES.1) {
                exit();
            }
        }
    }
}
