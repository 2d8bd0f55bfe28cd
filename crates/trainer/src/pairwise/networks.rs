//! The networks of a pair under one set of weights: two generators, and two or four discriminators.
//!
//! Index 0 is genre A, 1 is genre B. The generator of index 0 takes A to B (`there.`), that of index 1 takes B to A
//! (`back.`). The discriminator of an index judges phrases that shall be of that genre.

use candle_core::{Result, Tensor};
use model::{
    Architecture, ClassifierConfig, Discriminator, DiscriminatorConfig, GeneratorConfig, ModelError, Ops,
    PairNetwork, Parameter, Weights, papers,
};

use super::options::{Model, NetworkKind, PairOptions, SpectralNorm};

/// Prefixes of the generators' parameters, as packs have them.
const GENERATORS: [&str; 2] = ["there.", "back."];
/// Prefixes of the discriminators' parameters; the mixed ones exist in the models partial and full.
const DISCRIMINATORS: [&str; 4] = ["a.", "b.", "a-mixed.", "b-mixed."];

/// A generator of either kind.
#[derive(Debug)]
pub enum Generator {
    /// This project's small one.
    Compact(model::Generator),
    /// The papers'.
    Papers(papers::Generator),
}

impl Generator {
    /// Logits `[B, 64, 84]` of the answer to `rolls` `[B, 64, 84]` (0..1).
    pub fn forward(&self, rolls: &Tensor) -> Result<Tensor> {
        match self {
            Self::Compact(network) => {
                // One genre, so its norms have one condition that is always on.
                let on = Tensor::ones((rolls.dim(0)?, 2), rolls.dtype(), rolls.device())?;
                network.forward(rolls, &on)
            }
            Self::Papers(network) => network.forward(rolls),
        }
    }
}

/// A discriminator of either kind.
#[derive(Debug)]
pub enum Critic {
    /// This project's small one, and what its map is multiplied by.
    Compact(Discriminator, f64),
    /// The papers'.
    Papers(papers::Discriminator),
}

/// The compact discriminator multiplies its input and its map by 4 each, without which its spectral norm makes it blind
/// to rolls of few notes. Where its weights are not normalised this takes those gains out again.
const WITHOUT_GAIN: f64 = 1.0 / 16.0;

impl Critic {
    /// A map of judgements of `rolls` `[B, 64, 84]`, one a patch: `[B, 8, 10, 1]` or `[B, 16, 21]`.
    pub fn forward(&self, rolls: &Tensor) -> Result<Tensor> {
        match self {
            Self::Compact(network, gain) => network.forward(rolls)?.affine(*gain, 0.0),
            Self::Papers(network) => network.forward(rolls),
        }
    }
}

/// The discriminators of both genres.
#[derive(Debug)]
pub struct Critics {
    /// Those that know one genre each.
    pub own: [Critic; 2],
    /// Those that know mixed music, in the models partial and full.
    pub mixed: Option<[Critic; 2]>,
}

/// Sizes of one generator and one discriminator.
#[derive(Clone, Copy, Debug)]
enum Sizes {
    Compact(GeneratorConfig, DiscriminatorConfig),
    Papers(papers::GeneratorConfig, papers::DiscriminatorConfig),
}

/// Which networks a pair has, and of what size.
#[derive(Clone, Copy, Debug)]
pub struct Networks {
    sizes: Sizes,
    mixed: bool,
    spectral: SpectralNorm,
}

impl Networks {
    /// The networks that `options` ask for.
    pub fn new(options: &PairOptions) -> Self {
        let PairOptions { width, blocks, attention, .. } = *options;
        let sizes = match options.network {
            NetworkKind::Compact => Sizes::Compact(
                GeneratorConfig { channels: width, blocks, attention, ..GeneratorConfig::compact(1) },
                DiscriminatorConfig { attention, ..DiscriminatorConfig::compact(1) },
            ),
            NetworkKind::Papers => Sizes::Papers(
                papers::GeneratorConfig { width, blocks, attention },
                papers::DiscriminatorConfig { width, attention },
            ),
        };
        Self { sizes, mixed: options.model != Model::Base, spectral: options.spectral_norm }
    }

    /// Prefixes of the discriminators there are.
    fn critic_prefixes(&self) -> &'static [&'static str] {
        if self.mixed { &DISCRIMINATORS } else { &DISCRIMINATORS[..2] }
    }

    /// Every parameter of both generators.
    pub fn generator_parameters(&self) -> Vec<Parameter> {
        let parameters = |prefix: &&str| match self.sizes {
            Sizes::Compact(config, _) => config.parameters(prefix),
            Sizes::Papers(config, _) => config.parameters(prefix),
        };
        GENERATORS.iter().flat_map(parameters).collect()
    }

    /// Every parameter of all discriminators.
    pub fn critic_parameters(&self) -> Vec<Parameter> {
        let parameters = |prefix: &&str| match self.sizes {
            Sizes::Compact(_, config) => config.parameters(prefix),
            Sizes::Papers(_, config) => config.parameters(prefix),
        };
        self.critic_prefixes().iter().flat_map(parameters).collect()
    }

    /// The parameters that are spectrally normalised, of generators and of discriminators.
    pub fn spectral_names(&self) -> [Vec<String>; 2] {
        let generator = |prefix: &&str| match self.sizes {
            Sizes::Compact(config, _) => config.spectral_weights(prefix),
            Sizes::Papers(config, _) => config.spectral_weights(prefix),
        };
        let critic = |prefix: &&str| match self.sizes {
            Sizes::Compact(_, config) => config.spectral_weights(prefix),
            Sizes::Papers(_, config) => config.spectral_weights(prefix),
        };
        let generators = GENERATORS.iter().flat_map(generator).collect();
        let critics = self.critic_prefixes().iter().flat_map(critic).collect();
        match self.spectral {
            SpectralNorm::Off => Default::default(),
            SpectralNorm::Discriminators => [Vec::new(), critics],
            SpectralNorm::All => [generators, critics],
        }
    }

    /// Both generators with `weights`, A to B first.
    pub fn generators(&self, weights: &Weights, ops: Ops) -> std::result::Result<[Generator; 2], ModelError> {
        let build = |prefix: &str| -> std::result::Result<Generator, ModelError> {
            Ok(match self.sizes {
                Sizes::Compact(config, _) => {
                    Generator::Compact(model::Generator::new(config, prefix, weights, ops)?)
                }
                Sizes::Papers(config, _) => {
                    Generator::Papers(papers::Generator::new(config, prefix, weights, ops)?)
                }
            })
        };
        Ok([build(GENERATORS[0])?, build(GENERATORS[1])?])
    }

    /// All discriminators with `weights`.
    pub fn critics(&self, weights: &Weights, ops: Ops) -> std::result::Result<Critics, ModelError> {
        let gain = if self.spectral == SpectralNorm::Off { WITHOUT_GAIN } else { 1.0 };
        let build = |prefix: &str| -> std::result::Result<Critic, ModelError> {
            Ok(match self.sizes {
                Sizes::Compact(_, config) => {
                    Critic::Compact(Discriminator::new(config, prefix, weights, ops)?, gain)
                }
                Sizes::Papers(_, config) => {
                    Critic::Papers(papers::Discriminator::new(config, prefix, weights, ops)?)
                }
            })
        };
        let pair = |at: usize| -> std::result::Result<[Critic; 2], ModelError> {
            Ok([build(DISCRIMINATORS[at])?, build(DISCRIMINATORS[at + 1])?])
        };
        Ok(Critics { own: pair(0)?, mixed: if self.mixed { Some(pair(2)?) } else { None } })
    }

    /// What a pack of these generators with a classifier is.
    pub fn architecture(&self, classifier: ClassifierConfig) -> Architecture {
        let network = match self.sizes {
            Sizes::Compact(config, _) => PairNetwork::Compact(config),
            Sizes::Papers(config, _) => PairNetwork::Papers(config),
        };
        Architecture::Pairwise { network, classifier }
    }
}
