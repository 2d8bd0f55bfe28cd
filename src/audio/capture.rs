//! Notes in -> the windows that the network hears.
//!
//! A phrase *closes* half a step before its line, for a note in that half step belongs to the next phrase;
//! until the line itself the ends of its held notes are still open. A window holds its phrase's notes and,
//! where it is longer than the phrase, those before it.
//!
//! A window has its phrase's notes from step 0, 32 or 48 on (the last downbeat that leaves it room) and
//! before that what was played before it, though nothing behind the last start or jump. [`phrase::windows`]
//! cuts a file the same way.

#[cfg(test)]
mod tests;

use arrayvec::ArrayVec;
use nice_plug::midi::VoiceID;
use phrase::{MAX_NOTES, Note, Phrase, nearest};

use super::event::{Address, Voice};

/// How long before its line, in steps, a phrase closes: the shared rounding rule, seen from the line.
pub const CLOSING: f64 = 0.5 + phrase::TOLERANCE;

/// Times are kept to this fraction of a step, a thousandth of a sample or less. Positions reach us with some
/// noise in the last bits, which differs with the block size; without it, two notes equally far from a third
/// stay equally far.
const GRAIN: f64 = 1.0 / (1 << 24) as f64;

/// Notes that are remembered: those of a phrase and as many before it.
const STORE: usize = 2 * MAX_NOTES;

/// A key that is down.
#[derive(Clone, Copy, Debug)]
struct Held {
    voice: Voice,
    id: VoiceID,
    /// Its note among the notes.
    note: usize,
    /// It has come up, but the pedal holds it.
    up: bool,
}

/// Where a window lies in musical time.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// The first step of the phrase, before which the window may hold what was played earlier.
    start: f64,
    /// The window's step on which the phrase starts.
    first: f64,
    /// Nothing before this moment is looked at.
    wall: f64,
    /// Quarter notes a minute, at the phrase's start.
    tempo: f64,
    /// Notes of the phrase that found no room.
    overflow: u32,
}

impl Frame {
    /// The window's step 0.
    fn origin(&self) -> f64 {
        self.start - self.first
    }

    /// A note as the window has it when its phrase ends at `line`; `None` where nothing of it is in there.
    ///
    /// The rule of `phrase::cut`: a note belongs to the window of its nearest step, and is held where it ends
    /// after the line.
    fn piece(&self, note: &Note, line: f64) -> Option<Note> {
        let origin = self.origin();
        let from = origin.max(self.wall);
        let tied_in = nearest(note.onset - from) < 0;
        let end = note.end();
        if tied_in && end <= from {
            return None;
        }
        let onset = if tied_in { from } else { note.onset } - origin;
        let tied_out = end > line;
        let length = (grained(end.min(line)) - origin - onset).max(0.0);
        Some(Note { onset, length, tied_in, tied_out, ..*note })
    }

    /// The window as it is when its phrase ends at `line`. What is short of room is left out of the past.
    fn window(&self, notes: &[Note], line: f64, out: &mut Phrase) {
        out.clear(self.origin().round() as i64, self.tempo);
        out.overflow = self.overflow;
        let pieces = notes.iter().rev().filter_map(|note| self.piece(note, line));
        pieces.take(MAX_NOTES).for_each(|piece| out.notes.push(piece));
        out.sort();
    }
}

/// The phrase being played, and the one that has closed.
#[derive(Debug)]
pub struct Capture {
    /// In the order of their onsets, which are musical times; those that are held have no end.
    notes: Box<ArrayVec<Note, STORE>>,
    held: ArrayVec<Held, MAX_NOTES>,
    frame: Frame,
    /// How many of the notes were struck before the phrase.
    past: usize,
    /// The window of the phrase that has closed last; it can still change while the line is to come.
    closed: Box<Phrase>,
    /// That phrase's frame and line, while the line is still to come.
    waiting: Option<(Frame, f64)>,
    revision: u32,
    /// The channels whose pedal is down, one bit each.
    pedals: u16,
}

impl Capture {
    /// Nothing played yet. Allocates; everything else does not.
    pub fn new() -> Self {
        Self {
            notes: Box::default(),
            held: ArrayVec::new(),
            frame: Frame { start: 0.0, first: 0.0, wall: f64::NEG_INFINITY, tempo: 120.0, overflow: 0 },
            past: 0,
            closed: Box::new(Phrase::new(0, 120.0)),
            waiting: None,
            revision: 0,
            pedals: 0,
        }
    }

    /// Forgets all notes, keys that are down included. A phrase starts at `start` (musical time), on step
    /// `first` of its window, at `tempo`.
    pub fn reset(&mut self, start: f64, first: f64, tempo: f64) {
        self.notes.clear();
        self.held.clear();
        self.waiting = None;
        self.frame = Frame { start, first, wall: f64::NEG_INFINITY, tempo, overflow: 0 };
        (self.past, self.pedals) = (0, 0);
        self.revision = self.revision.wrapping_add(1);
        self.closed.clear(0, tempo);
    }

    /// Changes whenever the phrase, as it would close now, has changed.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Whether there is anything that a later answer could bring: notes in the window, or a closed one that
    /// waits.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty() && (self.waiting.is_none() || self.closed.is_empty())
    }

    /// A key goes down at `time` (musical time). A second strike of a key ends the first. False where the
    /// phrase is full.
    pub fn on(&mut self, time: f64, voice: Voice, id: VoiceID, velocity: f32) -> bool {
        self.release(time, |held| held.voice == voice);
        self.revision = self.revision.wrapping_add(1);
        let pieces = self.held.iter().filter(|held| held.note < self.past).count();
        let fits =
            self.notes.len() - self.past + pieces < MAX_NOTES && !self.held.is_full() && self.has_room();
        if fits {
            let onset = grained(time).max(self.frame.start - 0.5);
            self.held.push(Held { voice, id, note: self.notes.len(), up: false });
            self.notes.push(Note::new(voice.pitch, voice.channel, velocity, onset, f64::INFINITY));
        } else {
            self.frame.overflow = self.frame.overflow.saturating_add(1);
        }
        fits
    }

    /// Keys come up at `time`; a wildcard may mean several. False where none was meant.
    pub fn off(&mut self, time: f64, address: Address) -> bool {
        let pedals = self.pedals;
        let is_down = |voice: Voice| pedals >> voice.channel & 1 == 1;
        let mut any = false;
        for held in self.held.iter_mut().filter(|held| is_down(held.voice) && !held.up) {
            held.up = address.means(held.voice, held.id);
            any |= held.up;
        }
        self.release(time, |held| !is_down(held.voice) && address.means(held.voice, held.id)) || any
    }

    /// A channel's pedal goes down or comes up at `time`: what comes up while it is down sounds until it
    /// comes up.
    pub fn pedal(&mut self, time: f64, channel: u8, down: bool) {
        let bit = 1 << (channel & 15);
        self.pedals = if down { self.pedals | bit } else { self.pedals & !bit };
        if !down {
            self.release(time, |held| held.up && held.voice.channel == channel);
        }
    }

    /// All pedals come up.
    pub fn release_pedals(&mut self, time: f64) {
        self.pedals = 0;
        self.release(time, |held| held.up);
    }

    /// All keys of a channel come up.
    pub fn silence(&mut self, time: f64, channel: u8) {
        self.release(time, |held| held.voice.channel == channel);
    }

    /// The key that an expression means where it names none itself.
    pub fn voice(&self, address: Address) -> Option<Voice> {
        self.held.iter().find(|held| address.means(held.voice, held.id)).map(|held| held.voice)
    }

    /// Whether a note of the key was struck between the closing and the line: it will not sound before its
    /// own line.
    pub fn is_early(&self, voice: Voice) -> bool {
        let is = |note: &Note| note.pitch == voice.pitch && note.channel == voice.channel;
        self.waiting.is_some() && self.notes[self.past..].iter().any(is)
    }

    /// The window as it would be if its phrase closed now, with its line at `line` and step `first` in its
    /// window: what is held sounds to the end.
    pub fn snapshot(&self, line: f64, first: f64, out: &mut Phrase) {
        Frame { first, ..self.frame }.window(&self.notes, line, out);
    }

    /// Closes the phrase, whose line is at `line` and which has step `first` of its window, and starts the
    /// next one there. What is held goes on in it. `first` is no later than it was said to be.
    pub fn close(&mut self, line: f64, first: f64, tempo: f64) {
        let frame = Frame { first, ..self.frame };
        // The line may have been known too late: what was played after it belongs to the next phrase.
        self.past = self.notes.partition_point(|note| note.onset < line - CLOSING);
        self.waiting = Some((frame, line));
        frame.window(&self.notes[..self.past], line, &mut self.closed);
        self.frame = Frame { start: line, tempo, overflow: 0, ..frame };
        self.revision = self.revision.wrapping_add(1);
    }

    /// The window of the phrase that has closed last, as it was at the closing.
    pub fn closed(&self) -> &Phrase {
        &self.closed
    }

    /// The line is reached: the closed phrase is whole. Exchanges its window's memory for `used`. The next
    /// phrase's window has it on step `first`, and looks behind the line only where that is no `wall`.
    pub fn take(&mut self, used: &mut Box<Phrase>, first: f64, wall: bool) {
        if let Some((frame, line)) = self.waiting.take() {
            frame.window(&self.notes[..self.past], line, &mut self.closed);
        }
        std::mem::swap(&mut self.closed, used);
        self.frame.first = first;
        if wall {
            self.frame.wall = self.frame.start;
        }
        self.forget_past();
    }

    fn release(&mut self, time: f64, means: impl Fn(&Held) -> bool) -> bool {
        let mut any = false;
        let mut index = 0;
        while index < self.held.len() {
            if !means(&self.held[index]) {
                index += 1;
                continue;
            }
            any = true;
            let held = self.held.swap_remove(index);
            // The sample of a line lies beside it by a fraction: a key let go there was let go on the line.
            let line = self.waiting.filter(|_| held.note < self.past).map_or(f64::INFINITY, |(_, line)| line);
            let note = &mut self.notes[held.note];
            note.length = (grained(time.min(line)) - note.onset).max(0.0);
        }
        self.revision = self.revision.wrapping_add(u32::from(any));
        any
    }

    /// Forgets the notes that no later window holds.
    fn forget_past(&mut self) {
        let (mut kept, past, frame) = (0, self.past, self.frame);
        for index in 0..self.notes.len() {
            let note = self.notes[index];
            if index >= past || frame.piece(&note, f64::INFINITY).is_some() {
                if note.length == f64::INFINITY
                    && let Some(held) = self.held.iter_mut().find(|held| held.note == index)
                {
                    held.note = kept;
                }
                self.notes[kept] = note;
                kept += 1;
            } else {
                self.past -= 1;
            }
        }
        self.notes.truncate(kept);
    }

    /// Whether there is room for one more note, if need be in the place of the oldest that nobody holds.
    fn has_room(&mut self) -> bool {
        if !self.notes.is_full() {
            return true;
        }
        let is_over = |note: &Note| note.length != f64::INFINITY;
        let Some(oldest) = self.notes[..self.past].iter().position(is_over) else { return false };
        self.notes.remove(oldest);
        self.past -= 1;
        self.held.iter_mut().filter(|held| held.note > oldest).for_each(|held| held.note -= 1);
        true
    }
}

fn grained(time: f64) -> f64 {
    (time / GRAIN).round() * GRAIN
}
