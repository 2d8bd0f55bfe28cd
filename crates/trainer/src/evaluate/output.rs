//! Where an evaluation goes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::report::Told;
use super::{files, layout, report};
use crate::dataset::{Dataset, write_whole};

/// How the files of `--files` are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// `jazz2pop/midi`, `jazz2pop/npy`, `jazz2pop/songs`, and the rankings beside.
    #[default]
    Ours,
    /// As the papers' code: `JP_J2JP_P_<pack>/AtoB/mid`, `npy/origin` and so on, `mid_attach_prob` with the
    /// ranking; repeated notes are fused.
    Papers,
}

/// What is written besides the table.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OutputOptions {
    /// All figures as JSON: of every phrase too, or with --targets those of its table.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// A page for people: tables, charts and the rolls of the best, the median and the worst phrases, of what
    /// the writer goes on with and of what lies around phrases in the space, as one HTML file.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// The run's folder, whose loss curves (losses.svg) the report then shows.
    #[arg(long, value_name = "FOLDER", requires = "report")]
    pub run: Option<PathBuf>,
    /// The papers' ranking of each direction, origin, transfer and cycle of each phrase as MIDI and .npy, and
    /// whole songs.
    #[arg(long, value_name = "FOLDER")]
    pub files: Option<PathBuf>,
    /// The files' folders and names: ours, or those of the papers' code.
    #[arg(long, value_enum, default_value = "ours", requires = "files")]
    pub layout: Layout,
    /// Pictures of what went in and what came out: of each direction the phrases that the
    /// scoring classifier finds transferred best, middling and worst, as PNG.
    #[arg(long, value_name = "FOLDER")]
    pub pictures: Option<PathBuf>,
    /// Rank by the signed difference of probabilities; the papers take the absolute one.
    #[arg(long, requires = "files")]
    pub signed: bool,
}

impl OutputOptions {
    /// Writes the figures, where they were asked for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn json(&self, figures: &impl Serialize) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        prepare(path)?;
        write_whole(path, serde_json::to_string_pretty(figures)?.as_bytes())
    }

    /// Writes what else was asked for of the pack `name`. `data` is what was evaluated.
    ///
    /// # Errors
    /// When a file cannot be written, or the run's curves cannot be read.
    pub fn write(&self, name: &str, told: &Told, data: &Dataset) -> Result<()> {
        if let Some(path) = &self.report {
            let curves = self.run.as_deref().map(curves).transpose()?;
            prepare(path)?;
            write_whole(path, report::page(name, told, curves.as_deref()).as_bytes())?;
        }
        let Some(evaluation) = told.transfer else { return Ok(()) };
        if let Some(folder) = &self.pictures {
            files::pictures(evaluation, folder)?;
        }
        if let Some(folder) = &self.files {
            // Windows that overlap are not joined twice.
            let hop = data.info.options["hop_bars"].as_u64().unwrap_or(4).max(1) as usize;
            match self.layout {
                Layout::Ours => files::write(evaluation, folder, self.signed, phrase::BARS.div_ceil(hop))?,
                Layout::Papers => layout::write(evaluation, folder, self.signed)?,
            }
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
