//! The CLAP host that the plugin sees: it notes what the plugin wants, from any thread, and does nothing at
//! once.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, CLAP_PARAM_RESCAN_ALL, CLAP_PARAM_RESCAN_INFO, CLAP_PARAM_RESCAN_TEXT,
    CLAP_PARAM_RESCAN_VALUES, clap_host_params,
};
use clap_sys::ext::thread_check::{CLAP_EXT_THREAD_CHECK, clap_host_thread_check};
use clap_sys::host::clap_host;
use clap_sys::version::CLAP_VERSION;
use vst3::Steinberg::Vst::RestartFlags_::{kLatencyChanged, kParamTitlesChanged, kParamValuesChanged};

use crate::mode::mode;
use crate::signals::Signals;

/// The host object; its address is the plugin's for life.
pub struct Host {
    clap: clap_host,
    signals: Arc<Signals>,
}

impl Host {
    pub fn new(signals: Arc<Signals>) -> Box<Host> {
        let clap = clap_host {
            clap_version: CLAP_VERSION,
            host_data: std::ptr::null_mut(),
            name: c"VST3 shell".as_ptr(),
            vendor: c"".as_ptr(),
            url: c"".as_ptr(),
            version: c"1".as_ptr(),
            get_extension: Some(get_extension),
            request_restart: Some(request_restart),
            request_process: Some(request_process),
            request_callback: Some(request_callback),
        };
        let mut host = Box::new(Host { clap, signals });
        // The notes themselves, so that no reference to the whole box is ever made from the plugin's side.
        host.clap.host_data = Arc::as_ptr(&host.signals).cast_mut().cast();
        host
    }

    pub fn clap(&self) -> *const clap_host {
        &self.clap
    }
}

/// The notes of a host object.
///
/// # Safety
///
/// `host` is the object that [`Host::new`] made, and alive.
unsafe fn signals<'a>(host: *const clap_host) -> &'a Signals {
    // SAFETY: the host object holds a reference to them.
    unsafe { &*(*host).host_data.cast::<Signals>() }
}

unsafe extern "C" fn get_extension(_: *const clap_host, id: *const c_char) -> *const c_void {
    if id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: extensions are asked for by C strings.
    let id = unsafe { CStr::from_ptr(id) };
    if id == CLAP_EXT_PARAMS {
        (&raw const PARAMS).cast()
    } else if id == CLAP_EXT_GUI {
        (&raw const GUI).cast()
    } else if id == CLAP_EXT_THREAD_CHECK {
        (&raw const THREADS).cast()
    } else if id == CLAP_EXT_LATENCY {
        (&raw const LATENCY).cast()
    } else {
        std::ptr::null()
    }
}

/// Deactivating and activating again is what VST3 hosts do for a changed latency.
unsafe extern "C" fn request_restart(host: *const clap_host) {
    // SAFETY: the plugin hands its host back.
    unsafe { signals(host) }.want_changes(kLatencyChanged as i32);
}

/// VST3 hosts process without being asked.
unsafe extern "C" fn request_process(_: *const clap_host) {}

unsafe extern "C" fn request_callback(host: *const clap_host) {
    // SAFETY: the plugin hands its host back.
    unsafe { signals(host) }.want_callback();
}

static PARAMS: clap_host_params =
    clap_host_params { rescan: Some(rescan), clear: Some(clear), request_flush: Some(request_flush) };

unsafe extern "C" fn rescan(host: *const clap_host, flags: u32) {
    let mut changes = 0;
    if flags & (CLAP_PARAM_RESCAN_VALUES | CLAP_PARAM_RESCAN_ALL) != 0 {
        changes |= kParamValuesChanged as i32;
    }
    if flags & (CLAP_PARAM_RESCAN_TEXT | CLAP_PARAM_RESCAN_INFO | CLAP_PARAM_RESCAN_ALL) != 0 {
        changes |= kParamTitlesChanged as i32;
    }
    // SAFETY: the plugin hands its host back.
    unsafe { signals(host) }.want_changes(changes);
}

/// VST3 has nothing like it.
unsafe extern "C" fn clear(_: *const clap_host, _: u32, _: u32) {}

unsafe extern "C" fn request_flush(host: *const clap_host) {
    // SAFETY: the plugin hands its host back.
    unsafe { signals(host) }.want_flush();
}

static GUI: clap_host_gui = clap_host_gui {
    resize_hints_changed: Some(resize_hints_changed),
    request_resize: Some(request_resize),
    request_show: Some(refuse),
    request_hide: Some(refuse),
    closed: Some(closed),
};

unsafe extern "C" fn resize_hints_changed(_: *const clap_host) {}

unsafe extern "C" fn request_resize(host: *const clap_host, width: u32, height: u32) -> bool {
    // SAFETY: the plugin hands its host back.
    unsafe { signals(host) }.want_size(width, height);
    true
}

/// In VST3 the host alone decides what is seen.
unsafe extern "C" fn refuse(_: *const clap_host) -> bool {
    false
}

/// The window is gone; the host's own window stays until the host closes it.
unsafe extern "C" fn closed(_: *const clap_host, _: bool) {}

static THREADS: clap_host_thread_check =
    clap_host_thread_check { is_main_thread: Some(is_main_thread), is_audio_thread: Some(is_audio_thread) };

unsafe extern "C" fn is_main_thread(host: *const clap_host) -> bool {
    // SAFETY: the plugin hands its host back.
    unsafe { signals(host) }.is_main()
}

unsafe extern "C" fn is_audio_thread(_: *const clap_host) -> bool {
    mode().is_some()
}

static LATENCY: clap_host_latency = clap_host_latency { changed: Some(latency_changed) };

unsafe extern "C" fn latency_changed(host: *const clap_host) {
    // SAFETY: the plugin hands its host back.
    unsafe { signals(host) }.want_changes(kLatencyChanged as i32);
}
