//! A classifier as a run sees it: what is saved, how it goes on, and how well it hears after each epoch.

use anyhow::{Context, Result, ensure};
use model::{Parts, Weights};
use serde::{Deserialize, Serialize};

use super::accuracy::accuracy;
use super::file::held_out;
use super::options::epoch;
use super::training::Training;
use super::{BuiltClassifier, ClassifierFile, ClassifierOptions};
use crate::core::Losses;
use crate::dataset::{Dataset, Split};
use crate::families::Family;
use crate::run::checkpoint::{Checkpoint, OPTIONS};
use crate::run::{Needs, Trainee};

/// What the family is called in checkpoints.
pub const NAME: &str = "classifier";

/// How a run of `classify` is found again. It has a command of its own.
pub const FAMILY: Family =
    Family::of_a_command(NAME, |checkpoint, _| Ok(Box::new(ClassifierRun::resume(checkpoint)?)));

/// A classifier in training.
#[derive(Debug)]
pub struct ClassifierRun {
    training: Training,
    /// Mean accuracy on songs that it does not train on, when the last epoch ended (at first: before it).
    heard: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    options: ClassifierOptions,
    step: u64,
    genres: Vec<String>,
    heard: Option<f64>,
    best: Option<f64>,
}

impl ClassifierRun {
    /// A fresh one for these genres.
    ///
    /// # Errors
    /// Where there is no room.
    pub fn new(options: ClassifierOptions, genres: Vec<String>) -> Result<Self> {
        Ok(Self { training: Training::new(options, genres)?, heard: None })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint) -> Result<Self> {
        let Header { options, step, genres, heard, best } = checkpoint.header()?;
        let mut training = Training::new(options, genres)?;
        training.network.restore(checkpoint, step)?;
        training.step = step;
        training.best = best.map(|mean| (mean, checkpoint.part("best")));
        Ok(Self { training, heard })
    }

    /// Mean accuracy on [`held_out`] phrases now.
    fn listen(&self, data: &Dataset) -> Result<f64> {
        let classifier = BuiltClassifier::new(self.training.config, &self.training.network.averaged()?)?;
        let shares = accuracy(&classifier, data, held_out(data))?;
        Ok(shares.iter().sum::<f64>() / shares.len().max(1) as f64)
    }
}

/// Parts of the checkpoint: `weights`, `mean`, `square` and `average`, and with `--keep best` those as
/// `best`.
impl Trainee for ClassifierRun {
    fn family(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> Needs {
        Needs::TRANSFER
    }

    fn step(&self) -> u64 {
        self.training.step
    }

    fn steps(&self) -> u64 {
        self.training.options.steps
    }

    fn losses(&self) -> Vec<&'static str> {
        vec!["loss", "accuracy"]
    }

    /// On this thread alone: a step is a few milliseconds.
    fn train(&mut self, data: &Dataset, _: usize) -> Result<Losses> {
        ensure!(data.genres() == self.training.genres, "the dataset has other genres than the run");
        let mut heard = match self.heard {
            Some(heard) => heard,
            None => self.listen(data)?,
        };
        let loss = self.training.advance(data)?;
        let phrases = (0..data.items.len()).map(|genre| data.split(genre, Split::Train).len()).sum();
        let epoch = epoch(phrases, self.training.options.batch);
        if self.training.step.is_multiple_of(epoch) || self.training.step == self.training.options.steps {
            heard = self.listen(data)?;
        }
        self.heard = Some(heard);
        Ok(Losses::new([("loss", loss), ("accuracy", heard as f32)]))
    }

    fn configuration(&self) -> serde_json::Value {
        serde_json::json!(self.training.options)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let Training { options, genres, step, best, network, .. } = &self.training;
        let header = serde_json::json!({
            OPTIONS: options,
            "step": step,
            "genres": genres,
            "heard": self.heard,
            "best": best.as_ref().map(|(mean, _)| mean),
        });
        let mut checkpoint = Checkpoint::new(NAME, header);
        network.save(&mut checkpoint)?;
        if let Some((_, weights)) = best {
            checkpoint.add("best", weights);
        }
        Ok(checkpoint)
    }

    /// Nothing beside the classifier.
    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        Ok((Parts::default(), Weights::new()))
    }

    fn classifier(&self, data: &Dataset) -> Result<Option<ClassifierFile>> {
        self.training.finished(data).map(Some).context("the classifier cannot be measured")
    }

    fn genres(&self, data: &Dataset) -> Result<Dataset> {
        let names: Vec<&str> = self.training.genres.iter().map(String::as_str).collect();
        data.select(&names)
    }

    fn recipe(&self) -> String {
        let o = &self.training.options;
        format!(
            "Classifier of width {}, {} of {} steps of batch {}, Adam {:e}, transposition by up to {} \
             semitones, seed {}.",
            o.width, self.training.step, o.steps, o.batch, o.rate, o.transpose, o.seed
        )
    }
}
