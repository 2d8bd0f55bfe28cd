//! Licences of training files: a `provenance.csv` beside the genre folders.
//!
//! Columns used: `file` (relative to the CSV's folder), `source`, `licence`, `commercial_use`. Others are ignored.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// One row.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    file: PathBuf,
    /// Where the file comes from.
    pub source: String,
    /// Its licence.
    pub licence: String,
    /// `yes`, `unclear` or `no`.
    pub commercial_use: String,
}

/// All rows by file.
#[derive(Debug, Default)]
pub struct Provenance(HashMap<PathBuf, Row>);

impl Provenance {
    /// Reads the table that governs `folder`: `provenance.csv` in it or in its parent. Without one, nothing is known
    /// of the files and all may be used.
    pub fn governing(folder: &Path) -> Result<Self> {
        let places = [Some(folder), folder.parent()];
        let Some(path) = places.into_iter().flatten().map(|f| f.join("provenance.csv")).find(|f| f.exists())
        else {
            return Ok(Self::default());
        };
        let name = path.display().to_string();
        let unreadable = || {
            format!(
                "{name}: the licence table cannot be read; it needs the columns file, source, licence, commercial_use"
            )
        };
        let base = path.parent().unwrap_or(Path::new("")).canonicalize().with_context(unreadable)?;
        let mut rows = HashMap::new();
        for row in csv::Reader::from_path(&path).with_context(unreadable)?.deserialize() {
            let row: Row = row.with_context(unreadable)?;
            rows.insert(base.join(&row.file), row);
        }
        Ok(Self(rows))
    }

    /// The row of one file, if the table has it.
    pub fn of(&self, file: &Path) -> Option<&Row> {
        self.0.get(&file.canonicalize().ok()?)
    }

    /// True when no table was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
