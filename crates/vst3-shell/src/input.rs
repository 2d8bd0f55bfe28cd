//! A block's events on their way to the plugin: VST3's lists as one CLAP list in order of time.

use std::ffi::c_void;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_NOTE_EXPRESSION, CLAP_EVENT_NOTE_OFF,
    CLAP_EVENT_NOTE_ON, CLAP_EVENT_PARAM_VALUE, CLAP_NOTE_EXPRESSION_PRESSURE, clap_event_header,
    clap_event_midi, clap_event_note, clap_event_note_expression, clap_event_param_value, clap_input_events,
};
use vst3::ComRef;
use vst3::Steinberg::Vst::Event_::EventTypes_::{
    kNoteExpressionValueEvent, kNoteOffEvent, kNoteOnEvent, kPolyPressureEvent,
};
use vst3::Steinberg::Vst::{
    Event, IEventList, IEventListTrait, IParamValueQueue, IParamValueQueueTrait, IParameterChanges,
    IParameterChangesTrait,
};
use vst3::Steinberg::kResultOk;

use crate::controllers::Controller;
use crate::expressions::{Expression, Recent};
use crate::params::{Param, Params};

/// As many events as a block may have. Of those beyond, the ends of notes are let in longest.
const ROOM: usize = 4096;
const ROOM_FOR_NOTES: usize = ROOM / 8 * 7;
const ROOM_FOR_REST: usize = ROOM / 4 * 3;

/// An event of any kind that plugins get.
#[derive(Clone, Copy)]
#[repr(C)]
union Slot {
    header: clap_event_header,
    note: clap_event_note,
    expression: clap_event_note_expression,
    param: clap_event_param_value,
    midi: clap_event_midi,
}

/// At one sample parameters come first, then controllers, then what happens to notes, in the host's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Param,
    Controller,
    Note,
}

#[derive(Clone, Copy)]
struct Entry {
    class: Class,
    /// Its place in the order in which events were added.
    order: u32,
    slot: Slot,
}

/// The events. Room for them is made once.
pub struct Input {
    entries: Vec<Entry>,
    recent: Recent,
}

fn header<T>(time: u32, kind: u16) -> clap_event_header {
    clap_event_header {
        size: size_of::<T>() as u32,
        time,
        space_id: CLAP_CORE_EVENT_SPACE_ID,
        type_: kind,
        flags: 0,
    }
}

impl Input {
    pub fn new() -> Self {
        Input { entries: Vec::with_capacity(ROOM), recent: Recent::new() }
    }

    /// Adds the events of a list that lie in a block of `frames`; others are moved to its border.
    ///
    /// # Safety
    ///
    /// `list` is null or alive.
    pub unsafe fn add_events(&mut self, list: *mut IEventList, frames: u32) {
        // SAFETY: the caller says so.
        let Some(list) = (unsafe { ComRef::from_raw(list) }) else { return };
        // SAFETY: the list is alive and gets a place for an event, whose zeros are valid.
        unsafe {
            for index in 0..list.getEventCount() {
                let mut event: Event = std::mem::zeroed();
                if list.getEvent(index, &mut event) == kResultOk {
                    self.add_event(&event, frames);
                }
            }
        }
    }

    fn add_event(&mut self, event: &Event, frames: u32) {
        let time = clamp(event.sampleOffset, frames);
        let kind = u32::from(event.r#type);
        let note = |kind, note_id, channel, key, velocity: f32| {
            let header = header::<clap_event_note>(time, kind);
            let velocity = velocity.into();
            Slot { note: clap_event_note { header, note_id, port_index: 0, channel, key, velocity } }
        };
        let content = &event.__field0;
        if kind == kNoteOnEvent as u32 {
            // SAFETY: the type says which member of the union was written; so below.
            let on = unsafe { content.noteOn };
            self.recent.start(on.noteId, on.channel, on.pitch);
            let slot = note(CLAP_EVENT_NOTE_ON, on.noteId, on.channel, on.pitch, on.velocity);
            self.push(ROOM_FOR_NOTES, Class::Note, slot);
        } else if kind == kNoteOffEvent as u32 {
            // SAFETY: as above.
            let off = unsafe { content.noteOff };
            let slot = note(CLAP_EVENT_NOTE_OFF, off.noteId, off.channel, off.pitch, off.velocity);
            self.push(ROOM, Class::Note, slot);
        } else if kind == kPolyPressureEvent as u32 {
            // SAFETY: as above.
            let pressure = unsafe { content.polyPressure };
            let place = (pressure.noteId, pressure.channel, pressure.pitch);
            self.push_expression(time, CLAP_NOTE_EXPRESSION_PRESSURE, place, pressure.pressure.into());
        } else if kind == kNoteExpressionValueEvent as u32 {
            // SAFETY: as above.
            let change = unsafe { content.noteExpressionValue };
            if let Some(expression) = Expression::from_vst3(change.typeId) {
                let (channel, key) = self.recent.find(change.noteId);
                let place = (change.noteId, channel, key);
                self.push_expression(time, expression.clap, place, expression.to_clap(change.value));
            }
        }
    }

    fn push_expression(&mut self, time: u32, id: i32, (note_id, channel, key): (i32, i16, i16), value: f64) {
        let header = header::<clap_event_note_expression>(time, CLAP_EVENT_NOTE_EXPRESSION);
        let (expression_id, port_index) = (id, 0);
        let expression =
            clap_event_note_expression { header, expression_id, note_id, port_index, channel, key, value };
        self.push(ROOM_FOR_REST, Class::Note, Slot { expression });
    }

    /// Adds the points of parameters and controllers. The host's views follow what is sent here, but for
    /// controls that a user holds in the editor: what the host sends of those is an echo.
    ///
    /// # Safety
    ///
    /// `changes` is null or alive.
    pub unsafe fn add_changes(&mut self, changes: *mut IParameterChanges, params: &Params, frames: u32) {
        // SAFETY: the caller says so.
        let Some(changes) = (unsafe { ComRef::from_raw(changes) }) else { return };
        // SAFETY: the lists are alive for the block.
        unsafe {
            for index in 0..changes.getParameterCount() {
                let Some(queue) = ComRef::<IParamValueQueue>::from_raw(changes.getParameterData(index))
                else {
                    continue;
                };
                let id = queue.getParameterId();
                let (param, controller) = (params.get(id), Controller::of(id));
                for point in 0..queue.getPointCount() {
                    let (mut offset, mut value) = (0, 0.0);
                    if queue.getPoint(point, &mut offset, &mut value) != kResultOk {
                        continue;
                    }
                    let time = clamp(offset, frames);
                    if let Some(param) = param.filter(|param| !param.is_held()) {
                        param.take_view();
                        self.add_value(param, time, value);
                    } else if let Some(controller) = controller {
                        self.add_message(time, controller.message(value));
                    }
                }
            }
        }
    }

    /// Adds a parameter's value (0..=1).
    pub fn add_value(&mut self, param: &Param, time: u32, value: f64) {
        let event = clap_event_param_value {
            header: header::<clap_event_param_value>(time, CLAP_EVENT_PARAM_VALUE),
            param_id: param.id,
            cookie: std::ptr::null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value: param.plain(value),
        };
        self.push(ROOM_FOR_REST, Class::Param, Slot { param: event });
    }

    fn add_message(&mut self, time: u32, data: [u8; 3]) {
        let header = header::<clap_event_midi>(time, CLAP_EVENT_MIDI);
        let midi = clap_event_midi { header, port_index: 0, data };
        self.push(ROOM_FOR_REST, Class::Controller, Slot { midi });
    }

    fn push(&mut self, room: usize, class: Class, slot: Slot) {
        if self.entries.len() < room {
            self.entries.push(Entry { class, order: self.entries.len() as u32, slot });
        }
    }

    /// Puts the events in order. Real-time safe.
    pub fn sort(&mut self) {
        // SAFETY: every member of the union begins with the header.
        self.entries
            .sort_unstable_by_key(|entry| unsafe { (entry.slot.header.time, entry.class, entry.order) });
    }

    /// The list as the plugin reads it, while this is not changed.
    pub fn list(&self) -> clap_input_events {
        let ctx = std::ptr::from_ref(self).cast_mut().cast::<c_void>();
        clap_input_events { ctx, size: Some(size), get: Some(get) }
    }

    /// The list of the parameters alone. Real-time safe.
    pub fn params(&mut self) -> clap_input_events {
        // SAFETY: every member of the union begins with the header.
        let key = |entry: &Entry| unsafe { (entry.class, entry.slot.header.time, entry.order) };
        self.entries.sort_unstable_by_key(key);
        clap_input_events { size: Some(size_of_params), ..self.list() }
    }

    /// The block is done.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// A call without samples is done: only parameters are taken in it, the rest waits for the next block's
    /// start.
    pub fn clear_params(&mut self) {
        self.entries.retain(|entry| entry.class != Class::Param);
        for (order, entry) in self.entries.iter_mut().enumerate() {
            entry.order = order as u32;
            entry.slot.header.time = 0;
        }
    }
}

fn clamp(offset: i32, frames: u32) -> u32 {
    u32::try_from(offset).unwrap_or(0).min(frames.saturating_sub(1))
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: the context is the input that made the list.
    unsafe { (*(*list).ctx.cast::<Input>()).entries.len() as u32 }
}

unsafe extern "C" fn size_of_params(list: *const clap_input_events) -> u32 {
    // SAFETY: as in `size`. Parameters are the first class.
    unsafe {
        let entries = &(*(*list).ctx.cast::<Input>()).entries;
        entries.partition_point(|entry| entry.class == Class::Param) as u32
    }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as in `size`; every member of the union begins with the header.
    unsafe {
        let input = &*(*list).ctx.cast::<Input>();
        input.entries.get(index as usize).map_or(std::ptr::null(), |entry| (&raw const entry.slot).cast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(offset: i32, kind: u32) -> Event {
        // SAFETY: zeros are valid for every member.
        let mut event: Event = unsafe { std::mem::zeroed() };
        (event.sampleOffset, event.r#type) = (offset, kind as u16);
        event
    }

    /// Time and kind of each event, as a plugin reads them.
    fn read(input: &Input) -> Vec<(u32, u16)> {
        let list = input.list();
        // SAFETY: the list is of that input, which is not changed meanwhile.
        unsafe {
            assert!(get(&list, size(&list)).is_null());
            (0..size(&list)).map(|at| get(&list, at)).map(|at| ((*at).time, (*at).type_)).collect()
        }
    }

    #[test]
    fn events_are_sorted_and_at_one_sample_controllers_precede_notes_in_their_own_order() {
        let mut input = Input::new();
        for (offset, kind) in
            [(9, kNoteOnEvent), (-3, kNoteOffEvent), (9, kNoteOffEvent), (500, kNoteOnEvent)]
        {
            input.add_event(&event(offset, kind as u32), 64);
        }
        input.add_message(9, [0xB0, 64, 0]);
        input.add_event(&event(9, 77), 64);
        input.sort();
        let (on, off, midi) = (CLAP_EVENT_NOTE_ON, CLAP_EVENT_NOTE_OFF, CLAP_EVENT_MIDI);
        assert_eq!(read(&input), [(0, off), (9, midi), (9, on), (9, off), (63, on)]);
    }

    #[test]
    fn expressions_find_the_key_of_their_note() {
        let mut input = Input::new();
        let mut on = event(0, kNoteOnEvent as u32);
        on.__field0.noteOn.channel = 3;
        on.__field0.noteOn.pitch = 61;
        on.__field0.noteOn.noteId = 17;
        input.add_event(&on, 64);
        let mut tuning = event(1, kNoteExpressionValueEvent as u32);
        tuning.__field0.noteExpressionValue.typeId = 2;
        tuning.__field0.noteExpressionValue.noteId = 17;
        tuning.__field0.noteExpressionValue.value = 0.5;
        input.add_event(&tuning, 64);
        // SAFETY: the second event is an expression.
        let made = unsafe { input.entries[1].slot.expression };
        assert_eq!((made.note_id, made.channel, made.key, made.value), (17, 3, 61, 0.0));
    }

    #[test]
    fn a_flood_leaves_room_for_the_ends_of_notes_and_never_grows() {
        let mut input = Input::new();
        let before = input.entries.capacity();
        (0..ROOM).for_each(|_| input.add_message(0, [0xB0, 1, 1]));
        assert_eq!(input.entries.len(), ROOM_FOR_REST);
        (0..ROOM).for_each(|_| input.add_event(&event(0, kNoteOnEvent as u32), 64));
        assert_eq!(input.entries.len(), ROOM_FOR_NOTES);
        (0..ROOM).for_each(|_| input.add_event(&event(0, kNoteOffEvent as u32), 64));
        assert_eq!((input.entries.len(), input.entries.capacity()), (ROOM, before));
    }

    #[test]
    fn notes_of_a_call_without_samples_wait() {
        let mut input = Input::new();
        input.add_event(&event(7, kNoteOnEvent as u32), 0);
        input.add_message(5, [0xB0, 1, 1]);
        input.clear_params();
        assert_eq!(read(&input), [(0, CLAP_EVENT_NOTE_ON), (0, CLAP_EVENT_MIDI)]);
    }
}
