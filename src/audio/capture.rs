//! Notes in -> the windows that the network hears.
//!
//! A phrase *closes* half a step before its line, for a note in that half step belongs to the next phrase; until the
//! line itself the ends of its held notes are still open. A window holds its phrase's notes and, where it is longer than
//! the phrase, those before it.

use arrayvec::ArrayVec;
use nice_plug::midi::VoiceID;
use phrase::{MAX_NOTES, Note, Phrase, nearest};

use super::event::{Address, Voice};

/// How long before its line, in steps, a phrase closes: the shared rounding rule, seen from the line.
pub const CLOSING: f64 = 0.5 + phrase::TOLERANCE;

/// Times are kept to this fraction of a step, a thousandth of a sample or less. Positions reach us with some noise in
/// the last bits, which differs with the block size; without it, two notes equally far from a third stay equally far.
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
    /// The rule of `phrase::cut`: a note belongs to the window of its nearest step, and is held where it ends after the line.
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

    /// Forgets all notes, keys that are down included. A phrase starts at `start` (musical time), on step `first` of its
    /// window, at `tempo`.
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

    /// Whether there is anything that a later answer could bring: notes in the window, or a closed one that waits.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty() && (self.waiting.is_none() || self.closed.is_empty())
    }

    /// A key goes down at `time` (musical time). A second strike of a key ends the first. False where the phrase is full.
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

    /// A channel's pedal goes down or comes up at `time`: what comes up while it is down sounds until it comes up.
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

    /// Whether a note of the key was struck between the closing and the line: it will not sound before its own line.
    pub fn is_early(&self, voice: Voice) -> bool {
        let is = |note: &Note| note.pitch == voice.pitch && note.channel == voice.channel;
        self.waiting.is_some() && self.notes[self.past..].iter().any(is)
    }

    /// The window as it would be if its phrase closed now, with its line at `line` and step `first` in its window: what is
    /// held sounds to the end.
    pub fn snapshot(&self, line: f64, first: f64, out: &mut Phrase) {
        Frame { first, ..self.frame }.window(&self.notes, line, out);
    }

    /// Closes the phrase, whose line is at `line` and which has step `first` of its window, and starts the next one there.
    /// What is held goes on in it. `first` is no later than it was said to be.
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

    /// The line is reached: the closed phrase is whole. Exchanges its window's memory for `used`. The next phrase's
    /// window has it on step `first`, and looks behind the line only where that is no `wall`.
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

#[cfg(test)]
mod tests {
    use nice_plug::midi::{Channel, Key};
    use proptest::prelude::*;

    use super::*;

    fn voice(pitch: u8) -> Voice {
        Voice { pitch, channel: 0 }
    }

    fn key(pitch: u8) -> Address {
        Address { id: VoiceID::Wildcard, channel: Channel::Number(0), key: Key::Number(pitch) }
    }

    fn capture() -> Capture {
        let mut capture = Capture::new();
        capture.reset(64.0, 0.0, 120.0);
        capture
    }

    fn on(capture: &mut Capture, time: f64, pitch: u8) {
        assert!(capture.on(time, voice(pitch), VoiceID::Wildcard, 0.5));
    }

    fn closed(capture: &mut Capture) -> Phrase {
        let mut out = Box::new(Phrase::new(0, 0.0));
        capture.take(&mut out, 0.0, false);
        *out
    }

    #[test]
    fn a_held_note_is_tied_over_the_line_and_ends_in_the_next_phrase() {
        let mut capture = capture();
        on(&mut capture, 70.25, 60);
        capture.close(128.0, 0.0, 120.0);
        let first = closed(&mut capture);
        assert_eq!((first.position, first.notes.len()), (64, 1));
        assert_eq!((first.notes[0].onset, first.notes[0].end(), first.notes[0].tied_out), (6.25, 64.0, true));
        assert!(capture.off(130.5, key(60)));
        capture.close(192.0, 0.0, 120.0);
        let second = closed(&mut capture);
        let piece = second.notes[0];
        assert_eq!(
            (second.position, piece.onset, piece.length, piece.tied_in, piece.tied_out),
            (128, 0.0, 2.5, true, false)
        );
    }

    #[test]
    fn a_key_let_go_between_the_closing_and_the_line_ends_exactly_and_leaves_no_piece() {
        for (time, end) in [(127.75, 63.75), (128.0, 64.0), (128.01, 64.0)] {
            let mut capture = capture();
            on(&mut capture, 70.0, 60);
            on(&mut capture, 71.0, 62);
            capture.close(128.0, 0.0, 120.0);
            assert!(capture.off(time, key(60)));
            let first = closed(&mut capture);
            assert_eq!(
                (first.notes[0].end(), first.notes[0].tied_out, first.notes[1].tied_out),
                (end, false, true)
            );
            assert!(capture.off(129.0, key(62)));
            capture.close(192.0, 0.0, 120.0);
            let second = closed(&mut capture);
            assert_eq!((second.notes.len(), second.notes[0].pitch, second.notes[0].length), (1, 62, 1.0));
        }
    }

    #[test]
    fn a_note_just_before_the_line_belongs_to_the_next_phrase() {
        let mut capture = capture();
        capture.close(128.0, 0.0, 120.0);
        on(&mut capture, 127.6, 60);
        assert!(closed(&mut capture).is_empty());
        capture.off(129.0, key(60));
        capture.close(192.0, 0.0, 120.0);
        let second = closed(&mut capture);
        assert!((second.notes[0].onset + 0.4).abs() < 1e-6 && second.notes[0].onset_step() == 0);
        assert!(!second.notes[0].tied_in && (second.notes[0].end() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_second_strike_ends_the_first_and_an_unknown_key_is_no_harm() {
        let mut capture = capture();
        on(&mut capture, 64.0, 60);
        on(&mut capture, 66.0, 60);
        assert!(!capture.off(67.0, key(61)));
        assert!(capture.off(67.0, key(60)));
        assert!(!capture.off(68.0, key(60)));
        capture.close(128.0, 0.0, 120.0);
        let notes = closed(&mut capture).notes;
        assert_eq!((notes[0].length, notes[1].onset, notes[1].length), (2.0, 2.0, 1.0));
    }

    #[test]
    fn a_pedal_holds_what_comes_up_until_it_does_itself() {
        let mut capture = capture();
        on(&mut capture, 64.0, 60);
        capture.pedal(65.0, 0, true);
        on(&mut capture, 66.0, 62);
        assert!(capture.off(67.0, key(60)) && !capture.off(67.0, key(60)) && capture.off(68.0, key(62)));
        on(&mut capture, 69.0, 60); // struck again: the first one ends
        capture.pedal(70.0, 1, false); // another channel's
        capture.pedal(71.0, 0, false);
        assert!(capture.off(72.0, key(60)));
        capture.close(128.0, 0.0, 120.0);
        let spans: Vec<_> = closed(&mut capture).notes.iter().map(|n| (n.pitch, n.onset, n.end())).collect();
        assert_eq!(spans, [(60, 0.0, 5.0), (62, 2.0, 7.0), (60, 5.0, 8.0)]);
    }

    #[test]
    fn wildcards_let_go_of_all_they_mean() {
        let mut capture = capture();
        for pitch in [60, 64, 67] {
            on(&mut capture, 64.0, pitch);
        }
        assert!(capture.off(65.0, Address { key: Key::Wildcard, ..key(0) }));
        capture.close(128.0, 0.0, 120.0);
        assert!(closed(&mut capture).notes.iter().all(|note| note.length == 1.0 && !note.tied_out));
    }

    #[test]
    fn a_full_phrase_says_so_and_counts() {
        let mut capture = capture();
        for i in 0..MAX_NOTES + 3 {
            assert_eq!(capture.on(64.0 + i as f64 * 0.01, voice(60), VoiceID::Wildcard, 0.5), i < MAX_NOTES);
        }
        capture.close(128.0, 0.0, 120.0);
        assert_eq!(capture.closed().overflow, 3);
    }

    #[test]
    fn a_sliding_window_holds_what_came_before_but_nothing_behind_a_wall() {
        let mut capture = Capture::new();
        capture.reset(0.0, 32.0, 120.0);
        on(&mut capture, 4.0, 60); // held all the time
        on(&mut capture, 8.0, 62);
        assert!(capture.off(12.0, key(62)));
        let mut out = Box::new(Phrase::new(0, 0.0));
        let mut windows = Vec::new();
        for (line, wall) in [(32.0, false), (64.0, true), (96.0, false)] {
            capture.close(line, 32.0, 120.0);
            capture.take(&mut out, 32.0, wall);
            let notes: Vec<_> = out.notes.iter().map(|n| (n.pitch, n.onset, n.length, n.tied_in)).collect();
            assert!(out.notes.iter().all(|note| note.tied_out == (note.pitch == 60)));
            windows.push((out.position, notes));
        }
        assert_eq!(windows[0], (-32, vec![(60, 36.0, 28.0, false), (62, 40.0, 4.0, false)]));
        assert_eq!(windows[1], (0, vec![(60, 4.0, 60.0, false), (62, 8.0, 4.0, false)]));
        // Behind the wall at 64 lies what sounds on in the held key.
        assert_eq!(windows[2], (32, vec![(60, 32.0, 32.0, true)]));
    }

    #[test]
    fn a_line_that_is_known_late_divides_what_was_played() {
        let mut capture = capture();
        on(&mut capture, 90.0, 60);
        on(&mut capture, 95.7, 62);
        assert!(capture.off(97.0, key(60)) && capture.off(98.0, key(62)));
        capture.close(96.0, 0.0, 120.0);
        let first = closed(&mut capture);
        assert_eq!(first.notes.len(), 1);
        assert_eq!((first.notes[0].end(), first.notes[0].tied_out), (32.0, true));
        capture.close(128.0, 0.0, 120.0);
        let notes = closed(&mut capture).notes;
        let spans: Vec<_> = notes.iter().map(|note| (note.pitch, note.end(), note.tied_in)).collect();
        assert_eq!(spans, [(62, 2.0, false), (60, 1.0, true)]);
    }

    #[test]
    fn the_past_makes_room_for_new_notes() {
        let mut capture = Capture::new();
        capture.reset(0.0, 48.0, 120.0);
        for phrase in 0..6 {
            for i in 0..MAX_NOTES {
                on(&mut capture, f64::from(phrase) * 16.0 + i as f64 * 0.01, 60 + (i % 2) as u8);
            }
            capture.close(f64::from(phrase + 1) * 16.0, 48.0, 120.0);
            let mut out = Box::new(Phrase::new(0, 0.0));
            capture.take(&mut out, 48.0, false);
            assert_eq!((out.notes.len(), out.overflow), (MAX_NOTES, 0));
            // The notes of the phrase itself, if need be at the cost of what came before.
            let new = out.notes.iter().filter(|note| note.onset >= 48.0).count();
            assert_eq!(new, MAX_NOTES);
        }
    }

    proptest! {
        /// Random keys over three phrases: what is captured has the same cells and ends as the song itself cut on the lines.
        #[test]
        fn nothing_played_is_lost(
            notes in prop::collection::vec((0.0..180.0f64, 0.01..80.0f64, 40u8..44), 0..30),
        ) {
            let mut events: Vec<(f64, bool, u8)> = Vec::new();
            for (start, length, pitch) in &notes {
                events.push((*start, true, *pitch));
                events.push((start + length, false, *pitch));
            }
            events.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut capture = Capture::new();
            capture.reset(0.0, 0.0, 120.0);
            let (mut line, mut is_closed, mut pieces) = (64.0, false, Vec::new());
            for (time, is_on, pitch) in events.into_iter().chain([(320.0, false, 0)]) {
                while time >= line - if is_closed { 0.0 } else { CLOSING } {
                    if is_closed {
                        pieces.extend(closed(&mut capture).notes.iter().map(|note| (line - 64.0, *note)));
                        line += 64.0;
                    } else {
                        capture.close(line, 0.0, 120.0);
                    }
                    is_closed = !is_closed;
                }
                if is_on {
                    on(&mut capture, time, pitch);
                } else {
                    capture.off(time, key(pitch));
                }
            }
            let struck = pieces.iter().filter(|(_, note)| !note.tied_in).count();
            prop_assert_eq!(struck, notes.len());
            for (start, note) in &pieces {
                prop_assert!(note.onset >= -0.5 && nearest(note.onset) < 64 && note.length >= 0.0);
                if note.tied_out {
                    let is_next = |(s, n): &&(f64, Note)| *s == start + 64.0 && n.tied_in && n.pitch == note.pitch;
                    prop_assert_eq!(pieces.iter().filter(is_next).count(), 1);
                    prop_assert_eq!(note.end(), 64.0);
                }
            }
        }
    }
}
