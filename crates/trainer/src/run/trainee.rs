//! What a run trains: the multi-genre GAN, a pairwise one, a genre added to a pack.

use anyhow::Result;
use candle_core::Device;
use model::{Corpus, Family, Weights};

use super::checkpoint::Checkpoint;
use crate::classifier::ClassifierFile;
use crate::dataset::Dataset;
use crate::variables::Gradients;

/// A step after which a number would be infinite or none at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFinite {
    /// The step, counted from 1.
    pub step: u64,
    /// What is not finite: "the cycle loss", "a gradient".
    pub what: String,
}

impl NotFinite {
    /// Whether all losses, named `names`, and all gradients of the networks are finite at `step`.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check(step: u64, names: &[&str], losses: &[f32], gradients: &[Gradients]) -> Result<(), Self> {
        let what = match names.iter().zip(losses).find(|(_, loss)| !loss.is_finite()) {
            Some((name, _)) => format!("the {name} loss"),
            None if gradients.iter().flatten().flatten().all(|x| x.is_finite()) => return Ok(()),
            None => "a gradient".to_string(),
        };
        Err(Self { step, what })
    }
}

impl std::fmt::Display for NotFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at step {} {} is not finite any more", self.step, self.what)
    }
}

impl std::error::Error for NotFinite {}

/// Networks in training, step by step. [`super::drive`] owns the loop, the files and the progress; this owns the
/// numbers, which depend on data, options, seed and step only: not on threads and not on interruptions.
pub trait Trainee: Sized {
    /// What is trained, as checkpoints name it.
    const KIND: &'static str;

    /// Steps done.
    fn step(&self) -> u64;

    /// Steps in all.
    fn steps(&self) -> u64;

    /// Names of the losses, in the order of [`Trainee::train`]'s values. Letters and `_` only: they head CSV columns.
    fn losses(&self) -> Vec<&'static str>;

    /// One step on up to `threads` threads; returns its losses.
    ///
    /// # Errors
    /// [`NotFinite`] where a loss or a gradient is not finite; weights and moments are then as before the step.
    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Vec<f32>>;

    /// Every option that decides the numbers, by its name on the command line (`a_b` for `--a-b`), nested or flat.
    fn configuration(&self) -> serde_json::Value;

    /// The whole state. Its header holds [`Trainee::configuration`] under [`super::checkpoint::OPTIONS`].
    fn checkpoint(&self) -> Result<Checkpoint>;

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self>;

    /// The transfer of a pack: its family and sizes, and the weights to play with (averaged where they are averaged), on the
    /// CPU.
    fn pack(&self) -> Result<(Family, Weights)>;

    /// Called with the run's dataset before a pack is made: for what a pack needs of the music beside weights.
    fn settle(&mut self, _data: &Dataset) {}

    /// The classifier of the pack, where the trainee has its own; else one is trained on [`Trainee::genres`].
    ///
    /// # Errors
    /// Where it cannot compute.
    fn ear(&self, _data: &Dataset) -> Result<Option<ClassifierFile>> {
        Ok(None)
    }

    /// The genres of `data` that the pack has, in slot order: all of them, unless the trainee knows better.
    ///
    /// # Errors
    /// Where `data` lacks one.
    fn genres(&self, data: &Dataset) -> Result<Dataset> {
        Ok(data.clone())
    }

    /// The music of `data` that the weights have learned from.
    fn sources(&self, data: &Dataset) -> Vec<Corpus> {
        data.info.genres.iter().flat_map(|genre| genre.sources.clone()).collect()
    }

    /// How the weights came to be, in a sentence or two for the pack's card.
    fn recipe(&self) -> String;
}
