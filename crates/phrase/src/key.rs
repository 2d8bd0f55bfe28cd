//! Key estimate. Real-time safe.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Roll, pitch_classes};

/// Major or minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Major.
    Major,
    /// Minor.
    Minor,
}

/// How well each pitch class, counted from the tonic, fits a key: the probe-tone ratings of Krumhansl and
/// Kessler 1982.
const PROFILES: [(Mode, [f32; 12]); 2] = [
    (Mode::Major, [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]),
    (Mode::Minor, [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]),
];

const NAMES: [&str; 12] = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];

/// An estimated key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The tonic's pitch class, 0 (C) to 11 (B).
    pub tonic: u8,
    /// Major or minor.
    pub mode: Mode,
    /// How well the music fits the key: correlation, at most 1. Under about 0.6 the estimate is a guess.
    pub fit: f32,
}

impl Key {
    /// The key whose profile correlates best with how long each pitch class sounds (Krumhansl and
    /// Schmuckler's rule).
    ///
    /// `None` where nothing sounds, or all pitch classes equally long.
    pub fn of(roll: &Roll) -> Option<Self> {
        Self::of_lengths(&pitch_classes(roll))
    }

    /// [`Key::of`] for music of any extent: how long each pitch class sounds, C first, in whatever unit.
    pub fn of_lengths(sounding: &[f32; 12]) -> Option<Self> {
        let mut best: Option<Self> = None;
        for (mode, profile) in PROFILES {
            for tonic in 0..12u8 {
                let mut turned = *sounding;
                turned.rotate_left(usize::from(tonic));
                let fit = correlation(&turned, &profile)?;
                if best.is_none_or(|key| fit > key.fit) {
                    best = Some(Self { tonic, mode, fit });
                }
            }
        }
        best
    }
}

impl Key {
    /// Whether a pitch class (0 is C) belongs to the key's scale. A minor key has both sevenths: it is one
    /// note richer.
    pub fn contains(&self, class: u8) -> bool {
        let scale: u16 = if self.mode == Mode::Major { 0b1010_1011_0101 } else { 0b1101_1010_1101 };
        scale >> ((class + 12 - self.tonic % 12) % 12) & 1 == 1
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.mode == Mode::Major { "major" } else { "minor" };
        write!(f, "{} {mode}", NAMES[usize::from(self.tonic) % 12])
    }
}

/// Pearson's correlation; `None` where one side does not vary.
pub(crate) fn correlation(a: &[f32; 12], b: &[f32; 12]) -> Option<f32> {
    let mean = |x: &[f32; 12]| x.iter().sum::<f32>() / 12.0;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A scale with its tonic chord held longer, from a tonic.
    fn scale(tonic: usize, steps: [usize; 7]) -> Roll {
        Roll::from_cells(|step, row| {
            let degree = steps.iter().position(|s| (s + tonic) % 12 == row % 12);
            (36..48).contains(&row)
                && degree.is_some_and(|degree| step < if [0, 2, 4].contains(&degree) { 24 } else { 12 })
        })
    }

    #[test]
    fn a_major_and_a_minor_scale_in_every_key() {
        for tonic in 0..12 {
            let major = Key::of(&scale(tonic, [0, 2, 4, 5, 7, 9, 11])).unwrap();
            assert_eq!((usize::from(major.tonic), major.mode), (tonic, Mode::Major));
            let minor = Key::of(&scale(tonic, [0, 2, 3, 5, 7, 8, 11])).unwrap();
            assert_eq!((usize::from(minor.tonic), minor.mode), (tonic, Mode::Minor));
        }
    }

    #[test]
    fn silence_and_noise_have_no_key() {
        assert_eq!(Key::of(&Roll::EMPTY), None);
        assert_eq!(Key::of(&Roll::from_cells(|_, _| true)), None);
    }

    #[test]
    fn scales_have_their_notes() {
        let notes = |tonic, mode| {
            let key = Key { tonic, mode, fit: 1.0 };
            (0..12).filter(|&class| key.contains(class)).collect::<Vec<_>>()
        };
        assert_eq!(notes(0, Mode::Major), [0, 2, 4, 5, 7, 9, 11]);
        assert_eq!(notes(2, Mode::Major), [1, 2, 4, 6, 7, 9, 11]);
        assert_eq!(notes(9, Mode::Minor), [0, 2, 4, 5, 7, 8, 9, 11]);
    }

    #[test]
    fn keys_have_names() {
        assert_eq!(Key { tonic: 3, mode: Mode::Minor, fit: 1.0 }.to_string(), "Eb minor");
    }

    proptest! {
        #[test]
        fn octaves_do_not_matter(rows in prop::collection::vec(0usize..72, 1..20)) {
            let low = Roll::from_cells(|step, row| rows.get(step) == Some(&row));
            let high = Roll::from_cells(|step, row| row >= 12 && rows.get(step) == Some(&(row - 12)));
            prop_assert_eq!(Key::of(&low), Key::of(&high));
        }
    }
}
