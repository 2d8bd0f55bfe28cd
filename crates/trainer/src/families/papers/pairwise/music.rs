//! The phrases a pair trains on: those of its two genres and, for partial and full, the mixed ones.

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use phrase::{PITCHES, STEPS};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::options::{Model, PairOptions};
use crate::batch::transposed;
use crate::dataset::{Dataset, Item, Split};
use crate::random;

/// Lists of training phrases. The rolls stay in the dataset.
#[derive(Debug)]
pub struct Music<'a> {
    /// Genre A, genre B, and the mixed list, which is empty for base.
    pub lists: [Vec<&'a Item>; 3],
    /// Steps until every phrase of the smaller genre was seen once.
    pub epoch: u64,
}

/// The stream that draws which phrases balancing keeps.
const BALANCING: u64 = (1 << 41) - 1;

/// The place of `genre` in the dataset.
///
/// # Errors
/// In one sentence that lists the genres there are.
pub fn find(data: &Dataset, genre: &str) -> Result<usize> {
    let names = data.genres();
    names.iter().position(|name| name == genre).with_context(|| {
        format!("the dataset has no genre {genre}, only {}; name two of those with --pair", names.join(", "))
    })
}

/// The two genres that are meant: those that were named, or the dataset's where it has just two.
pub fn pair(data: &Dataset, named: &[String]) -> Result<[String; 2]> {
    let names = if named.is_empty() { data.genres() } else { named.to_vec() };
    let pair: [String; 2] = names.try_into().map_err(|names: Vec<String>| {
        anyhow::anyhow!("a pair needs two genres, here are {}; name them with --pair A,B", names.join(", "))
    })?;
    pair.iter().try_for_each(|genre| find(data, genre).map(drop))?;
    Ok(pair)
}

/// Training phrases of the smaller genre of `pair`: what an epoch is counted by.
pub fn smaller(data: &Dataset, pair: &[String; 2]) -> Result<usize> {
    let count = |genre: &String| -> Result<usize> { Ok(data.split(find(data, genre)?, Split::Train).len()) };
    Ok(count(&pair[0])?.min(count(&pair[1])?))
}

impl<'a> Music<'a> {
    /// The lists that `options` ask for.
    ///
    /// # Errors
    /// In one sentence, where the dataset lacks a genre, a genre is empty, or full finds no third genre.
    pub fn new(data: &'a Dataset, options: &PairOptions) -> Result<Self> {
        let indices = [find(data, &options.pair[0])?, find(data, &options.pair[1])?];
        let least = smaller(data, &options.pair)?;
        let [a, b] = [0, 1].map(|slot: usize| {
            let mut items: Vec<&Item> = data.split(indices[slot], Split::Train).iter().collect();
            if options.balance && items.len() > least {
                items.shuffle(&mut random::stream(options.seed, BALANCING));
                items.truncate(least);
            }
            items
        });
        for (genre, list) in options.pair.iter().zip([&a, &b]) {
            ensure!(!list.is_empty(), "{genre} has no training phrase; prepare the dataset with more songs");
        }
        let mixed = match options.model {
            Model::Base => Vec::new(),
            Model::Partial => [&a[..], &b[..]].concat(),
            Model::Full => {
                ensure!(
                    data.items.len() > 2,
                    "full mixes the music of three genres or more, the dataset has {}; take partial, or \
                     prepare it with another genre",
                    data.genres().join(" and ")
                );
                (0..data.items.len()).flat_map(|genre| data.split(genre, Split::Train)).collect()
            }
        };
        let epoch = (least / options.batch).max(1) as u64;
        Ok(Self { lists: [a, b, mixed], epoch })
    }

    /// The phrases of list `list` at `places`, each transposed by up to `transpose` semitones: `[N, 64, 84]`.
    pub fn rolls(
        &self,
        list: usize,
        places: &[usize],
        transpose: i32,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Tensor> {
        let mut cells = vec![0.0; places.len() * STEPS * PITCHES];
        for (cells, &place) in cells.chunks_exact_mut(STEPS * PITCHES).zip(places) {
            let by = rng.random_range(-transpose..=transpose);
            transposed(&self.lists[list][place].roll, by).to_f32(cells);
        }
        Ok(Tensor::from_vec(cells, (places.len(), STEPS, PITCHES), device)?)
    }
}
