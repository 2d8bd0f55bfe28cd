//! Our events and blocks as VST3's, and back.

use std::collections::HashMap;

use vst3::ComPtr;
use vst3::Steinberg::Vst::{
    ControllerNumbers_, Event as VstEvent, Event_::EventTypes_, Event__type0, IMidiMapping,
    IMidiMappingTrait, NoteExpressionValueEvent, NoteOffEvent, NoteOnEvent, PolyPressureEvent,
    ProcessContext, ProcessContext_::StatesAndFlags_,
};
use vst3::Steinberg::kResultOk;

use super::com::{Changes, EventList};
use crate::{Block, Event, EventKind};

/// The ids of notes: VST3 hangs note expressions on them.
#[derive(Default)]
pub struct NoteIds {
    last: i32,
    /// The ids that this host has given, by channel and key.
    given: HashMap<(u8, u8), i32>,
    /// Channel and key of the plugin's ids.
    heard: HashMap<i32, (u8, u8)>,
}

/// Adds an event to the block's lists. Controllers travel as parameters, where the plugin maps them to some.
pub fn push(
    event: &Event,
    block: &Block,
    midi: Option<&ComPtr<IMidiMapping>>,
    ids: &mut NoteIds,
    events: &EventList,
    changes: &Changes,
) {
    let offset = (event.time - block.steady) as i32;
    let wrap = |kind: u32, content| VstEvent {
        busIndex: 0,
        sampleOffset: offset,
        ppqPosition: block.beats + f64::from(offset) * block.tempo / (60.0 * block.sample_rate),
        flags: 0,
        r#type: kind as u16,
        __field0: content,
    };
    match event.kind {
        EventKind::NoteOn { channel, key, velocity } => {
            ids.last += 1;
            ids.given.insert((channel, key), ids.last);
            let (channel, pitch) = (channel.into(), key.into());
            let note_on = NoteOnEvent { channel, pitch, tuning: 0.0, velocity, length: 0, noteId: ids.last };
            events
                .0
                .borrow_mut()
                .push(wrap(EventTypes_::kNoteOnEvent as u32, Event__type0 { noteOn: note_on }));
        }
        EventKind::NoteOff { channel, key, velocity } => {
            let note_off = NoteOffEvent {
                channel: channel.into(),
                pitch: key.into(),
                velocity,
                noteId: ids.given.get(&(channel, key)).copied().unwrap_or(-1),
                tuning: 0.0,
            };
            events
                .0
                .borrow_mut()
                .push(wrap(EventTypes_::kNoteOffEvent as u32, Event__type0 { noteOff: note_off }));
        }
        EventKind::Midi([status, first, second]) => {
            let channel = i16::from(status & 15);
            let scaled = |value: u8| f64::from(value) / 127.0;
            let (controller, value) = match status & 0xF0 {
                0xA0 => {
                    let pressure = PolyPressureEvent {
                        channel,
                        pitch: first.into(),
                        pressure: scaled(second) as f32,
                        noteId: -1,
                    };
                    let content = Event__type0 { polyPressure: pressure };
                    events.0.borrow_mut().push(wrap(EventTypes_::kPolyPressureEvent as u32, content));
                    return;
                }
                0xB0 => (i16::from(first), scaled(second)),
                0xD0 => (ControllerNumbers_::kAfterTouch as i16, scaled(first)),
                0xE0 => {
                    let bend = u16::from(second) << 7 | u16::from(first);
                    (ControllerNumbers_::kPitchBend as i16, f64::from(bend) / 16_383.0)
                }
                _ => return,
            };
            let mut id = 0;
            // SAFETY: the mapping is alive and gets a place for the id.
            let mapped = midi.is_some_and(|midi| unsafe {
                midi.getMidiControllerAssignment(0, channel, controller, &mut id) == kResultOk
            });
            if mapped {
                changes.push(id, offset, value);
            }
        }
        EventKind::Param { id, normalised } => changes.push(id, offset, normalised),
        EventKind::Modulation { .. } => {}
        EventKind::Expression { channel, key, id, value } => {
            if let Some(&note) = ids.given.get(&(channel, key)) {
                let change = NoteExpressionValueEvent { typeId: id.unsigned_abs(), noteId: note, value };
                let content = Event__type0 { noteExpressionValue: change };
                let kind = EventTypes_::kNoteExpressionValueEvent as u32;
                events.0.borrow_mut().push(wrap(kind, content));
            }
        }
    }
}

/// A VST3 event as ours; `None` for kinds that we do not look at.
pub fn read(event: &VstEvent, block: &Block, ids: &mut NoteIds) -> Option<Event> {
    fn small<T: TryInto<u8>>(value: T) -> u8 {
        value.try_into().unwrap_or(0)
    }
    let time = block.steady + u64::try_from(event.sampleOffset).ok()?;
    let kind = u32::from(event.r#type);
    // SAFETY: the type says which member of the union was written.
    let kind = unsafe {
        if kind == EventTypes_::kNoteOnEvent as u32 {
            let note = event.__field0.noteOn;
            ids.heard.insert(note.noteId, (small(note.channel), small(note.pitch)));
            EventKind::NoteOn {
                channel: small(note.channel),
                key: small(note.pitch),
                velocity: note.velocity,
            }
        } else if kind == EventTypes_::kNoteOffEvent as u32 {
            let note = event.__field0.noteOff;
            EventKind::NoteOff {
                channel: small(note.channel),
                key: small(note.pitch),
                velocity: note.velocity,
            }
        } else if kind == EventTypes_::kPolyPressureEvent as u32 {
            let pressure = event.__field0.polyPressure;
            let value = (pressure.pressure * 127.0).round() as u8;
            EventKind::Midi([0xA0 | small(pressure.channel), small(pressure.pitch), value])
        } else if kind == EventTypes_::kLegacyMIDICCOutEvent as u32 {
            let cc = event.__field0.midiCCOut;
            let channel = small(cc.channel);
            let number = u32::from(cc.controlNumber);
            if number == ControllerNumbers_::kPitchBend as u32 {
                EventKind::Midi([0xE0 | channel, small(cc.value), small(cc.value2)])
            } else if number == ControllerNumbers_::kAfterTouch as u32 {
                EventKind::Midi([0xD0 | channel, small(cc.value), 0])
            } else if number == ControllerNumbers_::kCtrlProgramChange as u32 {
                EventKind::Midi([0xC0 | channel, small(cc.value), 0])
            } else {
                EventKind::Midi([0xB0 | channel, cc.controlNumber, small(cc.value)])
            }
        } else if kind == EventTypes_::kNoteExpressionValueEvent as u32 {
            let change = event.__field0.noteExpressionValue;
            let &(channel, key) = ids.heard.get(&change.noteId)?;
            EventKind::Expression { channel, key, id: change.typeId as i32, value: change.value }
        } else {
            return None;
        }
    };
    Some(Event { time, kind })
}

/// The block's transport.
pub fn context(block: &Block) -> ProcessContext {
    // SAFETY: a context is numbers only, for which zero is a value.
    let mut context: ProcessContext = unsafe { std::mem::zeroed() };
    let mut state = StatesAndFlags_::kProjectTimeMusicValid
        | StatesAndFlags_::kBarPositionValid
        | StatesAndFlags_::kTempoValid
        | StatesAndFlags_::kTimeSigValid
        | StatesAndFlags_::kContTimeValid;
    if block.playing {
        state |= StatesAndFlags_::kPlaying;
    }
    if let Some((start, end)) = block.cycle {
        state |= StatesAndFlags_::kCycleValid | StatesAndFlags_::kCycleActive;
        (context.cycleStartMusic, context.cycleEndMusic) = (start, end);
    }
    context.state = state as u32;
    context.sampleRate = block.sample_rate;
    context.projectTimeSamples = block.steady as i64;
    context.continousTimeSamples = block.steady as i64;
    context.projectTimeMusic = block.beats;
    context.barPositionMusic = block.bar_start;
    context.tempo = block.tempo;
    context.timeSigNumerator = block.signature.numerator.into();
    context.timeSigDenominator = block.signature.denominator.into();
    context
}
