//! One genre's folder -> its phrases, and an account of every file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use model::Source;
use phrase::{Cut, CutOptions, CutReport, Roll, STEPS, Song, cut};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::dataset::{GenreInfo, Item, Split};
use super::files::{Kind, Shares, find};
use super::npy;
use super::part::Part;
use super::provenance::Provenance;
use super::transpose::{Transposition, key, moved_roll, moved_song, roll_lengths, song_lengths};

/// The bytes of the MIDI files read so far, and where they were first met.
pub type Met = HashMap<[u8; 32], (String, PathBuf)>;

/// How a genre is read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// How songs are cut.
    pub rules: &'a CutOptions,
    /// How they are moved.
    pub transposition: &'a Transposition,
    /// Which licences are allowed; see [`Provenance::refused`].
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
    /// Its folder.
    pub folder: PathBuf,
    /// Whether the files were divided into splits at random.
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
    /// MIDI files with the same bytes as an earlier one of this genre, which were passed over: file and earlier file.
    pub copies: Vec<(PathBuf, PathBuf)>,
    /// MIDI files with the same bytes as one of another genre, which were kept: file and the other's.
    pub elsewhere: Vec<(PathBuf, PathBuf)>,
    /// Songs by estimated key as they were found; only where keys are normalised.
    pub keys: BTreeMap<String, u64>,
    /// What was cut, kept and dropped, by rule.
    pub cutting: CutReport,
    /// Phrases added in other keys and octaves, not counted above.
    pub transposed: u64,
}

/// Reads the genre `name` in `folder`. What cannot be read is noted, and the rest goes on.
///
/// # Errors
/// When the folder or its licence table cannot be read, or no file could be used.
pub fn read(
    name: &str,
    folder: &Path,
    reading: &Reading,
    met: &mut Met,
) -> Result<(GenreInfo, [Vec<Item>; 3], Account)> {
    let shown = folder.display();
    ensure!(
        folder.is_dir(),
        "{shown}: this is no folder; give a folder of MIDI files or arrays for each genre"
    );
    let provenance = Provenance::governing(folder)?;
    let takes = |file: &Path, split: Option<Split>| {
        reading.parts.iter().all(|part| part.takes(name, split, &provenance.group(file)))
    };
    let found = find(folder, reading.shares, |file| provenance.group(file), takes)?;
    let mut account =
        Account { name: name.into(), folder: folder.into(), divided: found.plain, ..Account::default() };
    account.other_part = found.passed_over;
    let unreadable = found.unreadable.into_iter().map(|(file, reason)| Fault { file, reason });
    account.unreadable.extend(unreadable);
    let mut sources: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut items: [Vec<Item>; 3] = Default::default();
    let mut song = 0;
    // The works by name, and that of each song.
    let mut works: HashMap<String, u32> = HashMap::new();
    let mut groups = Vec::new();
    for (split, files) in Split::ALL.into_iter().zip(found.splits) {
        for file in files {
            let kind = Kind::of(&file);
            *(if kind == Some(Kind::Array) { &mut account.arrays } else { &mut account.midi }) += 1;
            if let Some(value) = provenance.refused(&file, reading.licence_allow) {
                *account.licences.entry(value).or_default() += 1;
                continue;
            }
            let read = match kind {
                Some(Kind::Array) => array(&file, split, reading, &mut account),
                _ => midi(&file, split, reading, met, &mut account),
            };
            let rolls = match read {
                Ok(Some(rolls)) => rolls,
                Ok(None) => continue,
                Err(error) => {
                    account.unreadable.push(Fault { reason: format!("{error:#}"), file });
                    continue;
                }
            };
            if !rolls.is_empty() {
                // Only what trains is named as training data.
                *sources.entry(provenance.source(&file)).or_default() += usize::from(split == Split::Train);
            }
            items[split as usize].extend(rolls.into_iter().map(|(roll, step)| Item { roll, song, step }));
            let fresh = works.len() as u32;
            groups.push(*works.entry(provenance.group(&file)).or_insert(fresh));
            song += 1;
        }
    }
    if song == 0 {
        let first = account.unreadable.first().map(|fault| format!("; the first: {}", fault.reason));
        bail!(
            "{shown}: no file could be used ({} found, {} excluded by licence, {} unreadable{}); put .mid files or \
             .npy arrays there",
            account.midi + account.arrays,
            account.licences.values().sum::<u64>(),
            account.unreadable.len(),
            first.unwrap_or_default()
        );
    }
    let sources = sources.into_iter().filter(|(_, files)| *files > 0);
    let source = |((source, licence), files)| Source { genre: name.into(), source, licence, files };
    let info = GenreInfo {
        name: name.into(),
        sources: sources.map(source).collect(),
        counts: account.counts().context("the counts could not be kept")?,
        groups,
    };
    Ok((info, items, account))
}

/// Phrases with the step of their song that they begin at.
type Placed = Vec<(Roll, u32)>;

/// The phrases of a song that was cut. What begins before the song's start is taken to begin there.
fn placed(cut: Cut) -> Placed {
    let steps = cut.phrases.iter().map(|phrase| phrase.position.max(0) as u32);
    cut.rolls.iter().copied().zip(steps).collect()
}

/// A song's phrases; `None` for a copy of another file.
fn midi(
    file: &Path,
    split: Split,
    reading: &Reading,
    met: &mut Met,
    account: &mut Account,
) -> Result<Option<Placed>> {
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
    let by = reading.transposition.shift(&lengths);
    account.note_key(reading, &lengths);
    let song = if by == 0 { song } else { moved_song(&song, by) };
    let first = cut(&song, reading.rules);
    account.cutting += first.report;
    let mut rolls = placed(first);
    if split == Split::Train {
        for by in reading.transposition.moves() {
            let copy = placed(cut(&moved_song(&song, by), reading.rules));
            account.transposed += copy.len() as u64;
            rolls.extend(copy);
        }
    }
    Ok(Some(rolls))
}

/// An array's phrases. They were cut before: of the rules only one applies, that something sounds.
fn array(file: &Path, split: Split, reading: &Reading, account: &mut Account) -> Result<Option<Placed>> {
    let mut rolls = npy::read_phrases(file)?;
    let all = rolls.len();
    rolls.retain(|roll| !roll.is_empty());
    let lengths = roll_lengths(&rolls);
    let by = reading.transposition.shift(&lengths);
    account.note_key(reading, &lengths);
    rolls.iter_mut().for_each(|roll| *roll = moved_roll(roll, by));
    let (begun, kept) = (all as u64, rolls.len() as u64);
    account.cutting +=
        CutReport { songs: 1, phrases: begun, few_cells: begun - kept, kept, ..CutReport::default() };
    if split == Split::Train {
        let copies = reading.transposition.moves().into_iter();
        let copies: Vec<Roll> = copies
            .flat_map(|by| rolls.iter().map(move |roll| moved_roll(roll, by)).collect::<Vec<_>>())
            .collect();
        account.transposed += copies.len() as u64;
        rolls.extend(copies);
    }
    // Copies are numbered on: they follow nothing.
    Ok(Some(rolls.into_iter().zip((0..).step_by(STEPS)).collect()))
}

impl Account {
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
        ] {
            counts.insert(name.into(), count);
        }
        if self.other_part > 0 {
            counts.insert("other_part".into(), self.other_part as u64);
        }
        Ok(counts)
    }
}
