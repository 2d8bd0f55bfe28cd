//! The notes of four bars.

use arrayvec::ArrayVec;

use crate::{MAX_NOTES, Note, Roll};

/// The notes of a phrase, inline: no heap.
pub type Notes = ArrayVec<Note, MAX_NOTES>;

/// The notes of 4 bars of 4/4 (64 steps), with their place in the song. About 24 KiB, no heap: real-time
/// safe.
#[derive(Debug, PartialEq)]
pub struct Phrase {
    /// The phrase's first step in the song, in steps; negative before the song's start (pre-roll).
    pub position: i64,
    /// Tempo at the phrase's start, in quarter notes a minute.
    pub tempo: f64,
    /// The notes, sorted by [`Note::order`] once [`Phrase::sort`] was called.
    pub notes: Notes,
    /// How many notes found no room.
    pub overflow: u32,
}

impl Clone for Phrase {
    fn clone(&self) -> Self {
        Self { notes: self.notes.clone(), ..*self }
    }

    /// Copies the notes that there are: the derived one would move all places.
    fn clone_from(&mut self, other: &Self) {
        self.clear(other.position, other.tempo);
        self.overflow = other.overflow;
        self.notes.extend(other.notes.iter().copied());
    }
}

impl Phrase {
    /// An empty phrase at `position` (song steps) and `tempo` (BPM).
    pub fn new(position: i64, tempo: f64) -> Self {
        Self { position, tempo, notes: Notes::new_const(), overflow: 0 }
    }

    /// Empties the phrase for use at another place, keeping its memory.
    pub fn clear(&mut self, position: i64, tempo: f64) {
        self.position = position;
        self.tempo = tempo;
        self.notes.clear();
        self.overflow = 0;
    }

    /// Adds a note at the end; false, and counted in `overflow`, where all 1,024 places are taken.
    ///
    /// Call [`Phrase::sort`] after the last one.
    pub fn push(&mut self, note: Note) -> bool {
        let fits = self.notes.try_push(note).is_ok();
        self.overflow = self.overflow.saturating_add(u32::from(!fits));
        fits
    }

    /// Sorts the notes by onset, pitch, channel. In place, without allocating.
    pub fn sort(&mut self) {
        self.notes.sort_unstable_by(Note::order);
    }

    /// Whether the phrase holds no note at all (drums and far pitches count as notes).
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The notes as cells, on the nearest step (see [`Note::cells`]); a piece that was tied in has no onset.
    pub fn roll(&self) -> Roll {
        let mut roll = Roll::EMPTY;
        for note in &self.notes {
            let (Some(cells), Some(row)) = (note.cells(), note.row()) else { continue };
            if !note.tied_in {
                roll.onset[cells.start] |= 1 << row;
            }
            for step in cells {
                roll.sounding[step] |= 1 << row;
            }
        }
        roll
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notes() -> impl Strategy<Value = Vec<Note>> {
        let note = (0..128u8, 0..16u8, 0.0..=1.0f32, -0.5..70.0f64, 0.0..70.0f64).prop_map(
            |(pitch, channel, velocity, onset, length)| Note::new(pitch, channel, velocity, onset, length),
        );
        prop::collection::vec(note, 0..60)
    }

    fn phrase(notes: &[Note]) -> Phrase {
        let mut phrase = Phrase::new(0, 120.0);
        notes.iter().for_each(|&note| assert!(phrase.push(note)));
        phrase.sort();
        phrase
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut phrase = Phrase::new(0, 120.0);
        for i in 0..MAX_NOTES + 5 {
            assert_eq!(phrase.push(Note::new(60, 0, 0.5, 0.0, 1.0)), i < MAX_NOTES);
        }
        assert_eq!((phrase.notes.len(), phrase.overflow), (MAX_NOTES, 5));
        phrase.clear(64, 90.0);
        assert_eq!(phrase, Phrase::new(64, 90.0));
    }

    #[test]
    fn the_roll_marks_onsets_but_not_tied_pieces() {
        let mut tied = Note::new(62, 0, 0.5, 0.0, 3.0);
        tied.tied_in = true;
        let roll = phrase(&[Note::new(60, 0, 0.5, 1.2, 2.0), tied]).roll();
        assert!((1..3).all(|s| roll.get(s, 36)) && !roll.get(0, 36) && !roll.get(3, 36));
        assert_eq!((roll.onset[1], roll.onset[0]), (1 << 36, 0));
        assert_eq!(roll.cells(), 5);
    }

    proptest! {
        #[test]
        fn the_order_of_pushing_does_not_matter(notes in notes(), turn in 0usize..60) {
            let mut turned = notes.clone();
            turned.rotate_left(turn.min(notes.len()));
            prop_assert_eq!(phrase(&notes), phrase(&turned));
        }
    }
}
