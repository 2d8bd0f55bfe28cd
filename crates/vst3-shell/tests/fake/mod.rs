//! A CLAP plugin that notes what it is asked, and does what a test says.
//!
//! Each test file uses some of it, hence the allowance.
#![allow(dead_code)]

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::*;
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::ext::params::*;
use clap_sys::ext::render::{CLAP_EXT_RENDER, clap_plugin_render};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::process::{CLAP_PROCESS_CONTINUE, clap_process};
use clap_sys::stream::{clap_istream, clap_ostream};
use clap_sys::version::CLAP_VERSION;
use host::Vst3Host;
use vst3_shell::{Description, Mode, mode};

/// The parameters: a range of 0..=2, steps of 0..=4, a bypass.
pub const GAIN: u32 = 10;
pub const STEPS: u32 = 5;
pub const BYPASS: u32 = 7;
const PARAMS: [(u32, &str, f64, u32); 3] = [
    (GAIN, "Gain", 2.0, CLAP_PARAM_IS_AUTOMATABLE),
    (STEPS, "Steps", 4.0, CLAP_PARAM_IS_AUTOMATABLE | CLAP_PARAM_IS_STEPPED),
    (BYPASS, "Bypass", 1.0, CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_BYPASS),
];

/// An event as the plugin got it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// Sample, channel, key, note id.
    On(u32, i16, i16, i32),
    Off(u32, i16, i16, i32),
    Expression(u32, i16, i16, i32, f64),
    Midi(u32, [u8; 3]),
    Param(u32, u32, f64),
}

/// A change of a parameter that the plugin tells.
#[derive(Clone, Copy)]
pub enum Tell {
    Begin(u32),
    Set(u32, f64),
    End(u32),
}

/// What one instance was asked and is to do.
pub struct Fake {
    pub seen: Mutex<Vec<Seen>>,
    pub tell: Mutex<Vec<Tell>>,
    /// The mode of each block, and its transport's flags and position.
    pub blocks: Mutex<Vec<(Option<Mode>, u32, i64)>>,
    pub render: AtomicI32,
    /// Threads on which `on_main_thread` ran.
    pub main: Mutex<Vec<ThreadId>>,
    pub state: Mutex<Vec<u8>>,
    values: [AtomicU64; 3],
    host: AtomicPtr<clap_host>,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    pub fn value(&self, id: u32) -> f64 {
        let at = PARAMS.iter().position(|param| param.0 == id).unwrap();
        f64::from_bits(self.values[at].load(Acquire))
    }

    fn set(&self, id: u32, value: f64) {
        if let Some(at) = PARAMS.iter().position(|param| param.0 == id) {
            self.values[at].store(value.to_bits(), Release);
        }
    }

    pub fn take_seen(&self) -> Vec<Seen> {
        lock(&self.seen).drain(..).collect()
    }

    fn clap_host(&self) -> *const clap_host {
        self.host.load(Acquire)
    }

    /// Asks for `on_main_thread`.
    pub fn request_callback(&self) {
        let host = self.clap_host();
        // SAFETY: the host outlives the plugin.
        unsafe { (*host).request_callback.unwrap()(host) };
    }

    fn host_params(&self) -> *const clap_host_params {
        let host = self.clap_host();
        // SAFETY: as above.
        unsafe { (*host).get_extension.unwrap()(host, CLAP_EXT_PARAMS.as_ptr()).cast() }
    }

    /// Has parameter changes to tell.
    pub fn request_flush(&self) {
        // SAFETY: as above.
        unsafe { (*self.host_params()).request_flush.unwrap()(self.clap_host()) };
    }

    /// Has other values now.
    pub fn rescan(&self) {
        // SAFETY: as above.
        unsafe { (*self.host_params()).rescan.unwrap()(self.clap_host(), CLAP_PARAM_RESCAN_VALUES) };
    }
}

/// An instance in a VST3 host, and its inside.
pub fn open() -> (Vst3Host, Arc<Fake>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = lock(&ONE_AT_A_TIME);
    // SAFETY: the factory is the shell's, with a reference.
    let host = unsafe { Vst3Host::of(vst3_shell::factory(&ENTRY, &DESCRIPTION).cast()) }.unwrap();
    let fake = lock(&LAST).take().unwrap();
    (host, fake)
}

static LAST: Mutex<Option<Arc<Fake>>> = Mutex::new(None);
/// Instances that live.
pub static LIVING: AtomicUsize = AtomicUsize::new(0);

pub static DESCRIPTION: Description = Description {
    class_id: *b"vst3-shell-fake!",
    clap_id: c"test.fake",
    name: "Fake",
    vendor: "Tests",
    url: "",
    email: "",
    version: "1",
    subcategories: "Instrument|Tools",
};

static ENTRY: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(init),
    deinit: Some(deinit),
    get_factory: Some(factory),
};

unsafe extern "C" fn init(_: *const c_char) -> bool {
    true
}

unsafe extern "C" fn deinit() {}

unsafe extern "C" fn factory(id: *const c_char) -> *const c_void {
    static FACTORY: clap_plugin_factory = clap_plugin_factory {
        get_plugin_count: None,
        get_plugin_descriptor: None,
        create_plugin: Some(create),
    };
    // SAFETY: the id is a C string.
    assert_eq!(unsafe { CStr::from_ptr(id) }, CLAP_PLUGIN_FACTORY_ID);
    (&raw const FACTORY).cast()
}

unsafe extern "C" fn create(
    _: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: the id is a C string.
    assert_eq!(unsafe { CStr::from_ptr(id) }, c"test.fake");
    let fake = Arc::new(Fake {
        seen: Mutex::new(Vec::with_capacity(8192)),
        tell: Mutex::default(),
        blocks: Mutex::new(Vec::with_capacity(8192)),
        render: AtomicI32::new(-1),
        main: Mutex::default(),
        state: Mutex::new(b"{\"a\":1}".to_vec()),
        values: Default::default(),
        host: AtomicPtr::new(host.cast_mut()),
    });
    *lock(&LAST) = Some(fake.clone());
    LIVING.fetch_add(1, AcqRel);
    let descriptor: *const clap_plugin_descriptor = std::ptr::null();
    Box::into_raw(Box::new(clap_plugin {
        desc: descriptor,
        plugin_data: Arc::into_raw(fake).cast_mut().cast(),
        init: Some(yes),
        destroy: Some(destroy),
        activate: Some(activate),
        deactivate: Some(nothing),
        start_processing: Some(yes),
        stop_processing: Some(nothing),
        reset: Some(nothing),
        process: Some(process),
        get_extension: Some(extension),
        on_main_thread: Some(on_main_thread),
    }))
}

/// # Safety
///
/// The plugin is one of ours and alive.
unsafe fn fake<'a>(plugin: *const clap_plugin) -> &'a Fake {
    // SAFETY: the caller says so.
    unsafe { &*(*plugin).plugin_data.cast::<Fake>() }
}

unsafe extern "C" fn yes(_: *const clap_plugin) -> bool {
    true
}

unsafe extern "C" fn nothing(_: *const clap_plugin) {}

unsafe extern "C" fn activate(_: *const clap_plugin, _: f64, _: u32, _: u32) -> bool {
    true
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: made by `create`, and destroyed once.
    unsafe {
        let plugin = Box::from_raw(plugin.cast_mut());
        drop(Arc::from_raw(plugin.plugin_data.cast::<Fake>()));
    }
    LIVING.fetch_sub(1, AcqRel);
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    // SAFETY: the shell hands the plugin in.
    lock(&unsafe { fake(plugin) }.main).push(thread::current().id());
}

unsafe extern "C" fn process(plugin: *const clap_plugin, block: *const clap_process) -> i32 {
    // SAFETY: the shell hands in a plugin and a whole block.
    unsafe {
        let (fake, block) = (fake(plugin), &*block);
        let transport = block.transport.as_ref();
        let at = transport.map_or((0, 0), |transport| (transport.flags, transport.song_pos_beats));
        lock(&fake.blocks).push((mode(), at.0, at.1));
        take(fake, block.in_events, Some(block.out_events));
        give(fake, block.out_events);
        if block.audio_outputs_count == 1 {
            let output: &clap_audio_buffer = &*block.audio_outputs;
            for channel in 0..output.channel_count as usize {
                (*output.data32.add(channel)).write_bytes(0, block.frames_count as usize);
            }
        }
    }
    CLAP_PROCESS_CONTINUE
}

/// Notes the events; notes, expressions and MIDI go out again.
unsafe fn take(fake: &Fake, list: *const clap_input_events, out: Option<*const clap_output_events>) {
    // SAFETY: the shell's lists are whole, and headers say what they begin.
    unsafe {
        for index in 0..(*list).size.unwrap()(list) {
            let event = (*list).get.unwrap()(list, index);
            let time = (*event).time;
            let seen = match (*event).type_ {
                kind @ (CLAP_EVENT_NOTE_ON | CLAP_EVENT_NOTE_OFF) => {
                    let note = *event.cast::<clap_event_note>();
                    let on = kind == CLAP_EVENT_NOTE_ON;
                    (if on { Seen::On } else { Seen::Off })(time, note.channel, note.key, note.note_id)
                }
                CLAP_EVENT_NOTE_EXPRESSION => {
                    let change = *event.cast::<clap_event_note_expression>();
                    Seen::Expression(time, change.channel, change.key, change.expression_id, change.value)
                }
                CLAP_EVENT_MIDI => Seen::Midi(time, (*event.cast::<clap_event_midi>()).data),
                CLAP_EVENT_PARAM_VALUE => {
                    let change = *event.cast::<clap_event_param_value>();
                    fake.set(change.param_id, change.value);
                    Seen::Param(time, change.param_id, change.value)
                }
                _ => continue,
            };
            lock(&fake.seen).push(seen);
            if let Some(out) = out.filter(|_| !matches!(seen, Seen::Param(..))) {
                (*out).try_push.unwrap()(out, event);
            }
        }
    }
}

/// Tells what there is to tell.
unsafe fn give(fake: &Fake, out: *const clap_output_events) {
    let header = |size: usize, type_| clap_event_header {
        size: size as u32,
        time: 0,
        space_id: CLAP_CORE_EVENT_SPACE_ID,
        type_,
        flags: 0,
    };
    for tell in lock(&fake.tell).drain(..) {
        let gesture = |param_id, kind| clap_event_param_gesture {
            header: header(size_of::<clap_event_param_gesture>(), kind),
            param_id,
        };
        // SAFETY: the list is whole, and the events live through the calls.
        unsafe {
            let push = (*out).try_push.unwrap();
            let done = match tell {
                Tell::Begin(id) => push(out, &gesture(id, CLAP_EVENT_PARAM_GESTURE_BEGIN).header),
                Tell::End(id) => push(out, &gesture(id, CLAP_EVENT_PARAM_GESTURE_END).header),
                Tell::Set(id, value) => {
                    fake.set(id, value);
                    let mut event: clap_event_param_value = std::mem::zeroed();
                    event.header = header(size_of::<clap_event_param_value>(), CLAP_EVENT_PARAM_VALUE);
                    (event.param_id, event.value) = (id, value);
                    push(out, &event.header)
                }
            };
            assert!(done);
        }
    }
}

unsafe extern "C" fn extension(_: *const clap_plugin, id: *const c_char) -> *const c_void {
    static PORTS: clap_plugin_audio_ports =
        clap_plugin_audio_ports { count: Some(port_count), get: Some(port) };
    static PARAMETERS: clap_plugin_params = clap_plugin_params {
        count: Some(param_count),
        get_info: Some(param_info),
        get_value: Some(param_value),
        value_to_text: Some(param_text),
        text_to_value: Some(param_from_text),
        flush: Some(flush),
    };
    static RENDER: clap_plugin_render =
        clap_plugin_render { has_hard_realtime_requirement: None, set: Some(set_render) };
    static STATE: clap_plugin_state = clap_plugin_state { save: Some(save), load: Some(load) };
    // SAFETY: the id is a C string.
    match unsafe { CStr::from_ptr(id) } {
        id if id == CLAP_EXT_AUDIO_PORTS => (&raw const PORTS).cast(),
        id if id == CLAP_EXT_PARAMS => (&raw const PARAMETERS).cast(),
        id if id == CLAP_EXT_RENDER => (&raw const RENDER).cast(),
        id if id == CLAP_EXT_STATE => (&raw const STATE).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn port_count(_: *const clap_plugin, _: bool) -> u32 {
    1
}

unsafe extern "C" fn port(_: *const clap_plugin, _: u32, _: bool, info: *mut clap_audio_port_info) -> bool {
    // SAFETY: the shell hands in a place for it.
    unsafe { (*info).channel_count = 2 };
    true
}

unsafe extern "C" fn param_count(_: *const clap_plugin) -> u32 {
    PARAMS.len() as u32
}

unsafe extern "C" fn param_info(_: *const clap_plugin, index: u32, info: *mut clap_param_info) -> bool {
    let (id, name, max, flags) = PARAMS[index as usize];
    // SAFETY: the shell hands in a place for it.
    let info = unsafe { &mut *info };
    (info.id, info.flags, info.min_value, info.max_value, info.default_value) = (id, flags, 0.0, max, 0.0);
    for (to, from) in info.name.iter_mut().zip(name.bytes()) {
        *to = from as c_char;
    }
    true
}

unsafe extern "C" fn param_value(plugin: *const clap_plugin, id: u32, value: *mut f64) -> bool {
    // SAFETY: the shell hands in the plugin and a place for it.
    unsafe { value.write(fake(plugin).value(id)) };
    true
}

unsafe extern "C" fn param_text(
    _: *const clap_plugin,
    _: u32,
    value: f64,
    to: *mut c_char,
    size: u32,
) -> bool {
    let text = format!("{value:.1} dB\0");
    assert!(text.len() <= size as usize);
    // SAFETY: the text fits.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr().cast(), to, text.len()) };
    true
}

unsafe extern "C" fn param_from_text(
    _: *const clap_plugin,
    _: u32,
    text: *const c_char,
    value: *mut f64,
) -> bool {
    // SAFETY: the shell hands in a C string and a place for the value.
    unsafe {
        let text = CStr::from_ptr(text).to_str().unwrap();
        text.trim_end_matches(" dB").parse().map(|parsed| value.write(parsed)).is_ok()
    }
}

unsafe extern "C" fn flush(
    plugin: *const clap_plugin,
    input: *const clap_input_events,
    output: *const clap_output_events,
) {
    // SAFETY: the shell hands in the plugin and whole lists.
    unsafe {
        let fake = fake(plugin);
        take(fake, input, None);
        give(fake, output);
    }
}

unsafe extern "C" fn set_render(plugin: *const clap_plugin, mode: i32) -> bool {
    // SAFETY: the shell hands in the plugin.
    unsafe { fake(plugin) }.render.store(mode, Release);
    true
}

/// As nice-plug does it: a length, then the text.
unsafe extern "C" fn save(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    // SAFETY: the shell hands in the plugin and a stream.
    unsafe {
        let state = lock(&fake(plugin).state).clone();
        let mut bytes = (state.len() as u64).to_le_bytes().to_vec();
        bytes.extend(&state);
        // In two parts, as streams may be written.
        let (first, second) = bytes.split_at(5);
        [first, second]
            .iter()
            .all(|part| (*stream).write.unwrap()(stream, part.as_ptr().cast(), part.len() as u64) > 0)
    }
}

unsafe extern "C" fn load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    let mut bytes = Vec::new();
    let mut part = [0_u8; 3];
    // SAFETY: the shell hands in the plugin and a stream.
    unsafe {
        loop {
            match (*stream).read.unwrap()(stream, part.as_mut_ptr().cast(), part.len() as u64) {
                0 => break,
                count => bytes.extend(&part[..count as usize]),
            }
        }
        let Some((length, text)) = bytes.split_first_chunk::<8>() else { return false };
        let whole = u64::from_le_bytes(*length) == text.len() as u64;
        if whole {
            *lock(&fake(plugin).state) = text.to_vec();
        }
        whole
    }
}
