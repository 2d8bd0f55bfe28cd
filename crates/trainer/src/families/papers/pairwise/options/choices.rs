//! What can be chosen of the papers' models, networks and losses.

use serde::{Deserialize, Serialize};

/// The three models of the first paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// One discriminator a genre.
    Base,
    /// Two more, whose real phrases are of both genres of the pair.
    Partial,
    /// Two more, whose real phrases are of all genres of the dataset.
    Full,
}

/// Which networks are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// This project's small generator and discriminator.
    Compact,
    /// Those of the papers.
    Papers,
}

/// Which networks have spectrally normalised weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SpectralNorm {
    /// None.
    Off,
    /// The discriminators only.
    Discriminators,
    /// Generators and discriminators.
    All,
}

/// What lies around the images that the papers' networks convolve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Mirrored edges, and zeros as TensorFlow's "SAME" puts them where the size is halved or doubled.
    #[default]
    Papers,
    /// Zeros, as many on each side.
    Zero,
}

/// The distribution of the noise on the discriminators' inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// Absolute values of normal draws.
    Absolute,
    /// Normal draws.
    Signed,
}

/// How a phrase that came back is compared with the phrase that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CycleKind {
    /// Mean absolute error of the probabilities.
    Mae,
    /// Binary cross-entropy of the logits.
    CrossEntropy,
}

/// The adversarial loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Adversarial {
    /// Squared distance to 1 (real) or 0 (fake).
    LeastSquares,
    /// Hinge at +1 (real) and -1 (fake).
    Hinge,
}
