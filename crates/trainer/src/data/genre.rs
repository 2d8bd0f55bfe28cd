//! One genre's folders -> its phrases, and an account of every file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use model::Corpus;
use phrase::{CutOptions, CutReport, Laid, Roll, STEPS, Song, SongNote, Straightened, lay, straightened};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::dataset::{GenreInfo, Item, Split};
use super::files::{Kind, Shares, find};
use super::part::Part;
use super::played::as_played;
use super::provenance::Tables;
use super::song::{At, StoredSong};
use super::transpose::{Transposition, key, moved_roll, moved_song, roll_lengths, song_lengths};
use super::{npy, timing};

/// The bytes of the MIDI files read so far, and where they were first met.
pub type Met = HashMap<[u8; 32], (String, PathBuf)>;

/// How a genre is read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// How songs are cut.
    pub rules: &'a CutOptions,
    /// Whether swung songs are made straight first.
    pub straighten: bool,
    /// The seed of the damage that playing does, where songs are wanted as played.
    pub as_played: Option<u64>,
    /// How they are moved.
    pub transposition: &'a Transposition,
    /// Which licences are allowed; see `Provenance::refused`.
    pub licence_allow: &'a [String],
    /// How a plain folder is divided.
    pub shares: Shares,
    /// Which part of the songs is used.
    pub parts: &'a [Part],
}

/// A file that is no use, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file or folder.
    pub file: PathBuf,
    /// One sentence.
    pub reason: String,
}

/// What became of a genre's files.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Account {
    /// The genre.
    pub name: String,
    /// Its folders.
    pub folders: Vec<PathBuf>,
    /// Whether files were divided into splits at random.
    pub divided: bool,
    /// Files of another part than the one asked for.
    pub other_part: usize,
    /// MIDI files that were found.
    pub midi: usize,
    /// Arrays that were found.
    pub arrays: usize,
    /// Files whose licence forbids their use, by the table's value.
    pub licences: BTreeMap<String, u64>,
    /// Files that could not be read.
    pub unreadable: Vec<Fault>,
    /// MIDI files with the same bytes as an earlier one of this genre, which were passed over: file and
    /// earlier file.
    pub copies: Vec<(PathBuf, PathBuf)>,
    /// MIDI files with the same bytes as one of another genre, which were kept: file and the other's.
    pub elsewhere: Vec<(PathBuf, PathBuf)>,
    /// Songs by estimated key as they were found; only where keys are normalised.
    pub keys: BTreeMap<String, u64>,
    /// What was cut, kept and dropped, by rule.
    pub cutting: CutReport,
    /// Phrases added in other keys and octaves, not counted above.
    pub transposed: u64,
    /// What was made straight.
    pub straight: Straight,
}

/// What straightening did to a genre's songs, those that were refused too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Straight {
    /// Phrases of four bars in which notes start.
    pub phrases: u64,
    /// Those that were swung.
    pub swung: u64,
    /// Beats whose triplets meant swing.
    pub ternary: u64,
    /// Notes.
    pub notes: u64,
    /// Notes that start within an eighth of a step of a 16th, before and after.
    pub on_grid: [u64; 2],
}

impl Straight {
    fn note(&mut self, before: &Song, after: &Straightened) {
        let near = |note: &&SongNote| (note.onset - note.onset.round()).abs() <= 0.125;
        self.phrases += after.phrases as u64;
        self.swung += after.swung as u64;
        self.ternary += after.ternary as u64;
        self.notes += before.notes().count() as u64;
        for (sum, song) in self.on_grid.iter_mut().zip([before, &after.song]) {
            *sum += song.notes().filter(near).count() as u64;
        }
    }
}

/// A genre, read.
#[derive(Debug, Default)]
pub struct Genre {
    /// What the dataset says of it.
    pub info: GenreInfo,
    /// Its phrases by split.
    pub items: [Vec<Item>; 3],
    /// Their songs.
    pub songs: Vec<StoredSong>,
    /// What became of its files.
    pub account: Account,
}

/// Reads the genre `name` in `folders`, one after another. What cannot be read is noted, and the rest goes
/// on.
///
/// # Errors
/// When a folder or its licence table cannot be read, or no file could be used.
pub fn read(name: &str, folders: &[PathBuf], reading: &Reading, met: &mut Met) -> Result<Genre> {
    for folder in folders {
        ensure!(
            folder.is_dir(),
            "{}: this is no folder; give a folder of MIDI files or arrays for each genre",
            folder.display()
        );
    }
    let tables = Tables::governing(folders)?;
    let takes = |file: &Path, split: Option<Split>| {
        reading.parts.iter().all(|part| part.takes(name, split, &tables.group(file)))
    };
    let found = find(folders, reading.shares, |file| tables.group(file), takes)?;
    let account = Account {
        name: name.into(),
        folders: folders.to_vec(),
        divided: found.plain,
        other_part: found.passed_over,
        unreadable: found.unreadable.into_iter().map(|(file, reason)| Fault { file, reason }).collect(),
        ..Account::default()
    };
    let mut genre = Genre { account, ..Genre::default() };
    let mut sources: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (split, files) in Split::ALL.into_iter().zip(found.splits) {
        for file in files {
            let kind = Kind::of(&file);
            let account = &mut genre.account;
            *(if kind == Some(Kind::Array) { &mut account.arrays } else { &mut account.midi }) += 1;
            if let Some(value) = tables.refused(&file, reading.licence_allow) {
                *account.licences.entry(value).or_default() += 1;
                continue;
            }
            let title = Title { file: &file, name: inside(&file, folders), group: tables.group(&file) };
            let read = match kind {
                Some(Kind::Array) => array(title, split, reading, account),
                _ => midi(title, split, reading, met, account),
            };
            let (song, phrases) = match read {
                Ok(Some(read)) => read,
                Ok(None) => continue,
                Err(error) => {
                    account.unreadable.push(Fault { reason: format!("{error:#}"), file });
                    continue;
                }
            };
            if !phrases.is_empty() {
                // Only what trains is named as training data.
                *sources.entry(tables.source(&file)).or_default() += usize::from(split == Split::Train);
            }
            let number = genre.songs.len() as u32;
            let items = phrases.into_iter().map(|(roll, at)| Item { roll, song: number, at });
            genre.items[split as usize].extend(items);
            genre.songs.push(song);
        }
    }
    let account = &genre.account;
    if genre.songs.is_empty() {
        let first = account.unreadable.first().map(|fault| format!("; the first: {}", fault.reason));
        bail!(
            "{}: no file could be used ({} found, {} excluded by licence, {} unreadable{}); put .mid files \
             or .npy arrays there",
            account.place(),
            account.midi + account.arrays,
            account.licences.values().sum::<u64>(),
            account.unreadable.len(),
            first.unwrap_or_default()
        );
    }
    let sources = sources.into_iter().filter(|(_, files)| *files > 0);
    let source = |((source, licence), files)| Corpus { genre: name.into(), source, licence, files };
    genre.info = GenreInfo {
        name: name.into(),
        sources: sources.map(source).collect(),
        counts: account.counts().context("the counts could not be kept")?,
    };
    Ok(genre)
}

/// What a file is called.
struct Title<'a> {
    file: &'a Path,
    name: String,
    group: String,
}

/// The file's path from its genre's folder on, written alike on every system.
fn inside(file: &Path, folders: &[PathBuf]) -> String {
    match folders.iter().find_map(|folder| file.strip_prefix(folder).ok()) {
        Some(from) => from.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"),
        None => file.to_string_lossy().into_owned(),
    }
}

/// A song, and its phrases with where they lie.
type Read = (StoredSong, Vec<(Roll, At)>);

/// A song; `None` for a copy of another file.
fn midi(
    title: Title,
    split: Split,
    reading: &Reading,
    met: &mut Met,
    account: &mut Account,
) -> Result<Option<Read>> {
    let file = title.file;
    let song = Song::read(file)?;
    let hash = Sha256::digest(std::fs::read(file)?).into();
    match met.get(&hash) {
        Some((genre, earlier)) if *genre == account.name => {
            account.copies.push((file.into(), earlier.clone()));
            return Ok(None);
        }
        Some((_, earlier)) => account.elsewhere.push((file.into(), earlier.clone())),
        None => {
            met.insert(hash, (account.name.clone(), file.into()));
        }
    }
    let lengths = song_lengths(&song);
    let shift = reading.transposition.shift(&lengths);
    account.note_key(reading, &lengths);
    // As it is kept: in the key that it is wanted in.
    let song = if shift == 0 { song } else { moved_song(&song, shift) };
    let played = match reading.as_played {
        Some(seed) => as_played(&song, &title.name, seed),
        None => song,
    };
    let song = if reading.straighten {
        let straight = straightened(&played);
        account.straight.note(&played, &straight);
        straight.song
    } else {
        played.clone()
    };
    let laid = lay(&song, reading.rules);
    account.cutting += laid.report;
    let mut phrases = Vec::new();
    add(&laid, 0, &mut phrases)?;
    if split == Split::Train {
        for by in reading.transposition.moves() {
            let copy = lay(&moved_song(&song, by), reading.rules);
            account.transposed += copy.rolls.len() as u64;
            add(&copy, by, &mut phrases)?;
        }
    }
    // A table tells of the notes as they are in the file; straight or not, they are in one order.
    let timing = timing::beside(file, &lay(&played, reading.rules).tracks, shift);
    Ok(Some((StoredSong::new(title.name, title.group, &song, &laid, timing), phrases)))
}

/// Adds the phrases of a song that was moved by `by` semitones.
fn add(laid: &Laid, by: i32, phrases: &mut Vec<(Roll, At)>) -> Result<()> {
    for (&roll, place) in laid.rolls.iter().zip(&laid.places) {
        let start = u32::try_from(place.start)?;
        let section = u16::try_from(place.section).context("it has more sections than any song")?;
        phrases.push((roll, At { start, section, by: i8::try_from(by)? }));
    }
    Ok(())
}

/// An array's phrases. They were cut before: of the rules only one applies, that something sounds.
fn array(title: Title, split: Split, reading: &Reading, account: &mut Account) -> Result<Option<Read>> {
    let mut rolls = npy::read_phrases(title.file)?;
    let all = rolls.len();
    rolls.retain(|roll| !roll.is_empty());
    let lengths = roll_lengths(&rolls);
    let by = reading.transposition.shift(&lengths);
    account.note_key(reading, &lengths);
    rolls.iter_mut().for_each(|roll| *roll = moved_roll(roll, by));
    let (begun, kept) = (all as u64, rolls.len() as u64);
    account.cutting +=
        CutReport { songs: 1, phrases: begun, few_cells: begun - kept, kept, ..CutReport::default() };
    let mut phrases = Vec::new();
    let moves = if split == Split::Train { reading.transposition.moves() } else { Vec::new() };
    for by in [0].into_iter().chain(moves) {
        for (index, roll) in rolls.iter().enumerate() {
            let at = At { start: u32::try_from(index * STEPS)?, section: 0, by: i8::try_from(by)? };
            phrases.push((moved_roll(roll, by), at));
        }
    }
    account.transposed += (phrases.len() - rolls.len()) as u64;
    Ok(Some((StoredSong::of_rolls(title.name, title.group, &rolls), phrases)))
}

impl Account {
    /// The folders, for a reader.
    pub fn place(&self) -> String {
        let folders = self.folders.iter().map(|folder| folder.display().to_string());
        folders.collect::<Vec<_>>().join(" and ")
    }

    fn note_key(&mut self, reading: &Reading, lengths: &[f32; 128]) {
        if reading.transposition.key.is_some() {
            let name = key(lengths).map_or("no key".to_string(), |key| key.to_string());
            *self.keys.entry(name).or_default() += 1;
        }
    }

    /// The counts as the dataset file keeps them.
    fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let mut counts: BTreeMap<String, u64> = serde_json::from_value(serde_json::to_value(self.cutting)?)?;
        for (name, count) in [
            ("excluded_by_licence", self.licences.values().sum()),
            ("unreadable", self.unreadable.len() as u64),
            ("duplicates", self.copies.len() as u64),
            ("in_another_genre", self.elsewhere.len() as u64),
            ("transposed", self.transposed),
            ("swung", self.straight.swung),
            ("ternary_beats", self.straight.ternary),
        ] {
            counts.insert(name.into(), count);
        }
        if self.other_part > 0 {
            counts.insert("other_part".into(), self.other_part as u64);
        }
        Ok(counts)
    }
}
