//! What a network of dynamics sees: which keys are struck and held, and the notes one by one.

use phrase::{LOWEST, Roll};

use super::around::AROUND;
use super::{PLACES, TouchConfig};

/// Keys of a piano.
pub const KEYS: usize = 88;
/// MIDI pitch of the lowest.
pub const LOWEST_KEY: u8 = 21;
/// Numbers that a note is told of itself.
pub(super) const FEATURES: usize = 16;
/// From a roll's rows to keys.
const SHIFT: u8 = LOWEST - LOWEST_KEY;

/// Struck and held keys by step; bit `k` is MIDI pitch `k + 21`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// The place of the first step in its bar, in 16ths.
    pub place: usize,
    /// Keys that are struck.
    pub struck: Vec<u128>,
    /// Keys that are held, those that are struck too.
    pub held: Vec<u128>,
}

impl Score {
    /// That of a phrase's cells.
    pub fn of(roll: &Roll) -> Self {
        let keys = |bits: &[u128]| bits.iter().map(|bits| bits << SHIFT).collect();
        // A piece that was tied in is struck for all that the network knows.
        let mut struck: Vec<u128> = keys(&roll.onset);
        let held: Vec<u128> = keys(&roll.sounding);
        for step in 0..struck.len() {
            let before = step.checked_sub(1).map_or(0, |before| held[before]);
            struck[step] |= held[step] & !before;
        }
        Self { place: 0, struck, held }
    }

    /// The step and row of a roll's cell as step and key.
    pub fn key(row: usize) -> usize {
        row + usize::from(SHIFT)
    }

    /// Step and key of what is struck, in order.
    pub fn notes(&self) -> Vec<(usize, usize)> {
        let mut notes = Vec::new();
        for (step, &bits) in self.struck.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                notes.push((step, bits.trailing_zeros() as usize));
                bits &= bits - 1;
            }
        }
        notes
    }

    /// Writes what a network of this configuration is told, row-major `[steps][inputs]`, into `out`, which
    /// must be zero. `known` are relative velocities (or, for one that is not relative, velocities) of notes
    /// by step and key.
    pub fn write(&self, config: &TouchConfig, known: &[(usize, usize, f32)], out: &mut [f32]) {
        let inputs = config.inputs();
        for (step, row) in out.chunks_exact_mut(inputs).enumerate().take(self.struck.len()) {
            // The papers' pairs: struck, and held or struck.
            for (plane, bits) in [self.struck[step], self.held[step]].into_iter().enumerate() {
                let mut bits = bits;
                while bits != 0 {
                    let key = bits.trailing_zeros() as usize;
                    row[if config.is_relative() { plane * KEYS + key } else { 2 * key + plane }] = 1.0;
                    bits &= bits - 1;
                }
            }
            if config.is_relative() {
                row[inputs - PLACES + (self.place + step) % PLACES] = 1.0;
            }
        }
        for &(step, key, velocity) in known.iter().filter(|_| config.hears) {
            out[step * inputs + 2 * KEYS + key] = velocity;
            if config.is_relative() {
                out[step * inputs + 3 * KEYS + key] = 1.0;
            }
        }
    }

    /// What `notes` (those of [`Score::notes`]) are told by, row-major `[notes][features]`.
    pub fn features(&self, config: &TouchConfig, notes: &[(usize, usize)]) -> Vec<f32> {
        let own = self.own(notes);
        if !config.around {
            return own;
        }
        let around = self.around(notes);
        let both = own.as_chunks::<FEATURES>().0.iter().zip(around.as_chunks::<AROUND>().0);
        both.flat_map(|(own, around)| own.iter().chain(around)).copied().collect()
    }

    /// What they are told of themselves, row-major `[notes][FEATURES]`.
    fn own(&self, notes: &[(usize, usize)]) -> Vec<f32> {
        let mut all = Vec::with_capacity(notes.len() * FEATURES);
        let steps = self.struck.len();
        let above = |step: usize, key: usize| self.held[step] >> key >> 1;
        let mut top_before = None;
        for (index, &(step, key)) in notes.iter().enumerate() {
            let (held, struck) = (self.held[step], self.struck[step]);
            let (top, bottom) = (127 - held.leading_zeros() as usize, held.trailing_zeros() as usize);
            let goes_on = |&at: &usize| self.held[at] >> key & 1 == 1 && self.struck[at] >> key & 1 == 0;
            let length = 1 + (step + 1..steps).take_while(goes_on).count();
            let is_top = above(step, key) == 0;
            let before = step.checked_sub(1).map_or(0, |before| self.held[before]);
            let gap = notes[..index].iter().rev().find(|note| note.0 < step).map_or(8, |note| step - note.0);
            let next = notes[index..].iter().find(|note| note.0 > step).map_or(8, |note| note.0 - step);
            let leap = match top_before {
                Some(last) if is_top => key as f32 - last as f32,
                _ => 0.0,
            };
            if is_top {
                top_before = Some(key);
            }
            let height = (key as f32 - 40.0) / 24.0;
            let on = |is: bool| f32::from(u8::from(is));
            let features: [f32; FEATURES] = [
                height,
                height * height,
                on(is_top),
                on(key == bottom),
                held.count_ones() as f32 / 8.0,
                struck.count_ones() as f32 / 8.0,
                (length as f32).log2() / 4.0,
                (top - key) as f32 / 24.0,
                (key - bottom) as f32 / 24.0,
                on(before >> key & 1 == 1),
                on(struck.count_ones() == 1),
                gap.min(8) as f32 / 8.0,
                next.min(8) as f32 / 8.0,
                leap.clamp(-24.0, 24.0) / 12.0,
                on((self.place + step).is_multiple_of(4)),
                on((self.place + step).is_multiple_of(16)),
            ];
            all.extend(features);
        }
        all
    }
}
