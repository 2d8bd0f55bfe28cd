//! Notes in -> the phrase being played.
//!
//! A phrase *closes* half a step before its line, for a note in that half step belongs to the next phrase; until the
//! line itself the ends of its held notes are still open. So there are two phrases for a moment: the closed one, whose
//! answer is being made, and the next one, which already takes notes.

use arrayvec::ArrayVec;
use nice_plug::midi::VoiceID;
use phrase::{MAX_NOTES, Note, Phrase, STEPS, nearest, realise};

use super::event::{Address, Voice};

/// How long before its line, in steps, a phrase closes: the shared rounding rule, seen from the line.
pub const CLOSING: f64 = 0.5 + phrase::TOLERANCE;

/// Times are kept to this fraction of a step, a thousandth of a sample or less. Positions reach us with some noise in
/// the last bits, which differs with the block size; without it, two notes equally far from a third stay equally far.
const GRAIN: f64 = 1.0 / (1 << 24) as f64;

/// A key that is down.
#[derive(Clone, Copy, Debug)]
struct Held {
    voice: Voice,
    id: VoiceID,
    /// Its note in the phrase.
    note: usize,
}

/// The phrase being played, and the one that has closed.
#[derive(Debug)]
pub struct Capture {
    phrase: Phrase,
    held: ArrayVec<Held, MAX_NOTES>,
    /// Musical time of the phrase's first step.
    start: f64,
    closed: Box<Phrase>,
    /// Musical time of the closed phrase's first step and of its line, while the line is still to come.
    waiting: Option<(f64, f64)>,
    revision: u32,
}

impl Capture {
    /// Nothing played yet. Allocates; everything else does not.
    pub fn new() -> Self {
        Self {
            phrase: Phrase::new(0, 120.0),
            held: ArrayVec::new(),
            start: 0.0,
            closed: Box::new(Phrase::new(0, 120.0)),
            waiting: None,
            revision: 0,
        }
    }

    /// Forgets all notes, keys that are down included, and starts a phrase at `start` (musical time) and `tempo`.
    pub fn reset(&mut self, start: f64, tempo: f64) {
        self.held.clear();
        self.waiting = None;
        self.begin(start, tempo);
        self.closed.clear(0, tempo);
    }

    /// Changes whenever the phrase, as it would close now, has changed.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Whether there is anything that a later answer could bring: notes in the phrase, or a closed one that waits.
    pub fn is_empty(&self) -> bool {
        self.phrase.is_empty() && (self.waiting.is_none() || self.closed.is_empty())
    }

    /// A key goes down at `time` (musical time). A second strike of a key ends the first. False where the phrase is full.
    pub fn on(&mut self, time: f64, voice: Voice, id: VoiceID, velocity: f32) -> bool {
        self.release(time, |held| held.voice == voice);
        self.revision = self.revision.wrapping_add(1);
        let onset = grained(time - self.start).max(-0.5);
        let fits = self.phrase.push(Note::new(voice.pitch, voice.channel, velocity, onset, 0.0));
        if fits {
            // A held key has a note in the phrase, so there is room wherever there is room for the note.
            self.held.push(Held { voice, id, note: self.phrase.notes.len() - 1 });
        }
        fits
    }

    /// Keys come up at `time`; a wildcard may mean several. False where none was meant.
    pub fn off(&mut self, time: f64, address: Address) -> bool {
        self.release(time, |held| address.means(held.voice, held.id))
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
        let is = |note: &Note| !note.tied_in && note.pitch == voice.pitch && note.channel == voice.channel;
        self.waiting.is_some() && self.phrase.notes.iter().any(is)
    }

    /// The phrase as it would be if it closed now and its line were at `line`: what is held sounds to the end.
    pub fn snapshot(&self, line: f64, out: &mut Phrase) {
        as_closed(&self.phrase, &self.held, line - self.start, out);
    }

    /// Closes the phrase, whose line is at `line`, and starts the next one there. What is held goes on in it.
    pub fn close(&mut self, line: f64, tempo: f64) {
        as_closed(&self.phrase, &self.held, line - self.start, &mut self.closed);
        let velocities: ArrayVec<f32, MAX_NOTES> =
            self.held.iter().map(|held| self.phrase.notes[held.note].velocity).collect();
        self.waiting = Some((self.start, line));
        self.begin(line, tempo);
        for (index, (held, velocity)) in self.held.iter_mut().zip(velocities).enumerate() {
            held.note = index;
            let piece =
                Note { tied_in: true, ..Note::new(held.voice.pitch, held.voice.channel, velocity, 0.0, 0.0) };
            self.phrase.push(piece);
        }
    }

    /// The phrase that has closed last.
    pub fn closed(&self) -> &Phrase {
        &self.closed
    }

    /// The line is reached: the closed phrase is whole. Exchanges its memory for `used`.
    pub fn take(&mut self, used: &mut Box<Phrase>) {
        self.waiting = None;
        std::mem::swap(&mut self.closed, used);
    }

    fn begin(&mut self, start: f64, tempo: f64) {
        self.start = start;
        self.revision = self.revision.wrapping_add(1);
        self.phrase.clear(start.round() as i64, tempo);
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
            let note = &mut self.phrase.notes[held.note];
            match self.waiting {
                Some((start, line)) if note.tied_in => {
                    let end = grained(time.min(line) - start);
                    end_before_line(&mut self.closed, held.voice, end);
                    self.forget(held.note);
                }
                _ => note.length = (grained(time - self.start) - note.onset).max(0.0),
            }
        }
        self.revision = self.revision.wrapping_add(u32::from(any));
        any
    }

    /// Takes a note out of the phrase.
    fn forget(&mut self, note: usize) {
        self.phrase.notes.swap_remove(note);
        let last = self.phrase.notes.len();
        if let Some(moved) = self.held.iter_mut().find(|held| held.note == last) {
            moved.note = note;
        }
    }
}

/// Copies `phrase` as it is when it closes with these keys down, `length` steps long.
fn as_closed(phrase: &Phrase, held: &[Held], length: f64, out: &mut Phrase) {
    out.clear(phrase.position, phrase.tempo);
    out.notes.extend(phrase.notes.iter().copied());
    out.overflow = phrase.overflow;
    let end = grained(length);
    for held in held {
        let note = &mut out.notes[held.note];
        note.length = (end - note.onset).max(0.0);
        note.tied_out = true;
    }
    out.sort();
}

/// The held note of `voice` was let go after all, at `end` steps of the phrase.
fn end_before_line(closed: &mut Phrase, voice: Voice, end: f64) {
    let is = |note: &&mut Note| note.tied_out && note.pitch == voice.pitch && note.channel == voice.channel;
    if let Some(note) = closed.notes.iter_mut().find(is) {
        note.tied_out = false;
        note.length = (end - note.onset).max(0.0);
    }
}

/// Gives the answer to `asked` what it could not know: keys that were down at the closing came up before the line, and
/// the phrase `closed` is how it was in the end.
///
/// The network heard the same cells either way, for a note that is held at the closing sounds to the last step. So its
/// cells are made into notes once more, from the finished phrase: exactly the answer that this would have had. But
/// where a loop cuts a phrase short, a held note has cells past the line; let go, its key has none there any more.
pub fn settle(answer: &mut Phrase, asked: &Phrase, closed: &Phrase) {
    if asked.notes != closed.notes {
        let mut cells = answer.roll().sounding;
        for note in asked.notes.iter().filter(|note| note.tied_out) {
            let held = closed.notes.iter().any(|other| other.tied_out && other.pitch == note.pitch);
            if let Some(row) = note.row().filter(|_| !held) {
                let line = nearest(note.end()).clamp(0, STEPS as i64) as usize;
                cells[line..].iter_mut().for_each(|step| *step &= !(1 << row));
            }
        }
        realise(closed, &cells, 0, answer);
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
        capture.reset(64.0, 120.0);
        capture
    }

    fn on(capture: &mut Capture, time: f64, pitch: u8) {
        assert!(capture.on(time, voice(pitch), VoiceID::Wildcard, 0.5));
    }

    fn closed(capture: &mut Capture) -> Phrase {
        let mut out = Box::new(Phrase::new(0, 0.0));
        capture.take(&mut out);
        *out
    }

    #[test]
    fn a_held_note_is_tied_over_the_line_and_ends_in_the_next_phrase() {
        let mut capture = capture();
        on(&mut capture, 70.25, 60);
        capture.close(128.0, 120.0);
        let first = closed(&mut capture);
        assert_eq!((first.position, first.notes.len()), (64, 1));
        assert_eq!((first.notes[0].onset, first.notes[0].end(), first.notes[0].tied_out), (6.25, 64.0, true));
        assert!(capture.off(130.5, key(60)));
        capture.close(192.0, 120.0);
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
            capture.close(128.0, 120.0);
            assert!(capture.off(time, key(60)));
            let first = closed(&mut capture);
            assert_eq!(
                (first.notes[0].end(), first.notes[0].tied_out, first.notes[1].tied_out),
                (end, false, true)
            );
            assert!(capture.off(129.0, key(62)));
            capture.close(192.0, 120.0);
            let second = closed(&mut capture);
            assert_eq!((second.notes.len(), second.notes[0].pitch, second.notes[0].length), (1, 62, 1.0));
        }
    }

    #[test]
    fn a_note_just_before_the_line_belongs_to_the_next_phrase() {
        let mut capture = capture();
        capture.close(128.0, 120.0);
        on(&mut capture, 127.6, 60);
        assert!(closed(&mut capture).is_empty());
        capture.off(129.0, key(60));
        capture.close(192.0, 120.0);
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
        capture.close(128.0, 120.0);
        let notes = closed(&mut capture).notes;
        assert_eq!((notes[0].length, notes[1].onset, notes[1].length), (2.0, 2.0, 1.0));
    }

    #[test]
    fn wildcards_let_go_of_all_they_mean() {
        let mut capture = capture();
        for pitch in [60, 64, 67] {
            on(&mut capture, 64.0, pitch);
        }
        assert!(capture.off(65.0, Address { key: Key::Wildcard, ..key(0) }));
        capture.close(128.0, 120.0);
        assert!(closed(&mut capture).notes.iter().all(|note| note.length == 1.0 && !note.tied_out));
    }

    #[test]
    fn a_full_phrase_says_so_and_counts() {
        let mut capture = capture();
        for i in 0..MAX_NOTES + 3 {
            assert_eq!(capture.on(64.0 + i as f64 * 0.01, voice(60), VoiceID::Wildcard, 0.5), i < MAX_NOTES);
        }
        capture.close(128.0, 120.0);
        assert_eq!(capture.closed().overflow, 3);
    }

    proptest! {
        /// The answer to a phrase whose held notes end before the line after all, settled, is the answer to that phrase.
        #[test]
        fn settling_makes_up_for_the_early_question(
            notes in prop::collection::vec((50u8..54, 0u8..2, 0.0..62.0f64, 0.2..70.0f64, any::<bool>()), 1..20),
            cells in prop::collection::vec((0usize..64, 50u8..54, any::<bool>()), 0..60),
        ) {
            let mut asked = Phrase::new(0, 120.0);
            for (pitch, channel, onset, length, ends) in notes {
                let mut note = Note::new(pitch, channel, 0.5, grained(onset), grained(length));
                let free = |other: &Note| other.pitch != pitch || other.channel != channel
                    || other.end() <= note.onset || other.onset >= note.end().min(64.0);
                if !asked.notes.iter().all(free) {
                    continue;
                }
                if nearest(note.end()) >= 64 {
                    // Held at the closing; `length` remembers whether it ends before the line.
                    (note.length, note.tied_out) = (64.0 - note.onset, true);
                    note.velocity = if ends { 0.6 } else { 0.7 };
                }
                asked.push(note);
            }
            asked.sort();
            let mut finished = asked.clone();
            for note in finished.notes.iter_mut().filter(|note| note.tied_out && note.velocity == 0.6) {
                (note.length, note.tied_out) = (63.75 - note.onset, false);
            }
            let mut sounding = asked.roll().sounding;
            for (step, pitch, on) in cells {
                let bit = 1u128 << (pitch - phrase::LOWEST);
                sounding[step] = if on { sounding[step] | bit } else { sounding[step] & !bit };
            }
            prop_assert_eq!(asked.roll(), finished.roll());
            let (mut early, mut exact) = (Phrase::new(0, 120.0), Phrase::new(0, 120.0));
            realise(&asked, &sounding, 0, &mut early);
            realise(&finished, &sounding, 0, &mut exact);
            settle(&mut early, &asked, &finished);
            prop_assert_eq!(early, exact);
        }

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
            capture.reset(0.0, 120.0);
            let (mut line, mut is_closed, mut pieces) = (64.0, false, Vec::new());
            for (time, is_on, pitch) in events.into_iter().chain([(320.0, false, 0)]) {
                while time >= line - if is_closed { 0.0 } else { CLOSING } {
                    if is_closed {
                        pieces.extend(closed(&mut capture).notes.iter().map(|note| (line - 64.0, *note)));
                        line += 64.0;
                    } else {
                        capture.close(line, 120.0);
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
