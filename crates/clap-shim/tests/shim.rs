//! A plugin on paper behind the layer, in a host on paper that does what hosts should not.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::mem::{size_of, zeroed};

use clap_shim::{OUTPUT, ROOM, wrap};
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_NOTE_OFF, CLAP_EVENT_NOTE_ON,
    CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_midi, clap_event_note, clap_event_param_value,
    clap_input_events, clap_output_events,
};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_CONTINUE, CLAP_PROCESS_ERROR, clap_process, clap_process_status};

/// An event, in short: its time, what it is, its key.
type Short = (u32, u16, i16);

const ON: u16 = CLAP_EVENT_NOTE_ON;
const OFF: u16 = CLAP_EVENT_NOTE_OFF;
const VALUE: u16 = CLAP_EVENT_PARAM_VALUE;
const MIDI: u16 = CLAP_EVENT_MIDI;

/// What the plugin does and has seen.
#[derive(Default)]
struct Paper {
    /// To be sent in the next block, in this order.
    sends: Vec<Short>,
    /// What came in.
    seen: Vec<Short>,
    /// Events that its list would not take.
    refused: usize,
    /// Of the last block: frames, and the samples that came in on both channels, to which it adds 1.
    frames: u32,
    audio: [Vec<f32>; 2],
    destroyed: bool,
}

thread_local! {
    static PAPER: RefCell<Paper> = RefCell::default();
}

fn header<T>(time: u32, kind: u16) -> clap_event_header {
    let size = size_of::<T>() as u32;
    clap_event_header { size, time, space_id: CLAP_CORE_EVENT_SPACE_ID, type_: kind, flags: 0 }
}

/// Hands on an event that is there for the call only.
fn with_event<T>((time, kind, key): Short, call: impl FnOnce(&clap_event_header) -> T) -> T {
    // SAFETY: events are numbers and a pointer, for which zeros are valid.
    unsafe {
        match kind {
            VALUE => {
                let event = clap_event_param_value {
                    header: header::<clap_event_param_value>(time, kind),
                    ..zeroed()
                };
                call(&event.header)
            }
            MIDI => {
                let data = [0xB0, 1, key as u8];
                let event =
                    clap_event_midi { header: header::<clap_event_midi>(time, kind), port_index: 0, data };
                call(&event.header)
            }
            _ => {
                let event =
                    clap_event_note { header: header::<clap_event_note>(time, kind), key, ..zeroed() };
                call(&event.header)
            }
        }
    }
}

/// # Safety
///
/// As the header says.
unsafe fn short(event: &clap_event_header) -> Short {
    // SAFETY: the caller's.
    let key = unsafe {
        match event.type_ {
            ON | OFF => (*std::ptr::from_ref(event).cast::<clap_event_note>()).key,
            MIDI => (*std::ptr::from_ref(event).cast::<clap_event_midi>()).data[2].into(),
            _ => 0,
        }
    };
    (event.time, event.type_, key)
}

unsafe extern "C" fn inner_process(_: *const clap_plugin, block: *const clap_process) -> clap_process_status {
    // SAFETY: the layer hands in a whole block.
    unsafe {
        let block = &*block;
        PAPER.with_borrow_mut(|paper| {
            paper.frames = block.frames_count;
            if let Some(list) = block.in_events.as_ref() {
                for index in 0..(list.size.unwrap())(list) {
                    if let Some(event) = (list.get.unwrap())(list, index).as_ref() {
                        paper.seen.push(short(event));
                    }
                }
            }
            let (input, output) = (&*block.audio_inputs, &*block.audio_outputs);
            for channel in 0..2 {
                let frames = block.frames_count as usize;
                let from = std::slice::from_raw_parts(*input.data32.add(channel), frames).to_vec();
                let to = std::slice::from_raw_parts_mut(*output.data32.add(channel), frames);
                to.iter_mut().zip(&from).for_each(|(to, from)| *to = from + 1.0);
                paper.audio[channel] = from;
            }
            let list = &*block.out_events;
            for event in std::mem::take(&mut paper.sends) {
                let taken = with_event(event, |header| (list.try_push.unwrap())(list, header));
                paper.refused += usize::from(!taken);
            }
        });
        CLAP_PROCESS_CONTINUE
    }
}

unsafe extern "C" fn inner_destroy(_: *const clap_plugin) {
    PAPER.with_borrow_mut(|paper| paper.destroyed = true);
}

unsafe extern "C" fn inner_activate(_: *const clap_plugin, _: f64, _: u32, _: u32) -> bool {
    true
}

unsafe extern "C" fn inner_extension(plugin: *const clap_plugin, _: *const c_char) -> *const c_void {
    // SAFETY: the host hands in what it got; its data are the plugin's own.
    unsafe { (*plugin).plugin_data.cast_const() }
}

/// The plugin behind the layer, activated for blocks of 64.
struct Rig {
    plugin: *const clap_plugin,
    _inner: Box<clap_plugin>,
    /// How many events the host's list takes yet.
    room: usize,
    heard: Vec<Short>,
}

impl Rig {
    fn new() -> Self {
        PAPER.with_borrow_mut(|paper| *paper = Paper::default());
        // SAFETY: a plugin is pointers and functions that may be missing, for which zeros are valid.
        let inner = Box::new(clap_plugin {
            plugin_data: std::ptr::without_provenance_mut(77),
            process: Some(inner_process),
            destroy: Some(inner_destroy),
            activate: Some(inner_activate),
            get_extension: Some(inner_extension),
            ..unsafe { zeroed() }
        });
        // SAFETY: it is fresh.
        let plugin = unsafe { wrap(&*inner) };
        // SAFETY: as a host does.
        assert!(unsafe { (*plugin).activate.unwrap()(plugin, 48_000.0, 1, 64) });
        Self { plugin, _inner: inner, room: usize::MAX, heard: Vec::new() }
    }

    /// A block with buffers as a host should give them, in which the plugin sends and gets events.
    fn run(&mut self, sends: &[Short], input: &[Short]) {
        let (mut left, mut right) = (vec![0.0; 64], vec![0.0; 64]);
        let mut channels = [left.as_mut_ptr(), right.as_mut_ptr()];
        let input_bus = bus(&mut channels);
        let mut output_bus = input_bus;
        self.run_with(Some((&input_bus, &mut output_bus)), 64, sends, input);
    }

    fn run_with(
        &mut self,
        buses: Option<(*const clap_audio_buffer, *mut clap_audio_buffer)>,
        frames: u32,
        sends: &[Short],
        input: &[Short],
    ) -> clap_process_status {
        PAPER.with_borrow_mut(|paper| paper.sends = sends.to_vec());
        unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
            // SAFETY: the context is the host's events.
            unsafe { (&*(*list).ctx.cast::<Vec<clap_event_note>>()).len() as u32 }
        }
        unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
            // SAFETY: as above.
            unsafe { &(&(*(*list).ctx.cast::<Vec<clap_event_note>>()))[index as usize].header }
        }
        unsafe extern "C" fn try_push(
            list: *const clap_output_events,
            event: *const clap_event_header,
        ) -> bool {
            // SAFETY: the context is the rig.
            unsafe {
                let rig = &mut *(*list).ctx.cast::<Rig>();
                let takes = rig.heard.len() < rig.room;
                if takes {
                    rig.heard.push(short(&*event));
                }
                takes
            }
        }
        // Each event in a place that is long enough for any.
        let events: Vec<clap_event_note> = input
            .iter()
            .map(|&event| {
                with_event(event, |header| {
                    // SAFETY: zeros are valid; the event is no longer than its place.
                    unsafe {
                        let mut place: clap_event_note = zeroed();
                        let (from, to) =
                            (std::ptr::from_ref(header).cast::<u8>(), (&raw mut place).cast::<u8>());
                        std::ptr::copy_nonoverlapping(
                            from,
                            to,
                            (header.size as usize).min(size_of::<clap_event_note>()),
                        );
                        place
                    }
                })
            })
            .collect();
        let in_events = clap_input_events {
            ctx: std::ptr::from_ref(&events).cast_mut().cast(),
            size: Some(size),
            get: Some(get),
        };
        self.heard.clear();
        let out_events =
            clap_output_events { ctx: std::ptr::from_mut(self).cast(), try_push: Some(try_push) };
        // SAFETY: a block is numbers and pointers that may be null.
        let mut block = clap_process { frames_count: frames, ..unsafe { zeroed() } };
        (block.in_events, block.out_events) = (&in_events, &out_events);
        if let Some((input, output)) = buses {
            (block.audio_inputs, block.audio_inputs_count) = (input, u32::from(!input.is_null()));
            (block.audio_outputs, block.audio_outputs_count) = (output, u32::from(!output.is_null()));
        }
        let plugin = self.plugin;
        // SAFETY: as a host does.
        unsafe { (*plugin).process.unwrap()(plugin, &block) }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // SAFETY: as a host does, once.
        unsafe { (*self.plugin).destroy.unwrap()(self.plugin) };
        assert!(PAPER.with_borrow(|paper| paper.destroyed));
    }
}

fn bus(channels: &mut [*mut f32]) -> clap_audio_buffer {
    let (data32, channel_count) = (channels.as_mut_ptr(), channels.len() as u32);
    clap_audio_buffer { data32, data64: std::ptr::null_mut(), channel_count, latency: 0, constant_mask: 0 }
}

#[test]
fn events_leave_in_the_order_of_time_and_those_of_one_time_as_they_were_written() {
    let mut rig = Rig::new();
    // As the framework writes: the notes of the block, then what the window did, at time 0.
    rig.run(
        &[(0, ON, 60), (9, OFF, 60), (9, ON, 62), (9, OFF, 62), (0, VALUE, 0), (40, ON, 64), (0, MIDI, 5)],
        &[],
    );
    let sorted =
        [(0, ON, 60), (0, VALUE, 0), (0, MIDI, 5), (9, OFF, 60), (9, ON, 62), (9, OFF, 62), (40, ON, 64)];
    assert_eq!(rig.heard, sorted);
}

#[test]
fn a_note_off_that_the_host_refuses_comes_in_the_next_block() {
    let mut rig = Rig::new();
    rig.run(&[(0, ON, 60), (0, ON, 62)], &[]);
    rig.room = 0;
    rig.run(&[(3, OFF, 60), (4, ON, 64), (9, OFF, 64)], &[]);
    assert!(rig.heard.is_empty());
    rig.run(&[], &[]);
    rig.room = usize::MAX;
    rig.run(&[(5, OFF, 62)], &[]);
    assert_eq!(rig.heard, [(0, OFF, 60), (5, OFF, 62)], "and none for a note that the host never had");
    rig.run(&[], &[]);
    assert!(rig.heard.is_empty());
}

#[test]
fn a_key_whose_note_off_is_owed_ends_before_it_starts_again() {
    let mut rig = Rig::new();
    rig.run(&[(0, ON, 60)], &[]);
    rig.room = 1;
    rig.run(&[(0, ON, 61), (3, OFF, 60), (8, ON, 60)], &[]);
    assert_eq!(rig.heard, [(0, ON, 61)]);
    rig.room = usize::MAX;
    rig.run(&[(2, ON, 60), (3, OFF, 60), (4, OFF, 61)], &[]);
    assert_eq!(rig.heard, [(0, OFF, 60), (2, ON, 60), (3, OFF, 60), (4, OFF, 61)]);
}

#[test]
fn note_offs_that_find_no_room_come_in_the_next_block() {
    let mut rig = Rig::new();
    rig.run(&[(0, ON, 60)], &[]);
    let mut many = vec![(1, MIDI, 5); OUTPUT];
    many.push((2, OFF, 60));
    many.push((3, MIDI, 5));
    rig.run(&many, &[]);
    assert_eq!((rig.heard.len(), PAPER.with_borrow(|paper| paper.refused)), (OUTPUT, 1));
    rig.run(&[], &[]);
    assert_eq!(rig.heard, [(0, OFF, 60)]);
}

#[test]
fn more_events_than_there_is_room_for_lose_no_end() {
    let mut rig = Rig::new();
    let mut input: Vec<Short> = (0..ROOM as i16).map(|index| (0, MIDI, index % 128)).collect();
    input.extend((0..100).flat_map(|_| (0..128).map(|key| (1, OFF, key))));
    input.extend((0..128).map(|key| (2, ON, key)));
    input.extend((0..50).map(|_| (3, VALUE, 0)));
    rig.run(&[], &input);
    let seen = PAPER.with_borrow(|paper| paper.seen.clone());
    let count = |kind: u16| seen.iter().filter(|event| event.1 == kind).count();
    assert!(count(MIDI) + count(OFF) + count(ON) <= ROOM && count(MIDI) > 5_000);
    let ends: std::collections::HashSet<_> =
        seen.iter().filter(|event| event.1 == OFF).map(|event| event.2).collect();
    assert_eq!((ends.len(), count(OFF), count(ON), count(VALUE)), (128, 128, 0, 50));
    // What there is room for is left alone.
    PAPER.with_borrow_mut(|paper| paper.seen.clear());
    let input: Vec<Short> = (0..5_000).map(|index| (0, ON, index % 128)).collect();
    rig.run(&[], &input);
    assert_eq!(PAPER.with_borrow(|paper| paper.seen.clone()), input);
}

#[test]
fn blocks_without_a_usable_output_bring_their_events_all_the_same() {
    let mut rig = Rig::new();
    let (mut left, mut right, mut third) = ([0.5f32; 64], [0.25f32; 64], [9.0f32; 64]);
    let (sends, input) = ([(7, ON, 60), (8, OFF, 60)], [(3, ON, 50)]);
    let check =
        |rig: &mut Rig, input_bus: Option<clap_audio_buffer>, output: Option<clap_audio_buffer>, frames| {
            PAPER.with_borrow_mut(|paper| paper.seen.clear());
            let (input_bus, mut output) = (input_bus, output);
            let from = input_bus.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            let to = output.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
            let status = rig.run_with(Some((from, to)), frames, &sends, &input);
            assert_eq!(status, CLAP_PROCESS_CONTINUE);
            assert_eq!(rig.heard, sends);
            assert_eq!(PAPER.with_borrow(|paper| paper.seen.clone()), input);
            PAPER.with_borrow(|paper| (paper.audio[0][0], paper.audio[1][0]))
        };
    let null = std::ptr::null_mut();
    // No bus at all, a bus without channels, null channels.
    assert_eq!(check(&mut rig, None, None, 64), (0.0, 0.0));
    assert_eq!(check(&mut rig, Some(bus(&mut [])), Some(bus(&mut [])), 64), (0.0, 0.0));
    let mut channels = [left.as_mut_ptr(), null];
    assert_eq!(check(&mut rig, Some(bus(&mut channels)), Some(bus(&mut channels)), 64), (0.5, 0.0));
    assert_eq!(left[0], 1.5);
    // Mono, and more than two.
    let mut channels = [right.as_mut_ptr()];
    assert_eq!(check(&mut rig, Some(bus(&mut channels)), Some(bus(&mut channels)), 64), (0.25, 0.25));
    assert_eq!(right[63], 1.25);
    let mut channels = [left.as_mut_ptr(), right.as_mut_ptr(), third.as_mut_ptr()];
    assert_eq!(check(&mut rig, Some(bus(&mut channels)), Some(bus(&mut channels)), 64), (1.5, 1.25));
    assert_eq!((left[0], right[0], third[0]), (2.5, 2.25, 0.0));
    // 64 bits.
    let (mut wide_left, mut wide_right) = ([0.125f64; 64], [0.75f64; 64]);
    let mut channels = [wide_left.as_mut_ptr(), wide_right.as_mut_ptr()];
    let wide = clap_audio_buffer {
        data32: std::ptr::null_mut(),
        data64: channels.as_mut_ptr(),
        ..bus(&mut [null, null])
    };
    assert_eq!(check(&mut rig, Some(wide), Some(wide), 64), (0.125, 0.75));
    assert_eq!((wide_left[63], wide_right[0]), (1.125, 1.75));
    // No frames.
    let mut channels = [left.as_mut_ptr(), right.as_mut_ptr()];
    check(&mut rig, Some(bus(&mut channels)), Some(bus(&mut channels)), 0);
    assert_eq!((PAPER.with_borrow(|paper| paper.frames), left[0]), (1, 2.5));
}

#[test]
fn what_cannot_be_is_refused_and_the_object_is_the_plugins_own() {
    let mut rig = Rig::new();
    assert_eq!(rig.run_with(None, 65, &[], &[]), CLAP_PROCESS_ERROR, "longer than any block was to be");
    // SAFETY: null is what some hosts give.
    assert_eq!(unsafe { (*rig.plugin).process.unwrap()(rig.plugin, std::ptr::null()) }, CLAP_PROCESS_ERROR);
    // SAFETY: as a host does.
    let data = unsafe { (*rig.plugin).get_extension.unwrap()(rig.plugin, c"any".as_ptr()) };
    assert_eq!(data.addr(), 77);
    // SAFETY: null is what the framework gives for a plugin that it does not know.
    assert!(unsafe { wrap(std::ptr::null()) }.is_null());
}
