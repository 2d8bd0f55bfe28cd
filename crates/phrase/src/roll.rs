//! The piano roll: what the networks see.
//!
//! Two planes, sounding and onset, of 64 `u128`; bit r is MIDI note 24 + r. A network sees the sounding plane
//! and gives a logit a cell, or writes both; [`crate::realise`] turns cells back into notes and follows an
//! answer's onsets where it has any.

mod notes;

pub use notes::RollNote;

use std::fmt;

use crate::{LOWEST, PITCHES, STEPS};

/// The bits of a step that are rows.
const ROWS: u128 = (1 << PITCHES) - 1;

/// 64 steps x 84 pitches, one bit a cell: bit `r` of a step is MIDI pitch `r + 24`. 2 KiB, `Copy`, no heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Roll {
    /// The cells that sound: the papers' `[64, 84, 1]`.
    pub sounding: [u128; STEPS],
    /// The cells on which a note starts; a subset of `sounding`.
    pub onset: [u128; STEPS],
}

impl Roll {
    /// The roll without a cell.
    pub const EMPTY: Self = Self { sounding: [0; STEPS], onset: [0; STEPS] };

    /// A roll of the cells that `sounds(step, row)` says, each unbroken run of a row counted as one note.
    pub fn from_cells(mut sounds: impl FnMut(usize, usize) -> bool) -> Self {
        let mut sounding = [0; STEPS];
        for (step, bits) in sounding.iter_mut().enumerate() {
            for row in 0..PITCHES {
                *bits |= u128::from(sounds(step, row)) << row;
            }
        }
        Self::from_sounding(sounding)
    }

    /// A roll of the given sounding cells, each unbroken run of a row counted as one note. Bits over row 83
    /// are cleared.
    pub fn from_sounding(mut sounding: [u128; STEPS]) -> Self {
        let mut onset = [0; STEPS];
        let mut before = 0;
        for (bits, starts) in sounding.iter_mut().zip(&mut onset) {
            *bits &= ROWS;
            *starts = *bits & !before;
            before = *bits;
        }
        Self { sounding, onset }
    }

    /// A roll of the values over `threshold` (the papers' is 0.5, strictly), row-major `[64][84]`, runs as in
    /// [`Roll::from_cells`]. Values that are missing do not sound.
    pub fn from_f32(values: &[f32], threshold: f32) -> Self {
        Self::from_cells(|step, row| values.get(step * PITCHES + row).is_some_and(|&v| v > threshold))
    }

    /// Writes the sounding plane as 0 and 1, row-major `[64][84]`.
    ///
    /// # Panics
    /// Where `values` is not 64 * 84 long.
    pub fn to_f32(&self, values: &mut [f32]) {
        assert_eq!(values.len(), STEPS * PITCHES, "a roll has {STEPS} x {PITCHES} cells");
        for (bits, cells) in self.sounding.iter().zip(values.chunks_exact_mut(PITCHES)) {
            for (row, cell) in cells.iter_mut().enumerate() {
                *cell = (bits >> row & 1) as f32;
            }
        }
    }

    /// Whether a cell sounds. Panics outside 64 x 84, as an index does.
    pub fn get(&self, step: usize, row: usize) -> bool {
        assert!(row < PITCHES);
        self.sounding[step] >> row & 1 == 1
    }

    /// Makes a cell sound or not, without an onset; silencing it takes its onset too. Panics outside 64 x 84.
    pub fn set(&mut self, step: usize, row: usize, sounds: bool) {
        assert!(row < PITCHES);
        if sounds {
            self.sounding[step] |= 1 << row;
        } else {
            self.sounding[step] &= !(1 << row);
            self.onset[step] &= !(1 << row);
        }
    }

    /// How many cells sound.
    pub fn cells(&self) -> u32 {
        self.sounding.iter().map(|bits| bits.count_ones()).sum()
    }

    /// How many notes start.
    pub fn onsets(&self) -> u32 {
        self.onset.iter().map(|bits| bits.count_ones()).sum()
    }

    /// The share of the cells that sound, 0..=1.
    pub fn density(&self) -> f32 {
        self.cells() as f32 / (STEPS * PITCHES) as f32
    }

    /// Whether no cell sounds.
    pub fn is_empty(&self) -> bool {
        self.sounding.iter().all(|&bits| bits == 0)
    }

    /// The sounding cells of a row, bit `s` for step `s`.
    pub fn column(sounding: &[u128; STEPS], row: usize) -> u64 {
        sounding
            .iter()
            .enumerate()
            .fold(0, |column, (step, bits)| column | ((bits >> row & 1) as u64) << step)
    }
}

impl fmt::Debug for Roll {
    /// A picture of the rows that sound, the highest first: `o` starts, `-` goes on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Roll of {} cells", self.cells())?;
        for row in (0..PITCHES).rev().filter(|&row| Self::column(&self.sounding, row) != 0) {
            write!(f, "{:3} ", row + usize::from(LOWEST))?;
            for step in 0..STEPS {
                let (sounds, starts) = (self.get(step, row), self.onset[step] >> row & 1 == 1);
                write!(
                    f,
                    "{}",
                    if starts {
                        'o'
                    } else if sounds {
                        '-'
                    } else {
                        '.'
                    }
                )?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_set_and_cleared() {
        let mut roll = Roll::EMPTY;
        roll.set(63, 83, true);
        assert!(roll.get(63, 83) && !roll.get(62, 83));
        assert_eq!((roll.cells(), roll.onsets(), roll.density()), (1, 0, 1.0 / 5376.0));
        roll.onset[63] = 1 << 83;
        roll.set(63, 83, false);
        assert_eq!(roll, Roll::EMPTY);
        assert!(roll.is_empty());
    }

    #[test]
    fn runs_become_onsets() {
        let roll =
            Roll::from_cells(|step, row| row == 36 && (2..5).contains(&step) || row == 40 && step == 0);
        assert_eq!((roll.onsets(), roll.onset[2], roll.onset[0]), (2, 1 << 36, 1 << 40));
        assert_eq!(Roll::column(&roll.sounding, 36), 0b11100);
    }

    #[test]
    fn bits_over_the_last_row_are_cleared() {
        assert!(Roll::from_sounding([1 << 84 | 1 << 127; STEPS]).is_empty());
    }

    #[test]
    fn the_threshold_is_strict_and_missing_values_are_silent() {
        assert_eq!(Roll::from_f32(&[0.5, 0.6], 0.5).cells(), 1);
        assert!(Roll::from_f32(&[f32::NAN; 9], 0.5).is_empty());
    }

    proptest! {
        #[test]
        fn floats_there_and_back(bits in prop::collection::vec(any::<u128>(), STEPS)) {
            let roll = Roll::from_sounding(bits.try_into().unwrap());
            let mut values = vec![9.0; STEPS * PITCHES];
            roll.to_f32(&mut values);
            prop_assert_eq!(values.iter().sum::<f32>(), roll.cells() as f32);
            prop_assert_eq!(Roll::from_f32(&values, 0.5), roll);
        }
    }
}
