//! The textures that answers are drawn from: of a genre's own phrases those that hold a figure.

use model::arranger::{Content, TEXTURE, TEXTURES, Texture};
use phrase::STEPS_PER_BAR;
use rand::Rng;
use rand::seq::index;

use crate::dataset::{Dataset, Split};
use crate::random;

/// Phrases of a genre that are looked at.
const LOOKED_AT: usize = 8192;

/// The most regular share of the phrases of one density, among which one is chosen.
const REGULAR: f32 = 0.3;

/// Textures of a genre's training phrases with their densities, `[TEXTURES][TEXTURE + 1]`: evenly from the
/// sparsest phrase to the densest, and each from one that holds its figure. Zeros where the genre has no
/// accompaniment.
pub fn textures(data: &Dataset, genre: usize, seed: u64) -> Vec<f32> {
    let items = data.split(genre, Split::Train);
    let mut rng = random::stream(seed, u64::MAX - 1 - genre as u64);
    let looked_at = index::sample(&mut rng, items.len(), items.len().min(LOOKED_AT));
    let mut all: Vec<(Texture, f32)> = looked_at
        .iter()
        .map(|i| (Texture::of(&items[i].roll), Content::of(&items[i].roll).density))
        // Half the bars have an accompaniment.
        .filter(|(texture, _)| texture.0[TEXTURE - 2] + texture.0[TEXTURE - 1] >= 0.5)
        .collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut rows = vec![0.0; TEXTURES * (TEXTURE + 1)];
    let size = all.len().div_ceil(TEXTURES).max(1);
    for (row, alike) in rows.chunks_exact_mut(TEXTURE + 1).zip(all.chunks_mut(size)) {
        alike.sort_by(|a, b| regularity(&b.0).total_cmp(&regularity(&a.0)));
        let best = (alike.len() as f32 * REGULAR).ceil() as usize;
        let (texture, density) = alike[rng.random_range(0..best)];
        row[..TEXTURE].copy_from_slice(&texture.0);
        row[TEXTURE] = density;
    }
    rows
}

/// How alike a texture's bars are: 1 where each strikes as the others do.
fn regularity(texture: &Texture) -> f32 {
    let profile = &texture.0[..2 * STEPS_PER_BAR];
    let (sum, squares) = profile.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    squares / f32::max(sum, 1e-6)
}
