//! The object that the host sees.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};

use crate::audio::Scratch;
use crate::buses::Later;
use crate::calls::Calls;
use crate::input::Unmodulated;
use crate::params;

/// A plugin behind the layer.
#[repr(C)]
struct Shim {
    /// First, so that the host's pointer to it points to all of this. Its data are the plugin's own, so that
    /// the plugin's functions and extensions, which the host calls with it, take it for their own object.
    object: clap_plugin,
    inner: *const clap_plugin,
    /// What the plugin has for parameters, once the host has asked.
    params: AtomicPtr<clap_plugin_params>,
    /// Somebody is in [`Shim::stage`]: hosts may break the rules of threads.
    busy: AtomicBool,
    stage: Stage,
}

#[derive(Default)]
struct Stage {
    rate: f64,
    scratch: Scratch,
    later: Later,
    calls: Calls,
}

/// Puts the layer before `inner`; gives it back as it is where it is null or cannot process. The host
/// destroys both in one.
///
/// # Safety
///
/// `inner` is null or a fresh plugin that nobody else uses, and whose functions look at its `plugin_data`
/// only. An event that comes in it looks at before it asks for 1,024 others.
pub unsafe fn wrap(inner: *const clap_plugin) -> *const clap_plugin {
    // SAFETY: the caller's.
    let Some(plugin) = (unsafe { inner.as_ref() }) else { return inner };
    if plugin.process.is_none() || plugin.destroy.is_none() || plugin.activate.is_none() {
        return inner;
    }
    let object = clap_plugin {
        process: Some(process),
        destroy: Some(destroy),
        activate: Some(activate),
        get_extension: Some(get_extension),
        ..*plugin
    };
    let (params, busy, stage) = (AtomicPtr::default(), AtomicBool::new(false), Stage::default());
    let shim = Box::new(Shim { object, inner, params, busy, stage });
    Box::into_raw(shim).cast_const().cast()
}

/// Lets `call` at the stage unless somebody is there; a panic is a failure too.
///
/// # Safety
///
/// `object` is null or was given by [`wrap`] and is not destroyed.
unsafe fn enter<T>(
    object: *const clap_plugin,
    failure: T,
    call: impl FnOnce(&mut Stage, &clap_plugin) -> T,
) -> T {
    let shim: *mut Shim = object.cast_mut().cast();
    // SAFETY: the caller's; only this flag and the constant parts are looked at without having it.
    let Some((busy, inner)) = (unsafe { shim.as_ref().map(|shim| (&shim.busy, &*shim.inner)) }) else {
        return failure;
    };
    if busy.swap(true, Ordering::Acquire) {
        return failure;
    }
    // SAFETY: the flag says that nobody else is at the stage.
    let stage = unsafe { &mut (*shim).stage };
    let done = catch_unwind(AssertUnwindSafe(|| call(stage, inner)));
    busy.store(false, Ordering::Release);
    done.unwrap_or(failure)
}

unsafe extern "C" fn destroy(object: *const clap_plugin) {
    if object.is_null() {
        return;
    }
    // SAFETY: the host has the object from `wrap` and lets go of it now.
    let shim = unsafe { Box::from_raw(object.cast_mut().cast::<Shim>()) };
    // SAFETY: the inner plugin is there until this call.
    unsafe {
        if let Some(destroy) = (*shim.inner).destroy {
            destroy(shim.inner);
        }
    }
}

unsafe extern "C" fn activate(object: *const clap_plugin, rate: f64, least: u32, most: u32) -> bool {
    let prepare = |stage: &mut Stage, inner: &clap_plugin| {
        stage.scratch.resize(most);
        stage.rate = rate;
        // SAFETY: the host's call, handed on; but a part of a block may be as short as one sample.
        inner.activate.is_some_and(|activate| unsafe { activate(inner, rate, least.min(1), most) })
    };
    // SAFETY: the host has the object from `wrap`.
    unsafe { enter(object, false, prepare) }
}

unsafe extern "C" fn get_extension(object: *const clap_plugin, id: *const c_char) -> *const c_void {
    // SAFETY: the host has the object from `wrap`.
    let shim = unsafe { object.cast::<Shim>().as_ref() }.filter(|_| !id.is_null());
    let Some(Shim { inner, params: own, .. }) = shim else { return std::ptr::null() };
    // SAFETY: the host's call, handed on. What the plugin has under that name is of that type.
    unsafe {
        let found = (**inner).get_extension.map_or(std::ptr::null(), |get| get(*inner, id));
        if !found.is_null() && CStr::from_ptr(id) == CLAP_EXT_PARAMS {
            own.store(found.cast_mut().cast(), Ordering::Release);
            return params::table().cast();
        }
        found
    }
}

/// The plugin's own functions for parameters.
///
/// # Safety
///
/// `object` is null or was given by [`wrap`] and is not destroyed.
pub unsafe fn framework<'a>(object: *const clap_plugin) -> Option<&'a clap_plugin_params> {
    // SAFETY: the caller's; what a plugin gives for an extension lives as long as it does.
    unsafe { object.cast::<Shim>().as_ref()?.params.load(Ordering::Acquire).as_ref() }
}

unsafe extern "C" fn process(object: *const clap_plugin, block: *const clap_process) -> clap_process_status {
    // SAFETY: the host has the object from `wrap`, and its block is whole while this runs.
    unsafe {
        let Some(block) = block.as_ref() else { return CLAP_PROCESS_ERROR };
        enter(object, CLAP_PROCESS_ERROR, |stage, inner| stage.process(inner, block))
    }
}

impl Stage {
    /// # Safety
    ///
    /// `given` is whole: what it points to is null or there.
    unsafe fn process(&mut self, inner: &clap_plugin, given: &clap_process) -> clap_process_status {
        let mut block = *given;
        // SAFETY: the caller's; what is lent to the block lives until the plugin's own calls are over.
        unsafe {
            let Some(lent) = self.scratch.lend(given, &mut block) else { return CLAP_PROCESS_ERROR };
            let events = Unmodulated::of(given.in_events);
            let unmodulated = events.list();
            if let Some(input) = &unmodulated {
                block.in_events = input;
            }
            let status = self.calls.process(inner, &block, self.rate, &mut self.later);
            if lent {
                self.scratch.copy_back(given);
            }
            self.calls.outbox.send(given.out_events);
            status
        }
    }
}
