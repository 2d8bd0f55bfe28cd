//! A plugin on paper that records its calls, and its host.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_void};
use std::mem::{size_of, zeroed};

use clap_shim::{goes_on, set_parameter, wrap};
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI_SYSEX, CLAP_EVENT_NOTE_ON, CLAP_EVENT_PARAM_VALUE,
    CLAP_EVENT_TRANSPORT, clap_event_header, clap_event_midi_sysex, clap_event_note, clap_event_param_value,
    clap_event_transport, clap_input_events, clap_output_events,
};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_CONTINUE, clap_process, clap_process_status};

pub const NOTE: u16 = CLAP_EVENT_NOTE_ON;
pub const VALUE: u16 = CLAP_EVENT_PARAM_VALUE;
pub const TRANSPORT: u16 = CLAP_EVENT_TRANSPORT;
pub const SYSEX: u16 = CLAP_EVENT_MIDI_SYSEX;
/// Longer than the layer can copy, and not CLAP's.
pub const FOREIGN: u16 = 999;

/// An event, in short: its time, what it is, and the number by which it is known again.
pub type Short = (u32, u16, u32);

/// An event of any kind.
#[derive(Clone, Copy)]
#[repr(C)]
pub union Event {
    pub header: clap_event_header,
    note: clap_event_note,
    value: clap_event_param_value,
    pub transport: clap_event_transport,
    sysex: clap_event_midi_sysex,
    foreign: (clap_event_header, [u64; 30]),
}

/// An event whose number is in a field that is near its end.
pub fn event((time, kind, number): Short) -> Event {
    // SAFETY: events are numbers and a pointer, for which zeros are valid.
    let mut event: Event = unsafe { zeroed() };
    let size = match kind {
        NOTE => {
            event.note.key = number as i16;
            size_of::<clap_event_note>()
        }
        VALUE => {
            event.value.value = f64::from(number);
            size_of::<clap_event_param_value>()
        }
        SYSEX => {
            event.sysex.buffer = std::ptr::without_provenance(number as usize);
            size_of::<clap_event_midi_sysex>()
        }
        TRANSPORT => {
            event.transport.bar_number = number as i32;
            size_of::<clap_event_transport>()
        }
        _ => size_of::<Event>(),
    } as u32;
    let space_id = if kind == FOREIGN { 7 } else { CLAP_CORE_EVENT_SPACE_ID };
    event.header = clap_event_header { size, time, space_id, type_: kind, flags: 0 };
    event
}

/// # Safety
///
/// As the header says.
unsafe fn short(header: *const clap_event_header) -> Short {
    // SAFETY: the caller's.
    unsafe {
        let number = match (*header).type_ {
            NOTE => (*header.cast::<clap_event_note>()).key as u32,
            VALUE => (*header.cast::<clap_event_param_value>()).value as u32,
            SYSEX => (*header.cast::<clap_event_midi_sysex>()).buffer.addr() as u32,
            TRANSPORT => (*header.cast::<clap_event_transport>()).bar_number as u32,
            _ => 0,
        };
        ((*header).time, (*header).type_, number)
    }
}

/// A call of the plugin's process.
#[derive(Debug, Default, Clone)]
pub struct Call {
    pub frames: u32,
    /// It was told that this is a later part.
    pub goes_on: bool,
    pub steady: i64,
    pub transport: Option<clap_event_transport>,
    /// Where the transport and the list of events are.
    pub transport_at: usize,
    pub list_at: usize,
    pub events: Vec<Short>,
    /// Events that it was given null for.
    pub nulls: usize,
    /// The first sample of each channel of each input: 32 bits, then 64.
    pub first: Vec<f64>,
    /// The reply to each parameter that it set.
    pub set: Vec<bool>,
}

/// What the plugin does in a call.
#[derive(Default, Clone)]
pub struct Does {
    pub sends: Vec<Short>,
    /// Parameters: time, value, which is the id too.
    pub sets: Vec<(u32, f64)>,
    pub status: Option<clap_process_status>,
}

#[derive(Default)]
struct Paper {
    calls: Vec<Call>,
    /// By call; what is not there is nothing.
    does: Vec<Does>,
    activated: Option<u32>,
    /// What came in by a flush; `None` for a plugin without parameters.
    flushed: Option<Vec<Short>>,
}

thread_local! {
    static PAPER: RefCell<Paper> = RefCell::default();
    /// The plugin reads, but writes nothing down.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came; the counter is a thread-local without a
// destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: `pointer` came from `alloc` above with this layout, by the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread has allocated or freed in `work`.
pub fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Events that the plugin asks for before it looks at the first of them: almost as many as it may.
const AT_ONCE: usize = 1_000;

/// # Safety
///
/// The block is whole.
unsafe fn events(block: &clap_process, mut each: impl FnMut(*const clap_event_header)) {
    // SAFETY: the caller's.
    unsafe {
        let Some(list) = block.in_events.as_ref() else { return };
        let count = list.size.unwrap()(list);
        for from in (0..count).step_by(AT_ONCE) {
            let mut events = [std::ptr::null(); AT_ONCE];
            let indices = from..count.min(from + AT_ONCE as u32);
            indices
                .clone()
                .zip(&mut events)
                .for_each(|(index, event)| *event = list.get.unwrap()(list, index));
            events[..indices.len()].iter().for_each(|&event| each(event));
        }
    }
}

unsafe extern "C" fn process(_: *const clap_plugin, block: *const clap_process) -> clap_process_status {
    // SAFETY: the layer hands in a whole block.
    unsafe {
        let block = &*block;
        if QUIET.get() {
            events(block, |event| assert!(event.is_null() || (*event).time < block.frames_count));
            set_parameter(1, 1.0, 0);
            return CLAP_PROCESS_CONTINUE;
        }
        PAPER.with_borrow_mut(|paper| {
            let does = paper.does.get(paper.calls.len()).cloned().unwrap_or_default();
            let mut call = Call {
                frames: block.frames_count,
                goes_on: goes_on(),
                steady: block.steady_time,
                transport: block.transport.as_ref().copied(),
                transport_at: block.transport.addr(),
                list_at: block.in_events.addr(),
                ..Call::default()
            };
            events(block, |event| match event.is_null() {
                true => call.nulls += 1,
                false => call.events.push(short(event)),
            });
            for index in 0..block.audio_inputs_count as usize {
                let bus = &*block.audio_inputs.add(index);
                for channel in 0..bus.channel_count as usize {
                    if !bus.data32.is_null() {
                        let sample = (*bus.data32.add(channel)).as_ref();
                        call.first.extend(sample.map(|&sample| f64::from(sample)));
                    }
                    if !bus.data64.is_null() {
                        call.first.push(**bus.data64.add(channel));
                    }
                }
            }
            let output = &mut *block.audio_outputs;
            output.constant_mask = 3;
            let to = std::slice::from_raw_parts_mut(*output.data32, block.frames_count as usize);
            to.fill(paper.calls.len() as f32 + 1.0);
            let list = &*block.out_events;
            for sent in does.sends {
                assert!(list.try_push.unwrap()(list, &event(sent).header));
            }
            for (time, value) in does.sets {
                call.set.push(set_parameter(value as u32, value, time));
            }
            paper.calls.push(call);
            does.status.unwrap_or(CLAP_PROCESS_CONTINUE)
        })
    }
}

unsafe extern "C" fn destroy(_: *const clap_plugin) {}

unsafe extern "C" fn activate(_: *const clap_plugin, _: f64, least: u32, _: u32) -> bool {
    PAPER.with_borrow_mut(|paper| paper.activated = Some(least));
    true
}

unsafe extern "C" fn flush(
    _: *const clap_plugin,
    input: *const clap_input_events,
    _: *const clap_output_events,
) {
    // SAFETY: the layer hands in a whole list.
    let all: Vec<_> = unsafe {
        let list = &*input;
        (0..list.size.unwrap()(list)).map(|index| short(list.get.unwrap()(list, index))).collect()
    };
    PAPER.with_borrow_mut(|paper| paper.flushed.as_mut().unwrap().extend(all));
}

static PARAMS: clap_plugin_params = clap_plugin_params {
    count: None,
    get_info: None,
    get_value: None,
    value_to_text: None,
    text_to_value: None,
    flush: Some(flush),
};

unsafe extern "C" fn extension(_: *const clap_plugin, id: *const c_char) -> *const c_void {
    // SAFETY: hosts and the layer ask by names.
    let of_params = unsafe { CStr::from_ptr(id) } == CLAP_EXT_PARAMS;
    match of_params && PAPER.with_borrow(|paper| paper.flushed.is_some()) {
        true => (&raw const PARAMS).cast(),
        false => std::ptr::null(),
    }
}

pub const RATE: f64 = 200.0;
pub const LONGEST: u32 = 6_400;

/// The plugin behind the layer, and what its host gives it and hears.
pub struct Rig {
    plugin: *const clap_plugin,
    _inner: Box<clap_plugin>,
    pub frames: u32,
    pub steady: i64,
    pub transport: Option<clap_event_transport>,
    /// Channels that the input has beside these, and that are null.
    pub more_channels: usize,
    pub heard: Vec<Short>,
    /// The first output channel of the last block, and what was said to be constant of it.
    pub audio: Vec<f32>,
    pub constant: u64,
    /// Where the last block's list of events was.
    pub list_at: usize,
    pub transport_at: usize,
}

impl Rig {
    pub fn new(frames: u32) -> Self {
        PAPER.set(Paper::default());
        // SAFETY: a plugin is pointers and functions that may be missing, for which zeros are valid.
        let inner = Box::new(clap_plugin {
            process: Some(process),
            destroy: Some(destroy),
            activate: Some(activate),
            get_extension: Some(extension),
            ..unsafe { zeroed() }
        });
        // SAFETY: it is fresh, and a host activates it.
        let plugin = unsafe { wrap(&*inner) };
        // SAFETY: as a host does.
        assert!(unsafe { (*plugin).activate.unwrap()(plugin, RATE, 32, LONGEST) });
        Self {
            plugin,
            _inner: inner,
            frames,
            steady: -1,
            transport: None,
            more_channels: 0,
            heard: Vec::with_capacity(100),
            audio: Vec::new(),
            constant: 0,
            list_at: 0,
            transport_at: 0,
        }
    }

    /// The least length of a block that the plugin was told of.
    pub fn least(&self) -> u32 {
        PAPER.with_borrow(|paper| paper.activated.unwrap())
    }

    /// What the plugin is to do in the calls of the next block.
    pub fn does(&self, does: &[Does]) {
        PAPER.with_borrow_mut(|paper| paper.does = does.to_vec());
    }

    /// From here on the plugin has parameters, so that they can be flushed.
    pub fn has_params(&self) {
        PAPER.with_borrow_mut(|paper| paper.flushed = Some(Vec::new()));
    }

    /// What was flushed since the last call.
    pub fn flushed(&self) -> Vec<Short> {
        PAPER.with_borrow_mut(|paper| paper.flushed.as_mut().map(std::mem::take).unwrap_or_default())
    }

    pub fn run(&mut self, input: &[Short]) -> Vec<Call> {
        self.run_events(&input.iter().map(|&short| event(short)).collect::<Vec<_>>()).1
    }

    /// A block; what the plugin returned, and its calls.
    pub fn run_events(&mut self, input: &[Event]) -> (clap_process_status, Vec<Call>) {
        PAPER.with_borrow_mut(|paper| paper.calls.clear());
        let status = self.block(input, |plugin, block| {
            // SAFETY: as a host does.
            unsafe { (*plugin).process.unwrap()(plugin, block) }
        });
        PAPER.with_borrow_mut(|paper| {
            paper.does.clear();
            (status, std::mem::take(&mut paper.calls))
        })
    }

    /// How often a block allocates or frees.
    pub fn allocations(&mut self, input: &[Event]) -> usize {
        QUIET.set(true);
        let count = self.block(input, |plugin, block| {
            // SAFETY: as a host does.
            allocations(|| unsafe {
                (*plugin).process.unwrap()(plugin, block);
            })
        });
        QUIET.set(false);
        count
    }

    fn block<T>(
        &mut self,
        input: &[Event],
        process: impl FnOnce(*const clap_plugin, &clap_process) -> T,
    ) -> T {
        let frames = self.frames as usize;
        // Sample by sample 0, 1, 2 on the left, and half of it on the right.
        let mut samples = vec![vec![0.0f32; frames]; 2];
        samples[0].iter_mut().enumerate().for_each(|(at, sample)| *sample = at as f32);
        samples[1].iter_mut().enumerate().for_each(|(at, sample)| *sample = at as f32 / 2.0);
        let mut wide: Vec<f64> = (0..frames).map(|at| at as f64 + 0.25).collect();
        let mut output = vec![vec![0.0f32; frames]; 2];
        let mut from: Vec<_> = samples.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut to: Vec<_> = output.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut wide_from = [wide.as_mut_ptr()];
        let mut nulls = vec![std::ptr::null_mut(); self.more_channels];
        // SAFETY: a bus is numbers and pointers that may be null.
        let bus = unsafe { zeroed::<clap_audio_buffer>() };
        let inputs = [
            clap_audio_buffer { data32: from.as_mut_ptr(), channel_count: 2, ..bus },
            clap_audio_buffer { data64: wide_from.as_mut_ptr(), channel_count: 1, ..bus },
            clap_audio_buffer { data32: nulls.as_mut_ptr(), channel_count: nulls.len() as u32, ..bus },
        ];
        let mut outputs = [clap_audio_buffer { data32: to.as_mut_ptr(), channel_count: 2, ..bus }];
        let in_events = clap_input_events {
            ctx: std::ptr::from_ref(&input).cast_mut().cast(),
            size: Some(size),
            get: Some(get),
        };
        self.heard.clear();
        self.list_at = (&raw const in_events).addr();
        let transport = self.transport;
        let out_events =
            clap_output_events { ctx: std::ptr::from_mut(self).cast(), try_push: Some(try_push) };
        let transport = transport.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        self.transport_at = transport.addr();
        let block = clap_process {
            steady_time: self.steady,
            frames_count: self.frames,
            transport,
            audio_inputs: inputs.as_ptr(),
            audio_outputs: outputs.as_mut_ptr(),
            audio_inputs_count: inputs.len() as u32,
            audio_outputs_count: 1,
            in_events: &in_events,
            out_events: &out_events,
        };
        let result = process(self.plugin, &block);
        self.constant = outputs[0].constant_mask;
        self.audio = output.swap_remove(0);
        result
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // SAFETY: as a host does, once.
        unsafe { (*self.plugin).destroy.unwrap()(self.plugin) };
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: the context is the host's events.
    unsafe { (&*(*list).ctx.cast::<&[Event]>()).len() as u32 }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above.
    unsafe { (&raw const (&(*(*list).ctx.cast::<&[Event]>()))[index as usize]).cast() }
}

unsafe extern "C" fn try_push(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: the context is the rig.
    unsafe { (&mut *(*list).ctx.cast::<Rig>()).heard.push(short(event)) };
    true
}
