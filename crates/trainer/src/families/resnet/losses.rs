//! The losses of the multi-genre cycle-consistent GAN.

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;
use model::resnet::{Discriminator, Generator};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::core::Losses;

/// How much each term counts. Defaults as in `docs/experiments.md`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct Terms {
    /// Weight of the cycle loss: there and back again is the input.
    #[arg(long, default_value_t = 15.0)]
    pub cycle: f64,
    /// Weight of the identity loss: a phrase asked into its own genre stays.
    #[arg(long, default_value_t = 12.0)]
    pub identity: f64,
    /// Weight of the keep loss: the answer stays near the input.
    #[arg(long, default_value_t = 4.0)]
    pub keep: f64,
    /// Weight of a sounding cell against a silent one in those three: rolls are mostly silence.
    #[arg(long, default_value_t = 1.5)]
    pub positive: f64,
    /// Weight, in the keep loss, of a silent cell whose pitch class is not heard in its half bar: new notes should first
    /// be those of the harmony.
    #[arg(long, default_value_t = 5.0)]
    pub outside: f64,
    /// Discriminator: weight of transferred phrases.
    #[arg(long, default_value_t = 0.5)]
    pub fake: f64,
    /// Discriminator: weight of real phrases shown as a genre they are not.
    #[arg(long, default_value_t = 0.5)]
    pub wrong: f64,
}

/// The generator's losses, each a scalar: their weighted sum, and the terms for the log.
#[derive(Debug)]
pub struct GeneratorLoss {
    /// What is minimised.
    pub total: Tensor,
    /// Adversarial, cycle, identity and keep, before weighting.
    pub parts: Losses,
    /// The answers, 0 or 1, outside the graph, `[B, 64, 84]`.
    pub answers: Tensor,
}

/// Binary cross-entropy of `logits` against `cells` (0 or 1), a sounding cell counting `positive` times and a silent one
/// as often as `silent` says.
pub(crate) fn cross_entropy(
    logits: &Tensor,
    cells: &Tensor,
    positive: f64,
    silent: &Tensor,
) -> Result<Tensor> {
    // ln(1 + e^-z) = relu(-z) + ln(1 + e^-|z|): finite for every logit.
    let tail = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    let missed = (logits.neg()?.relu()? + &tail)?;
    let added = (logits.relu()? + tail)?;
    let weighted = (missed * cells.affine(positive, 0.0)?)? + (added * silent)?;
    weighted?.mean_all()
}

/// Cells at 0 or 1, with the gradient of the probabilities (straight-through, Bengio et al., 2013): the discriminator
/// judges what will be played, and nothing can hide in soft values.
pub(crate) fn played(logits: &Tensor) -> Result<Tensor> {
    let soft = sigmoid(logits)?;
    let hard = soft.detach().gt(0.5)?.to_dtype(soft.dtype())?;
    &soft + (hard - soft.detach())?
}

/// Each phrase's mean over the map of the genre that `genres` (one-hot `[B, G]`) names, of `relu(1 + sign * map)`.
fn hinge(maps: &Tensor, genres: &Tensor, sign: f64) -> Result<Tensor> {
    let selected = select(maps, genres)?;
    selected.affine(sign, 1.0)?.relu()?.mean_all()
}

/// `[B, H, W]`: the map of the genre that `genres` names.
fn select(maps: &Tensor, genres: &Tensor) -> Result<Tensor> {
    maps.broadcast_mul(&genres.unsqueeze(1)?.unsqueeze(1)?)?.sum(3)
}

/// The generator's loss on `batch` against a `critic` whose weights are outside the graph.
pub fn generator(
    network: &Generator,
    critic: &Discriminator,
    batch: &Batch,
    terms: &Terms,
) -> Result<GeneratorLoss> {
    let Batch { rolls, source, target, harmony } = batch;
    let size = rolls.dim(0)?;
    // The transfer and the identity share one pass.
    let there = Tensor::cat(&[source, target], 1)?;
    let same = Tensor::cat(&[source, source], 1)?;
    let both = network.forward(&Tensor::cat(&[rolls, rolls], 0)?, &Tensor::cat(&[there, same], 0)?)?;
    let answer = both.narrow(0, 0, size)?;
    let silent = rolls.affine(-1.0, 1.0)?;
    let identity = cross_entropy(&both.narrow(0, size, size)?, rolls, terms.positive, &silent)?;
    let foreign = (&silent * harmony.affine(1.0 - terms.outside, terms.outside)?)?;
    let keep = cross_entropy(&answer, rolls, terms.positive, &foreign)?;
    let answers = played(&answer)?;
    let adversarial = select(&critic.forward(&answers)?, target)?.mean_all()?.neg()?;
    let back = network.forward(&answers, &Tensor::cat(&[target, source], 1)?)?;
    let cycle = cross_entropy(&back, rolls, terms.positive, &silent)?;
    let parts = Losses::new([
        ("adversarial", adversarial.to_scalar()?),
        ("cycle", cycle.to_scalar()?),
        ("identity", identity.to_scalar()?),
        ("keep", keep.to_scalar()?),
    ]);
    let weighted = (cycle * terms.cycle)? + (identity * terms.identity)? + (keep * terms.keep)?;
    Ok(GeneratorLoss { total: (adversarial + weighted?)?, parts, answers: answers.detach() })
}

/// The discriminator's hinge loss: real phrases as their own genre, transferred ones as the target, and real ones as
/// a genre they are not. Without the last term it need not tell genres apart, only real from made.
pub fn discriminator(
    network: &Discriminator,
    batch: &Batch,
    answers: &Tensor,
    terms: &Terms,
) -> Result<Tensor> {
    let size = batch.rolls.dim(0)?;
    let maps = network.forward(&Tensor::cat(&[&batch.rolls, answers], 0)?)?;
    let (real, made) = (maps.narrow(0, 0, size)?, maps.narrow(0, size, size)?);
    let own = hinge(&real, &batch.source, -1.0)?;
    let fake = hinge(&made, &batch.target, 1.0)?;
    let wrong = hinge(&real, &batch.target, 1.0)?;
    own + ((fake * terms.fake)? + (wrong * terms.wrong)?)?
}
