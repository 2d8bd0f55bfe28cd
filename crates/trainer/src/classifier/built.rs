//! The builds of classifier that there are, behind one face.

use anyhow::Result;
use candle_core::{Device, Tensor};
use model::{Classifier, ClassifierConfig, Ops, Parameter, Weights};
use phrase::{PITCHES, Roll, STEPS};
use serde::{Deserialize, Serialize};

use super::beats::{Beats, BeatsConfig};

/// A classifier's build by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Build {
    /// The papers' five convolutions over octaves and steps: the classifier of packs.
    #[default]
    Papers,
    /// Dense over a beat, a convolution over four beats, pooled over time: a judge that shares no layer with it.
    Beats,
}

/// A build and its sizes. In files told apart by their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BuiltConfig {
    /// The papers'.
    Papers(ClassifierConfig),
    /// See [`Beats`].
    Beats(BeatsConfig),
}

impl BuiltConfig {
    /// For so many genres; `width` is the first layer's channels.
    pub fn new(build: Build, genres: usize, width: usize) -> Self {
        match build {
            Build::Papers => Self::Papers(ClassifierConfig { genres, width }),
            Build::Beats => Self::Beats(BeatsConfig { genres, channels: width }),
        }
    }

    /// Genres it tells apart.
    pub fn genres(&self) -> usize {
        match self {
            Self::Papers(config) => config.genres,
            Self::Beats(config) => config.genres,
        }
    }

    /// Channels of the first layer.
    pub fn width(&self) -> usize {
        match self {
            Self::Papers(config) => config.width,
            Self::Beats(config) => config.channels,
        }
    }

    /// Every parameter of the network.
    pub fn parameters(&self) -> Vec<Parameter> {
        match self {
            Self::Papers(config) => config.parameters(),
            Self::Beats(config) => config.parameters(),
        }
    }

    /// The papers' sizes, which packs need; `None` of another build.
    pub fn papers(&self) -> Option<ClassifierConfig> {
        match self {
            Self::Papers(config) => Some(*config),
            Self::Beats(_) => None,
        }
    }
}

/// A classifier with its weights, on the CPU.
#[derive(Debug)]
pub enum BuiltClassifier {
    /// The papers'.
    Papers(Classifier),
    /// See [`Beats`].
    Beats(Beats),
}

impl BuiltClassifier {
    /// Takes the parameters out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape than `config` needs.
    pub fn new(config: BuiltConfig, weights: &Weights) -> Result<Self> {
        Ok(match config {
            BuiltConfig::Papers(config) => Self::Papers(Classifier::new(config, weights, Ops::KERNELS)?),
            BuiltConfig::Beats(config) => Self::Beats(Beats::new(config, weights)?),
        })
    }

    /// Genre logits `[B, G]` of what [`BuiltClassifier::cells`] and [`BuiltClassifier::tensor`] make of rolls.
    ///
    /// # Errors
    /// When `cells` has another shape.
    pub fn forward(&self, cells: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Papers(classifier) => classifier.forward(cells),
            Self::Beats(classifier) => classifier.forward(cells),
        }
    }

    /// What it hears of rolls, as 0 and 1, row-major `[B, 64, 84]` (what sounds) or `[B, 64, 168]` (what sounds, and what
    /// starts).
    pub fn cells(&self, rolls: &[Roll]) -> Vec<f32> {
        match self {
            Self::Papers(_) => {
                let mut cells = vec![0.0; rolls.len() * STEPS * PITCHES];
                cells
                    .chunks_exact_mut(STEPS * PITCHES)
                    .zip(rolls)
                    .for_each(|(cells, roll)| roll.to_f32(cells));
                cells
            }
            Self::Beats(_) => {
                let planes = |roll: &Roll| roll.sounding.into_iter().zip(roll.onset);
                let both = rolls.iter().flat_map(planes).flat_map(|(sounding, onset)| [sounding, onset]);
                both.flat_map(|bits| (0..PITCHES).map(move |row| (bits >> row & 1) as f32)).collect()
            }
        }
    }

    /// Those cells, as they are or with noise, as the tensor that it hears.
    ///
    /// # Errors
    /// When they are not those of so many rolls.
    pub fn tensor(&self, cells: Vec<f32>, rolls: usize) -> candle_core::Result<Tensor> {
        let planes = if matches!(self, Self::Papers(_)) { 1 } else { 2 };
        Tensor::from_vec(cells, (rolls, STEPS, planes * PITCHES), &Device::Cpu)
    }
}
