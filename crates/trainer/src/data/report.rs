//! What `prepare` did, for a person (its `Display`) and for a program (JSON).

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use anyhow::Result;
use phrase::{LOWEST, PITCHES, Roll, density, polyphony};
use serde::Serialize;
use serde_json::Value;

use super::dataset::{Dataset, Item, Split, write_whole};
use super::genre::Account;
use super::identical::Identical;

/// Pitch classes from C.
const CLASSES: [&str; 12] = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
/// Files that the text names of a kind; the JSON has all.
const NAMED: usize = 10;

/// The music of one split of a genre, as it is in the dataset. Means are over phrases.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Music {
    /// Songs (or arrays) that phrases are from.
    pub songs: usize,
    /// What these are versions of: tunes, works.
    pub works: usize,
    /// Phrases.
    pub phrases: usize,
    /// Notes that start in a phrase.
    pub onsets: f64,
    /// Share of the cells that sound, 0..=1.
    pub density: f64,
    /// Pitches at once, over the steps on which any sounds.
    pub polyphony: f64,
    /// Lowest and highest MIDI pitch.
    pub range: Option<(u8, u8)>,
    /// Share of the onsets by pitch class, C first; they sum up to 1.
    pub pitch_classes: [f64; 12],
}

impl Music {
    /// Measures phrases of `works` works.
    pub fn of(items: &[Item], works: usize) -> Self {
        let mean = |f: &dyn Fn(&Roll) -> f64| {
            items.iter().fold(0.0, |sum, item| sum + f(&item.roll)) / items.len().max(1) as f64
        };
        let used = items.iter().flat_map(|item| item.roll.sounding).fold(0, |all, step| all | step);
        let mut classes = [0u64; 12];
        for item in items {
            for row in 0..PITCHES {
                classes[(row + usize::from(LOWEST)) % 12] +=
                    u64::from(Roll::column(&item.roll.onset, row).count_ones());
            }
        }
        let sum = classes.iter().sum::<u64>().max(1) as f64;
        Self {
            songs: items.iter().map(|item| item.song).collect::<HashSet<_>>().len(),
            works,
            phrases: items.len(),
            onsets: mean(&|roll| f64::from(roll.onsets())),
            density: mean(&|roll| f64::from(density(roll))),
            polyphony: mean(&|roll| f64::from(polyphony(roll))),
            range: (used != 0)
                .then(|| (LOWEST + used.trailing_zeros() as u8, LOWEST + 127 - used.leading_zeros() as u8)),
            pitch_classes: classes.map(|count| count as f64 / sum),
        }
    }
}

/// A genre in the report.
#[derive(Clone, Debug, Serialize)]
pub struct GenreReport {
    /// What became of its files.
    pub account: Account,
    /// Phrases left out because another split has them too (with `--drop-leaks`).
    pub leaks_dropped: u64,
    /// Phrases left out to balance the genres (with `--balance`).
    pub balanced_away: u64,
    /// Its music by split: train, valid, test.
    pub music: [Music; 3],
}

/// What was found, kept and dropped.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The rules, as the dataset has them.
    pub options: Value,
    /// The genres, in slot order.
    pub genres: Vec<GenreReport>,
    /// Phrases that are in the dataset more than once.
    pub identical: Identical,
}

impl Report {
    /// The report on a dataset that was made of these.
    pub fn new(data: &Dataset, accounts: Vec<Account>, leaks: &[u64], balanced: &[u64]) -> Self {
        let genres = accounts.into_iter().enumerate().map(|(genre, account)| GenreReport {
            account,
            leaks_dropped: leaks[genre],
            balanced_away: balanced[genre],
            music: Split::ALL
                .map(|split| Music::of(data.split(genre, split), data.groups(genre, split).len())),
        });
        Self {
            options: data.info.options.clone(),
            genres: genres.collect(),
            identical: Identical::find(data),
        }
    }

    /// Writes the report: as JSON where the file's name ends in `.json`, otherwise as the terminal has it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let text = if json { serde_json::to_string_pretty(self)? + "\n" } else { self.to_string() };
        write_whole(path, text.as_bytes())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.genres.iter().try_for_each(|genre| genre.fmt(f))?;
        self.write_identical(f)
    }
}

impl Report {
    fn write_identical(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "identical phrases (the same sounding cells)")?;
        for (genre, within) in self.genres.iter().zip(&self.identical.within) {
            let [train, valid, test] = within;
            let name = &genre.account.name;
            writeln!(f, "  {name}: repeated in train {train}, valid {valid}, test {test}")?;
        }
        for shared in &self.identical.across {
            let [a, b] = shared
                .places
                .map(|place| format!("{} {}", self.genres[place.genre].account.name, place.split.name()));
            writeln!(f, "  {} in both {a} and {b}", shared.phrases)?;
        }
        let leak = |split: [Split; 2]| split[0] != split[1];
        if self.identical.across.iter().any(|shared| leak(shared.places.map(|place| place.split))) {
            writeln!(f, "  what splits share is measured after it was learned; --drop-leaks leaves it out")?;
        }
        Ok(())
    }
}

impl fmt::Display for GenreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account { name, midi, arrays, .. } = &self.account;
        writeln!(f, "{name} ({})", self.account.place())?;
        writeln!(f, "  files     {midi} MIDI, {arrays} arrays{}", self.dropped_files())?;
        let straight = &self.account.straight;
        if straight.notes > 0 {
            let [before, after] = straight.on_grid.map(|notes| 100.0 * notes as f64 / straight.notes as f64);
            writeln!(
                f,
                "  swing     {} of {} phrases and {} beats in triplets made straight; notes on the 16ths: \
                 {before:.1} % before, {after:.1} % after",
                straight.swung, straight.phrases, straight.ternary
            )?;
        }
        let cut = &self.account.cutting;
        let songs = reasons(&[
            (cut.late_signature, "first signature late"),
            (cut.several_signatures, "several signatures"),
            (cut.other_signature, "not in 4/4"),
            (cut.unknown_signature, "no signature"),
            (cut.too_many_tracks, "too many tracks"),
        ]);
        writeln!(f, "  songs     {} read, {} cut; refused: {songs}", cut.songs, cut.songs - cut.refused())?;
        let left_out = reasons(&[
            (cut.left_out_tracks, "tracks by name"),
            (cut.drum_notes, "drum notes"),
            (cut.other_sections, "sections not in 4/4"),
            (cut.out_of_sections, "notes outside the bars"),
            (cut.out_of_range, "notes outside MIDI 24..107"),
        ]);
        writeln!(f, "  inside    {} notes; left out: {left_out}", cut.notes)?;
        let phrases = reasons(&[
            (cut.tail, "song ends before"),
            (cut.multiple_of_four, "rest of four"),
            (cut.few_cells, "too few cells"),
            (cut.few_onsets, "too few onsets"),
            (cut.empty_bar, "an empty bar"),
        ]);
        writeln!(f, "  phrases   {} begun, {} kept; dropped: {phrases}", cut.phrases, cut.kept)?;
        let after = [
            (self.account.transposed, "added in other keys and octaves"),
            (self.leaks_dropped, "dropped, as another split has them"),
            (self.balanced_away, "dropped for balance"),
        ];
        if after.iter().any(|(count, _)| *count > 0) {
            writeln!(f, "            then {}", reasons(&after))?;
        }
        if !self.account.keys.is_empty() {
            let keys = self.account.keys.iter().map(|(key, songs)| format!("{key} {songs}"));
            writeln!(f, "  keys      songs as found: {}", keys.collect::<Vec<_>>().join(", "))?;
        }
        self.write_music(f)?;
        self.write_files(f)
    }
}

impl GenreReport {
    fn dropped_files(&self) -> String {
        let account = &self.account;
        let licences =
            account.licences.iter().map(|(value, files)| format!("commercial use {value}: {files}"));
        let licences = licences.collect::<Vec<_>>().join(", ");
        let mut text = String::new();
        if !licences.is_empty() {
            text += &format!("; excluded by licence ({licences})");
        }
        for (count, what) in [
            (account.unreadable.len(), "unreadable"),
            (account.copies.len(), "copies of another file, passed over"),
            (account.elsewhere.len(), "also in another genre, kept"),
        ] {
            if count > 0 {
                text += &format!("; {count} {what}");
            }
        }
        if account.divided && account.arrays > 0 {
            text += "; divided at random by file, so that phrases of one song may lie in two splits";
        }
        text
    }

    fn write_music(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "             songs   works  phrases   onsets  density  voices    range")?;
        for (split, music) in Split::ALL.into_iter().zip(&self.music) {
            let Music { songs, works, phrases, onsets, density, polyphony, range, .. } = music;
            let range = range.map_or(String::new(), |(low, high)| format!("{low}-{high}"));
            writeln!(
                f,
                "    {:<6} {songs:>7} {works:>7} {phrases:>8} {onsets:>8.1} {:>7.2}% {polyphony:>7.2} \
                 {range:>8}",
                split.name(),
                100.0 * density
            )?;
        }
        writeln!(f, "    onsets by pitch class in train")?;
        let classes = &self.music[0].pitch_classes;
        let most = classes.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (name, share) in CLASSES.iter().zip(classes) {
            let bar = "#".repeat((30.0 * share / most).round() as usize);
            writeln!(f, "    {name:<3} {:>5.1}% {bar}", 100.0 * share)?;
        }
        Ok(())
    }

    fn write_files(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = &self.account;
        for fault in account.unreadable.iter().take(NAMED) {
            writeln!(f, "  left out: {}", fault.reason)?;
        }
        for (file, earlier) in account.copies.iter().take(NAMED) {
            writeln!(f, "  {} is a copy of {}", file.display(), earlier.display())?;
        }
        for (file, other) in account.elsewhere.iter().take(NAMED) {
            writeln!(f, "  {} is also {}", file.display(), other.display())?;
        }
        let unnamed = [account.unreadable.len(), account.copies.len(), account.elsewhere.len()]
            .map(|count| count.saturating_sub(NAMED))
            .iter()
            .sum::<usize>();
        if unnamed > 0 {
            writeln!(f, "  and {unnamed} more; --report FILE.json names them all")?;
        }
        Ok(())
    }
}

/// The counts that are not zero, in words.
fn reasons(counts: &[(u64, &str)]) -> String {
    let there: Vec<_> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if there.is_empty() { "none".into() } else { there.join(", ") }
}
