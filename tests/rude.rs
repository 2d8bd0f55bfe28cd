//! Hosts that keep no rules: no buffers, lists that are full, floods of events, velocities that are none.
//!
//! The plugin's CLAP object is called by hand, for a host that is written well cannot do this.

mod common;

use std::ffi::CStr;
use std::mem::{size_of, zeroed};

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_NOTE_OFF, CLAP_EVENT_NOTE_ON,
    CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_midi, clap_event_note, clap_event_param_value,
    clap_input_events, clap_output_events,
};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, CLAP_PARAM_IS_BYPASS, clap_param_info, clap_plugin_params};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use clap_sys::version::CLAP_VERSION;

const FRAMES: u32 = 64;

#[repr(C)]
#[derive(Clone, Copy)]
union Sent {
    header: clap_event_header,
    note: clap_event_note,
    midi: clap_event_midi,
    value: clap_event_param_value,
}

fn header<T>(time: u32, kind: u16) -> clap_event_header {
    let size = size_of::<T>() as u32;
    clap_event_header { size, time, space_id: CLAP_CORE_EVENT_SPACE_ID, type_: kind, flags: 0 }
}

fn note(time: u32, kind: u16, key: i16, velocity: f64) -> Sent {
    let header = header::<clap_event_note>(time, kind);
    Sent { note: clap_event_note { header, note_id: -1, port_index: 0, channel: 0, key, velocity } }
}

fn controller(time: u32, value: u8) -> Sent {
    let header = header::<clap_event_midi>(time, CLAP_EVENT_MIDI);
    Sent { midi: clap_event_midi { header, port_index: 0, data: [0xB0, 1, value] } }
}

/// A note that came out: its time, whether it starts, its key, its velocity.
type Heard = (u32, bool, i16, f64);

/// An instance that is bypassed, so that what comes in goes out in the same block.
struct Rude {
    plugin: *const clap_plugin,
    input: Vec<Sent>,
    heard: Vec<Heard>,
    /// How many events its list takes.
    room: usize,
    taken: usize,
    // Used by the plugin to the end.
    _host: Box<clap_host>,
    _library: libloading::Library,
}

unsafe extern "C" fn nothing(_: *const clap_host) {}

unsafe extern "C" fn no_extension(
    _: *const clap_host,
    _: *const std::ffi::c_char,
) -> *const std::ffi::c_void {
    std::ptr::null()
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: the context is the host.
    unsafe { (*(*list).ctx.cast::<Rude>()).events() }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: the context is the host, and each event begins with its header.
    unsafe { std::ptr::from_ref(&(&(*(*list).ctx.cast::<Rude>()).input)[index as usize]).cast() }
}

unsafe extern "C" fn try_push(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: the context is the host, and the plugin hands in what its header says.
    unsafe {
        let host = &mut *(*list).ctx.cast::<Rude>();
        if host.taken >= host.room {
            return false;
        }
        host.taken += 1;
        let kind = (*event).type_;
        if matches!(kind, CLAP_EVENT_NOTE_ON | CLAP_EVENT_NOTE_OFF) {
            let note = &*event.cast::<clap_event_note>();
            host.heard.push((note.header.time, kind == CLAP_EVENT_NOTE_ON, note.key, note.velocity));
        }
        true
    }
}

impl Rude {
    fn events(&self) -> u32 {
        self.input.len() as u32
    }

    fn new() -> Box<Self> {
        common::packs_folder();
        // SAFETY: the library is the plugin, its entry is CLAP's, and calls keep CLAP's order.
        unsafe {
            let library = libloading::Library::new(common::library()).unwrap();
            let entry = **library.get::<*const clap_plugin_entry>(b"clap_entry\0").unwrap();
            assert!(entry.init.unwrap()(c"".as_ptr()));
            let factory =
                entry.get_factory.unwrap()(CLAP_PLUGIN_FACTORY_ID.as_ptr()).cast::<clap_plugin_factory>();
            let text = c"test".as_ptr();
            let host = Box::new(clap_host {
                clap_version: CLAP_VERSION,
                host_data: std::ptr::null_mut(),
                name: text,
                vendor: text,
                url: text,
                version: text,
                get_extension: Some(no_extension),
                request_restart: Some(nothing),
                request_process: Some(nothing),
                request_callback: Some(nothing),
            });
            let id: &CStr = c"org.contrafact.contrafact";
            let plugin = (*factory).create_plugin.unwrap()(factory, &*host, id.as_ptr());
            assert!((*plugin).init.unwrap()(plugin));
            assert!((*plugin).activate.unwrap()(plugin, 48_000.0, 1, FRAMES));
            assert!((*plugin).start_processing.unwrap()(plugin));
            let (input, heard) = (Vec::new(), Vec::new());
            let mut rude = Box::new(Self {
                plugin,
                input,
                heard,
                room: usize::MAX,
                taken: 0,
                _host: host,
                _library: library,
            });
            let bypass = rude.bypass();
            assert!(rude.run_usual(vec![bypass]));
            rude
        }
    }

    /// The event that turns the bypass on.
    fn bypass(&self) -> Sent {
        // SAFETY: as a host asks.
        unsafe {
            let params = (*self.plugin).get_extension.unwrap()(self.plugin, CLAP_EXT_PARAMS.as_ptr());
            let params = &*params.cast::<clap_plugin_params>();
            let infos = (0..params.count.unwrap()(self.plugin)).map(|index| {
                let mut info: clap_param_info = zeroed();
                assert!(params.get_info.unwrap()(self.plugin, index, &mut info));
                info
            });
            let is_bypass = |info: &clap_param_info| info.flags & CLAP_PARAM_IS_BYPASS != 0;
            let info = infos.into_iter().find(is_bypass).unwrap();
            let header = header::<clap_event_param_value>(0, CLAP_EVENT_PARAM_VALUE);
            let cookie = std::ptr::null_mut();
            let (note_id, port_index, channel, key) = (-1, -1, -1, -1);
            let (param_id, value) = (info.id, 1.0);
            let value =
                clap_event_param_value { header, param_id, cookie, note_id, port_index, channel, key, value };
            Sent { value }
        }
    }

    /// A block in these buffers; false where the plugin says that it failed.
    fn run(&mut self, input: Vec<Sent>, buses: [Option<clap_audio_buffer>; 2], frames: u32) -> bool {
        (self.input, self.taken) = (input, 0);
        self.heard.clear();
        let ctx = std::ptr::from_mut(self).cast();
        let in_events = clap_input_events { ctx, size: Some(size), get: Some(get) };
        let out_events = clap_output_events { ctx, try_push: Some(try_push) };
        let [input, mut output] = buses;
        // SAFETY: a block is numbers and pointers that may be null.
        let mut block = clap_process { frames_count: frames, ..unsafe { zeroed() } };
        (block.in_events, block.out_events) = (&in_events, &out_events);
        if let Some(bus) = &input {
            (block.audio_inputs, block.audio_inputs_count) = (bus, 1);
        }
        if let Some(bus) = &mut output {
            (block.audio_outputs, block.audio_outputs_count) = (bus, 1);
        }
        // SAFETY: the block is whole.
        unsafe { (*self.plugin).process.unwrap()(self.plugin, &block) != CLAP_PROCESS_ERROR }
    }

    /// A block as any host gives it.
    fn run_usual(&mut self, input: Vec<Sent>) -> bool {
        let mut samples = [[0.0f32; FRAMES as usize]; 2];
        let mut channels = samples.each_mut().map(|channel| channel.as_mut_ptr());
        let bus = bus(&mut channels);
        self.run(input, [Some(bus), Some(bus)], FRAMES)
    }
}

impl Drop for Rude {
    fn drop(&mut self) {
        // SAFETY: in CLAP's order, once.
        unsafe {
            (*self.plugin).stop_processing.unwrap()(self.plugin);
            (*self.plugin).deactivate.unwrap()(self.plugin);
            (*self.plugin).destroy.unwrap()(self.plugin);
        }
    }
}

fn bus(channels: &mut [*mut f32]) -> clap_audio_buffer {
    let (data32, channel_count) = (channels.as_mut_ptr(), channels.len() as u32);
    clap_audio_buffer { data32, data64: std::ptr::null_mut(), channel_count, latency: 0, constant_mask: 0 }
}

fn on(time: u32, key: i16) -> Sent {
    note(time, CLAP_EVENT_NOTE_ON, key, 0.5)
}

fn off(time: u32, key: i16) -> Sent {
    note(time, CLAP_EVENT_NOTE_OFF, key, 0.0)
}

#[test]
fn notes_pass_in_blocks_without_a_buffer_that_can_be_used() {
    let mut rude = Rude::new();
    let mut samples = [[0.25f32; FRAMES as usize]; 2];
    let mut wide = [[0.25f64; FRAMES as usize]; 2];
    let mut mono = [samples[0].as_mut_ptr()];
    let mut nulls = [std::ptr::null_mut(); 2];
    let mut wides = wide.each_mut().map(|channel| channel.as_mut_ptr());
    let (mono, nulls) = (bus(&mut mono), bus(&mut nulls));
    let wide = clap_audio_buffer { data32: std::ptr::null_mut(), data64: wides.as_mut_ptr(), ..nulls };
    for (key, buses) in
        [[None, None], [Some(nulls), Some(nulls)], [Some(mono), Some(mono)], [Some(wide), Some(wide)]]
            .into_iter()
            .enumerate()
    {
        let key = 60 + key as i16;
        assert!(rude.run(vec![on(3, key)], buses, FRAMES));
        assert_eq!(rude.heard, [(3, true, key, 0.5)]);
        assert!(rude.run(vec![off(5, key)], buses, FRAMES));
        assert_eq!(rude.heard, [(5, false, key, 0.0)]);
    }
    // And of no length.
    assert!(rude.run_usual(vec![on(0, 70)]));
    assert!(rude.run(vec![off(0, 70)], [None, None], 0));
    assert_eq!(rude.heard, [(0, false, 70, 0.0)]);
}

#[test]
fn a_note_off_that_the_host_refuses_comes_in_the_next_block() {
    let mut rude = Rude::new();
    assert!(rude.run_usual(vec![on(0, 60), on(1, 62)]));
    rude.room = 0;
    assert!(rude.run_usual(vec![off(3, 60), off(4, 62)]));
    assert!(rude.heard.is_empty());
    rude.room = 1;
    assert!(rude.run_usual(Vec::new()));
    assert_eq!(rude.heard, [(0, false, 60, 0.0)]);
    rude.room = usize::MAX;
    assert!(rude.run_usual(vec![on(0, 64)]));
    assert_eq!(rude.heard, [(0, false, 62, 0.0), (0, true, 64, 0.5)]);
}

/// The plugin under test aborts when its audio thread allocates. The framework's own queue is allowed to; it
/// prints then, but more than its room never comes in.
#[test]
fn a_flood_of_events_ends_every_note_and_the_next_block_is_as_ever() {
    let mut rude = Rude::new();
    let keys: Vec<Sent> = (0..128).map(|key| on(0, key)).collect();
    assert!(rude.run_usual(keys));
    let mut flood: Vec<Sent> = (0..30_000).map(|index| controller(1, (index % 128) as u8)).collect();
    flood.extend((0..128).map(|key| off(2, key)));
    flood.extend((0..128).flat_map(|key| [on(3, key), off(4, key)]));
    assert!(rude.run_usual(flood));
    let ends: std::collections::HashSet<_> =
        rude.heard.iter().filter(|note| !note.1).map(|note| note.2).collect();
    assert_eq!(ends.len(), 128);
    let mut sounding = 128;
    for note in &rude.heard {
        sounding += if note.1 { 1 } else { -1 };
    }
    assert_eq!((sounding, rude.taken.clamp(0, 8_192)), (0, rude.taken));
    assert!(rude.run_usual(vec![on(0, 60), off(9, 60)]));
    assert_eq!(rude.heard, [(0, true, 60, 0.5), (9, false, 60, 0.0)]);
}

#[test]
fn velocities_that_are_none_leave_as_velocities() {
    let mut rude = Rude::new();
    for velocity in [0.0, -1.0, 0.001, 7.0, f64::INFINITY, f64::NAN] {
        assert!(rude.run_usual(vec![note(0, CLAP_EVENT_NOTE_ON, 60, velocity), off(5, 60)]));
        assert!(rude.heard.iter().all(|note| !note.1 || note.3 > 0.0 && note.3 <= 1.0), "{:?}", rude.heard);
        // What is no number cannot be played.
        assert_eq!(rude.heard.len(), if velocity.is_finite() { 2 } else { 0 }, "{velocity}");
    }
}
