//! `metrics.csv`: one line a step.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// The losses of every step, as text.
#[derive(Debug)]
pub struct Log {
    file: File,
    /// The last line may be cut: the next one begins with a line break.
    cut: bool,
}

impl Log {
    /// Goes on with the log at `path` after `step`: the lines of steps that will be done again are dropped.
    pub fn open(path: &Path, losses: &[&str], step: u64) -> Result<Self> {
        let name = path.display();
        let mut kept = format!("step,{}\n", losses.join(","));
        if step > 0 {
            for (step, values) in read(path, losses.len()).into_iter().filter(|line| line.0 <= step) {
                kept += &line(step, &values);
            }
        }
        std::fs::write(path, kept).with_context(|| format!("{name}: the log could not be written"))?;
        let file = OpenOptions::new().append(true).open(path);
        Ok(Self::to(file.with_context(|| format!("{name}: the log could not be opened"))?))
    }

    /// A log that goes on at the end of `file`.
    pub fn to(file: File) -> Self {
        Self { file, cut: false }
    }

    /// Adds a step.
    pub fn add(&mut self, step: u64, losses: &[f32]) -> Result<()> {
        let mut text = line(step, losses);
        if self.cut {
            text.insert(0, '\n');
        }
        let written = self.file.write_all(text.as_bytes());
        self.cut = written.is_err();
        written.context("metrics.csv: the log could not be written; check the free space")
    }
}

fn line(step: u64, losses: &[f32]) -> String {
    let values: Vec<_> = losses.iter().map(|loss| format!("{loss:.5}")).collect();
    format!("{step},{}\n", values.join(","))
}

/// A log's losses by name, and its whole lines. Nothing where there is no log.
pub fn lines(path: &Path) -> (Vec<String>, Vec<(u64, Vec<f32>)>) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let head = text.lines().next().unwrap_or_default();
    let names: Vec<String> = head.split(',').skip(1).map(String::from).collect();
    let lines = read(path, names.len());
    (names, lines)
}

/// The whole lines of a log with `columns` losses: steps and values. Nothing where there is no log.
pub fn read(path: &Path, columns: usize) -> Vec<(u64, Vec<f32>)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let parse = |line: &str| {
        let (step, values) = line.split_once(',')?;
        let values: Vec<f32> = values.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        (values.len() == columns).then_some((step.parse().ok()?, values))
    };
    text.lines().filter_map(parse).collect()
}
