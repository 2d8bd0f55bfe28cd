//! Folders of MIDI files -> a dataset, with a report of what was kept, what was dropped and why.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use model::Source;
use phrase::{CutOptions, CutReport, LOWEST, Roll, Song, cut, density, polyphony};
use rand::seq::SliceRandom;
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, GenreInfo, Info, Item, Split};
use crate::provenance::Provenance;
use crate::random;

/// Where a preset of cutting rules starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rules {
    /// This project's: nearest 16th, 4/4, no drums, at least 8 onsets and no empty bar a phrase.
    Training,
    /// The 2018 paper's published code.
    Papers,
}

/// What is prepared and how.
#[derive(Clone, Debug, clap::Args)]
pub struct PrepareOptions {
    /// One folder a genre, named as the genre, in slot order: with folders train, valid and test inside, or plain (then
    /// songs are split at random, 80 : 10 : 10).
    #[arg(required = true)]
    pub folders: Vec<PathBuf>,
    /// Preset of the cutting rules.
    #[arg(long, value_enum, default_value = "training")]
    pub rules: Rules,
    /// Changes one rule, as `name=value`: for example `hop_bars=2`, `grid="floor"`, `leave_out=["COMP"]`.
    #[arg(long = "rule")]
    pub changes: Vec<String>,
    /// Values of `commercial_use` in a provenance.csv whose files may be used.
    #[arg(long, value_delimiter = ',', default_value = "yes,unclear")]
    pub licence_allow: Vec<String>,
    /// Seed of the split of plain folders.
    #[arg(long, default_value_t = 1)]
    pub split_seed: u64,
}

/// Reads, cuts and collects; the text is the report.
pub fn prepare(options: &PrepareOptions) -> Result<(Dataset, String)> {
    let rules = cut_options(options)?;
    let mut data = Dataset {
        info: Info { genres: Vec::new(), options: serde_json::to_value(&rules)? },
        items: Vec::new(),
    };
    let mut report = String::new();
    for folder in &options.folders {
        let (info, items, text) = genre(folder, &rules, options)?;
        ensure!(
            data.info.genres.iter().all(|g| g.name != info.name),
            "two folders are called {}; a genre needs a name of its own",
            info.name
        );
        ensure!(
            !items[Split::Train as usize].is_empty(),
            "{}: no phrase was left to train on; see the rules in `prepare --help`\n{text}",
            folder.display()
        );
        report += &text;
        data.info.genres.push(info);
        data.items.push(items);
    }
    Ok((data, report))
}

fn cut_options(options: &PrepareOptions) -> Result<CutOptions> {
    let preset = match options.rules {
        Rules::Training => CutOptions::training(),
        Rules::Papers => CutOptions::papers(),
    };
    let mut rules = serde_json::to_value(preset)?;
    for change in &options.changes {
        let (name, value) =
            change.split_once('=').with_context(|| format!("--rule {change}: write it as name=value"))?;
        let slot = rules.get(name).is_some();
        ensure!(slot, "--rule {change}: there is no such rule; there are: {}", names(&rules));
        rules[name] = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    }
    serde_json::from_value(rules).context("--rule: a value does not fit its rule")
}

fn names(rules: &serde_json::Value) -> String {
    rules.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

/// One genre's folder.
fn genre(
    folder: &Path,
    rules: &CutOptions,
    options: &PrepareOptions,
) -> Result<(GenreInfo, [Vec<Item>; 3], String)> {
    let shown = folder.display();
    ensure!(folder.is_dir(), "{shown}: this is no folder; give a folder of MIDI files for each genre");
    let name =
        folder.canonicalize()?.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let provenance = Provenance::governing(folder)?;
    let mut sources: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut items: [Vec<Item>; 3] = Default::default();
    let (mut total, mut seen) = (CutReport::default(), HashSet::new());
    let (mut unreadable, mut forbidden, mut twice) = (Vec::new(), 0, 0);
    let mut song_id = 0;
    for (split, files) in Split::ALL.into_iter().zip(files(folder, options.split_seed)?) {
        for file in files {
            let row = provenance.of(&file);
            if !row.is_none_or(|row| options.licence_allow.contains(&row.commercial_use)) {
                forbidden += 1;
                continue;
            }
            let song = match Song::read(&file) {
                Ok(song) => song,
                Err(error) => {
                    unreadable.push(error.to_string());
                    continue;
                }
            };
            if !seen.insert(Sha256::digest(std::fs::read(&file)?)) {
                twice += 1;
                continue;
            }
            let cut = cut(&song, rules);
            total += cut.report;
            if !cut.rolls.is_empty() {
                let (source, licence) = row.map_or(("own files".into(), "not stated".into()), |r| {
                    (r.source.clone(), r.licence.clone())
                });
                // Only what trains is named as training data.
                *sources.entry((source, licence)).or_default() += usize::from(split == Split::Train);
            }
            items[split as usize].extend(cut.rolls.into_iter().map(|roll| Item { roll, song: song_id }));
            song_id += 1;
        }
    }
    if song_id == 0 {
        bail!(
            "{shown}: no MIDI file could be used ({forbidden} excluded by licence, {} unreadable); put .mid files there",
            unreadable.len()
        );
    }
    let sources: Vec<Source> = sources
        .into_iter()
        .filter(|(_, files)| *files > 0)
        .map(|((source, licence), files)| Source { genre: name.clone(), source, licence, files })
        .collect();
    let mut counts: BTreeMap<String, u64> = serde_json::from_value(serde_json::to_value(total)?)?;
    counts.insert("excluded_by_licence".into(), forbidden);
    counts.insert("unreadable".into(), unreadable.len() as u64);
    counts.insert("duplicates".into(), twice);
    let text = describe(&name, &counts, &items, &unreadable);
    Ok((GenreInfo { name, sources, counts }, items, text))
}

/// The MIDI files of a genre by split, in a stable order.
fn files(folder: &Path, seed: u64) -> Result<[Vec<PathBuf>; 3]> {
    let inside = Split::ALL.map(|split| folder.join(split.name()));
    if inside[0].is_dir() {
        let mut all: [Vec<PathBuf>; 3] = Default::default();
        for (files, folder) in all.iter_mut().zip(&inside).filter(|(_, folder)| folder.is_dir()) {
            collect(folder, files)?;
            files.sort();
        }
        return Ok(all);
    }
    let mut all = Vec::new();
    collect(folder, &mut all)?;
    all.sort();
    all.shuffle(&mut random::stream(seed, 0));
    let held = all.len().div_ceil(10).min(all.len() / 3);
    let test = all.split_off(all.len() - held);
    let valid = all.split_off(all.len() - held);
    Ok([all, valid, test])
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "{}: the folder cannot be read; check that it is there and that you may read it",
            folder.display()
        )
    })?;
    for entry in entries {
        let path = entry?.path();
        let midi =
            path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mid") || e.eq_ignore_ascii_case("midi"));
        if path.is_dir() {
            collect(&path, files)?;
        } else if midi {
            files.push(path);
        }
    }
    Ok(())
}

/// What a person wants to know of a genre.
fn describe(
    name: &str,
    counts: &BTreeMap<String, u64>,
    items: &[Vec<Item>; 3],
    unreadable: &[String],
) -> String {
    let rolls: Vec<&Roll> = items.iter().flatten().map(|item| &item.roll).collect();
    let mean =
        |f: &dyn Fn(&Roll) -> f64| rolls.iter().map(|roll| f(roll)).sum::<f64>() / rolls.len().max(1) as f64;
    let used = rolls.iter().flat_map(|roll| roll.sounding).fold(0, |all, step| all | step);
    let mut text = format!("{name}\n");
    for (split, items) in Split::ALL.into_iter().zip(items) {
        let songs: HashSet<u32> = items.iter().map(|item| item.song).collect();
        text += &format!("  {:<6} {:>6} phrases of {:>4} songs\n", split.name(), items.len(), songs.len());
    }
    if used != 0 {
        let (low, high) =
            (used.trailing_zeros() + u32::from(LOWEST), 127 - used.leading_zeros() + u32::from(LOWEST));
        text += &format!("  pitches {low} to {high}, ");
    }
    text += &format!(
        "{:.1} onsets a phrase, {:.2} % of cells sound, {:.2} notes at once\n",
        mean(&|r| f64::from(r.onsets())),
        100.0 * mean(&|r| f64::from(density(r))),
        mean(&|r| f64::from(polyphony(r)))
    );
    let mut classes = [0u64; 12];
    for roll in &rolls {
        for row in 0..phrase::PITCHES {
            classes[(row + usize::from(LOWEST)) % 12] +=
                u64::from(Roll::column(&roll.onset, row).count_ones());
        }
    }
    let sum = classes.iter().sum::<u64>().max(1);
    let names = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
    let shares: Vec<_> = names
        .iter()
        .zip(classes)
        .map(|(name, n)| format!("{name} {:.0}", 100.0 * n as f64 / sum as f64))
        .collect();
    text += &format!("  onsets by pitch class in %: {}\n", shares.join(", "));
    let dropped: Vec<_> = counts
        .iter()
        .filter(|(name, n)| **n > 0 && !["songs", "notes", "kept", "phrases"].contains(&name.as_str()))
        .map(|(name, n)| format!("{name} {n}"))
        .collect();
    text += &format!(
        "  of {} songs and {} phrases kept {}; dropped or counted: {}\n",
        counts["songs"],
        counts["phrases"],
        counts["kept"],
        dropped.join(", ")
    );
    for error in unreadable.iter().take(5) {
        text += &format!("  left out: {error}\n");
    }
    text
}
