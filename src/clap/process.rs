//! A block, on its way to the framework. Real-time safe.

use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};

use super::input::Unmodulated;
use super::{Shell, inner};

/// Processes a block.
///
/// # Safety
///
/// Plugin and block are whole.
pub unsafe fn process(plugin: *const clap_plugin, block: *const clap_process) -> i32 {
    // SAFETY: the caller's word.
    let Some(whole) = (unsafe { block.as_ref() }) else { return CLAP_PROCESS_ERROR };
    // SAFETY: as above.
    let events = unsafe { Unmodulated::of(whole.in_events) };
    match events.list() {
        Some(list) => {
            let block = clap_process { in_events: &raw const list, ..*whole };
            inner!(plugin, process, CLAP_PROCESS_ERROR, &raw const block)
        }
        None => inner!(plugin, process, CLAP_PROCESS_ERROR, block),
    }
}
