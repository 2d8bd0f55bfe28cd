//! Driving an instance along a transport, and making notes of the events that come back.

use crate::{Block, Event, EventKind, HostError, Transport};

/// A plugin in a host, active and processing.
pub trait Instance {
    /// One block: the events of `input` (steady time, ascending, all inside the block) go in, what comes out
    /// is appended to `output` in steady time.
    ///
    /// # Errors
    ///
    /// The plugin failed, broke the order or the bounds of its events, or left its audio unwritten.
    fn process(&mut self, block: &Block, input: &[Event], output: &mut Vec<Event>) -> Result<(), HostError>;
}

/// Runs `plugin` until steady sample `until`, feeding the `input` events (ascending) of that stretch.
///
/// Events before the transport's position are taken as sent already, so one list serves a run in several
/// calls.
///
/// # Errors
///
/// As [`Instance::process`].
pub fn drive(
    plugin: &mut dyn Instance,
    transport: &mut Transport,
    until: u64,
    input: &[Event],
    output: &mut Vec<Event>,
) -> Result<(), HostError> {
    debug_assert!(input.is_sorted_by_key(|event| event.time), "input events must ascend");
    let mut next = input.partition_point(|event| event.time < transport.steady());
    while let Some(block) = transport.advance(until) {
        let end = block.steady + u64::from(block.frames);
        let count = input[next..].partition_point(|event| event.time < end);
        plugin.process(&block, &input[next..next + count], output)?;
        next += count;
    }
    Ok(())
}

/// A note that was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sounded {
    /// 0..=15.
    pub channel: u8,
    /// MIDI pitch.
    pub key: u8,
    /// 0..=1.
    pub velocity: f32,
    /// First sample.
    pub start: u64,
    /// The sample of its end.
    pub end: u64,
}

/// Notes made of events, and what was left over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paired {
    /// The notes in the order of their starts.
    pub notes: Vec<Sounded>,
    /// Starts that were never ended: notes that hang.
    pub hanging: usize,
    /// Ends of what did not sound.
    pub stray: usize,
}

/// Pairs note starts with the ends that follow them, first in first out on each key of each channel.
///
/// A hanging note ends with the last event.
pub fn pair(events: &[Event]) -> Paired {
    let mut paired = Paired::default();
    let mut open: Vec<usize> = Vec::new();
    for event in events {
        match event.kind {
            EventKind::NoteOn { channel, key, velocity } => {
                open.push(paired.notes.len());
                paired.notes.push(Sounded { channel, key, velocity, start: event.time, end: event.time });
            }
            EventKind::NoteOff { channel, key, .. } => {
                let notes = &mut paired.notes;
                let of =
                    open.iter().position(|&note| (notes[note].channel, notes[note].key) == (channel, key));
                match of {
                    Some(found) => notes[open.remove(found)].end = event.time,
                    None => paired.stray += 1,
                }
            }
            _ => {}
        }
    }
    paired.hanging = open.len();
    let last = events.last().map_or(0, |event| event.time);
    for note in open {
        paired.notes[note].end = last;
    }
    paired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_go_to_the_oldest_note_of_their_key_and_channel() {
        let events = [
            Event::on(0, 0, 60, 0.5),
            Event::on(10, 1, 60, 0.6),
            Event::on(20, 0, 60, 0.7),
            Event::off(30, 0, 60),
            Event::off(40, 0, 60),
            Event::off(50, 0, 60),
        ];
        let paired = pair(&events);
        assert_eq!((paired.hanging, paired.stray), (1, 1));
        let ends: Vec<_> = paired.notes.iter().map(|note| (note.start, note.end)).collect();
        assert_eq!(ends, [(0, 30), (10, 50), (20, 40)]);
    }
}
