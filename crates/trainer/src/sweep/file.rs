//! The sweep file: options, and a grid of others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer};

/// More runs than this are a slip of the pen.
const MOST: usize = 10_000;

/// A value of an option, passed on to the command line unread.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// `true`: `--key`; `false`: `--key=false`.
    Switch(bool),
    /// `--key=3`.
    Whole(i64),
    /// `--key=0.1`.
    Real(f64),
    /// `--key=jazz,pop`.
    Text(String),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(x) => x.fmt(f),
            Self::Whole(x) => x.fmt(f),
            Self::Real(x) => x.fmt(f),
            Self::Text(x) => x.fmt(f),
        }
    }
}

/// Options by name, without the dashes.
pub type Settings = BTreeMap<String, Setting>;

/// Options of which every combination is a run.
pub type Grid = BTreeMap<String, Vec<Setting>>;

/// One grid, or several one after another.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a grid is a table of lists: [grid], or several: [[grid]]")]
enum Grids {
    One(Grid),
    Several(Vec<Grid>),
}

fn grids<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Grid>, D::Error> {
    Ok(match Grids::deserialize(from)? {
        Grids::One(grid) => vec![grid],
        Grids::Several(grids) => grids,
    })
}

/// A sweep as its TOML or JSON file says. Paths are relative to the folder in which the command runs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// The dataset that `prepare` made.
    pub dataset: PathBuf,
    /// Where the runs' folders lie.
    pub folder: PathBuf,
    /// The command that trains: `train-pair`, `train`, `train-resnet`.
    #[serde(default = "train_pair")]
    pub command: String,
    /// Its options in every run.
    #[serde(default)]
    pub options: Settings,
    /// Its options that differ, as `[grid]` or, for what is no whole grid, as several `[[grid]]`.
    #[serde(deserialize_with = "grids")]
    pub grid: Vec<Grid>,
    /// After how many epochs the summary has the losses: the papers' table is "after 20".
    #[serde(default = "twenty")]
    pub epochs: u64,
    /// Options of `export`.
    #[serde(default)]
    pub export: Settings,
    /// Options of `evaluate`.
    #[serde(default)]
    pub evaluate: Settings,
}

fn twenty() -> u64 {
    20
}

fn train_pair() -> String {
    "train-pair".to_string()
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its place, counted through all grids: keys in alphabetical order, the last one's values varying
    /// fastest.
    pub index: usize,
    /// Its folder's name, `key-value_key-value`: the same however the file is ordered.
    pub name: String,
    /// Its values on the grid.
    pub place: Settings,
}

impl SweepFile {
    /// Reads a file: JSON where its name ends in `.json`, else TOML.
    ///
    /// # Errors
    /// Where it cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{name}: the sweep file could not be read"))?;
        let json = path.extension().is_some_and(|extension| extension == "json");
        let read = match json {
            true => serde_json::from_str(&text).map_err(anyhow::Error::from),
            false => toml::from_str(&text).map_err(anyhow::Error::from),
        };
        let file: Self =
            read.with_context(|| format!("{name}: this is no sweep file; see examples/sweep-papers.toml"))?;
        file.points().with_context(|| format!("{name}: the grid makes no runs"))?;
        Ok(file)
    }

    /// All runs, in order of their index.
    ///
    /// # Errors
    /// Where there are none, far too many, or two of one name.
    pub fn points(&self) -> Result<Vec<Point>> {
        let runs = |grid: &Grid| grid.values().map(Vec::len).fold(1, usize::saturating_mul);
        let sizes: Vec<usize> = self.grid.iter().map(runs).collect();
        let total = sizes.iter().copied().fold(0, usize::saturating_add);
        let any = !sizes.is_empty() && !sizes.contains(&0);
        ensure!(any, "there is no grid, or a key of one has no values");
        ensure!(total <= MOST, "{total} runs are more than the {MOST} that a sweep may have");
        let places =
            self.grid.iter().zip(&sizes).flat_map(|(grid, &size)| (0..size).map(move |at| (grid, at)));
        let points: Vec<Point> =
            places.enumerate().map(|(index, (grid, at))| point(grid, at, index)).collect();
        let names: BTreeSet<_> = points.iter().map(|point| &point.name).collect();
        ensure!(
            names.len() == points.len(),
            "two runs have the same name; a key holds a value twice, or two grids have a run in common"
        );
        Ok(points)
    }

    /// The training's flags at `point`: those of the grid over those of all runs.
    pub fn flags(&self, point: &Point) -> Vec<String> {
        let mut all = self.options.clone();
        all.extend(point.place.clone());
        flags(&all)
    }
}

/// The run at a place of a grid, which is `index` in the sweep.
fn point(grid: &Grid, at: usize, index: usize) -> Point {
    let mut place = Settings::new();
    let mut rest = at;
    for (key, values) in grid.iter().rev() {
        place.insert(key.clone(), values[rest % values.len()].clone());
        rest /= values.len();
    }
    let parts: Vec<_> = place.iter().map(|(key, value)| format!("{key}-{value}")).collect();
    let name = if parts.is_empty() { "run".to_string() } else { parts.join("_") };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '+' };
    Point { index, name: name.chars().map(plain).collect(), place }
}

/// Settings as a command line.
pub fn flags(settings: &Settings) -> Vec<String> {
    let flag = |(key, value): (&String, &Setting)| match value {
        Setting::Switch(true) => format!("--{key}"),
        value => format!("--{key}={value}"),
    };
    settings.iter().map(flag).collect()
}
