//! What decides the numbers of a pairwise run: four recipes, and every choice on which paper, text and public
//! code of the CycleGAN papers (Brunner et al., 2018 and 2019) differ.

mod arguments;
mod choices;
mod preset;
#[cfg(test)]
mod tests;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

pub use arguments::PairArguments;
pub use choices::{Adversarial, CycleKind, Model, NetworkKind, NoiseKind, Padding, SpectralNorm};
pub use preset::Preset;

/// Everything that decides the numbers of a pairwise run, nothing left open. The fields are explained at
/// [`PairArguments`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PairOptions {
    pub pair: [String; 2],
    pub model: Model,
    pub network: NetworkKind,
    pub width: usize,
    pub blocks: usize,
    pub spectral_norm: SpectralNorm,
    pub attention: bool,
    #[serde(default)]
    pub spectral_transposed: bool,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default = "yes")]
    pub affine: bool,
    #[serde(default)]
    pub weight_decay: f32,
    #[serde(default)]
    pub crossed: bool,
    #[serde(default)]
    pub raw_output: bool,
    #[serde(default)]
    pub sample_first: usize,
    pub sigma: f64,
    pub noise: NoiseKind,
    pub shared_noise: bool,
    pub pool: usize,
    pub pool_for_base: bool,
    pub lambda: f64,
    pub gamma: f64,
    pub extra_gradient: bool,
    pub cycle: CycleKind,
    pub positive: f64,
    pub binarise: bool,
    pub adversarial: Adversarial,
    pub identity: f64,
    pub transpose: i32,
    pub rate: f32,
    pub critic_rate: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub decay_from: f64,
    pub batch: usize,
    pub steps: u64,
    pub seed: u64,
    pub average: f32,
    pub balance: bool,
}

/// What checkpoints of before mean.
fn yes() -> bool {
    true
}

impl PairOptions {
    /// Whether the discriminators learn from pooled fakes.
    pub fn pooled(&self) -> bool {
        self.pool > 0 && (self.model != Model::Base || self.pool_for_base)
    }

    /// One sentence for the first option that is out of its range.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.pair[0] != self.pair[1],
            "--pair names {} twice; give two different genres",
            self.pair[0]
        );
        ensure!(
            self.batch >= 2 && self.batch.is_multiple_of(2),
            "--batch is {} where an even number, 2 or more, is needed",
            self.batch
        );
        ensure!(self.steps > 0, "--steps is 0; give at least 1");
        ensure!(self.width > 0 && self.blocks > 0, "--width and --blocks must be 1 or more");
        ensure!((0..=11).contains(&self.transpose), "--transpose is {}; give 0 to 11", self.transpose);
        let weights = [self.sigma, self.lambda, self.gamma, self.positive, self.identity];
        ensure!(
            weights.iter().all(|x| x.is_finite() && *x >= 0.0),
            "--sigma, --lambda, --gamma, --positive and --identity must be 0 or more"
        );
        let shares = [self.decay_from, self.average.into(), self.beta1.into(), self.beta2.into()];
        ensure!(
            shares.iter().all(|x| (0.0..=1.0).contains(x)) && self.beta1 < 1.0 && self.beta2 < 1.0,
            "--decay-from and --average must lie between 0 and 1, --beta1 and --beta2 below 1"
        );
        ensure!(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            "--weight-decay is {}; give 0 or more",
            self.weight_decay
        );
        ensure!(
            !self.spectral_transposed || self.spectral_norm == SpectralNorm::All,
            "--spectral-transposed needs --spectral-norm"
        );
        let rates = [self.rate, self.critic_rate];
        ensure!(
            rates.iter().all(|x| x.is_finite() && *x > 0.0),
            "--rate and --critic-rate must be greater than 0"
        );
        Ok(())
    }
}
