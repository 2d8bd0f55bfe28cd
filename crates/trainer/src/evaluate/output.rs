//! Where an evaluation goes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Evaluation, files, report};
use crate::dataset::{Dataset, write_whole};

/// What is written besides the table.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OutputOptions {
    /// All figures, of every phrase too, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// A page for people: tables, charts and the rolls of the best, the median and the worst phrases, as one HTML file.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// The run's folder, whose loss curves (losses.svg) the report then shows.
    #[arg(long, value_name = "FOLDER", requires = "report")]
    pub run: Option<PathBuf>,
    /// The papers' ranking of each direction, origin, transfer and cycle of each phrase as MIDI and .npy, and whole songs.
    #[arg(long, value_name = "FOLDER")]
    pub files: Option<PathBuf>,
    /// Rank by the signed difference of probabilities; the papers take the absolute one.
    #[arg(long, requires = "files")]
    pub signed: bool,
}

impl OutputOptions {
    /// Writes what was asked for. `data` is what was evaluated.
    ///
    /// # Errors
    /// When a file cannot be written, or the run's curves cannot be read.
    pub fn write(&self, evaluation: &Evaluation, data: &Dataset) -> Result<()> {
        if let Some(path) = &self.json {
            prepare(path)?;
            write_whole(path, serde_json::to_string_pretty(evaluation)?.as_bytes())?;
        }
        if let Some(path) = &self.report {
            let curves = self.run.as_deref().map(curves).transpose()?;
            prepare(path)?;
            write_whole(path, report::page(evaluation, curves.as_deref()).as_bytes())?;
        }
        if let Some(folder) = &self.files {
            // Windows that overlap are not joined twice.
            let hop = data.info.options["hop_bars"].as_u64().unwrap_or(4).max(1) as usize;
            files::write(evaluation, folder, self.signed, phrase::BARS.div_ceil(hop))?;
        }
        Ok(())
    }
}

/// Makes the folder that `path` lies in.
fn prepare(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder could not be made", folder.display()))
}

/// The loss curves that a run drew.
fn curves(run: &Path) -> Result<String> {
    let path = run.join("losses.svg");
    std::fs::read_to_string(&path).with_context(|| {
        format!("{}: the run's curves cannot be read; give the folder of a run", path.display())
    })
}
