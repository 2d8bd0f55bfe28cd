//! Finding a genre's files and dividing them into splits.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rand::seq::SliceRandom;

use super::dataset::Split;
use crate::random;

/// What a file holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A song: `.mid` or `.midi`.
    Midi,
    /// Phrases: `.npy`.
    Array,
}

impl Kind {
    /// The kind of a file; `None` for what is passed over.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_lowercase();
        match ending.as_str() {
            "mid" | "midi" => Some(Self::Midi),
            "npy" => Some(Self::Array),
            _ => None,
        }
    }
}

/// A genre's files.
#[derive(Debug, Default)]
pub struct Found {
    /// By split, in a stable order.
    pub splits: [Vec<PathBuf>; 3],
    /// Folders inside that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Files that were not taken.
    pub passed_over: usize,
    /// No folder `train` was inside one of the folders: its files were divided at random.
    pub plain: bool,
}

/// Shares of the files of a plain folder that are held back.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// For choosing.
    pub valid: f64,
    /// For the published figures.
    pub test: f64,
    /// Seed of the draw.
    pub seed: u64,
}

/// The MIDI files and arrays in `folders`: in `train`, `valid` and `test` inside each, or divided by `shares`
/// where there is no folder `train`. The plain folders are divided together: each held-back split gets at
/// least one file of theirs, and about a third at most; files of one `group` stay together. Only files that
/// `takes` says yes to (with the split, where the folder says it) are there.
///
/// # Errors
/// When a folder cannot be read at all.
pub fn find(
    folders: &[PathBuf],
    shares: Shares,
    group: impl Fn(&Path) -> String,
    takes: impl Fn(&Path, Option<Split>) -> bool,
) -> Result<Found> {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for folder in folders {
        let inside = Split::ALL.map(|split| folder.join(split.name()));
        let plain = !inside[0].is_dir();
        found.plain |= plain;
        let places: Vec<(Option<Split>, &Path)> = if plain {
            vec![(None, folder)]
        } else {
            let splits = Split::ALL.into_iter().map(Some).zip(inside.iter().map(PathBuf::as_path));
            splits.filter(|(_, folder)| folder.is_dir()).collect()
        };
        for (split, place) in places {
            let mut files = Vec::new();
            collect(place, &mut files, &mut found.unreadable, &mut seen)?;
            found.passed_over += files.len();
            files.retain(|path| takes(path, split));
            found.passed_over -= files.len();
            files.sort_by_cached_key(|path| order(path));
            split.map_or(&mut all, |split| &mut found.splits[split as usize]).extend(files);
        }
    }
    let held = |share: f64| ((share * all.len() as f64).ceil() as usize).min(all.len() / 3);
    let (valid, test) = (held(shares.valid), held(shares.test));
    let mut groups = grouped(all, group);
    groups.shuffle(&mut random::stream(shares.seed, 0));
    let [test, valid] = [test, valid].map(|wanted| {
        let (mut start, mut count) = (groups.len(), 0);
        while count < wanted && start > 1 {
            start -= 1;
            count += groups[start].len();
        }
        groups.split_off(start).concat()
    });
    for (split, files) in found.splits.iter_mut().zip([groups.concat(), valid, test]) {
        split.extend(files);
    }
    Ok(found)
}

/// The files by group, groups in the order of their first file.
fn grouped(files: Vec<PathBuf>, group: impl Fn(&Path) -> String) -> Vec<Vec<PathBuf>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Vec<PathBuf>> = Vec::new();
    for file in files {
        let place = *places.entry(group(&file)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(file);
    }
    groups
}

/// All files under `folder`. A folder inside that cannot be read is noted, and the rest goes on.
fn collect(
    folder: &Path,
    files: &mut Vec<PathBuf>,
    unreadable: &mut Vec<(PathBuf, String)>,
    seen: &mut HashSet<PathBuf>,
) -> Result<()> {
    // Links may lead in circles.
    if !folder.canonicalize().is_ok_and(|folder| seen.insert(folder)) {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "{}: the folder cannot be read; check that it is there and that you may read it",
            folder.display()
        )
    })?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if let Err(error) = collect(&path, files, unreadable, seen) {
                unreadable.push((path, format!("{error:#}")));
            }
        } else if Kind::of(&path).is_some() {
            files.push(path);
        }
    }
    Ok(())
}

/// What files are sorted by: their path, but arrays by the number at their name's end, as the papers number
/// phrases.
fn order(path: &Path) -> (PathBuf, u64, PathBuf) {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let text = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    match stem[text.len()..].parse() {
        Ok(number) if Kind::of(path) == Some(Kind::Array) => (path.with_file_name(text), number, path.into()),
        _ => (path.into(), 0, path.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_sorted_by_number_and_songs_by_name() {
        let mut paths = ["b_10.npy", "b_9.npy", "a_2.npy", "c10.mid", "c9.mid"].map(PathBuf::from);
        paths.sort_by_cached_key(|path| order(path));
        assert_eq!(paths, ["a_2.npy", "b_9.npy", "b_10.npy", "c10.mid", "c9.mid"].map(PathBuf::from));
    }
}
