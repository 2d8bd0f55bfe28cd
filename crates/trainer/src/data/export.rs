//! A dataset as the papers' arrays, for their code and its ports.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use phrase::Roll;

use super::dataset::{Dataset, Item, Split};
use super::npy::{write_phrase, write_phrases};

/// What is exported and where.
#[derive(Clone, Debug, clap::Args)]
pub struct ExportNpyOptions {
    /// The dataset that `prepare` made.
    pub dataset: PathBuf,
    /// The folder to write: `<A><B>_<A>/train/<genre>_piano_train_1.npy` and so on for each pair of genres
    /// (bool `[64,84,1]`, a file a phrase), all training phrases in `<A><B><C>_mixed`, and one array a genre
    /// and split, `<genre>_train_piano.npy` (bool `[n,64,84,1]`).
    #[arg(short, long)]
    pub output: PathBuf,
    /// Only the arrays, not a file a phrase.
    #[arg(long)]
    pub arrays_only: bool,
    /// Keeps all phrases of both genres of a pair; by default the larger is cut down to the smaller, as in
    /// the papers.
    #[arg(long)]
    pub unbalanced: bool,
    /// Seed of that cut.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Writes the arrays and returns how many files there are.
///
/// # Errors
/// When the dataset cannot be read or a file not written.
pub fn export_npy(options: &ExportNpyOptions) -> Result<usize> {
    let data = Dataset::read(&options.dataset)?;
    let root = &options.output;
    let names = data.genres();
    let letters = letters(&names);
    let mut files = 0;
    make(root)?;
    // Phrases of an earlier export would be taken for this one's.
    let empty = std::fs::read_dir(root).is_ok_and(|mut inside| inside.next().is_none());
    ensure!(empty, "{}: the folder is not empty; choose another", root.display());
    for (genre, name) in names.iter().enumerate() {
        for split in Split::ALL {
            let items = data.split(genre, split);
            if !items.is_empty() {
                let rolls: Vec<Roll> = items.iter().map(|item| item.roll).collect();
                write_phrases(&root.join(format!("{name}_{}_piano.npy", split.name())), &rolls)?;
                files += 1;
            }
        }
    }
    if options.arrays_only {
        return Ok(files);
    }
    for a in 0..names.len() {
        for b in a + 1..names.len() {
            let pair = data.pair(&names[a], &names[b])?;
            let pair = if options.unbalanced { pair } else { pair.balanced_by(options.seed) };
            for (side, genre) in [a, b].into_iter().enumerate() {
                let folder = root.join(format!("{}_{}", joined(&[&letters[a], &letters[b]]), letters[genre]));
                for split in Split::ALL {
                    let folder = folder.join(split.name());
                    files += phrases(&folder, &names[genre], split, pair.split(side, split))?;
                }
            }
        }
    }
    let mixed = if options.unbalanced { data } else { data.balanced_by(options.seed) };
    let all: Vec<&str> = letters.iter().map(String::as_str).collect();
    let folder = root.join(format!("{}_mixed", joined(&all)));
    for (genre, name) in names.iter().enumerate() {
        files += phrases(&folder, name, Split::Train, mixed.split(genre, Split::Train))?;
    }
    Ok(files)
}

/// One file a phrase, numbered from 1.
fn phrases(folder: &Path, genre: &str, split: Split, items: &[Item]) -> Result<usize> {
    if items.is_empty() {
        return Ok(0);
    }
    make(folder)?;
    for (i, item) in items.iter().enumerate() {
        write_phrase(&folder.join(format!("{genre}_piano_{}_{}.npy", split.name(), i + 1)), &item.roll)?;
    }
    Ok(items.len())
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder could not be made", folder.display()))
}

/// What stands for each genre in the folders' names: its first letter, or its whole name where two share one.
pub(crate) fn letters(names: &[String]) -> Vec<String> {
    let first = |name: &String| name.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let all: Vec<String> = names.iter().map(first).collect();
    let twice = (0..all.len()).any(|i| all[..i].contains(&all[i]));
    if twice { names.to_vec() } else { all }
}

/// Single letters stand together, as in `JC`; names do not.
pub(crate) fn joined(names: &[&str]) -> String {
    names.join(if names.iter().all(|name| name.chars().count() == 1) { "" } else { "-" })
}
