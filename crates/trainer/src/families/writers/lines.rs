//! Music as lines of events, in C major or its relative minor.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Result, ensure};
use candle_core::Tensor;
use model::writers::{Book, Moved};
use model::{Weights, writers};
use phrase::symbols::{Event, Vocabulary, events, in_key, slices};
use phrase::{Key, PITCHES, Roll, STEPS, STEPS_PER_BAR};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Kind, WriterOptions};
use crate::dataset::{Dataset, Item, Split};
use crate::families::arranger::piece;

/// Steps of a stretch: what is heard, and what goes on from it.
pub const STRETCH: usize = 2 * STEPS;

/// Music of one song without a gap, bar by bar.
#[derive(Clone, Debug, Default)]
pub struct Passage {
    /// Number of its song within the genre.
    pub song: u32,
    /// What sounds, by step.
    pub sounding: Vec<u128>,
    /// What is struck.
    pub onset: Vec<u128>,
    /// Whether it was rendered from another genre's song.
    pub rendered: bool,
}

impl Passage {
    /// A stretch from a bar on, 128 steps or what is left.
    pub fn stretch(&self, bar: usize) -> Stretch<'_> {
        let start = bar * STEPS_PER_BAR;
        let end = (start + STRETCH).min(self.sounding.len());
        Stretch { sounding: &self.sounding[start..end], onset: &self.onset[start..end] }
    }

    /// The bars from which a whole stretch begins; the first, where it is shorter.
    pub fn starts(&self) -> usize {
        (self.sounding.len().saturating_sub(STRETCH)) / STEPS_PER_BAR + 1
    }
}

/// A phrase with what follows it, as far as there is anything.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// What sounds, by step.
    pub sounding: &'a [u128],
    /// What is struck.
    pub onset: &'a [u128],
}

impl Stretch<'_> {
    /// The phrase from this step on; what is missing is silent.
    pub fn phrase(&self, from: usize) -> Roll {
        let mut roll = Roll::EMPTY;
        for step in 0..STEPS.min(self.sounding.len().saturating_sub(from)) {
            roll.sounding[step] = self.sounding[from + step];
            roll.onset[step] = self.onset[from + step];
        }
        roll
    }

    /// By how much it is moved: by the key of its first phrase, as who plays on hears it.
    pub fn moved(&self) -> Moved {
        Moved::of(None, &self.phrase(0))
    }

    /// Its events, moved.
    pub fn events(&self, moved: Moved, sliced: bool) -> Vec<Event> {
        let there = |plane: &[u128]| plane.iter().map(|bits| moved.there(*bits)).collect::<Vec<_>>();
        let (sounding, onset) = (there(self.sounding), there(self.onset));
        if sliced { slices(&sounding, &onset) } else { events(&sounding, &onset) }
    }

    /// Notes that start in a beat.
    pub fn density(&self) -> f32 {
        let notes: u32 = self.onset.iter().map(|bits| bits.count_ones()).sum();
        4.0 * notes as f32 / self.onset.len().max(1) as f32
    }
}

/// The passages of a split, by genre.
#[derive(Clone, Debug, Default)]
pub struct Music {
    /// By genre.
    pub genres: Vec<Vec<Passage>>,
}

impl Music {
    /// Of a dataset's split. Windows that overlap are put together again.
    pub fn of(data: &Dataset, split: Split) -> Self {
        let rendered = rendered(data);
        let genre = |genre: usize| {
            let mut all: Vec<Passage> = Vec::new();
            let mut last: Option<&Item> = None;
            for item in data.split(genre, split) {
                let goes_on = last.filter(|last| {
                    let key = |item: &Item| (item.song, item.at.section, item.at.by);
                    let (before, now) = (last.at.start as usize, item.at.start as usize);
                    key(last) == key(item) && before < now && now <= before + STEPS
                });
                let first = goes_on.map_or(0, |last| STEPS - (item.at.start - last.at.start) as usize);
                if goes_on.is_none() {
                    let rendered = rendered.contains(&(genre, item.song));
                    all.push(Passage { song: item.song, rendered, ..Passage::default() });
                }
                if let Some(passage) = all.last_mut() {
                    passage.sounding.extend_from_slice(&item.roll.sounding[first..]);
                    passage.onset.extend_from_slice(&item.roll.onset[first..]);
                }
                last = Some(item);
            }
            all
        };
        Self { genres: (0..data.items.len()).map(genre).collect() }
    }

    /// Of a dataset's split, in the key that the options ask for.
    pub fn asked(data: &Dataset, split: Split, options: &WriterOptions) -> Self {
        let music = Self::of(data, split);
        match options.only() {
            Some(key) => music.only(key),
            None => music,
        }
    }

    /// One genre's alone.
    pub fn genre(&self, genre: usize) -> Self {
        Self { genres: vec![self.genres[genre].clone()] }
    }

    /// Without the songs that are in another key than this one.
    pub fn only(mut self, key: (u8, phrase::Mode)) -> Self {
        for passages in &mut self.genres {
            let mut lengths: HashMap<u32, [f32; 12]> = HashMap::new();
            for passage in passages.iter() {
                let classes = lengths.entry(passage.song).or_default();
                for bits in &passage.sounding {
                    (0..PITCHES).for_each(|row| classes[row % 12] += (bits >> row & 1) as f32);
                }
            }
            let of_song = |song| in_key(lengths.get(&song).and_then(Key::of_lengths), key);
            passages.retain(|passage| of_song(passage.song));
        }
        self
    }

    /// All stretches that begin every `hop` bars, with their genre and song.
    pub fn stretches(&self, hop: usize) -> impl Iterator<Item = (usize, u32, Stretch<'_>)> {
        self.genres.iter().enumerate().flat_map(move |(genre, passages)| {
            passages.iter().flat_map(move |passage| {
                (0..passage.starts()).step_by(hop).map(move |bar| (genre, passage.song, passage.stretch(bar)))
            })
        })
    }

    /// A stretch of a genre by chance: passages by the root of their length, rendered ones with the share
    /// that is asked for.
    pub fn draw(&self, genre: usize, rendered: f32, rng: &mut ChaCha8Rng) -> Option<Stretch<'_>> {
        let passages = self.genres.get(genre)?;
        let own = passages.iter().any(|passage| !passage.rendered);
        let theirs = passages.iter().any(|passage| passage.rendered);
        let wants = !own || theirs && rng.random::<f32>() < rendered;
        let weight = |passage: &Passage| {
            if passage.rendered == wants { (passage.sounding.len() as f32).sqrt() } else { 0.0 }
        };
        let mut rest = rng.random::<f32>() * passages.iter().map(weight).sum::<f32>();
        let drawn = passages.iter().find(|passage| {
            rest -= weight(passage);
            rest < 0.0
        });
        let passage = drawn.or_else(|| passages.iter().rfind(|passage| passage.rendered == wants))?;
        Some(passage.stretch(rng.random_range(0..passage.starts())))
    }
}

/// The songs that are versions of another genre's.
fn rendered(data: &Dataset) -> HashSet<(usize, u32)> {
    let mut genres: BTreeMap<&str, HashSet<usize>> = BTreeMap::new();
    for (genre, songs) in data.songs.iter().enumerate() {
        for song in songs.iter() {
            genres.entry(piece(&song.name).0).or_default().insert(genre);
        }
    }
    let mut all = HashSet::new();
    for (genre, songs) in data.songs.iter().enumerate() {
        for (number, song) in songs.iter().enumerate() {
            let (piece, numbered) = piece(&song.name);
            if numbered && genres[piece].len() > 1 {
                all.insert((genre, number as u32));
            }
        }
    }
    all
}

/// What a writer knows: symbols, and of seqgan's tokens their lengths.
#[derive(Clone, Debug)]
pub struct Symbols {
    /// The symbols' rows.
    pub book: Book,
    /// The most rows of one.
    pub notes: usize,
    /// The length of each token; none where symbols have no length of their own.
    pub lengths: Vec<usize>,
    tokens: HashMap<(u128, usize), usize>,
}

impl Symbols {
    /// The most frequent of a dataset's training songs, each genre counting as much as any other.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(data: &Dataset, options: &WriterOptions) -> Result<Self> {
        let music = Music::asked(data, Split::Train, options);
        let (most, notes) = (options.symbols.unwrap_or(3000), options.notes.unwrap_or(5));
        let with_length = options.kind == Kind::Seqgan;
        let mut all: HashMap<(u128, usize), f64> = HashMap::new();
        for genre in 0..music.genres.len() {
            let one = music.genre(genre);
            let symbols = one.stretches(8).flat_map(|(_, _, stretch)| {
                let events = stretch.events(stretch.moved(), options.slices());
                events.into_iter().map(|e| (e.struck, if with_length { e.length } else { 0 }))
            });
            let of_genre = Vocabulary::of(symbols.filter(|(rows, _)| {
                *rows != 0 && rows.count_ones() as usize <= notes || with_length && *rows == 0
            }));
            let total: u64 = of_genre.counts().iter().sum();
            for (symbol, count) in of_genre.symbols().iter().zip(of_genre.counts()) {
                *all.entry(*symbol).or_default() += *count as f64 / total as f64;
            }
        }
        let mut order: Vec<((u128, usize), f64)> = all.into_iter().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let most = if most == 0 { usize::MAX } else { most };
        order.truncate(most.saturating_sub(1).min(19_999));
        let mut kept: Vec<(u128, usize)> = order.into_iter().map(|(symbol, _)| symbol).collect();
        kept.sort_unstable();
        ensure!(
            !kept.is_empty(),
            "the dataset has no symbol to learn; give songs in the key that is asked for"
        );
        if with_length {
            // The first is that of nothing, whatever its length.
            kept.retain(|symbol| *symbol != (0, 1));
            kept.insert(0, (0, 1));
            return Ok(Self::tokens(kept, notes));
        }
        Ok(Self {
            book: Book::new(kept.into_iter().map(|(rows, _)| rows)),
            notes,
            lengths: Vec::new(),
            tokens: HashMap::new(),
        })
    }

    fn tokens(all: Vec<(u128, usize)>, notes: usize) -> Self {
        let (rows, lengths): (Vec<u128>, Vec<usize>) = all.iter().copied().unzip();
        let tokens = all.iter().copied().enumerate().map(|(token, symbol)| (symbol, token)).collect();
        Self { book: Book::numbered(rows), notes, lengths, tokens }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.book.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.book.is_empty()
    }

    /// The number of an event: of its symbol, or of its token.
    pub fn number(&self, event: &Event) -> usize {
        if self.lengths.is_empty() {
            return self.book.nearest(event.struck);
        }
        if let Some(token) = self.tokens.get(&(event.struck, event.length)) {
            return *token;
        }
        let rows = self.book.rows(self.book.nearest(event.struck));
        let of_rows = (0..self.len()).filter(|&token| self.book.rows(token) == rows);
        of_rows.min_by_key(|&token| self.lengths[token].abs_diff(event.length)).unwrap_or(0)
    }

    /// As tensors of a pack or a checkpoint.
    ///
    /// # Errors
    /// When a symbol has too many rows.
    pub fn weights(&self) -> Result<Weights> {
        let mut weights = Weights::new();
        weights.insert("symbols", self.book.tensor(self.notes)?);
        if !self.lengths.is_empty() {
            let lengths = self.lengths.iter().map(|length| *length as f32);
            weights.insert("lengths", Tensor::from_iter(lengths, &candle_core::Device::Cpu)?);
        }
        Ok(weights)
    }

    /// From those.
    ///
    /// # Errors
    /// When they are not there, or say what cannot be.
    pub fn read(weights: &Weights) -> Result<Self> {
        let shape = weights.iter().find(|(name, _)| *name == "symbols").map(|(_, tensor)| tensor.dims2());
        let (symbols, notes) = shape.unwrap_or_else(|| candle_core::bail!("the symbols are missing"))?;
        let book = writers::Book::read(weights, symbols, notes)?;
        let Ok(lengths) = weights.get("lengths", &[symbols]) else {
            return Ok(Self { book, notes, lengths: Vec::new(), tokens: HashMap::new() });
        };
        let lengths: Vec<usize> = lengths.to_vec1::<f32>()?.into_iter().map(|x| x as usize).collect();
        Ok(Self::tokens((0..symbols).map(|token| (book.rows(token), lengths[token])).collect(), notes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::song::At;
    use crate::dataset::{GenreInfo, Info};

    #[test]
    fn windows_that_overlap_are_one_passage_and_gaps_part_them() {
        let song: Vec<u128> = (0..160u128).map(|step| 1 << (step % 80)).collect();
        let window = |start: usize, number: u32| {
            let mut roll = Roll::EMPTY;
            roll.sounding.copy_from_slice(&song[start..start + STEPS]);
            roll.onset = roll.sounding;
            Item { roll, song: number, at: At { start: start as u32, ..At::default() } }
        };
        let items = vec![window(0, 0), window(16, 0), window(80, 0), window(0, 1), window(96, 1)];
        let info = Info { genres: vec![GenreInfo::default()], options: serde_json::Value::Null };
        let data = Dataset::of_rolls(info, vec![[items, Vec::new(), Vec::new()]]);
        let music = Music::of(&data, Split::Train);
        let lengths: Vec<_> = music.genres[0].iter().map(|p| (p.song, p.sounding.len())).collect();
        assert_eq!(lengths, [(0, 144), (1, 64), (1, 64)]);
        assert_eq!(music.genres[0][0].sounding[..], song[..144]);
        assert_eq!((music.genres[0][0].starts(), music.stretches(1).count()), (2, 4));
        let stretch = music.genres[0][0].stretch(1);
        assert_eq!((stretch.sounding.len(), stretch.density()), (128, 4.0));
        assert_eq!(stretch.phrase(64).sounding[..], song[80..144]);
    }
}
