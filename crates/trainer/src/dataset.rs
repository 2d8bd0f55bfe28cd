//! The dataset file: rolls by genre and split, with the report of how they were made.
//!
//! One `.safetensors` file. For genre G and split S (`train`, `valid`, `test`): `G/S/sounding` and `G/S/onset`, u8
//! `[N, 64, 11]` (84 bits a step, lowest pitch first), and `G/S/song`, u32 `[N]`: which song a phrase is from. The
//! metadata key `contrafact-dataset` holds [`Info`] as JSON.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use model::Source;
use phrase::{Roll, STEPS};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

const KEY: &str = "contrafact-dataset";
const BYTES: usize = 11;

/// Which part of the songs a phrase belongs to. Songs never cross splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For training.
    Train,
    /// For choosing.
    Valid,
    /// For the figures that are published.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    /// The name of its folder and key.
    pub fn name(self) -> &'static str {
        ["train", "valid", "test"][self as usize]
    }
}

/// What a genre's folder held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GenreInfo {
    /// The folder's name.
    pub name: String,
    /// Files used by source and licence.
    pub sources: Vec<Source>,
    /// Counts of what was kept and dropped, by rule.
    pub counts: BTreeMap<String, u64>,
}

/// What the dataset says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// Genres in slot order.
    pub genres: Vec<GenreInfo>,
    /// The cutting rules, as JSON.
    pub options: serde_json::Value,
}

/// One phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its cells.
    pub roll: Roll,
    /// Number of its song within the genre.
    pub song: u32,
}

/// Rolls in memory: 2 KiB a phrase.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Names, sources and counts.
    pub info: Info,
    /// Phrases by genre and [`Split`].
    pub items: Vec<[Vec<Item>; 3]>,
}

impl Dataset {
    /// Phrases of one genre and split.
    pub fn split(&self, genre: usize, split: Split) -> &[Item] {
        &self.items[genre][split as usize]
    }

    /// Names of the genres in slot order.
    pub fn genres(&self) -> Vec<String> {
        self.info.genres.iter().map(|genre| genre.name.clone()).collect()
    }

    /// Writes the file: first beside it, then renamed.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut data: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (genre, splits) in self.info.genres.iter().zip(&self.items) {
            for (split, items) in Split::ALL.into_iter().zip(splits) {
                let key = |plane: &str| format!("{}/{}/{plane}", genre.name, split.name());
                let shape = vec![items.len(), STEPS, BYTES];
                let pack = |plane: fn(&Roll) -> &[u128; STEPS]| {
                    items
                        .iter()
                        .flat_map(|item| plane(&item.roll))
                        .flat_map(|step| step.to_le_bytes()[..BYTES].to_vec())
                        .collect()
                };
                data.push((key("sounding"), Dtype::U8, shape.clone(), pack(|roll| &roll.sounding)));
                data.push((key("onset"), Dtype::U8, shape, pack(|roll| &roll.onset)));
                let songs = items.iter().flat_map(|item| item.song.to_le_bytes()).collect();
                data.push((key("song"), Dtype::U32, vec![items.len()], songs));
            }
        }
        let views = data
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)));
        let metadata = HashMap::from([(KEY.to_string(), serde_json::to_string(&self.info)?)]);
        let bytes = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))?;
        write_whole(path, &bytes)
    }

    /// Reads a file that [`Dataset::write`] made.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let bytes = std::fs::read(path)
            .with_context(|| format!("{name}: the dataset could not be read; make it with `prepare`"))?;
        Self::from_bytes(&bytes)
            .with_context(|| format!("{name}: this is no whole dataset; make it again with `prepare`"))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let text =
            metadata.metadata().as_ref().and_then(|map| map.get(KEY)).context("it has no dataset header")?;
        let info: Info = serde_json::from_str(text)?;
        let tensors = SafeTensors::deserialize(bytes)?;
        let mut items = Vec::new();
        for genre in &info.genres {
            let mut splits: [Vec<Item>; 3] = Default::default();
            for (split, items) in Split::ALL.into_iter().zip(&mut splits) {
                let get = |plane: &str| tensors.tensor(&format!("{}/{}/{plane}", genre.name, split.name()));
                let (sounding, onset, song) = (get("sounding")?, get("onset")?, get("song")?);
                let count = song.data().len() / 4;
                let size = count * STEPS * BYTES;
                ensure!(
                    sounding.data().len() == size && onset.data().len() == size,
                    "its planes differ in length"
                );
                for i in 0..count {
                    let id = song.data()[4 * i..4 * i + 4].try_into()?;
                    let roll = Roll { sounding: unpack(sounding.data(), i), onset: unpack(onset.data(), i) };
                    items.push(Item { roll, song: u32::from_le_bytes(id) });
                }
            }
            items.push(splits);
        }
        if items.is_empty() {
            bail!("it holds no genre");
        }
        Ok(Self { info, items })
    }
}

fn unpack(bytes: &[u8], index: usize) -> [u128; STEPS] {
    std::array::from_fn(|step| {
        let start = (index * STEPS + step) * BYTES;
        let mut wide = [0; 16];
        wide[..BYTES].copy_from_slice(&bytes[start..start + BYTES]);
        u128::from_le_bytes(wide)
    })
}

/// Writes `bytes` beside `path` and renames, so that a failure leaves an older file whole.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("part");
    let written = std::fs::File::create(&part)
        // Synchronised: some systems tell only then that a disk is full.
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        std::fs::remove_file(&part).ok();
    }
    written.with_context(|| {
        format!("{}: the file could not be written; check the folder and the free space", path.display())
    })
}
