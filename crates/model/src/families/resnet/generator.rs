//! The generator of the multi-genre GAN: a patch stem, dense residual blocks whose instance norms are driven
//! by the genres, and a pixel-shuffle head, on top of the input's own logits.
//!
//! After *Symbolic Music Genre Transfer with CycleGAN* (Brunner et al., 2018), with three differences that
//! make it fast and general: the convolutions run on a 16 x 21 grid of 4 x 4 patches (a beat by a third of an
//! octave) with no full-resolution layer to pay for; one network serves all genres and directions through
//! conditional instance norm (Dumoulin et al., *A Learned Representation for Artistic Style*, 2017); and the
//! output starts from the input, so that the network learns what to change and not how to copy.

use candle_core::Tensor;
use phrase::{PITCHES, STEPS};
use serde::{Deserialize, Serialize};

use super::kernels::{self, reference};
use crate::attention::{self, SelfAttention};
use crate::kernels::Window;
use crate::pack::weights::Declared;
use crate::{Init, ModelError, Ops, Parameter, Weights};

const NAME: &str = "generator.";

const PATCH: usize = 4;
const ROWS: usize = STEPS / PATCH;
const COLUMNS: usize = PITCHES / PATCH;
const STEM_KERNEL: usize = 8;
const STEM: Window = Window::new(STEM_KERNEL, PATCH, (STEM_KERNEL - PATCH) / 2);

/// The generator's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// Genres of the pack, 1..=8. With 1 there is nothing to choose, as in one direction of a pairwise pack:
    /// the conditions are constant and the norms plain affine ones.
    pub genres: usize,
    /// Channels of the residual blocks.
    pub channels: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Planes at full resolution between the pixel shuffle and the last 3x3 convolution.
    pub planes: usize,
    /// Self-attention behind each of the last two blocks (the papers' *SA*).
    #[serde(default)]
    pub attention: bool,
}

impl GeneratorConfig {
    /// The usual size: 64 channels, 6 blocks, 4 planes.
    pub fn compact(genres: usize) -> Self {
        Self { genres, channels: 64, blocks: 6, planes: 4, attention: false }
    }

    fn norms(&self) -> usize {
        1 + 2 * self.blocks
    }

    /// The blocks that attention follows.
    fn attentive(&self) -> std::ops::Range<usize> {
        if self.attention { self.blocks.saturating_sub(2)..self.blocks } else { 0..0 }
    }

    /// Every parameter of the network, its name beginning with `prefix` (empty where there is one generator).
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        let c = self.channels;
        let name = |part: &str| format!("{prefix}{NAME}{part}");
        let mut all = vec![
            Parameter::weight(name("stem"), &[STEM_KERNEL * STEM_KERNEL, c]),
            Parameter::new(name("beat"), &[ROWS, 1, c], Init::Normal(0.1)),
            Parameter::new(name("register"), &[1, COLUMNS, c], Init::Normal(0.1)),
            Parameter::new(name("genre"), &[2 * self.genres, self.norms() * 2 * c], Init::Zeros),
            Parameter::weight(name("head"), &[c, PATCH * PATCH * self.planes]),
            Parameter::new(name("head_bias"), &[self.planes], Init::Zeros),
            Parameter::new(name("refine"), &[self.planes, 3, 3], Init::Normal(0.05)),
            Parameter::new(name("refine_bias"), &[1], Init::Zeros),
        ];
        for block in 0..self.blocks {
            for conv in 0..2 {
                all.push(Parameter::weight(name(&format!("block{block}.conv{conv}")), &[3, 3, c, c]));
            }
        }
        let start = Init::Normal((c as f32).recip().sqrt());
        for block in self.attentive() {
            all.extend(attention::parameters(&name(&format!("attention{block}")), c, start));
        }
        all
    }

    /// The names of the weights that spectral norm normalises: all convolutions, attention's among them.
    pub fn spectral_weights(&self, prefix: &str) -> Vec<String> {
        let name = |part: &str| format!("{prefix}{NAME}{part}");
        let mut all: Vec<String> = ["stem", "head", "refine"].map(name).into();
        for block in 0..self.blocks {
            all.extend([0, 1].map(|conv| name(&format!("block{block}.conv{conv}"))));
        }
        for block in self.attentive() {
            all.extend(attention::spectral_weights(&name(&format!("attention{block}"))));
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
    /// By block.
    attention: Vec<Option<SelfAttention>>,
    head: Tensor,
    head_bias: Tensor,
    refine: Tensor,
    refine_bias: Tensor,
}

impl Generator {
    /// Takes the generator's parameters, whose names begin with `prefix`, out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape than `config` needs.
    pub fn new(
        config: GeneratorConfig,
        prefix: &str,
        weights: &Weights,
        ops: Ops,
    ) -> Result<Self, ModelError> {
        let declared = Declared::new(weights, format!("{prefix}{NAME}"), config.parameters(prefix));
        let get = |name: &str| declared.get(name);
        let block = |i: usize| -> Result<[Tensor; 2], ModelError> {
            Ok([get(&format!("block{i}.conv0"))?, get(&format!("block{i}.conv1"))?])
        };
        let attention = |i: usize| {
            let name = format!("attention{i}");
            config.attentive().contains(&i).then(|| SelfAttention::new(&declared, &name, ops)).transpose()
        };
        Ok(Self {
            config,
            ops,
            stem: get("stem")?,
            beat: get("beat")?,
            register: get("register")?,
            genre: get("genre")?,
            blocks: (0..config.blocks).map(block).collect::<Result<_, _>>()?,
            attention: (0..config.blocks).map(attention).collect::<Result<_, _>>()?,
            head: get("head")?,
            head_bias: get("head_bias")?,
            refine: get("refine")?,
            refine_bias: get("refine_bias")?,
        })
    }

    /// Logits `[B, 64, 84]` of the answer to `rolls` `[B, 64, 84]` (0 or 1, the *sounding* plane), where
    /// `genres` `[B, 2 G]` holds the weights of the source genres and then those of the target genres, each
    /// summing to 1.
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
        let patches = (ops.unfold)(&patches, STEM)?;
        let mut x = norm(&(ops.linear)(&patches, &self.stem)?, 0, 0.0)?;
        // Convolutions with zero padding know little of where they are: the beat of the phrase and the
        // register of the patch are told to them.
        x = x.broadcast_add(&self.beat)?.broadcast_add(&self.register)?;
        for (i, [first, second]) in self.blocks.iter().enumerate() {
            let y = norm(&(ops.conv3x3)(&x, first)?, 1 + 2 * i, 0.0)?;
            let y = norm(&(ops.conv3x3)(&y, second)?, 2 + 2 * i, 1.0)?;
            x = (x + y)?;
            if let Some(attention) = &self.attention[i] {
                x = attention.forward(&x)?;
            }
        }

        let planes = self.config.planes;
        let patches =
            (ops.linear)(&x, &self.head)?.reshape((batch, ROWS, COLUMNS * PATCH * PATCH, planes))?;
        let patches = (ops.bias_act)(&patches, &self.head_bias, 0.0)?;
        let patches = patches.reshape((batch, ROWS, COLUMNS, PATCH * PATCH * planes))?;
        let shuffle = ops.pick(kernels::pixel_shuffle as fn(&_, _) -> _, reference::pixel_shuffle);
        let refine = ops.pick(kernels::refine3x3 as fn(&_, &_) -> _, reference::refine3x3);
        let change = refine(&shuffle(&patches, PATCH)?, &self.refine)?;
        signed + change.broadcast_add(&self.refine_bias)?
    }
}
