//! Music by genre and split: each song's notes once, and its phrases, which every family sees through a
//! [`super::view`].
//!
//! [`super::file`] has the file's format.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use model::Corpus;
use phrase::{Roll, STEPS};
use rand::seq::index;
use serde::{Deserialize, Serialize};

pub use super::file::write_whole;
use super::song::{At, Excerpt, StoredSong};
use crate::random;

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

/// What a genre's folders held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GenreInfo {
    /// Its name: that of its folder, if nothing else was said.
    pub name: String,
    /// Files used by source and licence.
    pub sources: Vec<Corpus>,
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

/// One phrase, as the roll that most families see. The rest is in its song: [`Dataset::excerpt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its cells.
    pub roll: Roll,
    /// Number of its song within the genre.
    pub song: u32,
    /// Where it lies in its song.
    pub at: At,
}

impl Item {
    /// A phrase of which only the cells are known.
    pub fn of(roll: Roll, song: u32) -> Self {
        Self { roll, song, at: At::default() }
    }

    /// The same at a step of its song.
    pub fn at_step(self, step: u32) -> Self {
        Self { at: At { start: step, ..self.at }, ..self }
    }

    /// Whether this phrase begins where `before` ends.
    pub fn follows(&self, before: &Self) -> bool {
        let next = u64::from(before.at.start) + STEPS as u64;
        self.song == before.song
            && u64::from(self.at.start) == next
            && (self.at.section, self.at.by) == (before.at.section, before.at.by)
    }
}

/// Music in memory: 2 KiB a phrase, and 24 bytes a note of its songs.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Names, sources and counts.
    pub info: Info,
    /// Phrases by genre and [`Split`].
    pub items: Vec<[Vec<Item>; 3]>,
    /// The songs of each genre, by [`Item::song`]. None of a genre of which only the phrases' cells are
    /// known: that of a file of format 1, or one that was made up.
    pub songs: Vec<Arc<Vec<StoredSong>>>,
}

impl Dataset {
    /// Phrases of which only the cells are known.
    pub fn of_rolls(info: Info, items: Vec<[Vec<Item>; 3]>) -> Self {
        let songs = vec![Arc::default(); items.len()];
        Self { info, items, songs }
    }

    /// A phrase of a genre with the song that it is from; `None` where its notes are not known.
    pub fn excerpt(&self, genre: usize, item: &Item) -> Option<Excerpt<'_>> {
        let song = self.songs.get(genre)?.get(item.song as usize)?;
        Some(Excerpt { song, at: item.at })
    }

    /// Whether the notes of every genre's phrases are known.
    pub fn has_notes(&self) -> bool {
        let known = |(songs, splits): (&Arc<Vec<StoredSong>>, &[Vec<Item>; 3])| {
            splits.iter().flatten().all(|item| (item.song as usize) < songs.len())
        };
        self.songs.len() == self.items.len() && self.songs.iter().zip(&self.items).all(known)
    }

    /// A number for what a song is a version of (a tune, a work): songs of one number count as one. A song of
    /// which that is not known stands for itself.
    pub fn work(&self, genre: usize, song: u32) -> u64 {
        let songs = self.songs.get(genre).map_or(&[][..], |songs| songs);
        let group = songs.get(song as usize).map(|song| &song.group);
        let first = group.and_then(|group| songs.iter().position(|song| song.group == *group));
        first.map_or(u64::from(song) | 1 << 32, |first| first as u64)
    }

    /// The phrases of a genre and split by what they are a version of (a tune, a work), as indices, in the
    /// order of their first phrase. Where that is not known each song is one of its own.
    ///
    /// A tune that is there in four versions counts once here and four times among the songs.
    pub fn groups(&self, genre: usize, split: Split) -> Vec<Vec<usize>> {
        let mut places: HashMap<Result<&str, u32>, usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (index, item) in self.split(genre, split).iter().enumerate() {
            let name = self.excerpt(genre, item).map(|excerpt| excerpt.song.group.as_str());
            let place = *places.entry(name.ok_or(item.song)).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(index);
        }
        groups
    }

    /// Phrases of one genre and split.
    pub fn split(&self, genre: usize, split: Split) -> &[Item] {
        &self.items[genre][split as usize]
    }

    /// Names of the genres in slot order.
    pub fn genres(&self) -> Vec<String> {
        self.info.genres.iter().map(|genre| genre.name.clone()).collect()
    }

    /// Whether training sees the same in `other`: the same cells of the same songs.
    pub fn same_phrases(&self, other: &Self) -> bool {
        let same = |a: &Vec<Item>, b: &Vec<Item>| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.roll, a.song) == (b.roll, b.song))
        };
        self.items.len() == other.items.len()
            && self.items.iter().flatten().zip(other.items.iter().flatten()).all(|(a, b)| same(a, b))
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
            songs: slots.iter().map(|&slot| self.songs[slot].clone()).collect(),
        })
    }

    /// With the phrases of `other` behind these, split by split, as songs of their own. Sources are those of
    /// both.
    ///
    /// # Errors
    /// When `other` lacks one of these genres.
    pub fn with(mut self, other: &Self) -> Result<Self> {
        let names = self.genres();
        let other = other.select(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        let known = self.has_notes() && other.has_notes();
        for (genre, (splits, more)) in self.items.iter_mut().zip(&other.items).enumerate() {
            let mut songs = splits.iter().flatten().map(|item| item.song + 1).max().unwrap_or(0);
            if known {
                songs = u32::try_from(self.songs[genre].len())?;
                Arc::make_mut(&mut self.songs[genre]).extend(other.songs[genre].iter().cloned());
            } else {
                self.songs[genre] = Arc::default();
            }
            for (items, more) in splits.iter_mut().zip(more) {
                items.extend(more.iter().map(|item| Item { song: songs + item.song, ..*item }));
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

    /// Every genre cut down to the smallest, split by split, as the papers do for a pair: phrases are drawn
    /// with `seed` and keep their order. A split that some genre lacks stays as it is.
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
}
