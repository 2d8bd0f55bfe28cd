//! Licences and groups of training files: a `provenance.csv` beside the genre folders.
//!
//! Columns used: `file` (relative to the CSV's folder), `source`, `licence`, `commercial_use`, `group`
//! (versions of one work, which belong into one split). Others are ignored.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The value of `commercial_use` that is left out unless it is asked for.
const FORBIDDEN: &str = "no";
/// How a file is called whose row is missing or says nothing.
const UNKNOWN: &str = "unknown";

/// One row.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    file: PathBuf,
    /// Where the file comes from.
    #[serde(default)]
    pub source: String,
    /// Its licence.
    #[serde(default)]
    pub licence: String,
    /// `yes`, `unclear` or `no`.
    #[serde(default)]
    pub commercial_use: String,
    /// What it is a version of: a tune, a work.
    #[serde(default)]
    pub group: String,
}

/// All rows by file.
#[derive(Debug, Default)]
pub struct Provenance {
    rows: HashMap<PathBuf, Row>,
    found: bool,
}

impl Provenance {
    /// Reads the table that governs `folder`: `provenance.csv` in it, in its parent or above that (where
    /// `folder` is one split of a genre). Without one, nothing is known
    /// of the files and all may be used.
    ///
    /// # Errors
    /// When there is a table that cannot be read: its licences would be passed over in silence.
    pub fn governing(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.into());
        let mut places = folder.ancestors().take(3).map(|f| f.join("provenance.csv"));
        let Some(path) = places.find(|f| f.exists()) else {
            return Ok(Self::default());
        };
        let name = path.display().to_string();
        let unreadable = || {
            format!(
                "{name}: the licence table cannot be read; it needs the column file, and source, licence, \
                 commercial_use for what is known"
            )
        };
        let base = path.parent().unwrap_or(Path::new("")).canonicalize().with_context(unreadable)?;
        let mut rows = HashMap::new();
        for row in csv::Reader::from_path(&path).with_context(unreadable)?.deserialize() {
            let row: Row = row.with_context(unreadable)?;
            // Part by part: a canonical path of Windows knows no other separator than its own.
            let place = row.file.iter().fold(base.clone(), |path, part| path.join(part));
            rows.insert(place, row);
        }
        Ok(Self { rows, found: true })
    }

    /// The row of one file, if the table has it.
    pub fn of(&self, file: &Path) -> Option<&Row> {
        self.rows.get(&file.canonicalize().ok()?)
    }

    /// What a file is a version of; its own path where nothing is known.
    pub fn group(&self, file: &Path) -> String {
        let known = self.of(file).map(|row| row.group.clone()).filter(|group| !group.is_empty());
        known.unwrap_or_else(|| file.to_string_lossy().into_owned())
    }

    /// Where a file comes from and under which licence, in words.
    pub fn source(&self, file: &Path) -> (String, String) {
        let said = |text: &str, else_: &str| if text.is_empty() { else_.into() } else { text.to_string() };
        self.of(file).map_or(("own files".into(), "not stated".into()), |row| {
            (said(&row.source, "not stated"), said(&row.licence, "not stated"))
        })
    }

    /// Why a file may not be used: its value of `commercial_use`. `None` where it may.
    ///
    /// With an empty `allowed`, all but `no` may be used. Otherwise only these values, where a missing row or
    /// value counts as `unknown`; without any table everything may.
    pub fn refused(&self, file: &Path, allowed: &[String]) -> Option<String> {
        let value = self.of(file).map_or("", |row| row.commercial_use.trim()).to_lowercase();
        let value = if value.is_empty() { UNKNOWN.to_string() } else { value };
        let fine = if allowed.is_empty() {
            value != FORBIDDEN
        } else {
            !self.found || allowed.iter().any(|one| one.trim().eq_ignore_ascii_case(&value))
        };
        (!fine).then_some(value)
    }
}

/// The tables that govern a genre's folders.
#[derive(Debug)]
pub struct Tables(Vec<(PathBuf, Provenance)>);

impl Tables {
    /// Reads the table that governs each folder; see [`Provenance::governing`].
    ///
    /// # Errors
    /// As there.
    pub fn governing(folders: &[PathBuf]) -> Result<Self> {
        let table = |folder: &PathBuf| Ok((folder.clone(), Provenance::governing(folder)?));
        Ok(Self(folders.iter().map(table).collect::<Result<_>>()?))
    }

    /// The table of a file in one of the folders: of the innermost, where one lies in another.
    fn of(&self, file: &Path) -> Option<&Provenance> {
        let holding = self.0.iter().filter(|(folder, _)| file.starts_with(folder));
        holding.max_by_key(|(folder, _)| folder.components().count()).map(|(_, table)| table)
    }

    /// [`Provenance::group`].
    pub fn group(&self, file: &Path) -> String {
        self.of(file).map_or_else(|| file.to_string_lossy().into_owned(), |table| table.group(file))
    }

    /// [`Provenance::source`].
    pub fn source(&self, file: &Path) -> (String, String) {
        self.of(file).map_or_else(|| Provenance::default().source(file), |table| table.source(file))
    }

    /// [`Provenance::refused`].
    pub fn refused(&self, file: &Path, allowed: &[String]) -> Option<String> {
        self.of(file)?.refused(file, allowed)
    }
}
