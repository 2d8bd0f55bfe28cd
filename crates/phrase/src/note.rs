//! One note.

use std::cmp::Ordering;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{DRUM_CHANNEL, HIGHEST, LOWEST, STEPS, nearest};

/// A note, or the piece of one that lies in a phrase. Times are in steps from the phrase's first step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// MIDI pitch, 0..=127.
    pub pitch: u8,
    /// Channel, 0..=15.
    pub channel: u8,
    /// Velocity, 0..=1 (MIDI velocity / 127).
    pub velocity: f32,
    /// Start in steps; down to -0.5 for a note just before its phrase's bar line.
    pub onset: f64,
    /// Length in steps.
    pub length: f64,
    /// This piece continues a note of the phrase before; its onset is the phrase's first step.
    pub tied_in: bool,
    /// Still held when its phrase closed: it goes on into the next phrase.
    pub tied_out: bool,
}

impl Note {
    /// An untied note.
    pub fn new(pitch: u8, channel: u8, velocity: f32, onset: f64, length: f64) -> Self {
        Self { pitch, channel, velocity, onset, length, tied_in: false, tied_out: false }
    }

    /// Where the note ends, in steps.
    pub fn end(&self) -> f64 {
        self.onset + self.length
    }

    /// Whether the roll can hold the note: its pitch is in range and it is not a drum.
    ///
    /// Other notes bypass the network and travel with their phrase as they are.
    pub fn in_roll(&self) -> bool {
        (LOWEST..=HIGHEST).contains(&self.pitch) && self.channel != DRUM_CHANNEL
    }

    /// The nearest step of the onset; may lie outside the phrase.
    pub fn onset_step(&self) -> i64 {
        nearest(self.onset)
    }

    /// The steps that the note sounds on, within the phrase; `None` where there are none.
    ///
    /// From the nearest step of the onset to the nearest step of the end, one step at least. But a piece that
    /// was tied in and ends before half a step is a *tail* without steps: it only says when the held note is
    /// let go. A note that was tied out sounds to the last step. Says nothing of pitch: see [`Note::cells`].
    pub fn steps(&self) -> Option<Range<usize>> {
        let start = self.onset_step();
        let end = match (self.tied_out, self.tied_in) {
            (true, _) => STEPS as i64,
            (false, true) => nearest(self.end()),
            (false, false) => nearest(self.end()).max(start.saturating_add(1)),
        };
        let (start, end) = (start.clamp(0, STEPS as i64), end.clamp(0, STEPS as i64));
        (start < end).then_some(start as usize..end as usize)
    }

    /// The steps of the note's cells in the roll; `None` where it has none or the roll cannot hold it.
    pub fn cells(&self) -> Option<Range<usize>> {
        if self.in_roll() { self.steps() } else { None }
    }

    /// The roll's row of the note's pitch, where the roll can hold it.
    pub fn row(&self) -> Option<usize> {
        self.in_roll().then(|| usize::from(self.pitch - LOWEST))
    }

    /// The order of notes in a phrase: onset, pitch, channel, then all the rest, so that equal sets sort
    /// equally.
    pub fn order(&self, other: &Self) -> Ordering {
        self.onset
            .total_cmp(&other.onset)
            .then(self.pitch.cmp(&other.pitch))
            .then(self.channel.cmp(&other.channel))
            .then(self.length.total_cmp(&other.length))
            .then(self.velocity.total_cmp(&other.velocity))
            .then(self.tied_in.cmp(&other.tied_in))
            .then(self.tied_out.cmp(&other.tied_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(onset: f64, length: f64) -> Note {
        Note::new(60, 0, 0.5, onset, length)
    }

    #[test]
    fn cells_round_both_ends_and_last_a_step() {
        assert_eq!(note(3.6, 2.0).cells(), Some(4..6));
        assert_eq!(note(3.6, 0.1).cells(), Some(4..5));
        assert_eq!(note(-0.4, 1.0).cells(), Some(0..1));
        assert_eq!(note(60.0, 90.0).cells(), Some(60..64));
    }

    #[test]
    fn a_note_of_the_next_phrase_has_no_cells() {
        assert_eq!(note(63.6, 1.0).cells(), None);
        assert_eq!(note(-9.0, 2.0).cells(), None);
    }

    #[test]
    fn tied_pieces_fill_up_to_the_border() {
        let piece = Note { tied_in: true, ..note(0.0, 5.0) };
        assert_eq!(piece.cells(), Some(0..5));
        let tail = Note { tied_in: true, ..note(0.0, 0.4) };
        assert_eq!(tail.cells(), None);
        let held = Note { tied_out: true, ..note(10.0, 1.0) };
        assert_eq!(held.cells(), Some(10..64));
    }

    #[test]
    fn drums_and_far_pitches_have_steps_but_no_cells() {
        let drum = Note { channel: DRUM_CHANNEL, ..note(1.0, 1.0) };
        assert_eq!((drum.steps(), drum.cells(), drum.row()), (Some(1..2), None, None));
        for (pitch, row) in [(23, None), (24, Some(0)), (107, Some(83)), (108, None)] {
            assert_eq!(Note { pitch, ..note(0.0, 1.0) }.row(), row);
        }
    }

    #[test]
    fn absurd_times_do_not_panic() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            for y in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
                for tied in [false, true] {
                    let cells = Note { tied_in: tied, tied_out: tied, ..note(x, y) }.cells();
                    assert!(cells.is_none_or(|c| c.start < c.end && c.end <= STEPS));
                }
            }
        }
    }
}
