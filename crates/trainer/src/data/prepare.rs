//! Folders of MIDI files or arrays -> a dataset, with a report of what was kept, what was dropped and why.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::dataset::{Dataset, Info, Split};
use super::files::Shares;
use super::genre::{self, Met, Reading};
use super::identical::drop_leaks;
use super::part::Part;
use super::report::Report;
pub use super::rules::{RuleFlags, Rules};
use super::transpose::Transposition;

/// What is prepared and how.
#[derive(Clone, Debug, clap::Args)]
pub struct PrepareOptions {
    /// One folder a genre, in slot order, named as its folder or as NAME=FOLDER says;
    /// NAME=FOLDER+FOLDER+FOLDER takes several for one genre. Inside: folders train, valid and test, or just
    /// files, which are then split at random by song. MIDI files are cut; .npy arrays of phrases (the papers'
    /// `[64,84,1]` or `[n,64,84,1]`, bool, uint8 or float) are taken as they are.
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// Preset of the cutting rules.
    #[arg(long, value_enum, default_value = "training")]
    pub rules: Rules,
    /// Single rules.
    #[command(flatten)]
    pub flags: RuleFlags,
    /// Keys and octaves.
    #[command(flatten)]
    pub transposition: Transposition,
    /// Makes swung songs straight before they are cut, four bars at a time, so that their off-beats land on
    /// their own 16ths; straight songs stay as they are. On with the training rules, off with the papers'.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        help_heading = "Songs and phrases")]
    pub straighten: Option<bool>,
    /// Damages every phrase as playing does, before it is made straight and cut, each by a draw of its own
    /// from this seed: hands and tracks left out, other tempos and keys, pedalled and clipped notes, swing,
    /// loose timing, soft notes lost. A pack is measured on such a dataset beside the clean one.
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        help_heading = "Songs and phrases")]
    pub as_played: Option<u64>,
    /// Cuts every genre down to the smallest, split by split. With the papers' rules a pair's larger genre is
    /// cut if nothing is said (`train-pair` and `export-npy` cut the pairs of three); with the training rules
    /// none, as training draws the genres in equal shares anyway.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        help_heading = "Songs and phrases")]
    pub balance: Option<bool>,
    /// Leaves out of valid and test what is also in train (or, for test, in valid), cell for cell, in any
    /// genre.
    #[arg(long, help_heading = "Songs and phrases")]
    pub drop_leaks: bool,
    /// Takes only one of N parts of a genre's songs, as GENRE=K/N, or of one split of them, as
    /// GENRE/valid=K/N. Files of one `group` in a provenance.csv are in one part, which depends on the
    /// group's name alone: parts 1/2 and 2/2 never share a song, in any folder. Can be repeated.
    #[arg(long = "part", value_name = "GENRE=K/N", help_heading = "Songs and phrases")]
    pub parts: Vec<Part>,
    /// Values of `commercial_use` in a provenance.csv (columns file, source, licence, commercial_use; in the
    /// folder or beside it) whose files may be used; `unknown` stands for files without a value. By default
    /// all but `no`.
    #[arg(long, value_delimiter = ',', value_name = "VALUES", help_heading = "Songs and phrases")]
    pub licence_allow: Vec<String>,
    /// Share of a plain folder's songs that are held back for choosing. [training: 0.1; papers: 0]
    #[arg(long, value_parser = share, help_heading = "Songs and phrases")]
    pub valid_share: Option<f64>,
    /// Share of a plain folder's songs that are held back for the published figures. Papers: 0.1.
    #[arg(long, default_value_t = 0.1, value_parser = share, help_heading = "Songs and phrases")]
    pub test_share: f64,
    /// Seed of the split of plain folders, and of balancing.
    #[arg(long, default_value_t = 1, help_heading = "Songs and phrases")]
    pub split_seed: u64,
}

impl PrepareOptions {
    /// These folders with all defaults.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self {
            folders,
            rules: Rules::Training,
            flags: RuleFlags::default(),
            transposition: Transposition::default(),
            straighten: None,
            as_played: None,
            balance: None,
            drop_leaks: false,
            parts: Vec::new(),
            licence_allow: Vec::new(),
            valid_share: None,
            test_share: 0.1,
            split_seed: 1,
        }
    }
}

/// A share of what is split: two of them leave a third and more.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().map_err(|_| format!("{text} is no number"))?;
    if (0.0..=1.0 / 3.0).contains(&share) {
        Ok(share)
    } else {
        Err(format!("{text} is not between 0 and 1/3"))
    }
}

/// Reads, cuts and collects. Files that cannot be read are named in the report, and the rest goes on.
///
/// # Errors
/// When a folder cannot be read or holds nothing to train on, two genres have one name, or a rule cannot be
/// understood.
pub fn prepare(options: &PrepareOptions) -> Result<(Dataset, Report)> {
    let rules = options.flags.applied(options.rules)?;
    let ours = options.rules == Rules::Training;
    let straighten = options.straighten.unwrap_or(ours);
    let balance = options.balance.unwrap_or(!ours && options.folders.len() == 2);
    let valid = options.valid_share.unwrap_or(if ours { 0.1 } else { 0.0 });
    let mut chosen = serde_json::to_value(&rules)?;
    chosen["straighten"] = json!(straighten);
    if let Some(seed) = options.as_played {
        chosen["as_played"] = json!(seed);
    }
    let Transposition { key, octave, by_tonic, copies, octave_copies } = options.transposition;
    if by_tonic {
        chosen["by_tonic"] = json!(true);
    }
    for (name, value) in [
        ("key", json!(key)),
        ("octave", json!(octave)),
        ("copies", json!(copies)),
        ("octave_copies", json!(octave_copies)),
        ("balance", json!(balance)),
        ("drop_leaks", json!(options.drop_leaks)),
    ] {
        chosen[name] = value;
    }
    if !options.parts.is_empty() {
        chosen["parts"] = options.parts.iter().map(Part::to_string).collect();
    }
    let reading = Reading {
        rules: &rules,
        straighten,
        as_played: options.as_played,
        transposition: &options.transposition,
        licence_allow: &options.licence_allow,
        parts: &options.parts,
        shares: Shares { valid, test: options.test_share, seed: options.split_seed },
    };
    let mut data = Dataset::of_rolls(Info { genres: Vec::new(), options: chosen }, Vec::new());
    let mut accounts = Vec::new();
    let mut met = Met::new();
    for argument in &options.folders {
        let (name, folders) = named(argument)?;
        ensure!(
            data.info.genres.iter().all(|genre| genre.name != name),
            "two folders are called {name}; a genre needs a name of its own: write NAME=FOLDER, or \
             NAME=FOLDER+FOLDER for both"
        );
        let genre = genre::read(&name, &folders, &reading, &mut met)?;
        data.info.genres.push(genre.info);
        data.items.push(genre.items);
        data.songs.push(Arc::new(genre.songs));
        accounts.push(genre.account);
    }
    let leaks = if options.drop_leaks { drop_leaks(&mut data) } else { vec![0; data.items.len()] };
    let phrases = |data: &Dataset| -> Vec<u64> {
        data.items.iter().map(|splits| splits.iter().map(Vec::len).sum::<usize>() as u64).collect()
    };
    let before = phrases(&data);
    if balance {
        data = data.balanced_by(options.split_seed);
    }
    let away: Vec<u64> = before.iter().zip(phrases(&data)).map(|(before, after)| before - after).collect();
    for (info, (&leaks, &away)) in data.info.genres.iter_mut().zip(leaks.iter().zip(&away)) {
        info.counts.insert("leaks_dropped".into(), leaks);
        info.counts.insert("balanced_away".into(), away);
    }
    let report = Report::new(&data, accounts, &leaks, &away);
    for (genre, part) in report.genres.iter().enumerate() {
        ensure!(
            !data.split(genre, Split::Train).is_empty(),
            "{}: no phrase was left to train on; see the rules in `prepare --help`\n{part}",
            part.account.place()
        );
    }
    Ok((data, report))
}

/// A genre's name and folders: NAME=FOLDER, NAME=FOLDER+FOLDER, or a folder that is named as the genre.
fn named(argument: &Path) -> Result<(String, Vec<PathBuf>)> {
    let text = argument.to_string_lossy();
    if let Some((name, folders)) = text.split_once('=')
        && !argument.exists()
        && !name.contains(std::path::MAIN_SEPARATOR)
    {
        ensure!(!name.is_empty(), "{text}: the genre's name is missing before the =");
        return Ok((name.to_string(), joined(folders)));
    }
    let several = joined(&text).len() > 1 && !argument.exists();
    ensure!(!several, "{text}: several folders need a name for their genre; write NAME={text}");
    let whole = argument.canonicalize().with_context(|| {
        format!("{text}: this is no folder; give a folder of MIDI files or arrays for each genre")
    })?;
    Ok((
        whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        vec![argument.into()],
    ))
}

/// The folders that are joined by +. A folder that has one in its own name is one.
fn joined(text: &str) -> Vec<PathBuf> {
    if Path::new(text).exists() {
        return vec![text.into()];
    }
    text.split('+').map(PathBuf::from).collect()
}
