//! The papers' table of sigma_C: accuracy on test phrases with more and more noise.
//!
//! Brunner et al. 2018 trained without noise and added it once to the test phrases, to choose a classifier that does not
//! hang on single cells. They trained one network a pair; a network of more genres is here also measured on each pair,
//! by its two logits alone.

use std::fmt;

use anyhow::{Result, ensure};

use super::ClassifierFile;
use super::accuracy::{Noise, logits, share};
use crate::dataset::{Dataset, Split};

/// The papers' noise levels.
pub const SIGMAS: [f32; 6] = [0.0, 0.01, 0.1, 0.2, 0.3, 0.5];

/// Accuracies of a classifier between some of its genres.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The genres, as slots of the classifier.
    pub genres: Vec<usize>,
    /// Share of phrases heard right, 0..=1, by noise level and genre.
    pub accuracy: Vec<Vec<f64>>,
}

impl Row {
    /// Accuracy by noise level, the mean of the genres: the papers' figure.
    pub fn means(&self) -> Vec<f64> {
        self.accuracy.iter().map(|genres| genres.iter().sum::<f64>() / genres.len().max(1) as f64).collect()
    }
}

/// The table: one row a pair, and one over all genres where there are more than two.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseTable {
    /// Names of the classifier's genres.
    pub genres: Vec<String>,
    /// Noise levels.
    pub sigmas: Vec<f32>,
    /// Pairs, then all.
    pub rows: Vec<Row>,
}

impl NoiseTable {
    /// Measures `file` on a split of `data`. The same phrase gets the same noise in every row.
    ///
    /// # Errors
    /// When the dataset lacks a genre, or phrases of one in this split.
    pub fn measure(
        file: &ClassifierFile,
        data: &Dataset,
        split: Split,
        sigmas: &[f32],
        seed: u64,
    ) -> Result<Self> {
        let data = file.judged(data)?;
        let count = data.items.len();
        let classifier = file.classifier()?;
        let mut rows: Vec<Vec<usize>> =
            (0..count).flat_map(|a| (a + 1..count).map(move |b| vec![a, b])).collect();
        if count > 2 {
            rows.push((0..count).collect());
        }
        let mut rows: Vec<Row> =
            rows.into_iter().map(|genres| Row { genres, accuracy: Vec::new() }).collect();
        for (level, &sigma) in sigmas.iter().enumerate() {
            let mut heard = Vec::new();
            for genre in 0..count {
                let items = data.split(genre, split);
                ensure!(
                    !items.is_empty(),
                    "the dataset has no {} phrases of {}; prepare it with more songs",
                    split.name(),
                    file.genres[genre]
                );
                let noise = Noise { sigma, seed, draw: (level * count + genre) as u64 };
                heard.push(logits(&classifier, items, (sigma != 0.0).then_some(noise))?);
            }
            for row in &mut rows {
                let shares = row.genres.iter().map(|&genre| share(&heard[genre], genre, &row.genres));
                row.accuracy.push(shares.collect());
            }
        }
        Ok(Self { genres: file.genres.clone(), sigmas: sigmas.to_vec(), rows })
    }

    /// The table as CSV: `between,sigma_c,genre,accuracy`, the genre `mean` being the papers' figure.
    pub fn csv(&self) -> String {
        let mut text = String::from("between,sigma_c,genre,accuracy\n");
        for row in &self.rows {
            let name = self.name(row);
            for ((sigma, accuracy), mean) in self.sigmas.iter().zip(&row.accuracy).zip(row.means()) {
                for (&genre, accuracy) in row.genres.iter().zip(accuracy) {
                    text += &format!("{name},{sigma},{},{accuracy:.4}\n", self.genres[genre]);
                }
                text += &format!("{name},{sigma},mean,{mean:.4}\n");
            }
        }
        text
    }

    fn name(&self, row: &Row) -> String {
        row.genres.iter().map(|&genre| self.genres[genre].as_str()).collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for NoiseTable {
    /// Per cent, means over genres.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24}", "accuracy in % at sigma_C")?;
        self.sigmas.iter().try_for_each(|sigma| write!(f, " {sigma:>6}"))?;
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:<24}", self.name(row))?;
            row.means().iter().try_for_each(|mean| write!(f, " {:>6.2}", 100.0 * mean))?;
            writeln!(f)?;
        }
        Ok(())
    }
}
