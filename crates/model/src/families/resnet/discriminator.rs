//! The discriminator of the multi-genre GAN: one small patch network with a judgement map for each genre.
//!
//! No instance norm: a norm over a phrase would hide how dense it is. Made for weights under spectral norm
//! (see [`crate::spectral`]) on every layer. That alone makes a network this small nearly blind to rolls of
//! few notes, so its input and its output are then multiplied by 4; plain weights start large enough without.
//!
//! Two things it is told, because a network this small learns them late and a generator lives off what it
//! misses: where onsets and close intervals are, as planes beside the sounding one, and which beat and
//! register a patch lies in.

use candle_core::Tensor;
use phrase::{PITCHES, STEPS};
use serde::{Deserialize, Serialize};

use crate::attention::{self, SelfAttention};
use crate::kernels::Window;
use crate::pack::weights::Declared;
use crate::{Init, ModelError, Ops, Parameter, Weights};

const NAME: &str = "discriminator.";
const SLOPE: f32 = 0.2;
/// Sounding, onset, semitone above, whole tone above.
const PLANES: usize = 4;
const STEM: usize = 8;
const PATCH: usize = 4;
const STEM_WINDOW: Window = Window::new(STEM, PATCH, (STEM - PATCH) / 2);
const DOWN_WINDOW: Window = Window::new(4, 2, 1);
/// Layers, from input to output.
const LAYERS: [&str; 5] = ["stem", "fine", "down", "coarse", "maps"];

/// The discriminator's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscriminatorConfig {
    /// Genres, one map each; 1 for one direction of a pairwise run.
    pub genres: usize,
    /// Channels on the 16 x 21 grid.
    pub fine: usize,
    /// Channels on the 8 x 10 grid.
    pub coarse: usize,
    /// Self-attention at the end of the 16 x 21 and of the 8 x 10 grid (the papers' *SA*).
    #[serde(default)]
    pub attention: bool,
    /// Whether the weights that it is built of are spectrally normalised, and so need the gain.
    pub spectral: bool,
}

impl DiscriminatorConfig {
    /// 64 and 80 channels: 0.18 M parameters, for weights under spectral norm.
    pub fn compact(genres: usize) -> Self {
        Self { genres, fine: 64, coarse: 80, attention: false, spectral: true }
    }

    /// What input and output are multiplied by.
    fn gain(&self) -> f64 {
        if self.spectral { 4.0 } else { 1.0 }
    }

    /// Shape of each layer's weight.
    fn shapes(&self) -> [Vec<usize>; LAYERS.len()] {
        let Self { genres, fine, coarse, .. } = *self;
        [
            vec![STEM * STEM * PLANES, fine],
            vec![3, 3, fine, fine],
            vec![16 * fine, coarse],
            vec![3, 3, coarse, coarse],
            vec![coarse, genres],
        ]
    }

    /// The layers that attention follows, and their channels.
    fn attentive(&self) -> Vec<(&'static str, usize)> {
        if self.attention { vec![("fine", self.fine), ("coarse", self.coarse)] } else { Vec::new() }
    }

    /// Every parameter of the network, its name beginning with `prefix` (empty where there is one
    /// discriminator): a weight and a bias a layer, and the place of a patch.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        let name = |part: &str| format!("{prefix}{NAME}{part}");
        let both = |(layer, shape): (&str, Vec<usize>)| {
            let outputs = shape[shape.len() - 1];
            let bias = Parameter::new(name(&format!("{layer}_bias")), &[outputs], Init::Zeros);
            [Parameter::weight(name(layer), &shape), bias]
        };
        let mut all: Vec<Parameter> = LAYERS.into_iter().zip(self.shapes()).flat_map(both).collect();
        all.push(Parameter::new(name("beat"), &[STEPS / PATCH, 1, self.fine], Init::Normal(0.1)));
        all.push(Parameter::new(name("register"), &[1, PITCHES / PATCH, self.fine], Init::Normal(0.1)));
        for (layer, channels) in self.attentive() {
            let start = Init::Normal((channels as f32).recip().sqrt());
            all.extend(attention::parameters(&name(&format!("{layer}_attention")), channels, start));
        }
        all
    }

    /// The names of the weights that spectral norm normalises: all layers', attention's among them.
    pub fn spectral_weights(&self, prefix: &str) -> Vec<String> {
        let name = |part: &str| format!("{prefix}{NAME}{part}");
        let mut all: Vec<String> = LAYERS.map(name).into();
        for (layer, _) in self.attentive() {
            all.extend(attention::spectral_weights(&name(&format!("{layer}_attention"))));
        }
        all
    }
}

/// The discriminator with its weights.
#[derive(Debug)]
pub struct Discriminator {
    ops: Ops,
    gain: f64,
    layers: Vec<(Tensor, Tensor)>,
    place: Tensor,
    /// By layer.
    attention: Vec<Option<SelfAttention>>,
}

impl Discriminator {
    /// Takes the parameters, whose names begin with `prefix`, out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape than `config` needs.
    pub fn new(
        config: DiscriminatorConfig,
        prefix: &str,
        weights: &Weights,
        ops: Ops,
    ) -> Result<Self, ModelError> {
        let declared = Declared::new(weights, format!("{prefix}{NAME}"), config.parameters(prefix));
        let (mut layers, mut attention) = (Vec::new(), Vec::new());
        for layer in LAYERS {
            layers.push((declared.get(layer)?, declared.get(&format!("{layer}_bias"))?));
            let follows = config.attentive().iter().any(|(name, _)| *name == layer);
            let name = format!("{layer}_attention");
            attention.push(follows.then(|| SelfAttention::new(&declared, &name, ops)).transpose()?);
        }
        let place = declared.get("beat")?.broadcast_add(&declared.get("register")?)?;
        Ok(Self { ops, gain: config.gain(), layers, place, attention })
    }

    /// Judgement maps `[B, 8, 10, G]` of `rolls` `[B, 64, 84]`: positive where a patch passes for that genre.
    pub fn forward(&self, rolls: &Tensor) -> candle_core::Result<Tensor> {
        let ops = &self.ops;
        let layer = |index: usize, x: &Tensor| {
            let (weight, bias) = &self.layers[index];
            let y = if weight.rank() == 4 { (ops.conv3x3)(x, weight)? } else { (ops.linear)(x, weight)? };
            let y = if index == 0 { y.broadcast_add(&self.place)? } else { y };
            let y = (ops.bias_act)(&y, bias, if index == 4 { 1.0 } else { SLOPE })?;
            match &self.attention[index] {
                Some(attention) => attention.forward(&y),
                None => Ok(y),
            }
        };
        let x = layer(0, &(ops.unfold)(&planes(rolls, self.gain)?, STEM_WINDOW)?)?;
        let x = layer(1, &x)?;
        let x = layer(2, &(ops.unfold)(&x, DOWN_WINDOW)?)?;
        let x = layer(3, &x)?;
        layer(4, &x)?.affine(self.gain, 0.0)
    }
}

/// What the discriminator looks at, `[B, 64, 84, 4]`: sounding cells, onsets, and cells with another one or
/// two semitones above, times `gain`. Products of cells, so that gradients pass.
fn planes(rolls: &Tensor, gain: f64) -> candle_core::Result<Tensor> {
    let x = rolls.affine(gain.sqrt(), 0.0)?;
    let before = x.narrow(1, 0, STEPS - 1)?.pad_with_zeros(1, 1, 0)?;
    let onset = (&x * before.affine(-1.0, gain.sqrt())?)?;
    let close = |semitones: usize| {
        let above = x.narrow(2, semitones, PITCHES - semitones)?.pad_with_zeros(2, 0, semitones)?;
        &x * above
    };
    Tensor::stack(&[&x.affine(gain.sqrt(), 0.0)?, &onset, &close(1)?, &close(2)?], 3)
}
