//! Music in place of music that is not there: phrases of the new genre, transferred by the pack as it is.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use model::{LoadedPack, Pack, SLOTS, Settings};
use phrase::Roll;

use crate::dataset::{Dataset, GenreInfo, Info, Item, Split};

/// `data`'s music of the pack's genres in the pack's order, then of `genre`. A genre that `data` lacks is replayed: each
/// phrase of `genre`, transferred to it from the other genre of the pack that it sounds most like.
///
/// # Errors
/// Where the pack cannot be played, or `data` has no training phrase of `genre`.
pub fn complete(pack: &Pack, data: &Dataset, genre: &str) -> Result<Dataset> {
    let names = data.genres();
    let place = |name: &str| names.iter().position(|other| other == name);
    let new = place(genre).with_context(|| format!("the dataset has no genre {genre}"))?;
    ensure!(
        !data.split(new, Split::Train).is_empty(),
        "the dataset has no training phrase of {genre}; prepare it with more songs"
    );
    let mut transfer = LoadedPack::new(pack)?;
    let mut infos = Vec::new();
    let (mut items, mut songs) = (Vec::new(), Vec::new());
    for (slot, name) in pack.card.genres.iter().enumerate() {
        // A genre whose songs all fell into other splits has nothing to train on either.
        match place(name).filter(|&place| !data.split(place, Split::Train).is_empty()) {
            Some(place) => {
                infos.push(data.info.genres[place].clone());
                items.push(data.items[place].clone());
                songs.push(data.songs[place].clone());
            }
            None => {
                infos.push(GenreInfo { name: name.clone(), ..GenreInfo::default() });
                let mut splits: [Vec<Item>; 3] = Default::default();
                for (split, replayed) in Split::ALL.into_iter().zip(&mut splits) {
                    for item in data.split(new, split) {
                        let roll = played(&mut transfer, &item.roll, slot)?;
                        // An answer without notes teaches nothing.
                        if !roll.is_empty() {
                            replayed.push(Item::of(roll, item.song));
                        }
                    }
                }
                ensure!(
                    !splits[Split::Train as usize].is_empty(),
                    "the pack's answers to {genre} as {name} are all empty; give music of {name} too"
                );
                items.push(splits);
                songs.push(Arc::default());
            }
        }
    }
    infos.push(data.info.genres[new].clone());
    items.push(data.items[new].clone());
    songs.push(data.songs[new].clone());
    Ok(Dataset { info: Info { genres: infos, options: data.info.options.clone() }, items, songs })
}

/// The answer of the pack's slot `target` to `roll`.
fn played(transfer: &mut LoadedPack, roll: &Roll, target: usize) -> Result<Roll> {
    let mut heard: [f32; SLOTS] = transfer.classify(roll)?;
    heard[target] = -1.0;
    let likeliest = (0..SLOTS).max_by(|&a, &b| heard[a].total_cmp(&heard[b])).unwrap_or(0);
    let settings = Settings { source: Some(likeliest as u8), ..Settings::to(target) };
    Ok(Roll::from_sounding(transfer.cells(roll, 0, &settings)?.0.sounding))
}
