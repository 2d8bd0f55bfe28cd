//! Pitch classes, keys and harmony. Real-time safe.

use crate::key::correlation;
use crate::{Key, LOWEST, PITCHES, Roll, STEPS, STEPS_PER_BAR};

/// Steps of half a bar, the pace of harmony here.
const HALF: usize = STEPS_PER_BAR / 2;

/// For how many cells each pitch class (0 is C) sounds on the steps `steps`.
pub(super) fn classes(roll: &Roll, steps: std::ops::Range<usize>) -> [f32; 12] {
    const { assert!(LOWEST.is_multiple_of(12), "row 0 is a C") };
    let mut sounding = [0.0; 12];
    for bits in &roll.sounding[steps] {
        for row in (0..PITCHES).filter(|row| bits >> row & 1 == 1) {
            sounding[row % 12] += 1.0;
        }
    }
    sounding
}

/// For how many cells each pitch class (0 is C) sounds.
pub fn pitch_classes(roll: &Roll) -> [f32; 12] {
    classes(roll, 0..STEPS)
}

/// The same for each half bar.
pub fn chroma(roll: &Roll) -> [[f32; 12]; STEPS / HALF] {
    std::array::from_fn(|half| classes(roll, half * HALF..(half + 1) * HALF))
}

/// Chords by their intervals over the root, triads before seventh chords.
const CHORDS: [&[usize]; 9] = [
    &[0, 4, 7],
    &[0, 3, 7],
    &[0, 3, 6],
    &[0, 4, 8],
    &[0, 4, 7, 10],
    &[0, 4, 7, 11],
    &[0, 3, 7, 10],
    &[0, 3, 6, 10],
    &[0, 3, 6, 9],
];

/// Whether pitch classes that sound for so many cells are best told as a seventh chord: of the triads (major,
/// minor, diminished, augmented) and seventh chords (dominant, major, minor, half-diminished, diminished)
/// over every root, the one with the largest cosine has four notes. False for silence.
pub fn has_seventh(cells: &[f32; 12]) -> bool {
    let (mut best, mut seventh) = (0.0, false);
    for chord in CHORDS {
        for root in 0..12 {
            let sum: f32 = chord.iter().map(|interval| cells[(root + interval) % 12]).sum();
            let fit = sum / (chord.len() as f32).sqrt();
            if fit > best {
                (best, seventh) = (fit, chord.len() == 4);
            }
        }
    }
    seventh
}

/// Whether two of the pitch classes that sound for four cells or more (half of a half bar) lie a second,
/// major or minor, or a tritone apart.
pub fn has_second_or_tritone(cells: &[f32; 12]) -> bool {
    let sounds = |class: usize| cells[class % 12] >= 4.0;
    (0..12).any(|class| sounds(class) && [1, 2, 6].into_iter().any(|interval| sounds(class + interval)))
}

/// The share of the notes that lie outside `key`, 0..=1; 0 for an empty roll.
///
/// Give the key of the *source* for an answer to it: new notes must not vote for the key that excuses them.
pub fn out_of_key(roll: &Roll, key: &Key) -> f32 {
    let outside = roll.notes().filter(|note| !key.contains((note.row % 12) as u8)).count();
    outside as f32 / roll.notes().count().max(1) as f32
}

/// How well the answer keeps the harmony: for each half bar in which the source sounds, Pearson's correlation
/// of how long each pitch class sounds in both; the mean, -1..=1. `None` where the source never sounds.
///
/// A half bar in which one side has no profile (silence, or all classes alike) counts 1 where both are equal,
/// else 0.
pub fn harmony_kept(source: &Roll, answer: &Roll) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0);
    for (a, b) in chroma(source).iter().zip(&chroma(answer)) {
        if a.iter().any(|&cells| cells > 0.0) {
            sum += correlation(a, b).unwrap_or(if a == b { 1.0 } else { 0.0 });
            count += 1;
        }
    }
    (count > 0).then(|| sum / count as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;

    #[test]
    fn classes_count_cells_over_octaves() {
        let roll =
            Roll::from_cells(|step, row| [0, 12, 19].contains(&row) && step < 2 || row == 7 && step == 9);
        let mut expected = [0.0; 12];
        (expected[0], expected[7]) = (4.0, 3.0);
        assert_eq!(pitch_classes(&roll), expected);
        assert_eq!((chroma(&roll)[0][7], chroma(&roll)[1][7], chroma(&roll)[2]), (2.0, 1.0, [0.0; 12]));
    }

    #[test]
    fn notes_and_not_cells_are_out_of_key() {
        let key = Key { tonic: 0, mode: Mode::Major, fit: 1.0 };
        // Two notes of C and one long C sharp.
        let roll = Roll::from_cells(|step, row| row == 0 && [0, 4].contains(&step) || row == 1 && step < 30);
        assert_eq!(out_of_key(&roll, &key), 1.0 / 3.0);
        assert_eq!(out_of_key(&Roll::EMPTY, &key), 0.0);
    }

    #[test]
    fn sevenths_seconds_and_tritones_of_pitch_classes() {
        let cells = |all: &[(usize, f32)]| {
            let mut cells = [0.0; 12];
            all.iter().for_each(|(class, count)| cells[*class] = *count);
            cells
        };
        let chord = |classes: &[usize]| cells(&classes.iter().map(|class| (*class, 8.0)).collect::<Vec<_>>());
        for classes in [&[7, 11, 2, 5][..], &[0, 4, 7, 11], &[9, 0, 4, 7], &[11, 2, 5, 9], &[11, 2, 5, 8]] {
            assert!(has_seventh(&chord(classes)) && has_second_or_tritone(&chord(classes)), "{classes:?}");
        }
        for classes in [&[0, 4, 7][..], &[9, 0, 4]] {
            assert!(!has_seventh(&chord(classes)) && !has_second_or_tritone(&chord(classes)), "{classes:?}");
        }
        assert!(has_second_or_tritone(&chord(&[11, 0])) && has_second_or_tritone(&chord(&[10, 0])));
        // A seventh, and a second, in passing.
        let passing = cells(&[(0, 16.0), (4, 8.0), (7, 8.0), (10, 2.0), (2, 2.0)]);
        assert!(!has_seventh(&passing) && !has_second_or_tritone(&passing));
        assert!(!has_seventh(&[0.0; 12]) && !has_second_or_tritone(&[0.0; 12]));
    }

    #[test]
    fn harmony_is_kept_across_octaves_and_lost_by_another_chord() {
        let chord = |rows: [usize; 3]| Roll::from_cells(move |step, row| rows.contains(&row) && step < 16);
        let c = chord([36, 40, 43]);
        assert_eq!(harmony_kept(&c, &chord([48, 52, 55])), Some(1.0));
        assert_eq!(harmony_kept(&c, &Roll::EMPTY), Some(0.0));
        assert_eq!(harmony_kept(&Roll::EMPTY, &c), None);
        // C, E, G against D, F, A, nothing shared: -(3 * 3) / (3 * 9) by hand.
        let other = harmony_kept(&c, &chord([38, 41, 45])).unwrap();
        assert!((other + 1.0 / 3.0).abs() < 1e-6, "{other}");
    }
}
