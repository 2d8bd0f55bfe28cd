//! What an arranger learns from: a genre's own phrases, each with damaged content and the bar before it.
//! Where a piece is there in versions, a phrase is also written from what another version tells of it.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use model::arranger::{ArrangerConfig, Content, MEMORY, Texture, shifted, tonic_shift};
use phrase::{PITCHES, Roll, STEPS, STEPS_PER_BAR, melody_kept};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::Corruption;
use crate::data::damage;
use crate::data::song::StoredSong;
use crate::dataset::{Dataset, Item, Split};

/// Phrases as tensors.
pub struct Batch {
    /// `[B, 64, features]`.
    pub content: Tensor,
    /// One-hot, `[B, G]`.
    pub genres: Tensor,
    /// Sounding and onset, `[B, memory + 64, 2, 84]`: after the bar before.
    pub cells: Tensor,
    /// 1 for what is decided: every cell's sounding; its onset where it sounds and did a step before.
    /// `[B, 64, 2, 84]`.
    pub decided: Tensor,
    /// What is to be decided, `[B, 64, 2, 84]`: the phrases' own cells, or how likely they are to be (see
    /// [`super::guide::Guide`]).
    pub wanted: Tensor,
    /// Of each phrase that is a pack's answer, told as its song is, the genre of that song.
    pub sources: Vec<Option<usize>>,
}

/// The share of a version's melody that another must have too: files that are named as versions of a piece
/// but are not in step teach nothing.
const IN_STEP: f32 = 0.7;

/// The training phrases of a dataset, by tune and by place.
#[derive(Debug)]
pub struct Examples {
    /// By genre: phrases by tune. A solo in four versions is one tune, and a long one no more than a short
    /// one. First those of the genre's own music, then those that were rendered from another genre's.
    tunes: Vec<[Vec<Vec<usize>>; 2]>,
    /// By genre: where a phrase of a song begins, its index.
    places: Vec<HashMap<Place, usize>>,
    /// By genre and song.
    pieces: Vec<Vec<Version>>,
    /// By place, a piece for its song: genre and index of the phrases of all its versions.
    versions: HashMap<Place, Vec<(usize, usize)>>,
}

/// What a song is a version of.
#[derive(Clone, Copy, Debug)]
struct Version {
    /// Its piece's number.
    piece: u32,
    /// Its file is numbered as a version.
    numbered: bool,
    /// It is a pack's answer: see [`StoredSong::answer`].
    answer: bool,
}

/// Song, section, transposition and step.
type Place = (u32, u32, i8, u32);

fn place(item: &Item) -> Place {
    (item.song, item.at.section.into(), item.at.by, item.at.start)
}

/// What a file is a version of: its name without a last `__v` and number.
pub fn piece(name: &str) -> (&str, bool) {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
    match stem.rsplit_once("__v") {
        Some((piece, number)) if number.parse::<u32>().is_ok() => (piece, true),
        _ => (stem, false),
    }
}

impl Examples {
    /// Of a dataset's training split.
    pub fn of(data: &Dataset) -> Self {
        let genres = 0..data.items.len();
        let places = |genre: usize| {
            data.split(genre, Split::Train).iter().enumerate().map(|(i, item)| (place(item), i)).collect()
        };
        let mut numbers = HashMap::new();
        let mut number = |song: &StoredSong| {
            let (piece, numbered) = piece(&song.name);
            let next = numbers.len() as u32;
            Version { piece: *numbers.entry(piece.to_owned()).or_insert(next), numbered, answer: song.answer }
        };
        let pieces = data.songs.iter().map(|songs| songs.iter().map(&mut number).collect()).collect();
        let mut all = Self {
            tunes: Vec::new(),
            places: genres.clone().map(places).collect(),
            pieces,
            versions: HashMap::new(),
        };
        for genre in genres.clone() {
            for (index, item) in data.split(genre, Split::Train).iter().enumerate() {
                if let Some((place, _)) = all.version_of(genre, item) {
                    all.versions.entry(place).or_default().push((genre, index));
                }
            }
        }
        for genre in genres {
            let items = data.split(genre, Split::Train);
            let rendered = |index: &usize| all.is_rendered(data, genre, &items[*index]);
            let (theirs, own) = data
                .groups(genre, Split::Train)
                .into_iter()
                .partition(|tune: &Vec<usize>| rendered(&tune[0]));
            all.tunes.push([own, theirs]);
        }
        all
    }

    /// Where an item lies in its piece, and what version of it its song is.
    fn version_of(&self, genre: usize, item: &Item) -> Option<(Place, Version)> {
        let version = *self.pieces.get(genre)?.get(item.song as usize)?;
        let (_, section, by, start) = place(item);
        Some(((version.piece, section, by, start), version))
    }

    /// Whether an item is of a pack's answer.
    fn is_answer(&self, genre: usize, item: &Item) -> bool {
        self.version_of(genre, item).is_some_and(|(_, version)| version.answer)
    }

    /// The phrases of other versions of an item's piece, at its place.
    fn others(&self, data: &Dataset, genre: usize, item: &Item) -> impl Iterator<Item = (usize, usize)> {
        let versions = self.version_of(genre, item).and_then(|(place, _)| self.versions.get(&place));
        let is_other = move |&(other, index): &(usize, usize)| {
            other != genre || data.split(other, Split::Train)[index].song != item.song
        };
        versions.into_iter().flatten().copied().filter(is_other)
    }

    /// Whether an item is a version of a piece whose own genre is another.
    fn is_rendered(&self, data: &Dataset, genre: usize, item: &Item) -> bool {
        let Some((_, version)) = self.version_of(genre, item) else { return false };
        version.answer || version.numbered && self.sources(data, genre, item).next().is_some()
    }

    /// The phrases of other genres' own versions of an item's piece, at its place.
    fn sources(&self, data: &Dataset, genre: usize, item: &Item) -> impl Iterator<Item = (usize, usize)> {
        let is_own = move |&(other, index): &(usize, usize)| {
            other != genre && !self.is_answer(other, &data.split(other, Split::Train)[index])
        };
        self.others(data, genre, item).filter(is_own)
    }

    /// Genre and roll of another version of the phrase, in step with it, where there is one: of an answer its
    /// song, of other phrases any.
    fn version(
        &self,
        data: &Dataset,
        genre: usize,
        item: &Item,
        rng: &mut ChaCha8Rng,
    ) -> Option<(usize, Roll)> {
        let all: Vec<_> = match self.is_answer(genre, item) {
            true => self.sources(data, genre, item).collect(),
            false => self.others(data, genre, item).collect(),
        };
        let &(other, index) = all.choose(rng)?;
        let roll = data.split(other, Split::Train)[index].roll;
        let in_step = |a: &Roll, b: &Roll| melody_kept(a, b).is_some_and(|kept| kept >= IN_STEP);
        (in_step(&roll, &item.roll) && in_step(&item.roll, &roll)).then_some((other, roll))
    }

    /// The index of a phrase to learn from. For the first edition any; else tunes are drawn by the root of
    /// their phrases' number: a long one has more to say, but not in proportion. `rendered` is the share of
    /// those that were rendered from another genre's.
    fn draw(&self, genre: usize, edition: u8, rendered: f32, rng: &mut ChaCha8Rng) -> usize {
        let [own, theirs] = &self.tunes[genre];
        if edition == 1 {
            return rng.random_range(0..own.iter().chain(theirs).map(Vec::len).sum());
        }
        let takes_theirs = own.is_empty() || !theirs.is_empty() && rng.random::<f32>() < rendered;
        let tunes = if takes_theirs { theirs } else { own };
        let weight = |tune: &Vec<usize>| (tune.len() as f32).sqrt();
        let mut rest = rng.random::<f32>() * tunes.iter().map(weight).sum::<f32>();
        let tune = tunes.iter().find(|tune| {
            rest -= weight(tune);
            rest < 0.0
        });
        let tune = tune.unwrap_or(&tunes[tunes.len() - 1]);
        tune[rng.random_range(0..tune.len())]
    }

    /// The bar before a phrase, where the dataset has it.
    fn before(&self, data: &Dataset, genre: usize, item: &Item) -> Option<Vec<[u128; 2]>> {
        let start = item.at.start.checked_sub(STEPS_PER_BAR as u32)?;
        let (song, section, by, _) = place(item);
        let index = *self.places[genre].get(&(song, section, by, start))?;
        let roll = &data.split(genre, Split::Train)[index].roll;
        Some((0..MEMORY).map(|step| [roll.sounding[step], roll.onset[step]]).collect())
    }

    /// Training phrases with damaged content; the genres `taking` part take turns, beginning with number
    /// `turn`.
    pub fn batch(
        &self,
        data: &Dataset,
        (config, corruption, transpose): (&ArrangerConfig, &Corruption, i32),
        (size, turn, taking): (usize, usize, &[usize]),
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> candle_core::Result<Batch> {
        let (genres, features, memory) = (config.genres, config.features(), config.memory());
        let mut content = vec![0.0; size * STEPS * features];
        let mut one_hot = vec![0f32; size * genres];
        let (mut cells, mut decided, mut sources) = (Vec::new(), Vec::new(), vec![None; size]);
        for (i, features) in content.chunks_exact_mut(STEPS * features).enumerate() {
            let genre = taking[(turn + i) % taking.len()];
            one_hot[i * genres + genre] = 1.0;
            let index = self.draw(genre, config.edition, corruption.rendered, rng);
            let item = &data.split(genre, Split::Train)[index];
            let reach = if rng.random() { transpose } else { 0 };
            let by = tonic_shift(&item.roll) + rng.random_range(-reach..=reach);
            let roll = shifted(&item.roll, by);
            let mut told = Content::of(&roll);
            let mut spared = false;
            if config.edition > 1 {
                let is_answer = self.is_answer(genre, item);
                let version = (rng.random::<f32>() < corruption.version || is_answer)
                    .then(|| self.version(data, genre, item, rng))
                    .flatten();
                // A pack answered just this: nothing of it is to be mended.
                spared = is_answer && version.is_some();
                sources[i] = version.map(|(source, _)| source).filter(|_| spared);
                let mut heard = version.map_or(roll, |(_, roll)| shifted(&roll, by));
                if rng.random::<f32>() < corruption.play {
                    heard = damage::played(&heard, rng);
                }
                told = Content { density: told.density, ..Content::of(&heard) };
                told.texture = Some(Texture::of(&roll));
                let how = if spared { corruption.sparing() } else { *corruption };
                how.simplify(&mut told, version.is_some() && !spared, rng);
            }
            if !spared {
                corruption.apply(&mut told, rng);
            }
            told.write(features);
            let mut past = vec![[0; 2]; memory];
            if memory > 0
                && rng.random::<f32>() >= corruption.forget
                && let Some(before) = self.before(data, genre, item)
            {
                past =
                    before.iter().map(|&[sounding, onset]| [moved(sounding, by), moved(onset, by)]).collect();
            }
            write(&roll, &past, &mut cells, &mut decided);
        }
        let cells = Tensor::from_vec(cells, (size, memory + STEPS, 2, PITCHES), device)?;
        Ok(Batch {
            content: Tensor::from_vec(content, (size, STEPS, features), device)?,
            genres: Tensor::from_vec(one_hot, (size, genres), device)?,
            wanted: cells.narrow(1, memory, STEPS)?,
            cells,
            decided: Tensor::from_vec(decided, (size, STEPS, 2, PITCHES), device)?,
            sources,
        })
    }
}

/// A step's cells moved `by` rows down, as [`shifted`] moves a roll.
fn moved(bits: u128, by: i32) -> u128 {
    let rows = (1u128 << PITCHES) - 1;
    if by < 0 { bits << -by & rows } else { bits >> by }
}

/// Appends the planes of the steps before, and of a roll, `[memory + 64][2][84]`, and which of the roll's are
/// decided.
fn write(roll: &Roll, past: &[[u128; 2]], cells: &mut Vec<f32>, decided: &mut Vec<f32>) {
    let bit = |bits: u128, row: usize| f32::from((bits >> row & 1) as u8);
    for plane in past.iter().flatten() {
        cells.extend((0..PITCHES).map(|row| bit(*plane, row)));
    }
    let mut before = past.last().map_or(0, |last| last[0]);
    for (&sounding, &onset) in roll.sounding.iter().zip(&roll.onset) {
        let starts = sounding & (onset | !before);
        for (bits, asked) in [(sounding, u128::MAX), (starts, sounding & before)] {
            cells.extend((0..PITCHES).map(|row| bit(bits, row)));
            decided.extend((0..PITCHES).map(|row| bit(asked, row)));
        }
        before = sounding;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use phrase::Section;

    use super::*;
    use crate::dataset::{GenreInfo, Info};
    use crate::random;

    /// A tune with what lies under it.
    fn phrase(tune: usize, under: usize) -> Roll {
        Roll::from_cells(|step, row| row == tune + step / 8 % 5 || row == under && step % 4 < 2)
    }

    /// Songs by name, each of two phrases, in two genres.
    fn data(genres: [&[(&str, Roll)]; 2]) -> Dataset {
        let info = GenreInfo::default();
        let info = Info { genres: vec![info.clone(), info], options: serde_json::Value::Null };
        let items = genres.map(|songs| {
            let phrases = songs.iter().enumerate().flat_map(|(song, (_, roll))| {
                [0, STEPS as u32].map(|step| Item::of(*roll, song as u32).at_step(step))
            });
            [phrases.collect(), Vec::new(), Vec::new()]
        });
        let song = |(name, _): &(&str, Roll)| StoredSong {
            name: format!("train/{name}.mid"),
            group: (*name).to_string(),
            sections: vec![Section { start: 0.0, end: f64::INFINITY }],
            ..StoredSong::default()
        };
        let mut data = Dataset::of_rolls(info, items.to_vec());
        data.songs = genres.map(|songs| Arc::new(songs.iter().map(song).collect())).to_vec();
        data
    }

    #[test]
    fn a_phrase_is_told_as_another_version_in_step_has_it() {
        let data = data([
            &[("solo__v1", phrase(50, 20)), ("solo__v2", phrase(50, 30)), ("song__v9", phrase(40, 22))],
            &[("song", phrase(40, 10)), ("late", phrase(48, 10)), ("late__v1", phrase(60, 10))],
        ]);
        let (all, mut rng) = (Examples::of(&data), random::stream(1, 0));
        let mut version = |genre: usize, index: usize| {
            let item = &data.split(genre, Split::Train)[index];
            all.version(&data, genre, item, &mut rng)
        };
        // Of each song the first phrase; the second lies two steps of the list on.
        assert_eq!(version(0, 0), Some((0, phrase(50, 30))));
        assert_eq!(version(0, 3), Some((0, phrase(50, 20))));
        assert_eq!(version(0, 4), Some((1, phrase(40, 10))), "a rendering is told as its song is");
        assert_eq!(version(1, 0), Some((0, phrase(40, 22))), "and the song as its rendering");
        assert_eq!(version(1, 2), None, "another tune is no version, whatever its name");
        // What was rendered from another genre's songs is drawn as often as is asked.
        let rendered = |share: f32, rng: &mut ChaCha8Rng| {
            (0..500).filter(|_| data.split(0, Split::Train)[all.draw(0, 2, share, rng)].song == 2).count()
        };
        assert_eq!(rendered(0.0, &mut rng), 0);
        assert!((90..160).contains(&rendered(0.25, &mut rng)));
        assert_eq!(all.tunes[1][1], [[0; 0]; 0]);
    }

    #[test]
    fn names_say_what_a_file_is_a_version_of() {
        assert_eq!(piece("train/a__v12.mid"), ("a", true));
        assert_eq!(piece("a__vb.mid"), ("a__vb", false));
        assert_eq!(piece("train/b.mid"), ("b", false));
    }
}
