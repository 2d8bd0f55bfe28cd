//! The genre classifier of *Symbolic Music Genre Transfer with CycleGAN* (Brunner et al., 2018).
//!
//! Five convolutions whose kernel equals their stride: an octave, then four, eight and all 64 steps, then all
//! octaves. Each is therefore a regrouping of cells and one matrix product. It tells the plugin's *auto*
//! source genre.

mod saliency;

pub use saliency::{Saliency, saliency};

use candle_core::{Device, Result, Tensor};
use phrase::{PITCHES, Roll, STEPS};
use serde::{Deserialize, Serialize};

use crate::families::logits;
use crate::{Init, ModelError, Ops, Parameter, SLOTS, Weights};

const OCTAVE: usize = 12;
const OCTAVES: usize = PITCHES / OCTAVE;
const SLOPE: f32 = 0.2;

/// The classifier's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassifierConfig {
    /// Genres it tells apart.
    pub genres: usize,
    /// Channels of the first layer; each of the next three doubles them. The paper has 64.
    pub width: usize,
}

/// The most channels of the first layer, 64 x 7 of them: see the widest generator.
const WIDEST: usize = 128;

/// Steps gathered by the second, third and fourth layer.
const GATHER: [usize; 3] = [4, 2, 8];

impl ClassifierConfig {
    /// What makes it unusable for this many genres, if anything.
    pub(crate) fn fault(&self, genres: usize) -> Option<String> {
        let sizes = [self.width, 1, 1];
        crate::roles::fault(self.genres == genres, sizes, self.width, WIDEST)
            .map(|fault| fault.replace("network", "classifier"))
    }

    /// Every parameter of the network.
    pub fn parameters(&self) -> Vec<Parameter> {
        let Self { genres, width } = *self;
        let mut all = vec![Parameter::weight("classifier.octave", &[OCTAVE, width])];
        for (i, steps) in GATHER.into_iter().enumerate() {
            let (from, to) = (width << i, width << (i + 1));
            all.push(Parameter::weight(format!("classifier.steps{i}"), &[steps * from, to]));
            all.push(Parameter::new(format!("classifier.scale{i}"), &[1, to], Init::Zeros));
            all.push(Parameter::new(format!("classifier.shift{i}"), &[1, to], Init::Zeros));
        }
        let last = OCTAVES * (width << 3);
        all.push(Parameter::new(
            "classifier.genres",
            &[last, genres],
            Init::Normal(1.0 / (last as f32).sqrt()),
        ));
        all
    }
}

/// The classifier with its weights.
#[derive(Debug)]
pub struct Classifier {
    ops: Ops,
    octave: Tensor,
    layers: Vec<[Tensor; 3]>,
    genres: Tensor,
}

impl Classifier {
    /// Takes the classifier's parameters out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape than `config` needs.
    pub fn new(
        config: ClassifierConfig,
        weights: &Weights,
        ops: Ops,
    ) -> std::result::Result<Self, ModelError> {
        let mut all = Vec::new();
        for parameter in config.parameters() {
            all.push(weights.get(&parameter.name, &parameter.shape)?);
        }
        let layers = (0..GATHER.len()).map(|i| std::array::from_fn(|k| all[1 + 3 * i + k].clone())).collect();
        Ok(Self { ops, octave: all[0].clone(), layers, genres: all[all.len() - 1].clone() })
    }

    /// How many genres it tells apart.
    pub fn genres(&self) -> usize {
        self.genres.dims().last().copied().unwrap_or_default()
    }

    /// Where its weights are, and its input must be.
    pub(crate) fn device(&self) -> &Device {
        self.genres.device()
    }

    /// The likeliest genre's slot for `roll`, and the probability of each.
    ///
    /// # Errors
    /// When it cannot compute.
    pub fn classify(&self, roll: &Roll) -> std::result::Result<(u8, [f32; SLOTS]), ModelError> {
        let cells = logits::tensor(roll, self.device())?;
        let logits = self.forward(&cells)?.flatten_all()?.to_vec1::<f32>()?;
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut probabilities = [0.0; SLOTS];
        for (probability, logit) in probabilities.iter_mut().zip(&logits) {
            *probability = (logit - highest).exp();
        }
        let sum: f32 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= sum);
        let best = logits.iter().position(|&logit| logit == highest).unwrap_or(0);
        Ok((best as u8, probabilities))
    }

    /// Genre logits `[B, G]` of `rolls` `[B, 64, 84]` (0 or 1).
    pub fn forward(&self, rolls: &Tensor) -> Result<Tensor> {
        let ops = &self.ops;
        let batch = rolls.dim(0)?;
        let x = rolls.affine(2.0, -1.0)?.reshape((batch, STEPS, OCTAVES, OCTAVE))?;
        let mut x = (ops.linear)(&x, &self.octave)?;
        let no_bias = Tensor::zeros(x.dim(3)?, x.dtype(), x.device())?;
        x = (ops.bias_act)(&x, &no_bias, SLOPE)?;
        for (steps, [weight, scale, shift]) in GATHER.into_iter().zip(&self.layers) {
            let (_, rows, columns, channels) = x.dims4()?;
            let groups =
                x.reshape((batch, rows / steps, steps, columns, channels))?.permute((0, 1, 3, 2, 4))?;
            let groups = groups.contiguous()?.reshape((batch, rows / steps, columns, steps * channels))?;
            let y = (ops.linear)(&groups, weight)?;
            let wide = (batch, y.dim(3)?);
            let scale = scale.affine(1.0, 1.0)?.broadcast_as(wide)?.contiguous()?;
            let shift = shift.broadcast_as(wide)?.contiguous()?;
            x = (ops.norm_act)(&y, &scale, &shift, SLOPE)?;
        }
        (ops.linear)(&x.reshape((batch, ()))?, &self.genres)
    }
}
