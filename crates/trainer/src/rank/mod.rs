//! `rank`: people rank several packs' answers without knowing whose they are, as in the 2019 paper's study.
//!
//! [`mod@make`] writes numbered MIDI files in random order with a form; [`mod@read`] takes filled forms and
//! says what people prefer, and how that goes together with S_tot and with how much was changed.

pub mod make;
pub mod read;

use serde::{Deserialize, Serialize};

pub use make::{MakeOptions, make};
pub use read::{Ranked, ReadOptions, read};

/// What can be done.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Rank {
    /// Writes phrases as several packs answer them, numbered in random order, and a form to fill in.
    Make(MakeOptions),
    /// Reads filled forms: mean ranks, and Pearson's r with S_tot and with content change.
    Read(ReadOptions),
}

/// The form's file.
pub const FORM: &str = "form.csv";
/// The file that says which answer is whose: not to be looked at before.
pub const KEY: &str = "key.json";

/// Which answer is whose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The packs, in the order of the command line.
    pub packs: Vec<Competitor>,
    /// Every answer, in the form's order.
    pub answers: Vec<Place>,
}

/// A pack that takes part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Competitor {
    /// Its file's name.
    pub name: String,
    /// S_tot of the pair on the phrases that were measured.
    pub strength: f64,
    /// Mean content change over both directions.
    pub change: f64,
}

/// An answer to be ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The snippet, from 1.
    pub snippet: usize,
    /// The answer's file, as the form has it.
    pub file: String,
    /// Its pack, as a place in [`Key::packs`].
    pub pack: usize,
    /// How much it changed, relative to the source's cells.
    pub change: f64,
}

/// Pearson's correlation; not a number where there are fewer than two points or one side is constant.
pub fn pearson(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |f: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| f(p.0 - x, p.1 - y)).sum::<f64>();
    let (square_x, square_y) = (sum(&|a, _| a * a), sum(&|_, b| b * b));
    if square_x > 0.0 && square_y > 0.0 {
        sum(&|a, b| a * b) / (square_x * square_y).sqrt()
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pearson_by_hand() {
        assert!((pearson(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]) - 1.0).abs() < 1e-12);
        // Deviations -1, 0, 1 and -1, 2, -1: nothing in common. Then 1, 3, 2: half.
        assert!(pearson(&[(1.0, 0.0), (2.0, 3.0), (3.0, 0.0)]).abs() < 1e-12);
        assert!((pearson(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)]) - 0.5).abs() < 1e-12);
        assert!(pearson(&[(1.0, 1.0), (2.0, 1.0)]).is_nan() && pearson(&[(1.0, 1.0)]).is_nan());
    }
}
