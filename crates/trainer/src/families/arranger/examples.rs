//! What an arranger learns from: a genre's own phrases, each with damaged content and the bar before it.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use model::arranger::{ArrangerConfig, Content, MEMORY, Texture, shifted, tonic_shift};
use phrase::{PITCHES, Roll, STEPS, STEPS_PER_BAR};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Corruption;
use crate::dataset::{Dataset, Item, Split};

/// Phrases as tensors.
pub struct Batch {
    /// `[B, 64, features]`.
    pub content: Tensor,
    /// One-hot, `[B, G]`.
    pub genres: Tensor,
    /// Sounding and onset, `[B, memory + 64, 2, 84]`: after the bar before.
    pub cells: Tensor,
    /// 1 for what is decided: every cell's sounding; its onset where it sounds and did a step before.
    /// `[B, 64, 2, 84]`.
    pub decided: Tensor,
}

/// The training phrases of a dataset, by tune and by place.
#[derive(Debug)]
pub struct Examples {
    /// By genre: phrases by tune. A solo in four versions is one tune, and a long one no more than a short
    /// one.
    tunes: Vec<Vec<Vec<usize>>>,
    /// By genre: where a phrase of a song begins, its index.
    places: Vec<HashMap<Place, usize>>,
}

/// Song, section, transposition and step.
type Place = (u32, u32, i8, u32);

fn place(item: &Item) -> Place {
    (item.song, item.at.section.into(), item.at.by, item.at.start)
}

impl Examples {
    /// Of a dataset's training split.
    pub fn of(data: &Dataset) -> Self {
        let genres = 0..data.items.len();
        let places = |genre: usize| {
            data.split(genre, Split::Train).iter().enumerate().map(|(i, item)| (place(item), i)).collect()
        };
        Self {
            tunes: genres.clone().map(|genre| data.groups(genre, Split::Train)).collect(),
            places: genres.map(places).collect(),
        }
    }

    /// The index of a phrase to learn from. For the first edition any; else tunes are drawn by the root of
    /// their phrases' number: a long one has more to say, but not in proportion.
    fn draw(&self, genre: usize, edition: u8, rng: &mut ChaCha8Rng) -> usize {
        let tunes = &self.tunes[genre];
        if edition == 1 {
            return rng.random_range(0..tunes.iter().map(Vec::len).sum());
        }
        let weight = |tune: &Vec<usize>| (tune.len() as f32).sqrt();
        let mut rest = rng.random::<f32>() * tunes.iter().map(weight).sum::<f32>();
        let tune = tunes.iter().find(|tune| {
            rest -= weight(tune);
            rest < 0.0
        });
        let tune = tune.unwrap_or(&tunes[tunes.len() - 1]);
        tune[rng.random_range(0..tune.len())]
    }

    /// The bar before a phrase, where the dataset has it.
    fn before(&self, data: &Dataset, genre: usize, item: &Item) -> Option<Vec<[u128; 2]>> {
        let start = item.at.start.checked_sub(STEPS_PER_BAR as u32)?;
        let (song, section, by, _) = place(item);
        let index = *self.places[genre].get(&(song, section, by, start))?;
        let roll = &data.split(genre, Split::Train)[index].roll;
        Some((0..MEMORY).map(|step| [roll.sounding[step], roll.onset[step]]).collect())
    }

    /// Training phrases with damaged content; the genres take turns, beginning with number `turn`.
    pub fn batch(
        &self,
        data: &Dataset,
        (config, corruption, transpose): (&ArrangerConfig, &Corruption, i32),
        (size, turn): (usize, usize),
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> candle_core::Result<Batch> {
        let (genres, features, memory) = (config.genres, config.features(), config.memory());
        let mut content = vec![0.0; size * STEPS * features];
        let mut one_hot = vec![0f32; size * genres];
        let (mut cells, mut decided) = (Vec::new(), Vec::new());
        for (i, features) in content.chunks_exact_mut(STEPS * features).enumerate() {
            let genre = (turn + i) % genres;
            one_hot[i * genres + genre] = 1.0;
            let item = &data.split(genre, Split::Train)[self.draw(genre, config.edition, rng)];
            let reach = if rng.random() { transpose } else { 0 };
            let by = tonic_shift(&item.roll) + rng.random_range(-reach..=reach);
            let roll = shifted(&item.roll, by);
            let mut told = Content::of(&roll);
            if config.edition > 1 {
                told.texture = Some(Texture::of(&roll));
                corruption.simplify(&mut told, rng);
            }
            corruption.apply(&mut told, rng);
            told.write(features);
            let mut past = vec![[0; 2]; memory];
            if memory > 0
                && rng.random::<f32>() >= corruption.forget
                && let Some(before) = self.before(data, genre, item)
            {
                past =
                    before.iter().map(|&[sounding, onset]| [moved(sounding, by), moved(onset, by)]).collect();
            }
            write(&roll, &past, &mut cells, &mut decided);
        }
        Ok(Batch {
            content: Tensor::from_vec(content, (size, STEPS, features), device)?,
            genres: Tensor::from_vec(one_hot, (size, genres), device)?,
            cells: Tensor::from_vec(cells, (size, memory + STEPS, 2, PITCHES), device)?,
            decided: Tensor::from_vec(decided, (size, STEPS, 2, PITCHES), device)?,
        })
    }
}

/// A step's cells moved `by` rows down, as [`shifted`] moves a roll.
fn moved(bits: u128, by: i32) -> u128 {
    let rows = (1u128 << PITCHES) - 1;
    if by < 0 { bits << -by & rows } else { bits >> by }
}

/// Appends the planes of the steps before, and of a roll, `[memory + 64][2][84]`, and which of the roll's are
/// decided.
fn write(roll: &Roll, past: &[[u128; 2]], cells: &mut Vec<f32>, decided: &mut Vec<f32>) {
    let bit = |bits: u128, row: usize| f32::from((bits >> row & 1) as u8);
    for plane in past.iter().flatten() {
        cells.extend((0..PITCHES).map(|row| bit(*plane, row)));
    }
    let mut before = past.last().map_or(0, |last| last[0]);
    for (&sounding, &onset) in roll.sounding.iter().zip(&roll.onset) {
        let starts = sounding & (onset | !before);
        for (bits, asked) in [(sounding, u128::MAX), (starts, sounding & before)] {
            cells.extend((0..PITCHES).map(|row| bit(bits, row)));
            decided.extend((0..PITCHES).map(|row| bit(asked, row)));
        }
        before = sounding;
    }
}
