//! The library as a CLAP: the framework's object in a shell of ours, which sets right what the framework
//! 0.4.2 gets wrong.
//!
//! The shell's `clap_plugin` holds the framework's data, so that hosts can hand it to the framework's
//! extensions; its own functions go to the framework's, but for the extensions and calls that have a module
//! here.

mod input;
mod params;
mod process;

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Arc, OnceLock};

use clap_sys::entry::clap_plugin_entry;
use clap_sys::ext::params::CLAP_EXT_PARAMS;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::process::clap_process;
use clap_sys::version::CLAP_VERSION;
use nice_plug::wrapper::clap::{PluginDescriptor, Wrapper};
use nice_plug::wrapper::setup_logger;

use crate::plugin::Contrafact;

/// The CLAP entry point.
#[unsafe(no_mangle)]
#[used]
pub static clap_entry: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(init),
    deinit: Some(deinit),
    get_factory: Some(get_factory),
};

static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(get_plugin_count),
    get_plugin_descriptor: Some(get_plugin_descriptor),
    create_plugin: Some(create_plugin),
};

fn descriptor() -> &'static PluginDescriptor {
    static DESCRIPTOR: OnceLock<PluginDescriptor> = OnceLock::new();
    DESCRIPTOR.get_or_init(PluginDescriptor::for_plugin::<Contrafact>)
}

unsafe extern "C" fn init(_: *const c_char) -> bool {
    setup_logger::<Contrafact>();
    true
}

unsafe extern "C" fn deinit() {}

unsafe extern "C" fn get_factory(id: *const c_char) -> *const c_void {
    // SAFETY: hosts give a text, or null.
    let is_ours = !id.is_null() && unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID;
    if is_ours { (&raw const FACTORY).cast() } else { std::ptr::null() }
}

unsafe extern "C" fn get_plugin_count(_: *const clap_plugin_factory) -> u32 {
    1
}

unsafe extern "C" fn get_plugin_descriptor(
    _: *const clap_plugin_factory,
    index: u32,
) -> *const clap_plugin_descriptor {
    if index == 0 { descriptor().clap_plugin_descriptor() } else { std::ptr::null() }
}

unsafe extern "C" fn create_plugin(
    _: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: hosts give a text, or null.
    if id.is_null() || unsafe { CStr::from_ptr(id) } != descriptor().clap_id() {
        return std::ptr::null();
    }
    // Both are given back in `destroy`.
    // SAFETY: the object was just made.
    let inner = unsafe { (*Arc::into_raw(Wrapper::<Contrafact>::new(host))).clap_plugin.as_ptr() };
    let shell = Box::into_raw(Box::new(Shell::around(inner)));
    // SAFETY: likewise.
    unsafe { &raw const (*shell).clap }
}

/// An instance: what hosts see, and the framework's object.
#[repr(C)]
struct Shell {
    /// First, so that a pointer to it is one to all.
    clap: clap_plugin,
    inner: *const clap_plugin,
}

/// Calls a function of the framework's object.
macro_rules! inner {
    ($plugin:expr, $function:ident, $failure:expr $(, $argument:expr)*) => {{
        // SAFETY: hosts give the pointer that they got of us, until they destroy it; the framework's own
        // demands are the host's.
        unsafe {
            let inner = (*$plugin.cast::<Shell>()).inner;
            match (*inner).$function {
                Some(function) => function(inner $(, $argument)*),
                None => $failure,
            }
        }
    }};
}
use inner;

impl Shell {
    fn around(inner: *const clap_plugin) -> Self {
        // SAFETY: the framework's object lives until `destroy`.
        let (desc, plugin_data) = unsafe { ((*inner).desc, (*inner).plugin_data) };
        let clap = clap_plugin {
            desc,
            plugin_data,
            init: Some(Self::init),
            destroy: Some(Self::destroy),
            activate: Some(Self::activate),
            deactivate: Some(Self::deactivate),
            start_processing: Some(Self::start_processing),
            stop_processing: Some(Self::stop_processing),
            reset: Some(Self::reset),
            process: Some(Self::process),
            get_extension: Some(Self::get_extension),
            on_main_thread: Some(Self::on_main_thread),
        };
        Self { clap, inner }
    }

    unsafe extern "C" fn init(plugin: *const clap_plugin) -> bool {
        inner!(plugin, init, false)
    }

    unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
        inner!(plugin, destroy, ());
        // SAFETY: it was made by `create_plugin`, and this is its last use.
        drop(unsafe { Box::from_raw(plugin.cast::<Self>().cast_mut()) });
    }

    unsafe extern "C" fn activate(plugin: *const clap_plugin, rate: f64, least: u32, most: u32) -> bool {
        inner!(plugin, activate, false, rate, least, most)
    }

    unsafe extern "C" fn deactivate(plugin: *const clap_plugin) {
        inner!(plugin, deactivate, ());
    }

    unsafe extern "C" fn start_processing(plugin: *const clap_plugin) -> bool {
        inner!(plugin, start_processing, false)
    }

    unsafe extern "C" fn stop_processing(plugin: *const clap_plugin) {
        inner!(plugin, stop_processing, ());
    }

    unsafe extern "C" fn reset(plugin: *const clap_plugin) {
        inner!(plugin, reset, ());
    }

    unsafe extern "C" fn process(plugin: *const clap_plugin, block: *const clap_process) -> i32 {
        // SAFETY: hosts give whole blocks to whole plugins.
        unsafe { process::process(plugin, block) }
    }

    unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
        let found: *const c_void = inner!(plugin, get_extension, std::ptr::null(), id);
        // SAFETY: the framework has looked at the text and found its own extension of that name.
        if !found.is_null() && unsafe { CStr::from_ptr(id) } == CLAP_EXT_PARAMS {
            // SAFETY: an extension of that name is of that type.
            return unsafe { params::over(found.cast()) }.cast();
        }
        found
    }

    unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
        inner!(plugin, on_main_thread, ());
    }
}
