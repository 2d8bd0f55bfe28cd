//! The parts of a phrase that is played by a band: tune, chords and bass. Real-time safe; about 6 KiB of
//! stack.
//!
//! Tune and bass are the outer voices, [`skyline`] and [`bass`]: the same notes that an arranger is told as
//! melody and bass. A note that is both, for it sounds alone, goes to the voice whose other notes are nearer;
//! and an outer note more than an octave from where its voice is otherwise belongs to the chords, as does the
//! top of a chord that is half an octave under it.

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use crate::{DRUM_CHANNEL, HIGHEST, LOWEST, Note, PITCHES, Phrase, Roll, RollNote, STEPS, bass, skyline};

/// Rows between a voice and what no longer belongs to it.
const FAR: usize = 12;
/// The same for the top of a chord: of three notes or more that start together within so many rows.
const FAR_CHORD: usize = 6;
const CHORD: usize = 12;
/// A phrase of one voice is a bass line where its middle note lies under this row (C3).
const LOW: usize = 24;
/// From this row on (G3) a note that sounds alone is no bass.
const HIGH: usize = 31;

/// Who plays a note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BandPart {
    /// The top line.
    Tune,
    /// All between.
    #[default]
    Chords,
    /// The bottom line.
    Bass,
}

impl BandPart {
    /// All of them, in the order of their channels and tracks.
    pub const ALL: [Self; 3] = [Self::Tune, Self::Chords, Self::Bass];

    /// Its name.
    pub const fn name(self) -> &'static str {
        ["tune", "chords", "bass"][self as usize]
    }

    /// The channel that it has where the parts are split: 0, 1, 2.
    pub const fn channel(self) -> u8 {
        self as u8
    }
}

/// Who plays each cell of a roll. About 5 KiB, no heap.
#[derive(Clone, Debug)]
pub struct Parts([[BandPart; PITCHES]; STEPS]);

impl Parts {
    /// The parts of `roll`.
    pub fn of(roll: &Roll) -> Self {
        let (top, bottom) = (skyline(roll), bass(roll));
        let is_in = |line: &[RollNote], note: &RollNote| {
            line.binary_search_by_key(&(note.start, note.row), |other| (other.start, other.row)).is_ok()
        };
        // Where each voice surely is: its notes that have another one below them, or above.
        let sure = |line: &[RollNote], other: &[RollNote]| {
            middle(line.iter().filter(|note| !is_in(other, note)).map(|note| note.row))
        };
        let (high, low) = (sure(&top, &bottom), sure(&bottom, &top));
        let alone = middle(top.iter().map(|note| note.row));
        let is_bass_line = high.is_none() && low.is_none() && alone.is_some_and(|row| row < LOW);
        let far = |row: usize, voice: Option<usize>| voice.map_or(0, |voice| voice.abs_diff(row));
        let mut parts = [[BandPart::Chords; PITCHES]; STEPS];
        for note in roll.notes() {
            let (tune, bass) = (far(note.row, high), far(note.row, low));
            let below = roll.onset[note.start] & ((1 << note.row) - 1) & !0 << note.row.saturating_sub(CHORD);
            let reach = if below.count_ones() >= 2 { FAR_CHORD } else { FAR };
            let part = match (is_in(&top, &note), is_in(&bottom, &note)) {
                (true, true) if is_bass_line => BandPart::Bass,
                (true, true) if low.is_some() && bass < tune && note.row < HIGH => BandPart::Bass,
                (true, _) if tune <= reach || note.row > high.unwrap_or(0) => BandPart::Tune,
                (true, true) if note.row >= HIGH => BandPart::Tune,
                (_, true) if bass <= FAR || note.row < low.unwrap_or(PITCHES) => BandPart::Bass,
                _ => BandPart::Chords,
            };
            parts[note.start..note.end()].iter_mut().for_each(|step| step[note.row] = part);
        }
        Self(parts)
    }

    /// Who plays a note that is in the roll at `step`; a pitch outside it belongs to the voice on its side,
    /// and drums to nobody.
    pub fn part(&self, note: &Note, step: i64) -> Option<BandPart> {
        match note.pitch {
            _ if note.channel == DRUM_CHANNEL => None,
            ..LOWEST => Some(BandPart::Bass),
            pitch if pitch > HIGHEST => Some(BandPart::Tune),
            pitch => Some(self.0[step.clamp(0, STEPS as i64 - 1) as usize][usize::from(pitch - LOWEST)]),
        }
    }
}

/// The middle one of some rows.
fn middle(rows: impl Iterator<Item = usize>) -> Option<usize> {
    let mut rows: ArrayVec<usize, STEPS> = rows.take(STEPS).collect();
    rows.sort_unstable();
    rows.get(rows.len() / 2).copied()
}

/// Which parts play, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Whether tune, chords and bass play.
    pub plays: [bool; 3],
    /// Each part goes to its own channel, [`BandPart::channel`].
    pub split: bool,
}

impl Default for Band {
    fn default() -> Self {
        Self::ALL
    }
}

impl Band {
    /// All play, each note on its own channel.
    pub const ALL: Self = Self { plays: [true; 3], split: false };

    /// Whether a note of this part plays, which gets its channel.
    pub fn takes(&self, part: Option<BandPart>, note: &mut Note) -> bool {
        let Some(part) = part else { return true };
        if self.split {
            note.channel = part.channel();
        }
        self.plays[part as usize]
    }

    /// Takes out of a phrase that is played as it was what does not play, and sends the rest to its channels.
    pub fn apply(&self, phrase: &mut Phrase) {
        if *self == Self::ALL {
            return;
        }
        let parts = Parts::of(&phrase.roll());
        phrase.notes.retain(|note| {
            let step = note.onset_step();
            self.takes(parts.part(note, step), note)
        });
        phrase.sort();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A tune over chords over a bass that walks on where the tune rests.
    fn band() -> Roll {
        let mut roll = Roll::EMPTY;
        let mut note = |start: usize, row: usize, length: usize| {
            roll.onset[start] |= 1 << row;
            (start..start + length).for_each(|step| roll.sounding[step] |= 1 << row);
        };
        for bar in [0, 16, 32, 48] {
            (0..4).for_each(|beat| note(bar + 4 * beat, 14 + beat, 4));
            [36, 40, 43].into_iter().for_each(|row| note(bar + 2, row, 2));
            if bar < 32 {
                [50, 52, 55].into_iter().enumerate().for_each(|(i, row)| note(bar + 4 * i, row, 4));
            }
        }
        roll
    }

    #[test]
    fn a_trio_is_told_apart_also_where_the_tune_rests() {
        let parts = Parts::of(&band());
        let part = |step: usize, row: u8| parts.part(&Note::new(LOWEST + row, 0, 0.5, 0.0, 1.0), step as i64);
        for bar in [0, 16, 32, 48] {
            for beat in 0..4 {
                assert_eq!(part(bar + 4 * beat, 14 + beat as u8), Some(BandPart::Bass), "{bar} {beat}");
            }
            for row in [36, 40, 43] {
                assert_eq!(part(bar + 2, row), Some(BandPart::Chords), "{bar} {row}");
            }
        }
        assert_eq!(part(4, 52), Some(BandPart::Tune));
        assert_eq!(parts.part(&Note::new(10, 0, 0.5, 0.0, 1.0), 0), Some(BandPart::Bass));
        assert_eq!(parts.part(&Note::new(120, 0, 0.5, 0.0, 1.0), 0), Some(BandPart::Tune));
        assert_eq!(parts.part(&Note::new(40, DRUM_CHANNEL, 0.5, 0.0, 1.0), 0), None);
    }

    #[test]
    fn a_single_line_is_a_tune_unless_it_is_low() {
        let line = |row: usize| Roll::from_cells(|step, at| step % 4 == 0 && at == row + step / 16);
        let part = |row: u8| Parts::of(&line(row.into())).part(&Note::new(LOWEST + row, 0, 0.5, 0.0, 1.0), 0);
        assert_eq!((part(40), part(10)), (Some(BandPart::Tune), Some(BandPart::Bass)));
    }

    proptest! {
        /// Every note has one part, and split notes are those of the phrase on other channels.
        #[test]
        fn nothing_is_lost(
            notes in prop::collection::vec((0u8..128, 0u8..16, 0.0..63.0f64, 0.1..20.0f64), 0..80),
            off in 0usize..4
        ) {
            let mut phrase = Phrase::new(0, 120.0);
            for (pitch, channel, onset, length) in notes {
                phrase.push(Note::new(pitch, channel, 0.5, onset, length));
            }
            phrase.sort();
            let (mut split, mut fewer) = (phrase.clone(), phrase.clone());
            Band { split: true, ..Band::ALL }.apply(&mut split);
            prop_assert_eq!(split.notes.len(), phrase.notes.len());
            prop_assert!(split.notes.iter().all(|note| note.channel < 3 || note.channel == DRUM_CHANNEL));
            let plays = std::array::from_fn(|part| part != off);
            Band { plays, split: true }.apply(&mut fewer);
            let left = split.notes.iter().filter(|note| usize::from(note.channel) != off).count();
            prop_assert_eq!(fewer.notes.len(), left);
            let mut same = phrase.clone();
            Band::ALL.apply(&mut same);
            prop_assert_eq!(same, phrase);
        }
    }
}
