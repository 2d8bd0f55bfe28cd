//! One generator a direction, as the papers train them: which network it is, and the network itself.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::{ModelError, Ops, Parameter, Weights, resnet};

/// What the names of the parameters begin with in a pairwise pack: slot 1 to slot 2, and back.
pub const DIRECTIONS: [&str; 2] = ["there.", "back."];

/// The network of both directions of a pairwise pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "network", rename_all = "kebab-case")]
pub enum PairConfig {
    /// The papers' generator.
    Papers(super::GeneratorConfig),
    /// The multi-genre GAN's generator, with one genre.
    Compact(resnet::GeneratorConfig),
}

impl PairConfig {
    /// Every parameter of one direction's network, its name beginning with `prefix`.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        match self {
            Self::Papers(config) => config.parameters(prefix),
            Self::Compact(config) => config.parameters(prefix),
        }
    }

    /// The names of the weights of transposed convolutions.
    pub fn transposed_weights(&self, prefix: &str) -> Vec<String> {
        match self {
            Self::Papers(config) => config.transposed_weights(prefix),
            Self::Compact(_) => Vec::new(),
        }
    }

    /// The names of the weights that spectral norm normalises.
    pub fn spectral_weights(&self, prefix: &str) -> Vec<String> {
        match self {
            Self::Papers(config) => config.spectral_weights(prefix),
            Self::Compact(config) => config.spectral_weights(prefix),
        }
    }
}

/// One direction's network with its weights.
#[derive(Debug)]
pub enum PairGenerator {
    /// The papers'.
    Papers(super::Generator),
    /// The multi-genre GAN's, with one genre.
    Compact(resnet::Generator),
}

impl PairGenerator {
    /// Takes the parameters, whose names begin with `prefix`, out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape than `network` needs.
    pub fn new(network: PairConfig, prefix: &str, weights: &Weights, ops: Ops) -> Result<Self, ModelError> {
        Ok(match network {
            PairConfig::Papers(config) => Self::Papers(super::Generator::new(config, prefix, weights, ops)?),
            PairConfig::Compact(config) => {
                Self::Compact(resnet::Generator::new(config, prefix, weights, ops)?)
            }
        })
    }

    /// Logits `[B, 64, 84]` of the answer to `rolls` `[B, 64, 84]` (0 to 1, the *sounding* plane).
    pub fn forward(&self, rolls: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Papers(generator) => generator.forward(rolls),
            Self::Compact(generator) => {
                let genres = Tensor::ones((rolls.dim(0)?, 2), rolls.dtype(), rolls.device())?;
                generator.forward(rolls, &genres)
            }
        }
    }
}
