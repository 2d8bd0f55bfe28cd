//! Symbols as numbers for a network, and back.

use super::Vocabulary;

/// How a symbol becomes numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A 1 at the chord's number.
    OneHot,
    /// A 1 at each of its pitches.
    ManyHot,
    /// A 1 at the chord's number, and one at the duration's.
    MultiOneHot,
    /// A 1 at each of its pitches, and one at the duration's number.
    MultiManyHot,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OneHot, Self::ManyHot, Self::MultiOneHot, Self::MultiManyHot];

    fn is_many(self) -> bool {
        matches!(self, Self::ManyHot | Self::MultiManyHot)
    }

    fn is_multi(self) -> bool {
        matches!(self, Self::MultiOneHot | Self::MultiManyHot)
    }
}

/// What an encoding sees of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its pitches, a bit each.
    pub pitches: u128,
    /// Its duration, where the encoding has one.
    pub length: Option<u32>,
}

/// Pitches of a many-hot symbol.
const PITCHES: usize = 128;

/// An encoding of the symbols of two vocabularies.
#[derive(Clone, Debug)]
pub struct Encoder<'a> {
    /// How.
    pub encoding: Encoding,
    /// Chords, a bit a pitch.
    pub chords: &'a Vocabulary<u128>,
    /// Durations, in whatever unit.
    pub lengths: &'a Vocabulary<u32>,
}

impl Encoder<'_> {
    /// Numbers a symbol.
    pub fn width(&self) -> usize {
        let chord = if self.encoding.is_many() { PITCHES } else { self.chords.len() };
        chord + if self.encoding.is_multi() { self.lengths.len() } else { 0 }
    }

    /// The numbers of a chord and its duration; `None` where a vocabulary that the encoding needs lacks it.
    pub fn encode(&self, pitches: u128, length: u32) -> Option<Vec<f32>> {
        let mut out = vec![0.0; self.width()];
        if self.encoding.is_many() {
            (0..PITCHES).for_each(|pitch| out[pitch] = (pitches >> pitch & 1) as f32);
        } else {
            out[self.chords.number(&pitches)?] = 1.0;
        }
        if self.encoding.is_multi() {
            let first = self.width() - self.lengths.len();
            out[first + self.lengths.number(&length)?] = 1.0;
        }
        Some(out)
    }

    /// The symbol that numbers, also a network's, say: the highest one counts, and of pitches those over one
    /// half. `None` where they are not as many as a symbol has.
    pub fn decode(&self, numbers: &[f32]) -> Option<Seen> {
        let chord = if self.encoding.is_many() { PITCHES } else { self.chords.len() };
        if numbers.len() != self.width() {
            return None;
        }
        let (of_chord, of_length) = numbers.split_at(chord);
        let pitches = if self.encoding.is_many() {
            of_chord.iter().enumerate().fold(0, |bits, (pitch, x)| bits | u128::from(*x > 0.5) << pitch)
        } else {
            *self.chords.symbol(highest(of_chord)?)?
        };
        let length =
            if self.encoding.is_multi() { Some(*self.lengths.symbol(highest(of_length)?)?) } else { None };
        Some(Seen { pitches, length })
    }
}

fn highest(numbers: &[f32]) -> Option<usize> {
    (0..numbers.len()).max_by(|&a, &b| numbers[a].total_cmp(&numbers[b]).then(b.cmp(&a)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_and_back_is_the_same(song in prop::collection::vec((any::<u128>(), 1u32..200), 1..60)) {
            let chords = Vocabulary::of(song.iter().map(|symbol| symbol.0));
            let lengths = Vocabulary::of(song.iter().map(|symbol| symbol.1));
            for encoding in Encoding::ALL {
                let encoder = Encoder { encoding, chords: &chords, lengths: &lengths };
                for &(pitches, length) in &song {
                    let numbers = encoder.encode(pitches, length).unwrap();
                    let length = encoding.is_multi().then_some(length);
                    prop_assert_eq!(encoder.decode(&numbers), Some(Seen { pitches, length }));
                }
            }
        }
    }

    #[test]
    fn what_no_vocabulary_has_is_refused_and_probabilities_are_read() {
        let (chords, lengths) = (Vocabulary::of([0b1u128, 0b11]), Vocabulary::of([6u32, 12, 24]));
        let encoder = |encoding| Encoder { encoding, chords: &chords, lengths: &lengths };
        assert_eq!(encoder(Encoding::OneHot).encode(0b10, 6), None);
        assert_eq!(encoder(Encoding::MultiManyHot).encode(0b10, 7), None);
        assert_eq!(encoder(Encoding::MultiOneHot).decode(&[0.0; 3]), None);
        let seen = encoder(Encoding::MultiOneHot).decode(&[0.3, 0.7, 0.5, 0.4, 0.1]);
        assert_eq!(seen, Some(Seen { pitches: 0b11, length: Some(6) }));
        let widths = Encoding::ALL.map(|encoding| encoder(encoding).width());
        assert_eq!(widths, [2, 128, 5, 131]);
    }
}
