//! Our events and blocks as CLAP's, and back.

use clack_host::events::event_types::{
    MidiEvent, NoteExpressionEvent, NoteExpressionType, NoteOffEvent, NoteOnEvent, ParamModEvent,
    ParamValueEvent, TransportEvent, TransportFlags,
};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::events::{EventFlags, EventHeader, Match, UnknownEvent};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};

use super::Param;
use crate::{ANY, Block, Event, EventKind};

/// Appends an event to CLAP's list at its offset in the block.
pub fn push(events: &mut EventBuffer, block: &Block, event: &Event, params: &[Param]) {
    let time = (event.time - block.steady) as u32;
    let part = |of: u8| if of == ANY { Match::All } else { Match::Specific(u16::from(of)) };
    let pckn = |channel: u8, key: u8| Pckn::new(0u16, part(channel), part(key), Match::All);
    match event.kind {
        EventKind::NoteOn { channel, key, velocity } => {
            events.push(&NoteOnEvent::new(time, pckn(channel, key), f64::from(velocity)));
        }
        EventKind::NoteOff { channel, key, velocity } => {
            events.push(&NoteOffEvent::new(time, pckn(channel, key), f64::from(velocity)));
        }
        EventKind::Midi(data) => events.push(&MidiEvent::new(time, 0, data)),
        EventKind::Expression { channel, key, id, value } => {
            if let Some(expression) = NoteExpressionType::from_raw(id) {
                events.push(&NoteExpressionEvent::new(time, pckn(channel, key), expression, value));
            }
        }
        EventKind::Param { id, normalised } => {
            if let Some(param) = params.iter().find(|param| param.id == id) {
                let value = param.min + normalised * (param.max - param.min);
                events.push(&ParamValueEvent::new(time, ClapId::new(id), Pckn::match_all(), value));
            }
        }
        EventKind::Modulation { id, amount } => {
            if let Some(param) = params.iter().find(|param| param.id == id) {
                let amount = amount * (param.max - param.min);
                events.push(&ParamModEvent::new(time, ClapId::new(id), Pckn::match_all(), amount));
            }
        }
    }
}

/// A CLAP event as ours; `None` for kinds that carry nothing we look at (gestures, note ends).
pub fn read(event: &UnknownEvent, block: &Block, params: &[Param]) -> Option<Event> {
    fn small(of: Match<u16>) -> u8 {
        of.into_specific().and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
    }
    let kind = match event.as_core_event()? {
        CoreEventSpace::NoteOn(note) => EventKind::NoteOn {
            channel: small(note.channel()),
            key: small(note.key()),
            velocity: note.velocity() as f32,
        },
        CoreEventSpace::NoteOff(note) => EventKind::NoteOff {
            channel: small(note.channel()),
            key: small(note.key()),
            velocity: note.velocity() as f32,
        },
        CoreEventSpace::NoteChoke(note) => {
            EventKind::NoteOff { channel: small(note.channel()), key: small(note.key()), velocity: 0.0 }
        }
        CoreEventSpace::Midi(midi) => from_midi(midi.data()),
        CoreEventSpace::NoteExpression(expression) => EventKind::Expression {
            channel: small(expression.channel()),
            key: small(expression.key()),
            id: expression.expression_type()?.into_raw(),
            value: expression.value(),
        },
        CoreEventSpace::ParamValue(param) => {
            let id = param.param_id()?.get();
            let known = params.iter().find(|known| known.id == id)?;
            EventKind::Param { id, normalised: (param.value() - known.min) / (known.max - known.min) }
        }
        _ => return None,
    };
    Some(Event { time: block.steady + u64::from(event.header().time()), kind })
}

/// Raw MIDI notes are notes, whichever way the plugin chose to send them.
fn from_midi(data: [u8; 3]) -> EventKind {
    let (channel, key, velocity) = (data[0] & 15, data[1], f32::from(data[2]) / 127.0);
    match data[0] & 0xF0 {
        0x90 if data[2] > 0 => EventKind::NoteOn { channel, key, velocity },
        0x80 | 0x90 => EventKind::NoteOff { channel, key, velocity },
        _ => EventKind::Midi(data),
    }
}

/// The block's transport, with the seconds timeline left out: the plugin lives by beats.
pub fn transport(block: &Block) -> TransportEvent {
    let mut flags =
        TransportFlags::HAS_TEMPO | TransportFlags::HAS_BEATS_TIMELINE | TransportFlags::HAS_TIME_SIGNATURE;
    flags.set(TransportFlags::IS_PLAYING, block.playing);
    flags.set(TransportFlags::IS_LOOP_ACTIVE, block.cycle.is_some());
    let (start, end) = block.cycle.unwrap_or_default();
    TransportEvent {
        header: EventHeader::new_core(0, EventFlags::empty()),
        flags,
        song_pos_beats: BeatTime::from_float(block.beats),
        song_pos_seconds: SecondsTime::from_int(0),
        tempo: block.tempo,
        tempo_inc: 0.0,
        loop_start_beats: BeatTime::from_float(start),
        loop_end_beats: BeatTime::from_float(end),
        loop_start_seconds: SecondsTime::from_int(0),
        loop_end_seconds: SecondsTime::from_int(0),
        bar_start: BeatTime::from_float(block.bar_start),
        bar_number: block.bar,
        time_signature_numerator: block.signature.numerator,
        time_signature_denominator: block.signature.denominator,
    }
}
