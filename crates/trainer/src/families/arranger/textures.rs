//! The textures that answers are drawn from: of a genre's own phrases those that hold a figure.

use model::arranger::{Content, TEXTURE, TEXTURES, Texture};
use phrase::STEPS_PER_BAR;
use rand::Rng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use crate::dataset::{Dataset, Split};
use crate::evaluate::regression::Regression;
use crate::random;

/// Phrases of a genre that are looked at.
const LOOKED_AT: usize = 8192;

/// The most regular share of the phrases of one density, and of those the share that says the genre most
/// clearly, among which one is chosen.
const REGULAR: f32 = 0.5;
const CLEAR: f32 = 0.1;

/// How strongly the weights of the regression that tells the genre are held back.
const PENALTY: f64 = 1e-3;

/// Textures of a genre's training phrases with their densities, `[TEXTURES][TEXTURE + 1]`: evenly from the
/// sparsest phrase to the densest, and each from one that holds its figure and is not every genre's. Many
/// classical phrases are chords in quarters, and nobody would hear the genre by those. Zeros where the genre
/// has no accompaniment.
pub fn textures(data: &Dataset, genre: usize, seed: u64) -> Vec<f32> {
    let mut rng = random::stream(seed, u64::MAX - 1 - genre as u64);
    let mut by_genre: Vec<Vec<(Texture, f32)>> =
        (0..data.items.len()).map(|genre| accompanied(data, genre, &mut rng)).collect();
    let numbers = |texture: &Texture| texture.0.map(f64::from).to_vec();
    let rows: Vec<Vec<f64>> = by_genre.iter().flatten().map(|(texture, _)| numbers(texture)).collect();
    let is_own =
        by_genre.iter().enumerate().flat_map(|(i, all)| all.iter().map(move |_| usize::from(i == genre)));
    let ear = Regression::fit(&rows, &is_own.collect::<Vec<_>>(), 2, PENALTY);
    let clear = |texture: &Texture| ear.probabilities(&numbers(texture))[1];

    let all = &mut by_genre[genre];
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut bank = vec![0.0; TEXTURES * (TEXTURE + 1)];
    let size = all.len().div_ceil(TEXTURES).max(1);
    let few = |all: usize, share: f32| (all as f32 * share).ceil() as usize;
    for (row, alike) in bank.chunks_exact_mut(TEXTURE + 1).zip(all.chunks_mut(size)) {
        alike.sort_by(|a, b| regularity(&b.0).total_cmp(&regularity(&a.0)));
        let regular = few(alike.len(), REGULAR);
        let regular = &mut alike[..regular];
        regular.sort_by(|a, b| clear(&b.0).total_cmp(&clear(&a.0)));
        let (texture, density) = regular[rng.random_range(0..few(regular.len(), CLEAR))];
        row[..TEXTURE].copy_from_slice(&texture.0);
        row[TEXTURE] = density;
    }
    bank
}

/// Textures and densities of training phrases of a genre, drawn at random: those of which half the bars have
/// an accompaniment.
fn accompanied(data: &Dataset, genre: usize, rng: &mut ChaCha8Rng) -> Vec<(Texture, f32)> {
    let items = data.split(genre, Split::Train);
    index::sample(rng, items.len(), items.len().min(LOOKED_AT))
        .iter()
        .map(|i| (Texture::of(&items[i].roll), Content::of(&items[i].roll).density))
        .filter(|(texture, _)| texture.0[TEXTURE - 2] + texture.0[TEXTURE - 1] >= 0.5)
        .collect()
}

/// How alike a texture's bars are: 1 where each strikes as the others do.
fn regularity(texture: &Texture) -> f32 {
    let profile = &texture.0[..2 * STEPS_PER_BAR];
    let (sum, squares) = profile.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    squares / f32::max(sum, 1e-6)
}

#[cfg(test)]
mod tests {
    use phrase::Roll;

    use super::*;
    use crate::dataset::{GenreInfo, Info, Item};

    /// A tune over chords on the beats, or off them.
    fn phrase(off: bool, tune: usize) -> Roll {
        Roll::from_cells(|step, row| match row {
            60..70 => row - 60 == (step / 4 + tune) % 10,
            30 | 34 | 37 => step % 4 / 2 == usize::from(off),
            _ => false,
        })
    }

    #[test]
    fn what_only_one_genre_plays_is_drawn_from() {
        let items = |off: usize| -> Vec<Item> {
            (0..600).map(|i| Item::of(phrase(i % 10 < off, i % 7), i as u32)).collect()
        };
        let info = GenreInfo::default();
        let info = Info { genres: vec![info.clone(), info], options: serde_json::Value::Null };
        let of = |items: Vec<Item>| [items, Vec::new(), Vec::new()];
        let data = Dataset::of_rolls(info, vec![of(items(4)), of(items(0))]);
        let off = |genre: usize| {
            let bank = textures(&data, genre, 1);
            let rows = bank.chunks_exact(TEXTURE + 1).filter(|row| row.iter().any(|x| *x != 0.0));
            let all: Vec<bool> = rows.map(|row| row[2] > 0.0).collect();
            all.iter().filter(|off| **off).count() as f32 / all.len() as f32
        };
        assert!(off(0) > 0.8, "{}", off(0));
        assert_eq!(off(1), 0.0);
        assert!(
            textures(&Dataset::of_rolls(data.info.clone(), vec![of(Vec::new()), of(items(0))]), 0, 1)
                .iter()
                .all(|x| *x == 0.0)
        );
    }
}
