//! Choosing textures: of those alike in density a pack keeps the one in which its answers are best.
//!
//! A texture that is typical of a genre is not yet one that the pack plays well, over any song. So phrases of
//! the other genres are played in each, and marked as practice is.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use model::arranger::{Content, Sizes, TEXTURE, TEXTURES, Texture};
use model::{Context, Family, LoadedPack, Pack, Role};

use super::mark::{Leaning, Mark};
use super::play::{played_and_heard, settings};
use super::{PlayingOptions, Ready, phrases};
use crate::dataset::Item;
use crate::evaluate::judge::Judge;
use crate::evaluate::limited;
use crate::evaluate::play::over_threads;
use crate::families::arranger::textures;
use crate::hands::add::transfer_changed;

/// What is played, and how much of it.
#[derive(Clone, Debug, clap::Args)]
pub struct ChoiceOptions {
    /// The pack that plays.
    pub pack: PathBuf,
    /// The dataset that it was trained on; its training songs are played, and textures are theirs.
    pub dataset: PathBuf,
    /// The pack to write.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Textures alike in density of which one is kept.
    #[arg(long, default_value_t = 4)]
    pub of: usize,
    /// How many times as many textures are drawn as a pack has, its own among them.
    #[arg(long, default_value_t = 4)]
    pub banks: u64,
    /// Phrases of each other genre that are played in each texture: those of its density.
    #[arg(long, default_value_t = 16)]
    pub limit: usize,
    /// A genre whose textures are chosen; those of others stay. Can be repeated; all by default.
    #[arg(long, value_name = "GENRE")]
    pub genre: Vec<String>,
    /// How it is played.
    #[command(flatten)]
    pub playing: PlayingOptions,
}

/// A texture with its phrase's density, as packs have them.
type Row = [f32; TEXTURE + 1];

/// Numbers of a genre's textures.
const BANK: usize = TEXTURES * (TEXTURE + 1);

/// Phrases of each genre from which those of a texture's density are taken, for each that is played.
const AMONG: usize = 40;

/// What came of it, for each genre.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The genre, how many textures were tried and kept, and the mean mark of both.
    pub genres: Vec<(String, [usize; 2], [Mark; 2])>,
}

/// What a texture was worth on a phrase.
struct Try {
    target: usize,
    candidate: usize,
    /// Source and phrase.
    phrase: (usize, usize),
    mark: Mark,
}

/// Plays, and writes the pack with other textures.
///
/// # Errors
/// When a file cannot be used, or the dataset lacks a genre of the pack.
pub fn choose(options: &ChoiceOptions) -> Result<Chosen> {
    ensure!(options.of > 1, "--of {} leaves no choice; give 2 or more", options.of);
    ensure!(options.banks > 0 && options.limit > 0, "--banks and --limit must be 1 or more");
    let Ready { mut pack, data, genres, slots, judges } =
        options.playing.ready(&options.pack, &options.dataset)?;
    let shown = options.pack.display();
    let Some(Family::Arranger(sizes)) = pack.card.parts.transfer.clone() else {
        bail!("{shown}: only a pack with an arranger has textures to choose from")
    };
    ensure!(sizes.network.edition > 1, "{shown}: its arranger is told no textures; train one of edition 2");
    for name in &options.genre {
        ensure!(
            genres.contains(name),
            "{shown}: it does not know the genre {name}, only {}",
            genres.join(", ")
        );
    }
    let name = format!("{}arranger.textures", Role::Transfer.prefix());
    let shape = [genres.len() * TEXTURES, TEXTURE + 1];
    let own: Vec<f32> = pack.weights.get(&name, &shape)?.flatten_all()?.to_vec1()?;
    let candidates: Vec<Vec<Row>> = own
        .chunks_exact(BANK)
        .zip(&slots)
        .enumerate()
        .map(|(genre, (own, &slot))| {
            if !options.genre.is_empty() && !options.genre.contains(&genres[genre]) {
                return Vec::new();
            }
            let mut all = rows(own);
            (1..options.banks).for_each(|seed| all.extend(rows(&textures(&data, slot, seed))));
            all.retain(|row| sizes.style.drawn.takes(&texture(row), genre));
            all.sort_by(|a, b| a[TEXTURE].total_cmp(&b[TEXTURE]));
            all.dedup();
            all
        })
        .collect();
    let music: Vec<Vec<Item>> =
        slots.iter().map(|&slot| limited::spread(phrases(&data, slot, 0), AMONG * options.limit)).collect();
    let tries = tried(&pack, &sizes, &name, &candidates, &music, &judges, options)?;
    let worth = worth(&tries, &candidates);

    let mut bank = own;
    let mut said = Vec::new();
    for (genre, all) in candidates.iter().enumerate().filter(|(_, all)| !all.is_empty()) {
        let alike = options.of.max(all.len().div_ceil(TEXTURES));
        let kept = best_of_each(&worth[genre], alike);
        let chosen: Vec<f32> = kept.iter().flat_map(|&kept| all[kept]).collect();
        let places = &mut bank[genre * BANK..][..BANK];
        places.fill(0.0);
        places[..chosen.len()].copy_from_slice(&chosen);
        let mean = |is: &dyn Fn(usize) -> bool| {
            let mut sum = (Mark::default(), 0.0);
            for one in tries.iter().filter(|one| one.target == genre && is(one.candidate)) {
                sum.0.add(&one.mark);
                sum.1 += 1.0;
            }
            sum.0.over(sum.1)
        };
        let marks = [mean(&|_| true), mean(&|candidate| kept.contains(&candidate))];
        said.push((genres[genre].clone(), [all.len(), kept.len()], marks));
    }
    pack.weights.insert(name, Tensor::from_vec(bank, shape.to_vec(), &Device::Cpu)?);
    let ears = judges.len();
    let of = if options.genre.is_empty() { genres.join(", ") } else { options.genre.join(", ") };
    let how = format!(
        "Textures of {of} chosen by {ears} ears: of {alike} alike the one with the \
         best answers, {limit} phrases of each other genre, {amount} %.",
        alike = options.of,
        limit = options.limit,
        amount = options.playing.amount,
    );
    transfer_changed(&mut pack.card, &how);
    pack.write(&options.output)?;
    Ok(Chosen { genres: said })
}

/// All phrases in all textures of their density.
fn tried(
    pack: &Pack,
    sizes: &Sizes,
    name: &str,
    candidates: &[Vec<Row>],
    music: &[Vec<Item>],
    judges: &[Judge],
    options: &ChoiceOptions,
) -> Result<Vec<Try>> {
    let amount = options.playing.amount as f32 / 100.0;
    // As dense as the writer is told that it is.
    let told = |item: &Item, target: usize| {
        let own = Content::of(&item.roll).density;
        own + sizes.style.busy.map_or(0.0, |busy| busy.extent * amount * (busy.octaves[target] - own))
    };
    let densities: Vec<Vec<Vec<f32>>> = music
        .iter()
        .map(|items| {
            let of = |target| items.iter().map(|item| told(item, target)).collect();
            (0..candidates.len()).map(of).collect()
        })
        .collect();
    let most = candidates.iter().map(Vec::len).max().unwrap_or(0);
    let bar = indicatif::ProgressBar::new(most as u64);
    let all = over_threads(
        most,
        options.playing.threads,
        || Ok(()),
        |(), candidate| {
            let mut alone = pack.clone();
            let mut bank = vec![0.0; candidates.len() * BANK];
            for (genre, all) in candidates.iter().enumerate() {
                if let Some(row) = all.get(candidate) {
                    bank[genre * BANK..][..TEXTURE + 1].copy_from_slice(row);
                }
            }
            let shape = (candidates.len() * TEXTURES, TEXTURE + 1);
            alone.weights.insert(name, Tensor::from_vec(bank, shape, &Device::Cpu)?);
            let (mut player, around) = (LoadedPack::new(&alone)?, Context::default());
            let mut tries = Vec::new();
            for (target, all) in candidates.iter().enumerate() {
                let Some(row) = all.get(candidate) else { continue };
                for (source, items) in music.iter().enumerate().filter(|(source, _)| *source != target) {
                    let far = |i: &usize| (densities[source][target][*i] - row[TEXTURE]).abs();
                    let mut near: Vec<usize> = (0..items.len()).collect();
                    near.sort_by(|a, b| far(a).total_cmp(&far(b)));
                    for i in near.into_iter().take(options.limit) {
                        let settings = settings((source, target), options.playing.amount);
                        let heard = (&items[i], None, target);
                        let (mark, ..) = played_and_heard(&mut player, judges, heard, &around, &settings)?;
                        tries.push(Try { target, candidate, phrase: (source, i), mark });
                    }
                }
            }
            bar.inc(1);
            Ok(tries)
        },
    );
    bar.finish_and_clear();
    Ok(all?.into_iter().flatten().collect())
}

/// For each genre and texture how much better its answers are than those of others to the same phrases.
fn worth(tries: &[Try], candidates: &[Vec<Row>]) -> Vec<Vec<f64>> {
    let total = |one: &Try| one.mark.total(&Leaning::default());
    let mut usual: HashMap<(usize, (usize, usize)), (f64, f64)> = HashMap::new();
    for one in tries {
        let sum = usual.entry((one.target, one.phrase)).or_default();
        *sum = (sum.0 + total(one), sum.1 + 1.0);
    }
    let mut sums: Vec<Vec<(f64, f64)>> = candidates.iter().map(|all| vec![(0.0, 0.0); all.len()]).collect();
    for one in tries {
        let (usual, count) = usual[&(one.target, one.phrase)];
        let sum = &mut sums[one.target][one.candidate];
        *sum = (sum.0 + total(one) - usual / count, sum.1 + 1.0);
    }
    sums.into_iter().map(|all| all.into_iter().map(|(sum, count)| sum / count.max(1.0)).collect()).collect()
}

/// Of each so many neighbours the one that is worth most, in order.
fn best_of_each(worth: &[f64], alike: usize) -> Vec<usize> {
    let order: Vec<usize> = (0..worth.len()).collect();
    let best = |few: &[usize]| few.iter().copied().max_by(|&a, &b| worth[a].total_cmp(&worth[b]));
    order.chunks(alike).filter_map(best).collect()
}

/// Those of a bank that are there.
fn rows(bank: &[f32]) -> Vec<Row> {
    let all = bank.as_chunks::<{ TEXTURE + 1 }>().0;
    all.iter().filter(|row| row.iter().any(|&x| x != 0.0)).copied().collect()
}

fn texture(row: &Row) -> Texture {
    Texture(std::array::from_fn(|i| row[i]))
}

impl std::fmt::Display for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<20}{:>12} {}", "all tried > kept", "textures", Mark::NAMES.join("  "))?;
        for (genre, counts, marks) in &self.genres {
            let counts = format!("{} > {}", counts[0], counts[1]);
            writeln!(f, "  {genre:<18}{counts:>12} {}", Mark::compared(marks))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use phrase::Roll;

    use super::*;

    /// What an answer that keeps so many of four tune notes is worth.
    fn mark(kept: usize) -> Mark {
        let tune = |step: usize| 50 + step / 16 % 4;
        let source = Roll::from_cells(|step, row| row == tune(step));
        let answer = Roll::from_cells(|step, row| row == tune(step) + if step / 16 < kept { 0 } else { 5 });
        Mark::of(&source, &answer, None, &[0.5])
    }

    #[test]
    fn a_texture_is_worth_what_it_adds_to_the_phrases_that_it_is_played_on() {
        let of =
            |candidate, phrase, kept| Try { target: 0, candidate, phrase: (1, phrase), mark: mark(kept) };
        // The second texture is better on a hard phrase, and is played on no easy one.
        let tries = [of(0, 0, 4), of(1, 1, 2), of(0, 1, 1), of(2, 0, 4)];
        let candidates = vec![vec![[1.0; TEXTURE + 1]; 4]];
        let worth = worth(&tries, &candidates);
        assert!(worth[0][1] > worth[0][2] && worth[0][2] > worth[0][0], "{worth:?}");
        assert_eq!(best_of_each(&worth[0], 3), [1, 3]);
        assert_eq!(worth[0][3], 0.0, "what was not played is as good as others");
    }
}
