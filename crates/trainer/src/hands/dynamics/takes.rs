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
