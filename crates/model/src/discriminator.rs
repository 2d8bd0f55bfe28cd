//! The discriminator of the shipped generator: one small patch network with a judgement map for each genre.
//!
//! Spectral norm (Miyato et al., 2018; on this task by Brunner et al., 2019) on every layer and no instance norm: a
//! norm over a phrase would hide how dense it is. Without a gain the spectral norm makes a network this small nearly
//! blind to rolls of few notes, so its input and its output are multiplied by 4.
//!
//! Two things it is told, because a network this small learns them late and a generator lives off what it misses: where
//! onsets and close intervals are, as planes beside the sounding one, and which beat and register a patch lies in.

use candle_core::Tensor;
use phrase::{PITCHES, STEPS};

use crate::{Init, ModelError, Ops, Parameter, Weights};

const GAIN: f64 = 4.0;
const SLOPE: f32 = 0.2;
/// Sounding, onset, semitone above, whole tone above.
const PLANES: usize = 4;
const STEM: usize = 8;
const PATCH: usize = 4;
const BEAT: &str = "discriminator.beat";
const REGISTER: &str = "discriminator.register";

/// The discriminator's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscriminatorConfig {
    /// Genres, one map each.
    pub genres: usize,
    /// Channels on the 16 x 21 grid.
    pub fine: usize,
    /// Channels on the 8 x 10 grid.
    pub coarse: usize,
}

impl DiscriminatorConfig {
    /// 64 and 80 channels: 0.18 M parameters.
    pub fn compact(genres: usize) -> Self {
        Self { genres, fine: 64, coarse: 80 }
    }

    /// Name and shape of each layer's weight, from input to output.
    fn layers(&self) -> [(&'static str, Vec<usize>); 5] {
        let Self { genres, fine, coarse } = *self;
        [
            ("discriminator.stem", vec![STEM * STEM * PLANES, fine]),
            ("discriminator.fine", vec![3, 3, fine, fine]),
            ("discriminator.down", vec![16 * fine, coarse]),
            ("discriminator.coarse", vec![3, 3, coarse, coarse]),
            ("discriminator.maps", vec![coarse, genres]),
        ]
    }

    /// Every parameter of the network: a weight and a bias a layer, and the place of a patch.
    pub fn parameters(&self) -> Vec<Parameter> {
        let layers = self.layers().into_iter();
        let both = |(name, shape): (&str, Vec<usize>)| {
            let outputs = shape[shape.len() - 1];
            [Parameter::weight(name, &shape), Parameter::new(format!("{name}_bias"), &[outputs], Init::Zeros)]
        };
        let mut all: Vec<Parameter> = layers.flat_map(both).collect();
        all.push(Parameter::new(BEAT, &[STEPS / PATCH, 1, self.fine], Init::Normal(0.1)));
        all.push(Parameter::new(REGISTER, &[1, PITCHES / PATCH, self.fine], Init::Normal(0.1)));
        all
    }
}

/// The left and right singular directions of one weight, followed by one power iteration a training step.
#[derive(Clone, Debug)]
pub struct Spectral {
    /// `[K]`: the direction on the input side.
    pub left: Tensor,
    /// `[N]`: the direction on the output side.
    pub right: Tensor,
}

impl Spectral {
    /// A start from any `right` `[N]` that is not zero.
    pub fn new(weight: &Tensor, right: Tensor) -> candle_core::Result<Self> {
        Self { left: right.clone(), right }.follow(weight)
    }

    /// One power iteration on `weight` `[.., N]`, read as `[K, N]`. No gradient passes through the directions.
    pub fn follow(&self, weight: &Tensor) -> candle_core::Result<Self> {
        let weight = weight.detach();
        let outputs = weight.dim(weight.rank() - 1)?;
        let weight = weight.reshape(((), outputs))?;
        let unit = |x: Tensor| {
            let norm = x.sqr()?.sum_all()?.sqrt()?.affine(1.0, 1e-12)?;
            x.broadcast_div(&norm)
        };
        let left = unit(weight.broadcast_mul(&self.right)?.sum(1)?)?;
        let right = unit(weight.broadcast_mul(&left.unsqueeze(1)?)?.sum(0)?)?;
        Ok(Self { left, right })
    }

    /// `weight` divided by its largest singular value; the gradient sees the division.
    fn normalise(&self, weight: &Tensor) -> candle_core::Result<Tensor> {
        let directions = self.left.unsqueeze(1)?.broadcast_mul(&self.right.unsqueeze(0)?)?;
        let sigma = (weight.reshape(directions.shape())? * directions)?.sum_all()?;
        weight.broadcast_div(&sigma)
    }
}

/// The discriminator with its weights, spectrally normalised for one training step.
#[derive(Debug)]
pub struct Discriminator {
    ops: Ops,
    layers: Vec<(Tensor, Tensor)>,
    place: Tensor,
}

impl Discriminator {
    /// The names of the weights that spectral norm needs a direction for, in layer order.
    pub fn weights(config: DiscriminatorConfig) -> Vec<String> {
        config.layers().into_iter().map(|(name, _)| name.to_string()).collect()
    }

    /// Takes the parameters out of `weights`; `spectra` holds one entry a layer, in layer order.
    pub fn new(
        config: DiscriminatorConfig,
        weights: &Weights,
        spectra: &[Spectral],
        ops: Ops,
    ) -> Result<Self, ModelError> {
        let mut layers = Vec::new();
        for ((name, shape), spectral) in config.layers().iter().zip(spectra) {
            let weight = spectral.normalise(&weights.get(name, shape)?)?;
            layers.push((weight, weights.get(&format!("{name}_bias"), &shape[shape.len() - 1..])?));
        }
        let beat = weights.get(BEAT, &[STEPS / PATCH, 1, config.fine])?;
        let register = weights.get(REGISTER, &[1, PITCHES / PATCH, config.fine])?;
        Ok(Self { ops, layers, place: beat.broadcast_add(&register)? })
    }

    /// Judgement maps `[B, 8, 10, G]` of `rolls` `[B, 64, 84]`: positive where a patch passes for that genre.
    pub fn forward(&self, rolls: &Tensor) -> candle_core::Result<Tensor> {
        let ops = &self.ops;
        let layer = |index: usize, x: &Tensor| {
            let (weight, bias) = &self.layers[index];
            let y = if weight.rank() == 4 { (ops.conv3x3)(x, weight)? } else { (ops.linear)(x, weight)? };
            let y = if index == 0 { y.broadcast_add(&self.place)? } else { y };
            (ops.bias_act)(&y, bias, if index == 4 { 1.0 } else { SLOPE })
        };
        let x = layer(0, &(ops.unfold)(&planes(rolls)?, STEM, PATCH, (STEM - PATCH) / 2)?)?;
        let x = layer(1, &x)?;
        let x = layer(2, &(ops.unfold)(&x, 4, 2, 1)?)?;
        let x = layer(3, &x)?;
        layer(4, &x)?.affine(GAIN, 0.0)
    }
}

/// What the discriminator looks at, `[B, 64, 84, 4]`: sounding cells, onsets, and cells with another one or two
/// semitones above. Products of cells, so that gradients pass.
fn planes(rolls: &Tensor) -> candle_core::Result<Tensor> {
    let x = rolls.affine(GAIN.sqrt(), 0.0)?;
    let before = x.narrow(1, 0, STEPS - 1)?.pad_with_zeros(1, 1, 0)?;
    let onset = (&x * before.affine(-1.0, GAIN.sqrt())?)?;
    let close = |semitones: usize| {
        let above = x.narrow(2, semitones, PITCHES - semitones)?.pad_with_zeros(2, 0, semitones)?;
        &x * above
    };
    Tensor::stack(&[&x.affine(GAIN.sqrt(), 0.0)?, &onset, &close(1)?, &close(2)?], 3)
}
