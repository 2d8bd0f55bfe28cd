//! The networks of a pair under one set of weights: two generators, and two or four discriminators.
//!
//! Index 0 is genre A, 1 is genre B. The generator of index 0 takes A to B (`there.`), that of index 1 takes
//! B to A (`back.`). The discriminator of an index judges phrases that shall be of that genre.

use candle_core::Tensor;
use model::papers::{DIRECTIONS, PairConfig, PairGenerator};
use model::resnet::{Discriminator, DiscriminatorConfig, GeneratorConfig};
use model::{Family, ModelError, Ops, Parameter, Weights, papers};

use super::options::{Model, NetworkKind, Padding, PairOptions, SpectralNorm};

/// Prefixes of the discriminators' parameters; the mixed ones exist in the models partial and full.
const DISCRIMINATORS: [&str; 4] = ["a.", "b.", "a-mixed.", "b-mixed."];

/// A discriminator of either kind.
#[derive(Debug)]
pub enum Critic {
    /// This project's small one, and what its map is multiplied by.
    Compact(Discriminator, f64),
    /// The papers'.
    Papers(Box<papers::Discriminator>),
}

/// The compact discriminator multiplies its input and its map by 4 each, without which its spectral norm
/// makes it blind to rolls of few notes. Where its weights are not normalised this takes those gains out
/// again.
const WITHOUT_GAIN: f64 = 1.0 / 16.0;

impl Critic {
    /// A map of judgements of `rolls` `[B, 64, 84]`, one a patch: `[B, 8, 10, 1]` or `[B, 16, 21]`.
    pub fn forward(&self, rolls: &Tensor) -> candle_core::Result<Tensor> {
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

/// Sizes of a discriminator.
#[derive(Clone, Copy, Debug)]
enum CriticConfig {
    Compact(DiscriminatorConfig),
    Papers(papers::DiscriminatorConfig),
}

/// Which networks a pair has, and of what size.
#[derive(Clone, Copy, Debug)]
pub struct Networks {
    generator: PairConfig,
    critic: CriticConfig,
    mixed: bool,
    spectral: SpectralNorm,
    /// Whether spectral norm takes the transposed convolutions in.
    transposed: bool,
}

impl Networks {
    /// The networks that `options` ask for.
    pub fn new(options: &PairOptions) -> Self {
        let PairOptions { width, blocks, attention, .. } = *options;
        let port = papers::Port { zeros: options.padding == Padding::Zero, plain_norm: !options.affine };
        let (generator, critic) = match options.network {
            NetworkKind::Compact => (
                PairConfig::Compact(GeneratorConfig {
                    channels: width,
                    blocks,
                    attention,
                    ..GeneratorConfig::compact(1)
                }),
                CriticConfig::Compact(DiscriminatorConfig { attention, ..DiscriminatorConfig::compact(1) }),
            ),
            NetworkKind::Papers => (
                PairConfig::Papers(papers::GeneratorConfig { width, blocks, attention, port }),
                CriticConfig::Papers(papers::DiscriminatorConfig { width, attention, port }),
            ),
        };
        Self {
            generator,
            critic,
            mixed: options.model != Model::Base,
            spectral: options.spectral_norm,
            transposed: options.spectral_transposed,
        }
    }

    /// Prefixes of the discriminators there are.
    fn critic_prefixes(&self) -> &'static [&'static str] {
        if self.mixed { &DISCRIMINATORS } else { &DISCRIMINATORS[..2] }
    }

    /// Every parameter of both generators.
    pub fn generator_parameters(&self) -> Vec<Parameter> {
        DIRECTIONS.iter().flat_map(|prefix| self.generator.parameters(prefix)).collect()
    }

    /// Every parameter of all discriminators.
    pub fn critic_parameters(&self) -> Vec<Parameter> {
        let parameters = |prefix: &&str| match self.critic {
            CriticConfig::Compact(config) => config.parameters(prefix),
            CriticConfig::Papers(config) => config.parameters(prefix),
        };
        self.critic_prefixes().iter().flat_map(parameters).collect()
    }

    /// The parameters that are spectrally normalised, of generators and of discriminators.
    pub fn spectral_names(&self) -> [Vec<String>; 2] {
        let critic = |prefix: &&str| match self.critic {
            CriticConfig::Compact(config) => config.spectral_weights(prefix),
            CriticConfig::Papers(config) => config.spectral_weights(prefix),
        };
        let generator = |prefix: &&str| {
            let mut names = self.generator.spectral_weights(prefix);
            if self.transposed {
                names.extend(self.generator.transposed_weights(prefix));
            }
            names
        };
        let generators = || DIRECTIONS.iter().flat_map(generator);
        let critics = || self.critic_prefixes().iter().flat_map(critic);
        match self.spectral {
            SpectralNorm::Off => Default::default(),
            SpectralNorm::Discriminators => [Vec::new(), critics().collect()],
            SpectralNorm::All => [generators().collect(), critics().collect()],
        }
    }

    /// Both generators with `weights`, A to B first.
    ///
    /// # Errors
    /// When a parameter is missing or misshapen.
    pub fn generators(&self, weights: &Weights, ops: Ops) -> Result<[PairGenerator; 2], ModelError> {
        let [there, back] = DIRECTIONS.map(|prefix| PairGenerator::new(self.generator, prefix, weights, ops));
        Ok([there?, back?])
    }

    /// All discriminators with `weights`.
    ///
    /// # Errors
    /// When a parameter is missing or misshapen.
    pub fn critics(&self, weights: &Weights, ops: Ops) -> Result<Critics, ModelError> {
        let gain = if self.spectral == SpectralNorm::Off { WITHOUT_GAIN } else { 1.0 };
        let build = |prefix: &str| -> Result<Critic, ModelError> {
            Ok(match self.critic {
                CriticConfig::Compact(config) => {
                    Critic::Compact(Discriminator::new(config, prefix, weights, ops)?, gain)
                }
                CriticConfig::Papers(config) => {
                    Critic::Papers(Box::new(papers::Discriminator::new(config, prefix, weights, ops)?))
                }
            })
        };
        let pair = |at: usize| -> Result<[Critic; 2], ModelError> {
            Ok([build(DISCRIMINATORS[at])?, build(DISCRIMINATORS[at + 1])?])
        };
        Ok(Critics { own: pair(0)?, mixed: if self.mixed { Some(pair(2)?) } else { None } })
    }

    /// What a pack says of these generators.
    pub fn family(&self) -> Family {
        self.generator.into()
    }
}
