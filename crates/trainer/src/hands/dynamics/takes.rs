//! What networks of dynamics are trained on and measured with: phrases whose velocities somebody played.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use model::touch::{KEYS, Score};
use phrase::STEPS_PER_BAR;

use crate::data::view::{Velocities, View};
use crate::dataset::{Dataset, Split};
use crate::hands::songs;

/// A song whose velocities (1 to 127) deviate less than this is flat: nobody played it.
pub const FLAT: f64 = 3.0;
/// Notes that a take has at least.
const NOTES: usize = 8;

/// Some bars of a song, and how hard its notes were struck.
#[derive(Clone, Debug)]
pub struct Take {
    /// What is struck and held.
    pub score: Score,
    /// Step and key of its notes.
    pub notes: Vec<(usize, usize)>,
    /// Their velocities, 0..=1.
    pub velocities: Vec<f32>,
    /// The song's number.
    pub song: u32,
}

impl Take {
    /// The mean velocity.
    pub fn level(&self) -> f32 {
        mean(&self.velocities)
    }

    /// The same so many keys higher; as it is where a key would be lost.
    pub fn moved(&self, by: i32) -> Self {
        let all = self.score.held.iter().fold(0, |all, held| all | held);
        let room = if by < 0 { all.trailing_zeros() } else { all.leading_zeros() - (128 - KEYS as u32) };
        if by.unsigned_abs() > room {
            return self.clone();
        }
        let one = |bits: &u128| if by < 0 { bits >> -by } else { bits << by };
        let shifted = |bits: &Vec<u128>| -> Vec<u128> { bits.iter().map(one).collect() };
        let score = Score {
            place: self.score.place,
            struck: shifted(&self.score.struck),
            held: shifted(&self.score.held),
        };
        let key = |key: usize| (key as i32 + by) as usize;
        let notes = self.notes.iter().map(|note| (note.0, key(note.1))).collect();
        Self { score, notes, velocities: self.velocities.clone(), song: self.song }
    }

    /// Velocities of all cells, where a note is held too, row-major `[steps][88]`: what the papers learn.
    pub fn cells(&self) -> Vec<f32> {
        let mut cells = vec![0.0; self.score.held.len() * KEYS];
        for (&(step, key), velocity) in self.notes.iter().zip(&self.velocities) {
            cells[step * KEYS + key] = *velocity;
        }
        for step in 1..self.score.held.len() {
            for key in (0..KEYS).filter(|key| self.score.held[step] >> key & 1 == 1) {
                if self.score.struck[step] >> key & 1 == 0 {
                    cells[step * KEYS + key] = cells[(step - 1) * KEYS + key];
                }
            }
        }
        cells
    }
}

/// The mean of some numbers; 0 of none.
pub fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// A split's takes of one genre, of so many steps from each phrase's start on, and how many songs are flat.
///
/// # Errors
/// When all songs are flat, in a sentence.
pub fn takes(data: &Dataset, genre: usize, split: Split, steps: usize) -> Result<(Vec<Take>, usize)> {
    let all = songs(data, genre, split);
    let flat: Vec<&str> = all.iter().filter(|song| is_flat(song)).map(|song| song.name.as_str()).collect();
    let name = &data.info.genres[genre].name;
    if flat.len() == all.len() && !all.is_empty() {
        bail!(
            "{name}: every song of its {} split has one velocity throughout, or nearly ({}); dynamics are \
             learned from performances",
            split.name(),
            flat[0]
        );
    }
    let view = Velocities { steps };
    let mut takes = Vec::new();
    let mut known: BTreeMap<u32, bool> = BTreeMap::new();
    for item in data.split(genre, split) {
        let Some(excerpt) = data.excerpt(genre, item) else { continue };
        if *known.entry(item.song).or_insert_with(|| is_flat(excerpt.song)) {
            continue;
        }
        let keys = view.see(&excerpt);
        let bits = |cells: &[bool]| -> Vec<u128> {
            let step = |row: &[bool]| row.iter().rev().fold(0, |bits, on| bits << 1 | u128::from(*on));
            cells.chunks_exact(KEYS).map(step).collect()
        };
        let score = Score {
            place: excerpt.at.start as usize % STEPS_PER_BAR,
            struck: bits(&keys.struck),
            held: bits(&keys.held),
        };
        let notes = score.notes();
        if notes.len() >= NOTES {
            let velocities = notes.iter().map(|&(step, key)| keys.velocity[step * KEYS + key]).collect();
            takes.push(Take { score, notes, velocities, song: item.song });
        }
    }
    Ok((takes, flat.len()))
}

fn is_flat(song: &crate::data::song::StoredSong) -> bool {
    let all: Vec<f64> = song.notes.iter().map(|note| f64::from(note.velocity)).collect();
    let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
    let variance =
        all.iter().map(|velocity| (velocity - mean).powi(2)).sum::<f64>() / all.len().max(1) as f64;
    variance.sqrt() < FLAT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_moves_as_a_whole_or_not_at_all() {
        let mut score = Score { place: 0, struck: vec![0; 4], held: vec![0; 4] };
        for (step, key) in [(0, 3), (2, 85)] {
            score.struck[step] |= 1 << key;
            score.held[step] |= 1 << key;
        }
        let notes = score.notes();
        let take = Take { score, notes, velocities: vec![0.25, 0.5], song: 0 };
        let up = take.moved(2);
        assert_eq!((&up.notes[..], up.score.notes()), (&[(0, 5), (2, 87)][..], up.notes.clone()));
        assert_eq!(take.moved(-3).notes, [(0, 0), (2, 82)]);
        assert_eq!((take.moved(3).notes, take.moved(-4).notes), (take.notes.clone(), take.notes.clone()));
    }
}
