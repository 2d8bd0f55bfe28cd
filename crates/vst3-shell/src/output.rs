//! What the plugin sends: notes and MIDI to the host's event list at once, edits to the main thread.

use std::ffi::c_char;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_NOTE_CHOKE, CLAP_EVENT_NOTE_EXPRESSION,
    CLAP_EVENT_NOTE_OFF, CLAP_EVENT_NOTE_ON, CLAP_EVENT_PARAM_GESTURE_BEGIN, CLAP_EVENT_PARAM_GESTURE_END,
    CLAP_EVENT_PARAM_VALUE, CLAP_NOTE_EXPRESSION_PRESSURE, clap_event_header, clap_event_midi,
    clap_event_note, clap_event_note_expression, clap_event_param_gesture, clap_event_param_value,
    clap_output_events,
};
use rtrb::Producer;
use vst3::ComRef;
use vst3::Steinberg::Vst::ControllerNumbers_::{kAfterTouch, kCtrlProgramChange, kPitchBend};
use vst3::Steinberg::Vst::Event_::EventTypes_::{
    kLegacyMIDICCOutEvent, kNoteExpressionValueEvent, kNoteOffEvent, kNoteOnEvent, kPolyPressureEvent,
};
use vst3::Steinberg::Vst::{
    Event, Event__type0, IEventList, IEventListTrait, LegacyMIDICCOutEvent, NoteExpressionValueEvent,
    NoteOffEvent, NoteOnEvent, PolyPressureEvent,
};
use vst3::Steinberg::kResultOk;

use crate::expressions::{Expression, Sounding};
use crate::params::Params;

/// What a user does to a parameter in the editor, on its way to the host. Values from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edit {
    Begin(u32),
    Set(u32, f64),
    End(u32),
}

/// As many edits as may wait for the main thread.
pub const EDITS: usize = 4096;

/// Where one block's events go.
pub struct Output<'a> {
    /// The host's list, or null.
    pub events: *mut IEventList,
    pub sounding: &'a mut Sounding,
    pub edits: &'a mut Producer<Edit>,
    pub params: &'a Params,
    /// The block's position in quarter notes, and quarter notes a sample.
    pub beats: (f64, f64),
    /// Edits were sent.
    pub edited: bool,
}

impl Output<'_> {
    /// The list that the plugin writes to, while this lives and does not move.
    pub fn list(&mut self) -> clap_output_events {
        clap_output_events { ctx: std::ptr::from_mut(self).cast(), try_push: Some(try_push) }
    }

    /// Takes an event.
    ///
    /// # Safety
    ///
    /// `event` begins an event of the kind that it says.
    unsafe fn push(&mut self, event: &clap_event_header) -> bool {
        if event.space_id != CLAP_CORE_EVENT_SPACE_ID {
            return true;
        }
        let (at, time) = (std::ptr::from_ref(event), event.time);
        // SAFETY: the header says which event it begins, in each of these.
        unsafe {
            match event.type_ {
                CLAP_EVENT_NOTE_ON => self.note_on(time, *at.cast::<clap_event_note>()),
                CLAP_EVENT_NOTE_OFF | CLAP_EVENT_NOTE_CHOKE => {
                    self.note_off(time, *at.cast::<clap_event_note>())
                }
                CLAP_EVENT_NOTE_EXPRESSION => self.expression(time, *at.cast::<clap_event_note_expression>()),
                CLAP_EVENT_MIDI => self.midi(time, (*at.cast::<clap_event_midi>()).data),
                CLAP_EVENT_PARAM_VALUE => {
                    let change = *at.cast::<clap_event_param_value>();
                    let Some(param) = self.params.get(change.param_id) else { return true };
                    param.take_view();
                    self.edit(Edit::Set(change.param_id, param.normalised(change.value)))
                }
                CLAP_EVENT_PARAM_GESTURE_BEGIN => {
                    let id = (*at.cast::<clap_event_param_gesture>()).param_id;
                    self.params.get(id).is_none_or(|param| {
                        param.hold(true);
                        self.edit(Edit::Begin(id))
                    })
                }
                CLAP_EVENT_PARAM_GESTURE_END => {
                    let id = (*at.cast::<clap_event_param_gesture>()).param_id;
                    self.params.get(id).is_none_or(|param| {
                        param.hold(false);
                        self.edit(Edit::End(id))
                    })
                }
                // What a host may know and VST3 has no word for.
                _ => true,
            }
        }
    }

    fn edit(&mut self, edit: Edit) -> bool {
        self.edited = true;
        self.edits.push(edit).is_ok()
    }

    fn note_on(&mut self, time: u32, note: clap_event_note) -> bool {
        let note_on = NoteOnEvent {
            channel: note.channel,
            pitch: note.key,
            tuning: 0.0,
            velocity: note.velocity as f32,
            length: 0,
            noteId: self.sounding.start(note.channel, note.key),
        };
        self.send(time, kNoteOnEvent as u32, Event__type0 { noteOn: note_on })
    }

    fn note_off(&mut self, time: u32, note: clap_event_note) -> bool {
        let note_off = NoteOffEvent {
            channel: note.channel,
            pitch: note.key,
            velocity: note.velocity as f32,
            noteId: self.sounding.end(note.channel, note.key),
            tuning: 0.0,
        };
        self.send(time, kNoteOffEvent as u32, Event__type0 { noteOff: note_off })
    }

    fn expression(&mut self, time: u32, change: clap_event_note_expression) -> bool {
        let note_id = self.sounding.id(change.channel, change.key);
        if change.expression_id == CLAP_NOTE_EXPRESSION_PRESSURE {
            return self.pressure(time, change.channel, change.key, change.value as f32);
        }
        match Expression::from_clap(change.expression_id) {
            Some(expression) if note_id >= 0 => {
                let event = NoteExpressionValueEvent {
                    typeId: expression.vst3,
                    noteId: note_id,
                    value: expression.to_vst3(change.value),
                };
                let content = Event__type0 { noteExpressionValue: event };
                self.send(time, kNoteExpressionValueEvent as u32, content)
            }
            // Without a sounding note there is nothing to express.
            _ => true,
        }
    }

    fn pressure(&mut self, time: u32, channel: i16, pitch: i16, pressure: f32) -> bool {
        let event = PolyPressureEvent { channel, pitch, pressure, noteId: self.sounding.id(channel, pitch) };
        self.send(time, kPolyPressureEvent as u32, Event__type0 { polyPressure: event })
    }

    fn midi(&mut self, time: u32, [status, first, second]: [u8; 3]) -> bool {
        let channel = status & 15;
        let (key, velocity) = (i16::from(first), f64::from(second) / 127.0);
        let note = || {
            // SAFETY: a note is numbers, for which zeros are valid.
            let mut note: clap_event_note = unsafe { std::mem::zeroed() };
            (note.channel, note.key, note.velocity) = (channel.into(), key, velocity);
            note
        };
        let (number, value, value2) = match status & 0xF0 {
            0x80 => return self.note_off(time, note()),
            0x90 if second == 0 => return self.note_off(time, note()),
            0x90 => return self.note_on(time, note()),
            0xA0 => return self.pressure(time, channel.into(), key, velocity as f32),
            0xB0 => (first, second, 0),
            0xC0 => (kCtrlProgramChange as u8, first, 0),
            0xD0 => (kAfterTouch as u8, first, 0),
            0xE0 => (kPitchBend as u8, first, second),
            _ => return true,
        };
        // C's `char`, whose sign differs between processors; all are at most 127.
        let event = LegacyMIDICCOutEvent {
            controlNumber: number,
            channel: channel as c_char,
            value: value as c_char,
            value2: value2 as c_char,
        };
        self.send(time, kLegacyMIDICCOutEvent as u32, Event__type0 { midiCCOut: event })
    }

    fn send(&mut self, time: u32, kind: u32, content: Event__type0) -> bool {
        // SAFETY: the list is null or alive for the block.
        let Some(events) = (unsafe { ComRef::from_raw(self.events) }) else { return false };
        let mut event = Event {
            busIndex: 0,
            sampleOffset: time as i32,
            ppqPosition: self.beats.0 + f64::from(time) * self.beats.1,
            flags: 0,
            r#type: kind as u16,
            __field0: content,
        };
        // SAFETY: the list copies the event.
        unsafe { events.addEvent(&mut event) == kResultOk }
    }
}

unsafe extern "C" fn try_push(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: the context is the output that made the list, and the plugin hands in an event.
    unsafe { event.as_ref().is_some_and(|event| (*(*list).ctx.cast::<Output>()).push(event)) }
}
