//! The factory: what hosts ask for the class and for instances of it.

use std::ffi::{c_char, c_void};
use std::sync::{Mutex, PoisonError};

use clap_sys::entry::clap_plugin_entry;
use vst3::Steinberg::Vst::ComponentFlags_::kSimpleModeSupported;
use vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3,
    IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, PClassInfo_::ClassCardinality_::kManyInstances,
    PClassInfo2, PClassInfoW, PFactoryInfo, PFactoryInfo_::FactoryFlags_::kUnicode, TUID, int32,
    kInternalError, kInvalidArgument, kNoInterface, kResultFalse, kResultOk, tresult,
};
use vst3::{Class, ComPtr, ComRef, ComWrapper};

use crate::component::Component;
use crate::description::Description;
use crate::guard;
use crate::instance::Instance;
use crate::text::{write8, write16};

const CATEGORY: &str = "Audio Module Class";
/// The interfaces that the bindings are generated from.
const SDK: &str = "VST 3.7.14";

/// The host's context, from `setHostContext` until the module's exit.
static HOST: Mutex<Option<ComPtr<FUnknown>>> = Mutex::new(None);

struct Factory {
    entry: &'static clap_plugin_entry,
    description: &'static Description,
}

impl Class for Factory {
    type Interfaces = (IPluginFactory3, IPluginFactory2, IPluginFactory);
}

/// A factory with one reference, which is the caller's.
pub fn factory(entry: &'static clap_plugin_entry, description: &'static Description) -> *mut IPluginFactory {
    guard(std::ptr::null_mut(), || {
        let factory = ComWrapper::new(Factory { entry, description });
        factory.to_com_ptr::<IPluginFactory>().map_or(std::ptr::null_mut(), |factory| factory.into_raw())
    })
}

/// Lets go of the host's objects: the module is about to be unloaded.
pub fn release_host() {
    guard((), || {
        let host = HOST.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(host);
    });
}

impl Factory {
    fn class_id(&self) -> TUID {
        self.description.platform_class_id().map(|byte| byte as c_char)
    }
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the host hands in a place for it, or null.
        let Some(info) = (unsafe { info.as_mut() }) else { return kInvalidArgument };
        write8(&mut info.vendor, self.description.vendor);
        write8(&mut info.url, self.description.url);
        write8(&mut info.email, self.description.email);
        info.flags = kUnicode as i32;
        kResultOk
    }

    unsafe fn countClasses(&self) -> int32 {
        1
    }

    unsafe fn getClassInfo(&self, index: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the host hands in a place for it, or null.
        let (0, Some(info)) = (index, unsafe { info.as_mut() }) else { return kInvalidArgument };
        (info.cid, info.cardinality) = (self.class_id(), kManyInstances as i32);
        write8(&mut info.category, CATEGORY);
        write8(&mut info.name, self.description.name);
        kResultOk
    }

    unsafe fn createInstance(&self, class: FIDString, interface: FIDString, to: *mut *mut c_void) -> tresult {
        guard(kInternalError, || {
            if class.is_null() || interface.is_null() || to.is_null() {
                return kInvalidArgument;
            }
            // SAFETY: the host hands in a place for the object and two ids of 16 bytes, aligned or not.
            let (class, interface) = unsafe {
                to.write(std::ptr::null_mut());
                (class.cast::<TUID>().read_unaligned(), interface.cast::<TUID>().read_unaligned())
            };
            if class != self.class_id() {
                return kInvalidArgument;
            }
            let host = HOST.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(instance) = Instance::new(self.entry, self.description, host) else {
                return kResultFalse;
            };
            let component = ComWrapper::new(Component { instance });
            let Some(object) = component.to_com_ptr::<FUnknown>() else { return kNoInterface };
            // SAFETY: the object is alive, and what it hands out has a reference for the host.
            unsafe { ((*(*object.as_ptr()).vtbl).queryInterface)(object.as_ptr(), &interface, to) }
        })
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, index: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the host hands in a place for it, or null.
        let (0, Some(info)) = (index, unsafe { info.as_mut() }) else { return kInvalidArgument };
        (info.cid, info.cardinality) = (self.class_id(), kManyInstances as i32);
        info.classFlags = kSimpleModeSupported as u32;
        write8(&mut info.category, CATEGORY);
        write8(&mut info.name, self.description.name);
        write8(&mut info.subCategories, self.description.subcategories);
        write8(&mut info.vendor, self.description.vendor);
        write8(&mut info.version, self.description.version);
        write8(&mut info.sdkVersion, SDK);
        kResultOk
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, index: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the host hands in a place for it, or null.
        let (0, Some(info)) = (index, unsafe { info.as_mut() }) else { return kInvalidArgument };
        (info.cid, info.cardinality) = (self.class_id(), kManyInstances as i32);
        info.classFlags = kSimpleModeSupported as u32;
        write8(&mut info.category, CATEGORY);
        write16(&mut info.name, self.description.name);
        write8(&mut info.subCategories, self.description.subcategories);
        write16(&mut info.vendor, self.description.vendor);
        write16(&mut info.version, self.description.version);
        write16(&mut info.sdkVersion, SDK);
        kResultOk
    }

    unsafe fn setHostContext(&self, context: *mut FUnknown) -> tresult {
        guard(kInternalError, || {
            // SAFETY: the host hands in its context, or null.
            let context = unsafe { ComRef::from_raw(context) }.map(|context| context.to_com_ptr());
            let before =
                std::mem::replace(&mut *HOST.lock().unwrap_or_else(PoisonError::into_inner), context);
            drop(before);
            kResultOk
        })
    }
}
