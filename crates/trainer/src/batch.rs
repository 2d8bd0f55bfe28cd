//! What one shard of a training step sees: phrases, their genres and where they shall go.

use candle_core::{Device, Result, Tensor};
use phrase::{PITCHES, Roll, STEPS};
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
}

impl Batch {
    /// Draws `size` training phrases, each moved by up to `transpose` semitones. Directions take turns, starting at
    /// `turn`, so that each is seen equally often however unequal the genres are.
    pub fn draw(
        data: &Dataset,
        size: usize,
        turn: usize,
        transpose: i32,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let genres = data.items.len();
        let directions: Vec<_> =
            (0..genres * genres).map(|i| (i / genres, i % genres)).filter(|(a, b)| a != b).collect();
        let mut cells = vec![0.0; size * STEPS * PITCHES];
        let mut source = vec![0f32; size * genres];
        let mut target = source.clone();
        for (i, cells) in cells.chunks_exact_mut(STEPS * PITCHES).enumerate() {
            let (from, to) = directions[(turn + i) % directions.len()];
            source[i * genres + from] = 1.0;
            target[i * genres + to] = 1.0;
            draw(data, from, transpose, rng).to_f32(cells);
        }
        let device = &Device::Cpu;
        Ok(Self {
            rolls: Tensor::from_vec(cells, (size, STEPS, PITCHES), device)?,
            source: Tensor::from_vec(source, (size, genres), device)?,
            target: Tensor::from_vec(target, (size, genres), device)?,
        })
    }
}

/// One training phrase of `genre`, transposed.
pub fn draw(data: &Dataset, genre: usize, transpose: i32, rng: &mut ChaCha8Rng) -> Roll {
    let items = data.split(genre, Split::Train);
    let roll = items[rng.random_range(0..items.len())].roll;
    transposed(&roll, rng.random_range(-transpose..=transpose))
}

/// The roll moved by `semitones`, or as far in that direction as all its notes stay inside.
fn transposed(roll: &Roll, semitones: i32) -> Roll {
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
}
