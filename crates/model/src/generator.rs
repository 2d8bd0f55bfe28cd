//! The shipped generator: a patch stem, dense residual blocks whose instance norms are driven by the genres, and a
//! pixel-shuffle head, on top of the input's own logits.
//!
//! After *Symbolic Music Genre Transfer with CycleGAN* (Brunner et al., 2018), with three differences that make it
//! fast and general: the convolutions run on a 16 x 21 grid of 4 x 4 patches (a beat by a third of an octave) with no
//! full-resolution layer to pay for; one network serves all genres and directions through conditional instance norm
//! (Dumoulin et al., *A Learned Representation for Artistic Style*, 2017); and the output starts from the input, so
//! that the network learns what to change and not how to copy.

use candle_core::Tensor;
use phrase::{PITCHES, STEPS};
use serde::{Deserialize, Serialize};

use crate::{Init, ModelError, Ops, Parameter, Weights};

const PATCH: usize = 4;
const ROWS: usize = STEPS / PATCH;
const COLUMNS: usize = PITCHES / PATCH;
const STEM_KERNEL: usize = 8;

/// The generator's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// Genres of the pack, 1..=8.
    pub genres: usize,
    /// Channels of the residual blocks.
    pub channels: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Planes at full resolution between the pixel shuffle and the last 3x3 convolution.
    pub planes: usize,
}

impl GeneratorConfig {
    /// The size that ships: 64 channels, 6 blocks, 4 planes.
    pub fn compact(genres: usize) -> Self {
        Self { genres, channels: 64, blocks: 6, planes: 4 }
    }

    fn norms(&self) -> usize {
        1 + 2 * self.blocks
    }

    /// Every parameter of the network.
    pub fn parameters(&self) -> Vec<Parameter> {
        let c = self.channels;
        let mut all = vec![
            Parameter::weight("generator.stem", &[STEM_KERNEL * STEM_KERNEL, c]),
            Parameter::new("generator.beat", &[ROWS, 1, c], Init::Normal(0.1)),
            Parameter::new("generator.register", &[1, COLUMNS, c], Init::Normal(0.1)),
            Parameter::new("generator.genre", &[2 * self.genres, self.norms() * 2 * c], Init::Zeros),
            Parameter::weight("generator.head", &[c, PATCH * PATCH * self.planes]),
            Parameter::new("generator.head_bias", &[self.planes], Init::Zeros),
            Parameter::new("generator.refine", &[self.planes, 3, 3], Init::Normal(0.05)),
            Parameter::new("generator.refine_bias", &[1], Init::Zeros),
        ];
        for block in 0..self.blocks {
            for conv in 0..2 {
                all.push(Parameter::weight(format!("generator.block{block}.conv{conv}"), &[3, 3, c, c]));
            }
        }
        all
    }
}

/// The generator with its weights.
#[derive(Debug)]
pub struct Generator {
    config: GeneratorConfig,
    ops: Ops,
    stem: Tensor,
    beat: Tensor,
    register: Tensor,
    genre: Tensor,
    blocks: Vec<[Tensor; 2]>,
    head: Tensor,
    head_bias: Tensor,
    refine: Tensor,
    refine_bias: Tensor,
}

impl Generator {
    /// Takes the generator's parameters out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape than `config` needs.
    pub fn new(config: GeneratorConfig, weights: &Weights, ops: Ops) -> Result<Self, ModelError> {
        let shapes = config.parameters();
        let get = |name: &str| -> Result<Tensor, ModelError> {
            let name = format!("generator.{name}");
            let shape = shapes.iter().find(|p| p.name == name).map(|p| p.shape.as_slice()).unwrap_or(&[]);
            weights.get(&name, shape)
        };
        let block = |i: usize| -> Result<[Tensor; 2], ModelError> {
            Ok([get(&format!("block{i}.conv0"))?, get(&format!("block{i}.conv1"))?])
        };
        Ok(Self {
            config,
            ops,
            stem: get("stem")?,
            beat: get("beat")?,
            register: get("register")?,
            genre: get("genre")?,
            blocks: (0..config.blocks).map(block).collect::<Result<_, _>>()?,
            head: get("head")?,
            head_bias: get("head_bias")?,
            refine: get("refine")?,
            refine_bias: get("refine_bias")?,
        })
    }

    /// Logits `[B, 64, 84]` of the answer to `rolls` `[B, 64, 84]` (0 or 1, the *sounding* plane), where `genres`
    /// `[B, 2 G]` holds the weights of the source genres and then those of the target genres, each summing to 1.
    pub fn forward(&self, rolls: &Tensor, genres: &Tensor) -> candle_core::Result<Tensor> {
        let ops = &self.ops;
        let batch = rolls.dim(0)?;
        let signed = rolls.affine(2.0, -1.0)?;
        let conditions = (ops.linear)(genres, &self.genre)?;
        let c = self.config.channels;
        let norm = |x: &Tensor, index: usize, slope: f32| {
            let scale = conditions.narrow(1, 2 * index * c, c)?.contiguous()?.affine(1.0, 1.0)?;
            let shift = conditions.narrow(1, (2 * index + 1) * c, c)?.contiguous()?;
            (ops.norm_act)(x, &scale, &shift, slope)
        };

        let patches = signed.reshape((batch, STEPS, PITCHES, 1))?;
        let patches = (ops.unfold)(&patches, STEM_KERNEL, PATCH, (STEM_KERNEL - PATCH) / 2)?;
        let mut x = norm(&(ops.linear)(&patches, &self.stem)?, 0, 0.0)?;
        // Convolutions with zero padding know little of where they are: the beat of the phrase and the register of the
        // patch are told to them.
        x = x.broadcast_add(&self.beat)?.broadcast_add(&self.register)?;
        for (i, [first, second]) in self.blocks.iter().enumerate() {
            let y = norm(&(ops.conv3x3)(&x, first)?, 1 + 2 * i, 0.0)?;
            let y = norm(&(ops.conv3x3)(&y, second)?, 2 + 2 * i, 1.0)?;
            x = (x + y)?;
        }

        let planes = self.config.planes;
        let patches =
            (ops.linear)(&x, &self.head)?.reshape((batch, ROWS, COLUMNS * PATCH * PATCH, planes))?;
        let patches = (ops.bias_act)(&patches, &self.head_bias, 0.0)?;
        let patches = patches.reshape((batch, ROWS, COLUMNS, PATCH * PATCH * planes))?;
        let change = (ops.refine3x3)(&(ops.pixel_shuffle)(&patches, PATCH)?, &self.refine)?;
        signed + change.broadcast_add(&self.refine_bias)?
    }
}
