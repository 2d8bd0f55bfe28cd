//! `bench widths`: whether a network answers alike with vectors of 256 bits and of 512.
//!
//! Matrix products add in another order in the one than in the other, so logits differ in their last digits;
//! what counts is on how many cells of the answers that shows after thresholding.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use phrase::{Roll, STEPS};
use trainer::dataset::Dataset;

use crate::build;

/// Bytes of a step.
const STEP: usize = size_of::<u128>();

/// Options of `bench widths`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Phrases of all its genres and splits are answered.
    dataset: PathBuf,
    /// The pack; without one, the default pack.
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
    /// How many phrases, evenly spread; fewer where the dataset has fewer.
    #[arg(long, default_value_t = 10_000)]
    phrases: usize,
}

/// Prints how many cells differ.
pub fn run(arguments: &Arguments) -> Result<()> {
    let data = Dataset::read(&arguments.dataset)?;
    let all: Vec<Roll> = data.items.iter().flatten().flatten().map(|item| item.roll).collect();
    ensure!(!all.is_empty(), "{}: it holds no phrase", arguments.dataset.display());
    let count = arguments.phrases.clamp(1, all.len());
    let phrases: Vec<Roll> = (0..count).map(|i| all[i * all.len() / count]).collect();
    let narrow = answers(&phrases, arguments, 8)?;
    let wide = answers(&phrases, arguments, 16)?;
    println!("{}", Difference::between(&narrow, &wide));
    Ok(())
}

/// How far the answers of two widths lie apart.
#[derive(Debug, PartialEq)]
struct Difference {
    phrases: usize,
    /// Cells of the first that sound, and once more those on which a note starts.
    cells: u64,
    /// Of those, and of the second's, cells in one only.
    differ: u64,
    /// Phrases with such cells.
    touched: usize,
    /// The most of them in a phrase.
    most: u32,
}

impl Difference {
    fn between(a: &[Vec<u128>], b: &[Vec<u128>]) -> Self {
        let count = |a: &[u128], b: &[u128]| a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        let each: Vec<u32> = a.iter().zip(b).map(|(a, b)| count(a, b)).collect();
        Self {
            phrases: each.len(),
            cells: a.iter().flatten().map(|step| u64::from(step.count_ones())).sum(),
            differ: each.iter().map(|&cells| u64::from(cells)).sum(),
            touched: each.iter().filter(|&&cells| cells > 0).count(),
            most: each.into_iter().max().unwrap_or(0),
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { phrases, cells, differ, touched, most } = self;
        write!(
            f,
            "{phrases} phrases, {cells} cells that sound or start: {differ} differ between vectors of 256 \
             and 512 bits, in {touched} phrases, at most {most} in one"
        )
    }
}

/// The answers of a build for vectors of `width` numbers.
fn answers(phrases: &[Roll], arguments: &Arguments, width: u8) -> Result<Vec<Vec<u128>>> {
    let mut command = build::cargo()?;
    command.args(["run", "--release", "--package", "model", "--example", "answers"]);
    if width == 8 {
        command.arg("--no-default-features");
    }
    if let Some(pack) = &arguments.pack {
        let whole = pack.canonicalize().with_context(|| format!("{}: there is no pack", pack.display()))?;
        command.arg("--").arg(whole);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let planes = phrases.iter().flat_map(|roll| roll.sounding.into_iter().chain(roll.onset));
    let bytes: Vec<u8> = planes.flat_map(|step| step.to_le_bytes()).collect();
    let mut input = child.stdin.take().context("the program takes no input")?;
    // It reads all before it writes, so neither waits for the other.
    let written = input.write_all(&bytes);
    drop(input);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the answers could not be made; see the messages above");
    }
    written.context("the phrases could not be handed on")?;
    let (used, cells) = output.stdout.split_first().context("there is no answer")?;
    ensure!(
        *used == width,
        "this processor computes with vectors of {} bits where {} are wanted; run it on one with AVX-512",
        32 * u32::from(*used),
        32 * u32::from(width)
    );
    let steps: Vec<u128> =
        cells.as_chunks::<STEP>().0.iter().map(|step| u128::from_le_bytes(*step)).collect();
    ensure!(steps.len() == 2 * phrases.len() * STEPS, "answers are missing");
    Ok(steps.chunks_exact(2 * STEPS).map(<[u128]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_counted_by_phrase() {
        let (a, b) = (vec![vec![1, 3], vec![4, 4], vec![0, 8]], vec![vec![1, 0], vec![4, 4], vec![0, 9]]);
        let expected = Difference { phrases: 3, cells: 6, differ: 3, touched: 2, most: 2 };
        assert_eq!(Difference::between(&a, &b), expected);
    }
}
