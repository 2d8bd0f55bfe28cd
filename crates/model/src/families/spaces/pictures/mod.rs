//! A space of pictures: 88 steps of 88 keys, a pixel's brightness a velocity.
//!
//! The VAE-GAN that ToneNet's authors tried (after Larsen et al., *Autoencoding beyond Pixels using a Learned
//! Similarity Metric*, 2016): an encoder, a generator that is its decoder, and in training a discriminator
//! whose features say how far a picture is from another. Their layers are not published; these are of the
//! usual kind, four by four with a stride of two.
//!
//! The published pictures have velocities only, so that every bright cell is a stroke of its own, which its
//! authors found harsh. Here a second plane may tell where notes start. A phrase lies in the first 64 rows.

mod network;
mod part;

pub use network::{Generated, Network};
pub use part::{Pictures, THRESHOLD, UNKNOWN, picture};

use serde::{Deserialize, Serialize};

use crate::roles::{PartSizes, Space};
use crate::{Init, ModelError, Parameter, Weights};

/// Rows and columns of a picture: steps and keys of a piano.
pub const SIDE: usize = 88;
/// Convolutions of the encoder, and of the others.
const LAYERS: usize = 3;
/// Rows and columns after them.
const SMALL: usize = SIDE >> LAYERS;
/// The widest layer.
const WIDEST: usize = 512;

/// Sizes of the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicturesConfig {
    /// Planes: 1 (velocities, each cell a stroke), or 2 (and where notes start).
    pub planes: usize,
    /// Channels of the first convolution; each next one has twice as many.
    pub channels: usize,
    /// Numbers of a point.
    pub code: usize,
}

impl PicturesConfig {
    /// Channels of a layer; of layer 0 the picture's.
    fn wide(&self, layer: usize) -> usize {
        if layer == 0 { self.planes } else { self.channels << (layer - 1) }
    }

    /// Numbers of a picture after the convolutions.
    pub fn inner(&self) -> usize {
        SMALL * SMALL * self.wide(LAYERS)
    }

    /// Parameters of the encoder and the generator. `mean` and `variance` of the generator's norms are
    /// measured, not trained, see [`PicturesConfig::norms`].
    pub fn trained(&self) -> Vec<Parameter> {
        let mut all = self.played();
        all.push(Parameter::new("doubt", &[self.inner(), self.code], self.flat()));
        all.push(Parameter::new("doubt_bias", &[self.code], Init::Constant(-2.0)));
        all
    }

    fn flat(&self) -> Init {
        Init::Normal(0.5 * (1.0 / self.inner() as f32).sqrt())
    }

    fn played(&self) -> Vec<Parameter> {
        let mut all = convolutions(self, "see");
        all.push(Parameter::new("mean", &[self.inner(), self.code], self.flat()));
        all.push(Parameter::new("mean_bias", &[self.code], Init::Zeros));
        all.push(Parameter::weight("spread", &[self.code, self.inner()]));
        for layer in (0..LAYERS).rev() {
            let (from, to) = (self.wide(layer + 1), self.wide(layer));
            // Four of the sixteen taps meet at a pixel.
            let by = (2.0 / (4.0 * from as f32)).sqrt();
            all.push(Parameter::new(format!("draw{layer}"), &[from, 16 * to], Init::Normal(by)));
            // Few cells sound.
            let start = if layer == 0 { Init::Constant(-1.0) } else { Init::Zeros };
            all.push(Parameter::new(format!("draw{layer}_bias"), &[to], start));
        }
        for (name, channels) in self.norms() {
            all.push(Parameter::new(format!("{name}_scale"), &[channels], Init::Ones));
            all.push(Parameter::new(format!("{name}_shift"), &[channels], Init::Zeros));
        }
        all
    }

    /// The generator's norms: names and channels. Each has `_mean` and `_variance` of its training.
    pub fn norms(&self) -> Vec<(String, usize)> {
        (1..=LAYERS).rev().map(|layer| (format!("norm{layer}"), self.wide(layer))).collect()
    }

    /// Parameters of the discriminator.
    pub fn discriminator(&self) -> Vec<Parameter> {
        let mut all = convolutions(self, "judge");
        all.push(Parameter::new("judge.out", &[self.inner(), 1], self.flat()));
        all
    }
}

fn convolutions(config: &PicturesConfig, name: &str) -> Vec<Parameter> {
    let layer = |layer: usize| {
        let (from, to) = (config.wide(layer), config.wide(layer + 1));
        let bias = Parameter::new(format!("{name}{layer}_bias"), &[to], Init::Zeros);
        [Parameter::weight(format!("{name}{layer}"), &[16 * from, to]), bias]
    };
    (0..LAYERS).flat_map(layer).collect()
}

impl PartSizes<dyn Space> for PicturesConfig {
    fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.played();
        for (name, channels) in self.norms() {
            all.push(Parameter::new(format!("{name}_mean"), &[channels], Init::Zeros));
            all.push(Parameter::new(format!("{name}_variance"), &[channels], Init::Ones));
        }
        all
    }

    fn summary(&self) -> String {
        let Self { planes, channels, code } = self;
        format!("pictures of {SIDE} x {SIDE} in {planes} planes, {channels} channels, {code} numbers")
    }

    fn fault(&self, _: usize) -> Option<String> {
        let Self { planes, channels, code } = *self;
        let fits = (1..=2).contains(&planes) && (1..=WIDEST >> (LAYERS - 1)).contains(&channels);
        let fits = fits && (1..=4096).contains(&code);
        (!fits).then(|| "the sizes of its space are out of range".to_string())
    }

    fn build(&self, weights: &Weights, _: usize) -> Result<Box<dyn Space>, ModelError> {
        Ok(Box::new(Pictures::new(*self, weights)?))
    }
}
