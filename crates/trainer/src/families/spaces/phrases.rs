//! Training phrases as the networks of spaces see them.

use candle_core::{Device, Result, Tensor};
use model::arranger::shifted;
use model::spaces::beats::{History, VIEWS};
use phrase::{PITCHES, Roll, STEPS};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::dataset::{Dataset, Split};

/// Share of the cells that are missing from damaged music.
const LOST: f32 = 0.1;
/// Share of its steps in which a cell sounds that should not.
const STRAY: f32 = 0.15;

/// Phrases with what was written before each of their steps.
pub(super) struct Batch {
    /// What sounds and what starts, `[B, 64, 2, 84]`.
    pub(super) cells: Tensor,
    /// 1 where that is decided: whether a note starts, only where one sounds and sounded before.
    pub(super) decided: Tensor,
    /// What the decoder is shown, `[B, 64, VIEWS, 84]`.
    pub(super) views: Tensor,
    /// One-hot `[B, G]`.
    pub(super) genres: Tensor,
}

/// A training phrase of a genre, moved by up to `transpose` semitones.
pub(super) fn draw(data: &Dataset, genre: usize, transpose: i32, rng: &mut ChaCha8Rng) -> Roll {
    let items = data.split(genre, Split::Train);
    let roll = &items[rng.random_range(0..items.len())].roll;
    shifted(roll, rng.random_range(-transpose..=transpose))
}

/// Draws `size` phrases; the genres take turns, beginning with number `turn`. `damage` is the share of those
/// of which the decoder is shown something else than they are.
pub(super) fn batch(
    data: &Dataset,
    (size, turn): (usize, usize),
    transpose: i32,
    damage: f32,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Result<Batch> {
    let genres = data.items.len();
    let len = size * STEPS * PITCHES;
    let (mut cells, mut decided) = (Vec::with_capacity(2 * len), Vec::with_capacity(2 * len));
    let mut views = vec![0.0; VIEWS * len];
    let mut one_hot = vec![0f32; size * genres];
    for (i, views) in views.chunks_exact_mut(VIEWS * STEPS * PITCHES).enumerate() {
        let genre = (turn + i) % genres;
        one_hot[i * genres + genre] = 1.0;
        let roll = draw(data, genre, transpose, rng);
        let damaged = rng.random::<f32>() < damage;
        let mut history = History::default();
        let mut before = 0;
        for (step, views) in views.chunks_exact_mut(VIEWS * PITCHES).enumerate() {
            history.write(views);
            let sounding = roll.sounding[step];
            let starts = sounding & (roll.onset[step] | !before);
            for (bits, asked) in [(sounding, u128::MAX), (starts, sounding & before)] {
                for row in 0..PITCHES {
                    cells.push((bits >> row & 1) as f32);
                    decided.push((asked >> row & 1) as f32);
                }
            }
            before = sounding;
            match damaged {
                true => {
                    let (sounding, starts) = damaged_step(sounding, starts, rng);
                    history.push(sounding, starts);
                }
                false => history.push(sounding, starts),
            }
        }
    }
    let shape = (size, STEPS, 2, PITCHES);
    Ok(Batch {
        cells: Tensor::from_vec(cells, shape, device)?,
        decided: Tensor::from_vec(decided, shape, device)?,
        views: Tensor::from_vec(views, (size, STEPS, VIEWS, PITCHES), device)?,
        genres: Tensor::from_vec(one_hot, (size, genres), device)?,
    })
}

/// A step as it was not: notes lost, and now and then one that strayed by a few semitones.
fn damaged_step(sounding: u128, starts: u128, rng: &mut ChaCha8Rng) -> (u128, u128) {
    let mut kept = sounding;
    let mut rest = sounding;
    while rest != 0 {
        let bit = rest & rest.wrapping_neg();
        if rng.random::<f32>() < LOST {
            kept &= !bit;
        }
        rest ^= bit;
    }
    let mut started = starts & kept;
    if rng.random::<f32>() < STRAY {
        let near = if sounding == 0 { 36 } else { sounding.trailing_zeros() as i32 };
        let row = (near + rng.random_range(-7..=14)).clamp(0, PITCHES as i32 - 1);
        kept |= 1 << row;
        started |= if rng.random() { 1 << row } else { 0 };
    }
    (kept, started)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn damage_loses_notes_and_strays_a_little() {
        let mut rng = random::stream(1, 0);
        let (mut kept, mut stray) = (0, 0);
        for _ in 0..1000 {
            let (sounding, starts) = damaged_step(0b1111 << 40, 0b11 << 40, &mut rng);
            assert_eq!(starts & !sounding, 0, "what starts sounds");
            kept += (sounding & 0b1111 << 40).count_ones();
            stray += (sounding & !(0b1111 << 40)).count_ones();
        }
        assert!((3500..3700).contains(&kept), "{kept}");
        assert!((80..170).contains(&stray), "{stray}");
    }
}
