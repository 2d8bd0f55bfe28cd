//! The dataset's file: one `.safetensors`, format 2. Format 1 is still read.
//!
//! The metadata key `contrafact-dataset` holds [`Info`] as JSON, `contrafact-dataset-version` the format's
//! number (1 where it is missing). Tensors of genre G, whose columns have a row a note, a section and so on,
//! song after song:
//!
//! | tensor | what it holds |
//! |---|---|
//! | `G/songs` | u8: JSON, a list of each song's name, group, tracks and how many rows it has of the others |
//! | `G/notes/onset`, `length` | f64: steps from the song's start |
//! | `G/notes/pitch`, `velocity`, `channel` | u8: MIDI's; velocity 0 where it is not known |
//! | `G/notes/track` | u16 |
//! | `G/timing` | f64 `[.., 2]`: where a note is written and when it was played |
//! | `G/sections` | f64 `[.., 2]`: start and end, infinite where it ends with its notes |
//! | `G/tempos` | f64 `[.., 2]`: when, and quarters a minute |
//! | `G/S/song`, `start`, `section`, `by` | u32, u32, u16, i8 `[N]`: each phrase of split S (`train`, `valid`, `test`), as [`Item`] has it |
//!
//! A genre without known notes has no `G/songs`, and its splits hold the cells themselves, `G/S/sounding` and
//! `G/S/onset`, u8 `[N, 64, 11]` (84 bits a step, lowest pitch first). In format 1 all genres were so, and
//! `song` was all that was told of where a phrase lies.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use phrase::{BARS, MAX_STEPS, PITCHES, Roll, STEPS, STEPS_PER_BAR, Section, TempoChange};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Info, Item, Split};
use super::song::{At, StoredNote, StoredSong, Timing};
use super::view::Rolls;

const KEY: &str = "contrafact-dataset";
const VERSION_KEY: &str = "contrafact-dataset-version";
/// The format that is written, and the newest that is read.
const VERSION: u32 = 2;
/// Bytes of a step in a plane of cells.
const BYTES: usize = 11;

/// What `G/songs` says of a song.
#[derive(Serialize, Deserialize)]
struct Head {
    name: String,
    group: String,
    tracks: Vec<String>,
    array: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    answer: bool,
    notes: usize,
    timing: usize,
    sections: usize,
    tempos: usize,
}

/// Tensors by name, being collected.
#[derive(Default)]
struct Columns(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Columns {
    /// Adds little-endian values, rows of `shape`.
    fn add<const N: usize>(
        &mut self,
        name: String,
        dtype: Dtype,
        inner: &[usize],
        values: impl Iterator<Item = [u8; N]>,
    ) {
        let bytes: Vec<u8> = values.flatten().collect();
        let rows = bytes.len() / (N * inner.iter().product::<usize>());
        let shape = [&[rows], inner].concat();
        self.0.push((name, dtype, shape, bytes));
    }

    fn pairs(&mut self, name: String, values: impl Iterator<Item = [f64; 2]>) {
        self.add(name, Dtype::F64, &[2], values.flatten().map(f64::to_le_bytes));
    }

    fn songs(&mut self, genre: &str, songs: &[StoredSong]) -> Result<()> {
        let key = |column: &str| format!("{genre}/{column}");
        let head = |song: &StoredSong| Head {
            name: song.name.clone(),
            group: song.group.clone(),
            tracks: song.tracks.clone(),
            array: song.array,
            answer: song.answer,
            notes: song.notes.len(),
            timing: song.timing.len(),
            sections: song.sections.len(),
            tempos: song.tempos.len(),
        };
        let heads: Vec<Head> = songs.iter().map(head).collect();
        self.add(key("songs"), Dtype::U8, &[], serde_json::to_vec(&heads)?.into_iter().map(|byte| [byte]));
        let notes = || songs.iter().flat_map(|song| &song.notes);
        self.add(key("notes/onset"), Dtype::F64, &[], notes().map(|note| note.onset.to_le_bytes()));
        self.add(key("notes/length"), Dtype::F64, &[], notes().map(|note| note.length.to_le_bytes()));
        self.add(key("notes/pitch"), Dtype::U8, &[], notes().map(|note| [note.pitch]));
        self.add(key("notes/velocity"), Dtype::U8, &[], notes().map(|note| [note.velocity]));
        self.add(key("notes/channel"), Dtype::U8, &[], notes().map(|note| [note.channel]));
        self.add(key("notes/track"), Dtype::U16, &[], notes().map(|note| note.track.to_le_bytes()));
        let timing = songs.iter().flat_map(|song| &song.timing);
        self.pairs(key("timing"), timing.map(|timing| [timing.written, timing.played]));
        let sections = songs.iter().flat_map(|song| &song.sections);
        self.pairs(key("sections"), sections.map(|section| [section.start, section.end]));
        let tempos = songs.iter().flat_map(|song| &song.tempos);
        self.pairs(key("tempos"), tempos.map(|tempo| [tempo.at, tempo.bpm]));
        Ok(())
    }

    fn split(&mut self, genre: &str, split: Split, items: &[Item], known: bool) {
        let key = |column: &str| format!("{genre}/{}/{column}", split.name());
        self.add(key("song"), Dtype::U32, &[], items.iter().map(|item| item.song.to_le_bytes()));
        self.add(key("start"), Dtype::U32, &[], items.iter().map(|item| item.at.start.to_le_bytes()));
        let section = items.iter().map(|item| item.at.section.to_le_bytes());
        self.add(key("section"), Dtype::U16, &[], section);
        self.add(key("by"), Dtype::I8, &[], items.iter().map(|item| item.at.by.to_le_bytes()));
        if known {
            return;
        }
        for (name, plane) in [
            ("sounding", (|roll| &roll.sounding) as fn(&Roll) -> &[u128; STEPS]),
            ("onset", |roll| &roll.onset),
        ] {
            let steps = items.iter().flat_map(|item| plane(&item.roll));
            let bytes = steps.flat_map(|step| step.to_le_bytes()[..BYTES].to_vec()).map(|byte| [byte]);
            self.add(key(name), Dtype::U8, &[STEPS, BYTES], bytes);
        }
    }
}

impl Dataset {
    /// Writes the file: first beside it, then renamed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut columns = Columns::default();
        for ((genre, splits), songs) in self.info.genres.iter().zip(&self.items).zip(&self.songs) {
            let known = splits.iter().flatten().all(|item| (item.song as usize) < songs.len());
            if known {
                columns.songs(&genre.name, songs)?;
            }
            for (split, items) in Split::ALL.into_iter().zip(splits) {
                columns.split(&genre.name, split, items, known);
            }
        }
        let views = columns
            .0
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)));
        let metadata = HashMap::from([
            (KEY.to_string(), serde_json::to_string(&self.info)?),
            (VERSION_KEY.to_string(), VERSION.to_string()),
        ]);
        let bytes = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))?;
        drop(columns);
        write_whole(path, &bytes)
    }

    /// Reads a file that [`Dataset::write`] made, of this format or the first.
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
        let rolls = Rolls::new(&info.options);
        let bars = info.options["hop_bars"].as_u64().unwrap_or(BARS as u64).clamp(1, BARS as u64);
        let hop = bars as u32 * STEPS_PER_BAR as u32;
        let (mut items, mut songs) = (Vec::new(), Vec::new());
        for genre in &info.genres {
            let file = Genre { tensors: &tensors, name: &genre.name };
            let known = file.songs()?;
            let mut splits: [Vec<Item>; 3] = Default::default();
            for (split, items) in Split::ALL.into_iter().zip(&mut splits) {
                let without = if version < 2 { file.old_items(split, hop)? } else { file.items(split)? };
                *items = match &known {
                    Some(songs) => file.lay(without, songs, &rolls)?,
                    None => file.cells(split, without)?,
                };
            }
            items.push(splits);
            songs.push(Arc::new(known.unwrap_or_default()));
        }
        Ok(Self { info, items, songs })
    }
}

/// A genre's tensors in a file.
struct Genre<'a> {
    tensors: &'a SafeTensors<'a>,
    name: &'a str,
}

impl<'a> Genre<'a> {
    /// The rows of a column whose rows have the shape `inner`, and their bytes.
    fn column(&self, column: &str, kind: Dtype, inner: &[usize]) -> Result<(usize, &'a [u8])> {
        let name = format!("{}/{column}", self.name);
        let view = self.tensors.tensor(&name).with_context(|| format!("{name} is missing"))?;
        let fits = view.dtype() == kind && view.shape().get(1..) == Some(inner);
        ensure!(fits, "{name} is {:?} {:?}", view.dtype(), view.shape());
        Ok((view.shape()[0], view.data()))
    }

    /// Numbers of `N` bytes.
    fn numbers<const N: usize>(
        &self,
        column: &str,
        kind: Dtype,
    ) -> Result<impl ExactSizeIterator<Item = [u8; N]> + use<'a, N>> {
        let (_, bytes) = self.column(column, kind, &[])?;
        Ok(bytes.as_chunks::<N>().0.iter().copied())
    }

    /// Pairs of numbers, the first finite.
    fn pairs(&self, column: &str) -> Result<std::vec::IntoIter<[f64; 2]>> {
        let (_, bytes) = self.column(column, Dtype::F64, &[2])?;
        let pairs: Vec<[f64; 2]> = bytes
            .as_chunks::<8>()
            .0
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| pair.map(f64::from_le_bytes))
            .collect();
        ensure!(
            pairs.iter().all(|[first, second]| first.is_finite() && !second.is_nan()),
            "{}/{column} holds what is no number",
            self.name
        );
        Ok(pairs.into_iter())
    }

    /// The songs; `None` where their notes are not known.
    fn songs(&self) -> Result<Option<Vec<StoredSong>>> {
        let name = format!("{}/songs", self.name);
        if !self.tensors.names().iter().any(|other| **other == name) {
            return Ok(None);
        }
        let (_, bytes) = self.column("songs", Dtype::U8, &[])?;
        let heads: Vec<Head> =
            serde_json::from_slice(bytes).with_context(|| format!("{name} cannot be understood"))?;
        let mut notes = self.notes()?;
        let (mut timing, mut sections, mut tempos) =
            (self.pairs("timing")?, self.pairs("sections")?, self.pairs("tempos")?);
        let short = || format!("{name} says more than there is");
        let mut songs = Vec::with_capacity(heads.len().min(bytes.len()));
        for head in heads {
            let song = StoredSong {
                notes: rows(&mut notes, head.notes).with_context(short)?,
                timing: rows(&mut timing, head.timing)
                    .with_context(short)?
                    .into_iter()
                    .map(|[written, played]| Timing { written, played })
                    .collect(),
                sections: rows(&mut sections, head.sections)
                    .with_context(short)?
                    .into_iter()
                    .map(|[start, end]| Section { start, end })
                    .collect(),
                tempos: rows(&mut tempos, head.tempos)
                    .with_context(short)?
                    .into_iter()
                    .map(|[at, bpm]| TempoChange { at, bpm })
                    .collect(),
                name: head.name,
                group: head.group,
                tracks: head.tracks,
                array: head.array,
                answer: head.answer,
            };
            let begins = |section: &Section| (0.0..=MAX_STEPS).contains(&section.start);
            ensure!(song.sections.iter().all(begins), "{name}: a section begins outside its song");
            let tracks = song.tracks.len();
            ensure!(
                song.notes.iter().all(|note| usize::from(note.track) < tracks),
                "{name}: a note is of a track that is not there"
            );
            songs.push(song);
        }
        Ok(Some(songs))
    }

    /// The notes of all songs. What no song can have would cost years of memory later.
    fn notes(&self) -> Result<std::vec::IntoIter<StoredNote>> {
        let onsets = self.numbers::<8>("notes/onset", Dtype::F64)?.map(f64::from_le_bytes);
        let lengths = self.numbers::<8>("notes/length", Dtype::F64)?.map(f64::from_le_bytes);
        let [pitches, velocities, channels] = ["pitch", "velocity", "channel"]
            .map(|name| self.numbers::<1>(&format!("notes/{name}"), Dtype::U8));
        let tracks = self.numbers::<2>("notes/track", Dtype::U16)?.map(u16::from_le_bytes);
        let (pitches, velocities, channels) = (pitches?, velocities?, channels?);
        let counts =
            [onsets.len(), lengths.len(), pitches.len(), velocities.len(), channels.len(), tracks.len()];
        ensure!(counts.iter().all(|&count| count == counts[0]), "the columns of its notes differ in length");
        let times = onsets.zip(lengths);
        let keys = pitches.zip(velocities).zip(channels.zip(tracks));
        let notes: Vec<StoredNote> = times
            .zip(keys)
            .map(|((onset, length), (([pitch], [velocity]), ([channel], track)))| StoredNote {
                onset,
                length,
                pitch,
                velocity,
                channel,
                track,
            })
            .collect();
        let sound = |note: &StoredNote| {
            (0.0..=MAX_STEPS).contains(&note.onset)
                && (0.0..=MAX_STEPS).contains(&note.length)
                && note.pitch.max(note.velocity) < 128
                && note.channel < 16
        };
        ensure!(notes.iter().all(sound), "{} has a note that no song has", self.name);
        Ok(notes.into_iter())
    }

    /// A split's phrases without their cells.
    fn items(&self, split: Split) -> Result<Vec<Item>> {
        let column = |name: &str| format!("{}/{name}", split.name());
        let songs = self.numbers::<4>(&column("song"), Dtype::U32)?.map(u32::from_le_bytes);
        let starts = self.numbers::<4>(&column("start"), Dtype::U32)?.map(u32::from_le_bytes);
        let sections = self.numbers::<2>(&column("section"), Dtype::U16)?.map(u16::from_le_bytes);
        let moves = self.numbers::<1>(&column("by"), Dtype::I8)?.map(i8::from_le_bytes);
        let counts = [songs.len(), starts.len(), sections.len(), moves.len()];
        ensure!(
            counts.iter().all(|&count| count == counts[0]),
            "the columns of its phrases differ in length"
        );
        let all = songs.zip(starts.zip(sections.zip(moves)));
        let item = |(song, (start, (section, by)))| Item {
            at: At { start, section, by },
            ..Item::of(Roll::EMPTY, song)
        };
        Ok(all.map(item).collect())
    }

    /// A split's phrases of format 1, `hop` steps from one of a song to the next: where they lie was not
    /// told.
    fn old_items(&self, split: Split, hop: u32) -> Result<Vec<Item>> {
        let mut items: Vec<Item> = Vec::new();
        for song in self.numbers::<4>(&format!("{}/song", split.name()), Dtype::U32)?.map(u32::from_le_bytes)
        {
            let before = items.last().filter(|before| before.song == song);
            let start = before.map_or(0, |before| before.at.start.saturating_add(hop));
            items.push(Item::of(Roll::EMPTY, song).at_step(start));
        }
        Ok(items)
    }

    /// Lays the cells of a split's phrases from their songs' notes.
    fn lay(&self, mut items: Vec<Item>, songs: &[StoredSong], rolls: &Rolls) -> Result<Vec<Item>> {
        for items in items.chunk_by_mut(|a, b| a.song == b.song) {
            let number = items[0].song;
            let song = songs.get(number as usize);
            let song = song.with_context(|| format!("a phrase is of song {number}, which is not there"))?;
            let inside = |item: &Item| {
                usize::from(item.at.section) < song.sections.len() && f64::from(item.at.start) <= MAX_STEPS
            };
            ensure!(items.iter().all(inside), "{}: a phrase lies outside its song", song.name);
            let seen = rolls.all(song, items.iter().map(|item| item.at));
            items.iter_mut().zip(seen).for_each(|(item, roll)| item.roll = roll);
        }
        Ok(items)
    }

    /// Fills in the cells of a split's phrases of which only those are known.
    fn cells(&self, split: Split, mut items: Vec<Item>) -> Result<Vec<Item>> {
        let plane = |name| self.column(&format!("{}/{name}", split.name()), Dtype::U8, &[STEPS, BYTES]);
        let (sounding, onset) = (plane("sounding")?, plane("onset")?);
        ensure!(sounding.0 == items.len() && onset.0 == items.len(), "its planes differ in length");
        for (i, item) in items.iter_mut().enumerate() {
            item.roll = Roll { sounding: unpack(sounding.1, i), onset: unpack(onset.1, i) };
        }
        Ok(items)
    }
}

/// The next `count` of what is left, if there are so many.
fn rows<T>(left: &mut std::vec::IntoIter<T>, count: usize) -> Option<Vec<T>> {
    (count <= left.len()).then(|| left.by_ref().take(count).collect())
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

/// Writes `bytes` beside `path` and renames, so that a failure leaves an older file whole. What is no file (a
/// pipe, a device) is written to as it is.
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
