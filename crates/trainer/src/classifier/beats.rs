//! A classifier of another build than the papers': it judges transfers that a generator learned with the papers'.
//!
//! A beat of four steps, with what sounds and what starts in it, is one vector of a dense layer; a 1-d convolution over
//! time hears four of them, a bar, from every beat on; mean and maximum over time are all that the last layers know. So
//! it hears what a beat and a bar are made of anywhere in the phrase, where the papers' network weighs octaves and places.

use candle_core::{Result, Tensor};
use model::{Init, Parameter, Weights, kernels};
use phrase::{PITCHES, STEPS, STEPS_PER_BEAT};
use serde::{Deserialize, Serialize};

/// Cells of a beat on both planes.
const BEAT: usize = STEPS_PER_BEAT * 2 * PITCHES;
/// Beats that the convolution hears at once.
const BEATS: usize = 4;
/// Places where four beats begin.
const PLACES: usize = STEPS / STEPS_PER_BEAT - BEATS + 1;
const SLOPE: f32 = 0.2;

/// The sizes of [`Beats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeatsConfig {
    /// Genres it tells apart.
    pub genres: usize,
    /// Channels of every layer.
    pub channels: usize,
}

impl BeatsConfig {
    /// Every parameter of the network.
    pub fn parameters(&self) -> Vec<Parameter> {
        let Self { genres, channels } = *self;
        let mut all = Vec::new();
        for (name, inputs) in [("beat", BEAT), ("bar", BEATS * channels), ("phrase", 2 * channels)] {
            all.push(Parameter::weight(format!("classifier.{name}"), &[inputs, channels]));
            all.push(Parameter::new(format!("classifier.{name}_bias"), &[channels], Init::Zeros));
        }
        let small = Init::Normal(1.0 / (channels as f32).sqrt());
        all.push(Parameter::new("classifier.genres", &[channels, genres], small));
        all
    }
}

/// The network with its weights, on the CPU.
#[derive(Debug)]
pub struct Beats {
    layers: Vec<Tensor>,
}

impl Beats {
    /// Takes the parameters out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape than `config` needs.
    pub fn new(config: BeatsConfig, weights: &Weights) -> anyhow::Result<Self> {
        let layer = |p: Parameter| Ok(weights.get(&p.name, &p.shape)?);
        Ok(Self { layers: config.parameters().into_iter().map(layer).collect::<anyhow::Result<_>>()? })
    }

    /// Genre logits `[B, G]` of cells `[B, 64, 168]`: of each step the sounding plane, then the onsets.
    ///
    /// # Errors
    /// When `cells` has another shape.
    pub fn forward(&self, cells: &Tensor) -> Result<Tensor> {
        let layer = |x: &Tensor, at: usize| {
            kernels::bias_act(&kernels::linear(x, &self.layers[at])?, &self.layers[at + 1], SLOPE)
        };
        let batch = cells.dim(0)?;
        let beats = layer(&cells.reshape((batch, STEPS / STEPS_PER_BEAT, BEAT))?, 0)?;
        let neighbours: Vec<Tensor> =
            (0..BEATS).map(|beat| beats.narrow(1, beat, PLACES)).collect::<Result<_>>()?;
        let bars = layer(&Tensor::cat(&neighbours, 2)?, 2)?;
        let pooled = Tensor::cat(&[bars.mean(1)?, bars.max(1)?], 1)?;
        kernels::linear(&layer(&pooled, 4)?, &self.layers[6])
    }
}
