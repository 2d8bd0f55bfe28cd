//! The CLAP object inside: made through the library's own CLAP entry, asked through its extensions.

pub mod gui;
mod host;

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Arc, OnceLock};

use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_plugin_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::render::{CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use clap_sys::stream::{clap_istream, clap_ostream};

use crate::description::Description;
use crate::mode::Mode;
use crate::signals::Signals;
use host::Host;

/// An initialised CLAP plugin instance. The methods are CLAP's: who calls them keeps CLAP's rules of threads,
/// which is what `instance` is for.
pub struct Plugin {
    object: *const clap_plugin,
    params: *const clap_plugin_params,
    state: *const clap_plugin_state,
    render: *const clap_plugin_render,
    latency: *const clap_plugin_latency,
    gui: *const clap_plugin_gui,
    /// Whether there is a stereo input, and a stereo output.
    pub audio: (bool, bool),
    // Outlives the object, which points to it.
    _host: Box<Host>,
}

// SAFETY: a CLAP object may be called from any thread, by the rules that its caller keeps.
unsafe impl Send for Plugin {}
// SAFETY: as above.
unsafe impl Sync for Plugin {}

/// Calls a function of a CLAP table, where table and function are there.
macro_rules! call {
    ($table:expr, $function:ident $(, $argument:expr)*) => {{
        // SAFETY: tables are null or live as long as the plugin, which outlives the call; the function's own
        // demands are met where it is called.
        unsafe {
            match $table.as_ref().and_then(|table| table.$function) {
                Some(function) => Some(function($($argument),*)),
                None => None,
            }
        }
    }};
}
pub(crate) use call;

impl Plugin {
    /// Makes and initialises an instance; `None` where the library has no such plugin or it refuses. On the
    /// main thread.
    pub fn new(
        entry: &clap_plugin_entry,
        description: &Description,
        signals: Arc<Signals>,
    ) -> Option<Plugin> {
        static ENTERED: OnceLock<bool> = OnceLock::new();
        let entered = *ENTERED.get_or_init(|| {
            // SAFETY: the library is loaded, and this is done once. Its path is not known here, nor needed.
            entry.init.is_some_and(|init| unsafe { init(c"".as_ptr()) })
        });
        if !entered {
            return None;
        }
        let get_factory = entry.get_factory?;
        // SAFETY: the entry is initialised, and a factory of that name is of that type.
        let factory = unsafe { get_factory(CLAP_PLUGIN_FACTORY_ID.as_ptr()) }.cast::<clap_plugin_factory>();
        let host = Host::new(signals);
        let object = call!(factory, create_plugin, factory, host.clap(), description.clap_id.as_ptr())?;
        // SAFETY: the factory gave null or an instance.
        let init = unsafe { object.as_ref() }?.init?;
        let mut plugin = Plugin {
            object,
            params: std::ptr::null(),
            state: std::ptr::null(),
            render: std::ptr::null(),
            latency: std::ptr::null(),
            gui: std::ptr::null(),
            audio: (false, false),
            _host: host,
        };
        // SAFETY: the object is new.
        if !unsafe { init(object) } {
            return None;
        }
        plugin.params = plugin.extension(CLAP_EXT_PARAMS).cast();
        plugin.state = plugin.extension(CLAP_EXT_STATE).cast();
        plugin.render = plugin.extension(CLAP_EXT_RENDER).cast();
        plugin.latency = plugin.extension(CLAP_EXT_LATENCY).cast();
        plugin.gui = plugin.extension(CLAP_EXT_GUI).cast();
        plugin.audio = (plugin.stereo(true)?, plugin.stereo(false)?);
        Some(plugin)
    }

    fn extension(&self, name: &CStr) -> *const c_void {
        call!(self.object, get_extension, self.object, name.as_ptr()).unwrap_or(std::ptr::null())
    }

    /// Whether there is a stereo port in that direction; `None` for a layout that the shell cannot serve.
    fn stereo(&self, input: bool) -> Option<bool> {
        let ports = self.extension(CLAP_EXT_AUDIO_PORTS).cast::<clap_plugin_audio_ports>();
        match call!(ports, count, self.object, input).unwrap_or(0) {
            0 => Some(false),
            1 => {
                // SAFETY: an info is numbers, text and a pointer, for which zeros are valid.
                let mut info: clap_audio_port_info = unsafe { std::mem::zeroed() };
                let done = call!(ports, get, self.object, 0, input, &mut info).unwrap_or(false);
                (done && info.channel_count == 2).then_some(true)
            }
            _ => None,
        }
    }

    /// Main thread, inactive.
    pub fn activate(&self, sample_rate: f64, max_frames: u32) -> bool {
        call!(self.object, activate, self.object, sample_rate, 1, max_frames).unwrap_or(false)
    }

    /// Main thread, active.
    pub fn deactivate(&self) {
        call!(self.object, deactivate, self.object);
    }

    /// Audio thread, active.
    pub fn start_processing(&self) -> bool {
        call!(self.object, start_processing, self.object).unwrap_or(false)
    }

    /// Audio thread, processing.
    pub fn stop_processing(&self) {
        call!(self.object, stop_processing, self.object);
    }

    /// Audio thread, processing. Whether it worked.
    ///
    /// # Safety
    ///
    /// What `block` points to is whole.
    pub unsafe fn process(&self, block: &clap_process) -> bool {
        call!(self.object, process, self.object, block).is_some_and(|status| status != CLAP_PROCESS_ERROR)
    }

    /// Main thread.
    pub fn on_main_thread(&self) {
        call!(self.object, on_main_thread, self.object);
    }

    /// Every parameter. Main thread.
    pub fn param_infos(&self) -> Vec<clap_param_info> {
        let count = call!(self.params, count, self.object).unwrap_or(0);
        let info = |index| {
            // SAFETY: an info is numbers, text and a pointer, for which zeros are valid.
            let mut info: clap_param_info = unsafe { std::mem::zeroed() };
            call!(self.params, get_info, self.object, index, &mut info).unwrap_or(false).then_some(info)
        };
        (0..count).filter_map(info).collect()
    }

    /// The plain value of a parameter.
    pub fn value(&self, id: u32) -> Option<f64> {
        let mut value = 0.0;
        call!(self.params, get_value, self.object, id, &mut value).unwrap_or(false).then_some(value)
    }

    /// A plain value in words.
    pub fn value_to_text(&self, id: u32, value: f64) -> Option<String> {
        let mut text = [0 as c_char; 256];
        let done =
            call!(self.params, value_to_text, self.object, id, value, text.as_mut_ptr(), text.len() as u32);
        done.unwrap_or(false).then(|| crate::text::read8(&text))
    }

    /// The plain value that words mean.
    pub fn text_to_value(&self, id: u32, text: &CStr) -> Option<f64> {
        let mut value = 0.0;
        let done = call!(self.params, text_to_value, self.object, id, text.as_ptr(), &mut value);
        done.unwrap_or(false).then_some(value)
    }

    /// Parameter changes without a block. Audio thread where active, else main thread.
    ///
    /// # Safety
    ///
    /// Both lists are whole.
    pub unsafe fn flush(&self, input: &clap_input_events, output: &clap_output_events) {
        call!(self.params, flush, self.object, input, output);
    }

    /// Says whether the plugin may take its time. Main thread.
    pub fn set_mode(&self, mode: Mode) {
        let mode = if mode == Mode::Offline { CLAP_RENDER_OFFLINE } else { CLAP_RENDER_REALTIME };
        call!(self.render, set, self.object, mode);
    }

    /// Samples. Main thread.
    pub fn latency(&self) -> u32 {
        call!(self.latency, get, self.object).unwrap_or(0)
    }

    /// Main thread.
    ///
    /// # Safety
    ///
    /// The stream is whole.
    pub unsafe fn save(&self, stream: &clap_ostream) -> bool {
        call!(self.state, save, self.object, stream).unwrap_or(false)
    }

    /// Main thread.
    ///
    /// # Safety
    ///
    /// The stream is whole.
    pub unsafe fn load(&self, stream: &clap_istream) -> bool {
        call!(self.state, load, self.object, stream).unwrap_or(false)
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        call!(self.object, destroy, self.object);
    }
}
