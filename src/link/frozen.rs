//! The frozen phrase as a project saves it.
//!
//! Freeze plays the phrase that is played from its first step on again when it is over, whatever comes in;
//! after a stop it goes on where the grid says it would be. The worker keeps it, so that the audio thread
//! neither writes nor reads what a lock guards.

use phrase::{MAX_NOTES, Note, Phrase, STEPS};
use serde::{Deserialize, Serialize};

/// Times are saved as whole numbers of this part of a step, which is how they were heard: they come back to
/// the bit, and saving them again gives the same text.
const GRAIN: f64 = 1.0 / (1 << 24) as f64;

/// A phrase that repeats until it is thawed. All numbers are as they were read: what is out of range is
/// mended when used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frozen {
    /// The first step that is played.
    first: u8,
    /// How long it plays, in grains of a step.
    length: i64,
    /// Of each note: pitch, channel, the velocity's bits, onset, length (in grains), and 1 for tied in, 2 for
    /// tied out.
    notes: Vec<(u8, u8, u32, i64, i64, u8)>,
}

impl Frozen {
    /// `phrase`, of which `length` steps are played from step `first` on.
    pub fn new(phrase: &Phrase, first: u8, length: f64) -> Self {
        let grains = |x: f64| (x / GRAIN).round() as i64;
        let note = |note: &Note| {
            let ties = u8::from(note.tied_in) | u8::from(note.tied_out) << 1;
            let (onset, end) = (grains(note.onset), grains(note.end()));
            (note.pitch, note.channel, note.velocity.to_bits(), onset, end - onset, ties)
        };
        Self { first, length: grains(length), notes: phrase.notes.iter().map(note).collect() }
    }

    /// The first step that is played.
    pub fn first(&self) -> u8 {
        self.first.min(STEPS as u8 - 1)
    }

    /// How many steps are played, at least one.
    pub fn length(&self) -> f64 {
        (self.length as f64 * GRAIN).clamp(1.0, STEPS as f64 - f64::from(self.first()))
    }

    /// Writes the notes into `phrase`.
    pub fn write(&self, phrase: &mut Phrase) {
        phrase.clear(0, 120.0);
        for &(pitch, channel, velocity, onset, length, ties) in self.notes.iter().take(MAX_NOTES) {
            let steps = |grains: i64| (grains as f64 * GRAIN).clamp(0.0, STEPS as f64);
            let velocity = f32::from_bits(velocity);
            let velocity = if velocity.is_finite() { velocity.clamp(0.0, 1.0) } else { 1.0 };
            phrase.push(Note {
                tied_in: ties & 1 != 0,
                tied_out: ties & 2 != 0,
                ..Note::new(pitch.min(127), channel.min(15), velocity, steps(onset), steps(length))
            });
        }
        phrase.sort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_comes_back_to_the_bit() {
        let mut phrase = Phrase::new(0, 120.0);
        for (index, onset) in [0.0, 32.0, 33.125, 60.0 + GRAIN].into_iter().enumerate() {
            let velocity = (20 * index as u8 + 1) as f32 / 127.0;
            phrase.push(Note { tied_out: index == 3, ..Note::new(60, index as u8, velocity, onset, 2.5) });
        }
        let frozen = Frozen::new(&phrase, 32, 32.0);
        let mut again = Phrase::new(0, 120.0);
        frozen.write(&mut again);
        assert_eq!(again, phrase);
        assert_eq!((frozen.first(), frozen.length()), (32, 32.0));
        assert_eq!(Frozen::new(&again, 32, 32.0), frozen);
    }

    #[test]
    fn numbers_that_cannot_be_are_mended() {
        let wild = (200, 99, u32::MAX, i64::MIN, i64::MAX, 255);
        let frozen = Frozen { first: 255, length: -5, notes: vec![wild; MAX_NOTES + 5] };
        let mut phrase = Phrase::new(0, 120.0);
        frozen.write(&mut phrase);
        let note = phrase.notes[0];
        assert_eq!(
            (note.pitch, note.channel, note.velocity, note.onset, note.length),
            (127, 15, 1.0, 0.0, 64.0)
        );
        assert_eq!((frozen.first(), frozen.length(), phrase.notes.len()), (63, 1.0, MAX_NOTES));
    }
}
