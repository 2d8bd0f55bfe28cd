//! What lies around a note: the strikes before and after it, how much is played there, and its place. The
//! like was given to gradient-boosted trees, which explained more of loudness; see docs/results.md.

use super::{PLACES, Score};

/// Strikes before a note, and after it.
const STRIKES: usize = 4;
/// Steps to both sides within which notes are counted.
const REACHES: [usize; 3] = [4, 8, 16];
/// Bars of a phrase.
const BARS: usize = 4;
/// Numbers that a note is told of what lies around it.
pub const AROUND: usize = 4 * 2 * STRIKES + 1 + 2 * REACHES.len() + 3 + PLACES + BARS;

/// What is struck at a step.
struct Strike {
    step: usize,
    top: usize,
    bottom: usize,
    count: u32,
}

impl Score {
    /// What `notes` (those of [`Score::notes`]) are told of what lies around them, row-major
    /// `[notes][AROUND]`. Distances in pitch are in octaves, those in time logarithms.
    pub(super) fn around(&self, notes: &[(usize, usize)]) -> Vec<f32> {
        let strike = |(step, bits): (usize, &u128)| {
            let (top, bottom) = (127 - bits.leading_zeros() as usize, bits.trailing_zeros() as usize);
            Strike { step, top, bottom, count: bits.count_ones() }
        };
        let struck = self.struck.iter().enumerate().filter(|(_, bits)| **bits != 0);
        let strikes: Vec<Strike> = struck.map(strike).collect();
        let mean = |notes: &[(usize, usize)]| {
            notes.iter().map(|note| note.1 as f32).sum::<f32>() / notes.len().max(1) as f32
        };
        let (level, top) = (mean(notes), notes.iter().map(|note| note.1).max().unwrap_or(0));
        let mut all = Vec::with_capacity(notes.len() * AROUND);
        for (index, &(step, key)) in notes.iter().enumerate() {
            let octaves = |to: f32| ((to - key as f32) / 12.0).clamp(-3.0, 3.0);
            let steps = |steps: usize| (steps as f32).ln_1p() / 2.0;
            let at = strikes.partition_point(|strike| strike.step < step);
            let before = (1..=STRIKES).map(|back| at.checked_sub(back));
            for other in before.chain((1..=STRIKES).map(|on| Some(at + on))) {
                all.extend(match other.and_then(|other| strikes.get(other)) {
                    Some(other) => [
                        octaves(other.top as f32),
                        octaves(other.bottom as f32),
                        steps(other.step.abs_diff(step)),
                        other.count as f32 / 4.0,
                    ],
                    None => [0.0, 0.0, 2.0, 0.0],
                });
            }
            let same = notes[..index].iter().rev().find(|note| note.1 == key);
            all.push(same.map_or(2.0, |same| steps(step - same.0)));
            for reach in REACHES {
                let from = notes.partition_point(|note| note.0 + reach < step);
                let near = &notes[from..notes.partition_point(|note| note.0 <= step + reach)];
                all.extend([near.len() as f32 / (2 * reach) as f32, octaves(mean(near))]);
            }
            all.extend([octaves(level), octaves(top as f32), notes.len() as f32 / 64.0]);
            let place = self.place + step;
            let is = |here: bool| f32::from(u8::from(here));
            all.extend((0..PLACES).map(|at| is(place % PLACES == at)));
            all.extend((0..BARS).map(|bar| is(place / PLACES % BARS == bar)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_told_its_neighbours_and_its_place() {
        // C and E on the first step, G four steps on, C again on the second bar's first step.
        let mut score = Score { place: 0, struck: vec![0; 64], held: vec![0; 64] };
        for (step, key) in [(0, 39), (0, 43), (4, 46), (16, 39)] {
            score.struck[step] |= 1 << key;
            score.held[step] |= 1 << key;
        }
        let notes = score.notes();
        let all = score.around(&notes);
        assert_eq!(all.len(), 4 * AROUND);
        let of = |note: usize| &all[note * AROUND..][..AROUND];
        let near = |found: &[f32], told: &[f32]| found.iter().zip(told).all(|(a, b)| (a - b).abs() < 1e-6);
        // Before the first there is nothing; after it the G, then the C.
        let [four, sixteen] = [5f32.ln() / 2.0, 17f32.ln() / 2.0];
        assert!(near(of(0), &[0.0, 0.0, 2.0, 0.0]));
        assert!(near(&of(0)[16..24], &[7.0 / 12.0, 7.0 / 12.0, four, 0.25, 0.0, 0.0, sixteen, 0.25]));
        // The chord lies two strikes before the last C, whose key it has.
        assert!(near(&of(3)[4..8], &[4.0 / 12.0, 0.0, sixteen, 0.5]) && near(&of(3)[32..33], &[sixteen]));
        // Around the G: all but the last within 4 and 8 steps, all within 16.
        let mean = |keys: f32| (keys - 46.0) / 12.0;
        let told = [3.0 / 8.0, mean(128.0 / 3.0), 3.0 / 16.0, mean(128.0 / 3.0), 4.0 / 32.0, mean(41.75)];
        assert!(near(&of(2)[33..39], &told), "{:?}", &of(2)[33..39]);
        assert!(near(&of(2)[39..42], &[mean(41.75), 0.0, 4.0 / 64.0]));
        let place = |note: usize| -> Vec<usize> {
            (0..PLACES + BARS).filter(|at| of(note)[42 + at] == 1.0).collect()
        };
        assert_eq!([place(2), place(3)], [[4, PLACES], [0, PLACES + 1]]);
    }
}
