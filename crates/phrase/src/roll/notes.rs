//! The notes that a roll's cells make. Real-time safe.

use super::Roll;
use crate::{LOWEST, Note, Phrase, STEPS};

/// A note of a roll, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollNote {
    /// Its row, 0..84.
    pub row: usize,
    /// Its first step, 0..64.
    pub start: usize,
    /// How many steps it sounds, at least 1.
    pub length: usize,
    /// It sounds from the first step without an onset there: a piece of a note of the phrase before.
    pub tied_in: bool,
}

impl RollNote {
    /// Its MIDI pitch.
    pub fn pitch(&self) -> u8 {
        LOWEST + self.row as u8
    }

    /// The step after its last.
    pub fn end(&self) -> usize {
        self.start + self.length
    }
}

impl Roll {
    /// The notes in order of step, then pitch. A note lasts until its pitch falls silent or starts again.
    pub fn notes(&self) -> impl Iterator<Item = RollNote> + '_ {
        (0..STEPS).flat_map(move |start| {
            let before = if start == 0 { 0 } else { self.sounding[start - 1] };
            let mut starts = self.sounding[start] & (self.onset[start] | !before);
            std::iter::from_fn(move || {
                let row = (starts != 0).then(|| starts.trailing_zeros() as usize)?;
                starts &= starts - 1;
                let goes_on =
                    |&step: &usize| self.sounding[step] >> row & 1 == 1 && self.onset[step] >> row & 1 == 0;
                let length = 1 + (start + 1..STEPS).take_while(goes_on).count();
                Some(RollNote { row, start, length, tied_in: start == 0 && self.onset[0] >> row & 1 == 0 })
            })
        })
    }
}

impl Phrase {
    /// The phrase of a roll's notes at `position` (song steps), `tempo` (BPM) and one velocity (0..=1),
    /// exactly on the grid, on channel 0. A roll does not say which notes are held over its end: none is
    /// `tied_out`. Notes over the 1,024th are counted in `overflow`. The reverse of [`Phrase::roll`].
    pub fn of_roll(roll: &Roll, position: i64, tempo: f64, velocity: f32) -> Self {
        let mut phrase = Self::new(position, tempo);
        for note in roll.notes() {
            let whole = Note::new(note.pitch(), 0, velocity, note.start as f64, note.length as f64);
            phrase.push(Note { tied_in: note.tied_in, ..whole });
        }
        phrase
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repeated_and_tied_notes_are_told_apart() {
        let mut roll = Roll::from_cells(|step, row| row == 3 && step < 6 || row == 80 && step == 63);
        roll.onset[0] = 0;
        roll.onset[4] |= 1 << 3;
        let note = |row, start, length, tied_in| RollNote { row, start, length, tied_in };
        let all: Vec<_> = roll.notes().collect();
        assert_eq!(all, [note(3, 0, 4, true), note(3, 4, 2, false), note(80, 63, 1, false)]);
        assert_eq!((all[1].pitch(), all[1].end()), (27, 6));
    }

    proptest! {
        #[test]
        fn a_phrase_of_a_roll_has_that_roll(
            cells in prop::collection::vec((0..STEPS, 0..crate::PITCHES, 1..9usize), 0..80),
            tied in any::<bool>()
        ) {
            let mut roll = Roll::EMPTY;
            for (start, row, length) in cells {
                roll.onset[start] |= 1 << row;
                (start..(start + length).min(STEPS)).for_each(|step| roll.sounding[step] |= 1 << row);
            }
            if tied {
                roll.onset[0] = 0;
            }
            let phrase = Phrase::of_roll(&roll, 64, 80.0, 0.5);
            prop_assert_eq!(phrase.roll(), roll);
            prop_assert!(phrase.notes.is_sorted_by(|a, b| a.order(b).is_le()));
        }
    }
}
