//! The parameters as hosts see them.
//!
//! nice-plug says of every parameter that can be automated that it can be modulated too, and mixes modulated
//! values into what it tells hosts and saves. So none is said to be, and modulation that comes nevertheless
//! is dropped. Real-time safe.

use std::ffi::c_char;

use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::params::{
    CLAP_PARAM_IS_MODULATABLE, CLAP_PARAM_IS_MODULATABLE_PER_CHANNEL, CLAP_PARAM_IS_MODULATABLE_PER_KEY,
    CLAP_PARAM_IS_MODULATABLE_PER_NOTE_ID, CLAP_PARAM_IS_MODULATABLE_PER_PORT, clap_param_info,
    clap_plugin_params,
};
use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;

use crate::input::Unmodulated;
use crate::shim::framework;

const MODULATABLE: u32 = CLAP_PARAM_IS_MODULATABLE
    | CLAP_PARAM_IS_MODULATABLE_PER_CHANNEL
    | CLAP_PARAM_IS_MODULATABLE_PER_KEY
    | CLAP_PARAM_IS_MODULATABLE_PER_NOTE_ID
    | CLAP_PARAM_IS_MODULATABLE_PER_PORT;

static PARAMS: clap_plugin_params = clap_plugin_params {
    count: Some(count),
    get_info: Some(get_info),
    get_value: Some(get_value),
    value_to_text: Some(value_to_text),
    text_to_value: Some(text_to_value),
    flush: Some(flush),
};

/// Our functions, which look up the framework's with each call.
pub fn table() -> *const clap_plugin_params {
    &raw const PARAMS
}

/// Calls one of the framework's functions. It is given our plugin: it looks at its data only, which are the
/// framework's.
macro_rules! framework {
    ($function:ident, $failure:expr, $plugin:expr $(, $argument:expr)*) => {{
        // SAFETY: the host has the object from `wrap`; the function's own demands are the host's.
        unsafe {
            match framework($plugin).and_then(|table| table.$function) {
                Some(function) => function($plugin $(, $argument)*),
                None => $failure,
            }
        }
    }};
}

unsafe extern "C" fn count(plugin: *const clap_plugin) -> u32 {
    framework!(count, 0, plugin)
}

unsafe extern "C" fn get_info(plugin: *const clap_plugin, index: u32, info: *mut clap_param_info) -> bool {
    // The framework looks one too far, and panics there.
    let count = framework!(count, 0, plugin);
    let known = index < count && framework!(get_info, false, plugin, index, info);
    if known {
        // SAFETY: the framework has filled it.
        unsafe { (*info).flags &= !MODULATABLE };
    }
    known
}

unsafe extern "C" fn get_value(plugin: *const clap_plugin, id: clap_id, value: *mut f64) -> bool {
    framework!(get_value, false, plugin, id, value)
}

unsafe extern "C" fn value_to_text(
    plugin: *const clap_plugin,
    id: clap_id,
    value: f64,
    text: *mut c_char,
    size: u32,
) -> bool {
    framework!(value_to_text, false, plugin, id, value, text, size)
}

unsafe extern "C" fn text_to_value(
    plugin: *const clap_plugin,
    id: clap_id,
    text: *const c_char,
    value: *mut f64,
) -> bool {
    framework!(text_to_value, false, plugin, id, text, value)
}

unsafe extern "C" fn flush(
    plugin: *const clap_plugin,
    input: *const clap_input_events,
    output: *const clap_output_events,
) {
    // SAFETY: hosts give whole lists, or null.
    let events = unsafe { Unmodulated::of(input) };
    let list = events.list();
    framework!(flush, (), plugin, list.as_ref().map_or(input, |list| list), output);
}
