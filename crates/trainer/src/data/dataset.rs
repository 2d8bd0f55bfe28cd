//! The dataset file: rolls by genre and split, with the report of how they were made.
//!
//! One `.safetensors` file. For genre G and split S (`train`, `valid`, `test`): `G/S/sounding` and `G/S/onset`, u8
//! `[N, 64, 11]` (84 bits a step, lowest pitch first), and `G/S/song` and `G/S/step`, u32 `[N]`: which song a phrase is from,
//! and at which of its steps it begins (where that is missing, its phrases are taken to follow one another). The metadata key `contrafact-dataset` holds [`Info`] as JSON, `contrafact-dataset-version` the format's number (1 where it
//! is missing).

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use model::Source;
use phrase::{BARS, PITCHES, Roll, STEPS, STEPS_PER_BAR};
use rand::seq::index;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::random;

const KEY: &str = "contrafact-dataset";
const VERSION_KEY: &str = "contrafact-dataset-version";
/// The format that is written, and the newest that is read.
const VERSION: u32 = 1;
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
    /// By number of song, which work it is of: songs of one number are versions of one, and count as one. Where it is
    /// missing every song stands for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u32>,
}

impl GenreInfo {
    /// The work that a song is a version of; told apart from songs of which nothing is known.
    pub fn group(&self, song: u32) -> u64 {
        self.groups.get(song as usize).map_or(u64::from(song) | 1 << 32, |&group| group.into())
    }
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
    /// The step of the song that it begins at.
    pub step: u32,
}

impl Item {
    /// Whether this phrase begins where `before` ends.
    pub fn follows(&self, before: &Self) -> bool {
        self.song == before.song && u64::from(self.step) == u64::from(before.step) + STEPS as u64
    }
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

    /// Whether a transfer can be learned from this: two genres or more, each with training phrases.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn check_trainable(&self) -> Result<()> {
        let names = self.genres();
        ensure!(
            names.len() > 1,
            "the dataset holds one genre only ({}); a transfer needs two: give `prepare` a folder for each",
            names.join(", ")
        );
        for (name, splits) in names.iter().zip(&self.items) {
            ensure!(
                !splits[Split::Train as usize].is_empty(),
                "the dataset holds no training phrase of {name}; give `prepare` more songs of it or softer rules"
            );
        }
        Ok(())
    }

    /// Only the genres `a` and `b`, in this order: slot 1 and slot 2.
    ///
    /// # Errors
    /// When one is not there, or both are the same.
    pub fn pair(&self, a: &str, b: &str) -> Result<Self> {
        ensure!(a != b, "a pair needs two genres, not {a} twice");
        self.select(&[a, b])
    }

    /// Only these genres, in this order.
    ///
    /// # Errors
    /// When one is not there.
    pub fn select(&self, genres: &[&str]) -> Result<Self> {
        let names = self.genres();
        let slot = |name: &&str| {
            let unknown = || format!("the dataset has no genre {name}; it has {}", names.join(", "));
            names.iter().position(|other| other == name).with_context(unknown)
        };
        let slots: Vec<usize> = genres.iter().map(slot).collect::<Result<_>>()?;
        Ok(Self {
            info: Info {
                genres: slots.iter().map(|&slot| self.info.genres[slot].clone()).collect(),
                options: self.info.options.clone(),
            },
            items: slots.iter().map(|&slot| self.items[slot].clone()).collect(),
        })
    }

    /// With the phrases of `other` behind these, split by split, as songs of their own. Sources are those of both.
    ///
    /// # Errors
    /// When `other` lacks one of these genres.
    pub fn with(mut self, other: &Self) -> Result<Self> {
        let names = self.genres();
        let other = other.select(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        for (genre, (splits, more)) in self.items.iter_mut().zip(&other.items).enumerate() {
            let songs = splits.iter().flatten().map(|item| item.song + 1).max().unwrap_or(0);
            for (items, more) in splits.iter_mut().zip(more) {
                items.extend(more.iter().map(|item| Item { song: songs + item.song, ..*item }));
            }
            let groups = &mut self.info.genres[genre].groups;
            if !groups.is_empty() && !other.info.genres[genre].groups.is_empty() {
                groups.resize(songs as usize, 0);
                let first = groups.iter().map(|group| group + 1).max().unwrap_or(0);
                groups.extend(other.info.genres[genre].groups.iter().map(|group| first + group));
            }
            for source in &other.info.genres[genre].sources {
                if !self.info.genres[genre].sources.contains(source) {
                    self.info.genres[genre].sources.push(source.clone());
                }
            }
        }
        Ok(self)
    }

    /// [`Dataset::balanced_by`] with a seed of 1.
    pub fn balanced(&self) -> Self {
        self.balanced_by(1)
    }

    /// Every genre cut down to the smallest, split by split, as the papers do for a pair: phrases are drawn with `seed`
    /// and keep their order. A split that some genre lacks stays as it is.
    pub fn balanced_by(&self, seed: u64) -> Self {
        let mut balanced = self.clone();
        for split in 0..Split::ALL.len() {
            let least = self.items.iter().map(|splits| splits[split].len()).min().unwrap_or(0);
            if least == 0 {
                continue;
            }
            for (genre, splits) in balanced.items.iter_mut().enumerate() {
                let items = &mut splits[split];
                let mut rng = random::stream(seed, (genre * Split::ALL.len() + split) as u64);
                let mut kept = index::sample(&mut rng, items.len(), least).into_vec();
                kept.sort_unstable();
                *items = kept.into_iter().map(|i| items[i]).collect();
            }
        }
        balanced
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
                for (plane, number) in [("song", (|item| item.song) as fn(&Item) -> u32), ("step", |item| item.step)] {
                    let numbers = items.iter().flat_map(|item| number(item).to_le_bytes()).collect();
                    data.push((key(plane), Dtype::U32, vec![items.len()], numbers));
                }
            }
        }
        let views = data
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)));
        let metadata = HashMap::from([
            (KEY.to_string(), serde_json::to_string(&self.info)?),
            (VERSION_KEY.to_string(), VERSION.to_string()),
        ]);
        let bytes = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))?;
        write_whole(path, &bytes)
    }

    /// Reads a file that [`Dataset::write`] made.
    ///
    /// # Errors
    /// When it cannot be read, is no dataset, is cut or damaged, or of a newer format.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let bytes = std::fs::read(path)
            .with_context(|| format!("{name}: the dataset could not be read; make it with `prepare`"))?;
        Self::from_bytes(&bytes)
            .with_context(|| format!("{name}: this is no dataset that can be used; make it with `prepare`"))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).context("it is cut, damaged or something else")?;
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let metadata = metadata.metadata().clone().unwrap_or_default();
        let Some(text) = metadata.get(KEY) else {
            bail!("it is {}", other_kind(metadata.keys().map(String::as_str)))
        };
        let version = metadata.get(VERSION_KEY).map_or(Ok(1), |version| version.parse::<u32>())?;
        ensure!(
            version <= VERSION,
            "it has format {version}, this version reads format {VERSION}: it was made by a newer trainer"
        );
        let info: Info = serde_json::from_str(text).context("its header cannot be understood")?;
        ensure!(!info.genres.is_empty(), "it holds no genre");
        let hop = info.options["hop_bars"].as_u64().unwrap_or(BARS as u64).max(1) as usize * STEPS_PER_BAR;
        let mut items = Vec::new();
        for genre in &info.genres {
            let mut splits: [Vec<Item>; 3] = Default::default();
            for (split, items) in Split::ALL.into_iter().zip(&mut splits) {
                let get = |plane: &str, kind: Dtype, inner: &[usize]| {
                    let name = format!("{}/{}/{plane}", genre.name, split.name());
                    let view = tensors.tensor(&name).with_context(|| format!("{name} is missing"))?;
                    let fits = view.dtype() == kind && view.shape().get(1..) == Some(inner);
                    ensure!(fits, "{name} is {:?} {:?}", view.dtype(), view.shape());
                    Ok((view.shape()[0], view.data()))
                };
                let (count, songs) = get("song", Dtype::U32, &[])?;
                let (sounding, onset) =
                    (get("sounding", Dtype::U8, &[STEPS, BYTES])?, get("onset", Dtype::U8, &[STEPS, BYTES])?);
                ensure!(sounding.0 == count && onset.0 == count, "its planes differ in length");
                let steps = if tensors.tensor(&format!("{}/{}/step", genre.name, split.name())).is_ok() {
                    let (steps, bytes) = get("step", Dtype::U32, &[])?;
                    ensure!(steps == count, "its planes differ in length");
                    Some(bytes)
                } else {
                    None
                };
                let number = |bytes: &[u8], i: usize| -> u32 {
                    bytes[4 * i..][..4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
                };
                for i in 0..count {
                    let roll = Roll { sounding: unpack(sounding.1, i), onset: unpack(onset.1, i) };
                    let song = number(songs, i);
                    let next = |before: &Item| if before.song == song { before.step + hop as u32 } else { 0 };
                    let step = steps.map_or_else(|| items.last().map_or(0, next), |steps| number(steps, i));
                    items.push(Item { roll, song, step });
                }
            }
            items.push(splits);
        }
        Ok(Self { info, items })
    }
}

/// What another of our files with these metadata keys is.
fn other_kind<'a>(mut keys: impl Iterator<Item = &'a str>) -> &'static str {
    keys.find_map(|key| match key {
        "contrafact" => Some("a pack"),
        "contrafact-checkpoint" => Some("a run's checkpoint"),
        "contrafact-classifier" => Some("a classifier"),
        _ => None,
    })
    .unwrap_or("a safetensors file of something else")
}

fn unpack(bytes: &[u8], index: usize) -> [u128; STEPS] {
    std::array::from_fn(|step| {
        let start = (index * STEPS + step) * BYTES;
        let mut wide = [0; 16];
        wide[..BYTES].copy_from_slice(&bytes[start..start + BYTES]);
        // Four bits of a step's last byte are no pitch.
        u128::from_le_bytes(wide) & ((1 << PITCHES) - 1)
    })
}

/// Writes `bytes` beside `path` and renames, so that a failure leaves an older file whole. What is no file (a pipe, a
/// device) is written to as it is.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = if path.metadata().is_ok_and(|old| !old.is_file()) {
        std::fs::write(path, bytes)
    } else {
        let part = path.with_extension("part");
        let written = std::fs::File::create(&part)
            // Synchronised: some systems tell only then that a disk is full.
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&part, path));
        if written.is_err() {
            std::fs::remove_file(&part).ok();
        }
        written
    };
    written.with_context(|| {
        format!("{}: the file could not be written; check the folder and the free space", path.display())
    })
}
