//! What a classifier hears: logits and accuracies over many phrases.

use anyhow::Result;
use phrase::Roll;

use super::BuiltClassifier;
use crate::dataset::{Dataset, Item, Split};
use crate::random;

/// Phrases a forward pass; the answer does not depend on it.
const BATCH: usize = 64;

/// Noise on what is heard: normal, of both signs, added once to each cell in the classifier's -1..1 domain.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Standard deviation, the papers' sigma_C.
    pub sigma: f32,
    /// Seed of the draw.
    pub seed: u64,
    /// Which draw of the seed.
    pub draw: u64,
}

/// Genre logits of each phrase.
pub fn logits(classifier: &BuiltClassifier, items: &[Item], noise: Option<Noise>) -> Result<Vec<Vec<f32>>> {
    let mut rng = noise.map(|noise| random::stream(noise.seed, noise.draw));
    let mut all = Vec::with_capacity(items.len());
    for items in items.chunks(BATCH) {
        let rolls: Vec<Roll> = items.iter().map(|item| item.roll).collect();
        let mut cells = classifier.cells(&rolls);
        if let (Some(noise), Some(rng)) = (noise, &mut rng) {
            // A cell is 0 or 1 here and -1 or 1 to the network: twice as far apart.
            let draws = random::normal(rng, cells.len());
            cells.iter_mut().zip(draws).for_each(|(cell, draw)| *cell += 0.5 * noise.sigma * draw);
        }
        all.extend(classifier.forward(&classifier.tensor(cells, items.len())?)?.to_vec2::<f32>()?);
    }
    Ok(all)
}

/// Share of phrases of `genre` whose logit is the highest among the genres `between`; 0 without phrases.
pub fn share(logits: &[Vec<f32>], genre: usize, between: &[usize]) -> f64 {
    let right = |l: &&Vec<f32>| between.iter().all(|&other| other == genre || l[genre] > l[other]);
    logits.iter().filter(right).count() as f64 / logits.len().max(1) as f64
}

/// Share of phrases heard right, 0..=1, by genre.
pub fn accuracy(classifier: &BuiltClassifier, data: &Dataset, split: Split) -> Result<Vec<f64>> {
    let all: Vec<usize> = (0..data.items.len()).collect();
    let genre = |genre| Ok(share(&logits(classifier, data.split(genre, split), None)?, genre, &all));
    (0..data.items.len()).map(genre).collect()
}
