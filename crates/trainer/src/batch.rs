//! What one shard of a training step sees: phrases, their genres and where they shall go.

use candle_core::{Device, Result, Tensor};
use phrase::{PITCHES, Roll, STEPS, STEPS_PER_BAR};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::dataset::{Dataset, Split};

/// Phrases with their source and target genres.
#[derive(Debug)]
pub struct Batch {
    /// Sounding cells, 0 or 1, `[B, 64, 84]`.
    pub rolls: Tensor,
    /// Source genres, one-hot `[B, G]`.
    pub source: Tensor,
    /// Target genres, one-hot `[B, G]`.
    pub target: Tensor,
    /// 1 where a cell's pitch class sounds in the same half bar of the phrase, else 0, `[B, 64, 84]`.
    pub harmony: Tensor,
}

impl Batch {
    /// Draws `size` training phrases, each moved by up to `transpose` semitones. `directions` (source and
    /// target genre) take turns, starting at `turn`, so that each is seen equally often however unequal the
    /// genres are. The tensors are on `device`.
    pub fn draw(
        data: &Dataset,
        directions: &[(usize, usize)],
        size: usize,
        turn: usize,
        transpose: i32,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self> {
        let genres = data.items.len();
        let mut cells = vec![0.0; size * STEPS * PITCHES];
        let mut harmony = cells.clone();
        let mut source = vec![0f32; size * genres];
        let mut target = source.clone();
        let phrases = cells.chunks_exact_mut(STEPS * PITCHES).zip(harmony.chunks_exact_mut(STEPS * PITCHES));
        for (i, (cells, harmony)) in phrases.enumerate() {
            let (from, to) = directions[(turn + i) % directions.len()];
            source[i * genres + from] = 1.0;
            target[i * genres + to] = 1.0;
            let roll = draw(data, from, transpose, rng);
            roll.to_f32(cells);
            Roll { sounding: in_harmony(&roll), ..roll }.to_f32(harmony);
        }
        Ok(Self {
            rolls: Tensor::from_vec(cells, (size, STEPS, PITCHES), device)?,
            source: Tensor::from_vec(source, (size, genres), device)?,
            target: Tensor::from_vec(target, (size, genres), device)?,
            harmony: Tensor::from_vec(harmony, (size, STEPS, PITCHES), device)?,
        })
    }
}

/// All directions between `genres` genres: source and target.
pub fn directions(genres: usize) -> Vec<(usize, usize)> {
    (0..genres * genres).map(|i| (i / genres, i % genres)).filter(|(from, to)| from != to).collect()
}

/// One training phrase of `genre`, transposed.
pub fn draw(data: &Dataset, genre: usize, transpose: i32, rng: &mut ChaCha8Rng) -> Roll {
    let items = data.split(genre, Split::Train);
    let roll = items[rng.random_range(0..items.len())].roll;
    transposed(&roll, rng.random_range(-transpose..=transpose))
}

/// The cells whose pitch class sounds in the same half bar.
fn in_harmony(roll: &Roll) -> [u128; STEPS] {
    const HALF_BAR: usize = STEPS_PER_BAR / 2;
    const OCTAVE: usize = 12;
    let mut cells = [0; STEPS];
    for (cells, heard) in cells.chunks_exact_mut(HALF_BAR).zip(roll.sounding.chunks_exact(HALF_BAR)) {
        let used = heard.iter().fold(0, |all, step| all | step);
        let classes = (0..PITCHES / OCTAVE).fold(0, |all, octave| all | used >> (OCTAVE * octave))
            & ((1 << OCTAVE) - 1);
        let everywhere = (0..PITCHES / OCTAVE).fold(0u128, |all, octave| all | classes << (OCTAVE * octave));
        cells.fill(everywhere);
    }
    cells
}

/// The roll moved by `semitones`, or as far in that direction as all its notes stay inside.
pub(crate) fn transposed(roll: &Roll, semitones: i32) -> Roll {
    let used = roll.sounding.iter().fold(0, |all, step| all | step);
    if used == 0 {
        return *roll;
    }
    let lowest = used.trailing_zeros() as i32;
    let highest = 127 - used.leading_zeros() as i32;
    let by = semitones.clamp(-lowest, PITCHES as i32 - 1 - highest);
    let shift = |step: u128| if by < 0 { step >> -by } else { step << by };
    Roll { sounding: roll.sounding.map(shift), onset: roll.onset.map(shift) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_keeps_every_note() {
        let mut roll = Roll::EMPTY;
        roll.sounding[3] = 1 << 2 | 1 << 80;
        roll.onset[3] = roll.sounding[3];
        for semitones in -12..=12 {
            let moved = transposed(&roll, semitones);
            assert_eq!(moved.cells(), 2);
            assert_eq!(
                moved.sounding[3],
                if semitones < 0 {
                    roll.sounding[3] >> (-semitones).min(2)
                } else {
                    roll.sounding[3] << semitones.min(3)
                }
            );
        }
    }

    #[test]
    fn harmony_is_every_octave_of_what_sounds_in_the_half_bar() {
        let mut roll = Roll::EMPTY;
        roll.sounding[9] = 1 << 14;
        let cells = in_harmony(&roll);
        let octaves = (0..7).fold(0u128, |all, octave| all | 1 << (12 * octave + 2));
        assert!(cells[8..16].iter().all(|&step| step == octaves));
        assert!(cells[..8].iter().chain(&cells[16..]).all(|&step| step == 0));
    }
}
