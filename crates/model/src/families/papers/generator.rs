//! The papers' generator: 7x7 convolution, two halvings, residual blocks on a 16 x 21 grid, two doublings,
//! 7x7 convolution. Reflecting edges where the public code has them, zeros as TensorFlow's "SAME" puts them
//! elsewhere.

use candle_core::Tensor;
use phrase::{PITCHES, STEPS};
use serde::{Deserialize, Serialize};

use super::kernels::{self, reference};
use super::{Norm, Port, START, matrix, norm_parameters, spreading};
use crate::attention::{self, SelfAttention};
use crate::kernels::Window;
use crate::pack::weights::Declared;
use crate::{ModelError, Ops, Parameter, Weights};

const NAME: &str = "generator.";
/// What the names of the transposed convolutions begin with.
const TRANSPOSED: &str = "generator.up";
const OUTER: usize = 7;
/// What a 7x7 convolution reaches beyond a pixel.
const REACH: usize = OUTER / 2;
/// 3x3, stride 2, TensorFlow's "SAME": on an even size no zeros before and one after.
const HALVING: Window = Window::new(3, 2, 0).with_after(1);
/// The same as PyTorch pads: a zero on each side.
const EVEN_HALVING: Window = Window::new(3, 2, 1);
/// Adds the spread products of the padded image up and cuts the padding, and what reaches beyond it, off.
const OUT: Window = Window::new(OUTER, 1, 2 * REACH);

/// The generator's sizes. The papers': width 64, 10 blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// Channels at full resolution; doubled at each halving.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Self-attention behind each of the last two blocks (the papers' *SA*).
    #[serde(default)]
    pub attention: bool,
    /// What a port changed.
    #[serde(default, skip_serializing_if = "Port::is_none")]
    pub port: Port,
}

impl GeneratorConfig {
    /// The published size: 12,551,552 parameters, and 163,842 more with attention.
    pub fn published(attention: bool) -> Self {
        Self { width: 64, blocks: 10, attention, port: Port::NONE }
    }

    /// The blocks that attention follows.
    fn attentive(&self) -> std::ops::Range<usize> {
        if self.attention { self.blocks.saturating_sub(2)..self.blocks } else { 0..0 }
    }

    /// Each convolution's name and shape, from input to output: `[height, width, inputs, outputs]`, the
    /// transposed ones `[inputs, height, width, outputs]`.
    fn convolutions(&self) -> Vec<(String, [usize; 4])> {
        let w = self.width;
        let fixed = |name: &str, shape| (format!("{NAME}{name}"), shape);
        let mut all = vec![
            fixed("stem", [OUTER, OUTER, 1, w]),
            fixed("down0", [3, 3, w, 2 * w]),
            fixed("down1", [3, 3, 2 * w, 4 * w]),
        ];
        for block in 0..self.blocks {
            for conv in 0..2 {
                all.push((format!("{NAME}block{block}.conv{conv}"), [3, 3, 4 * w, 4 * w]));
            }
        }
        all.push(fixed("up0", [4 * w, 3, 3, 2 * w]));
        all.push(fixed("up1", [2 * w, 3, 3, w]));
        all.push(fixed("out", [OUTER, OUTER, w, 1]));
        all
    }

    /// Every parameter of the network, its name beginning with `prefix`.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        let mut all = Vec::new();
        for (name, shape) in self.convolutions() {
            let name = format!("{prefix}{name}");
            all.push(Parameter::new(&name, &shape, START));
            // All but the last are followed by a norm.
            if !name.ends_with(".out") {
                all.extend(norm_parameters(&name, shape[3], self.port));
            }
        }
        for block in self.attentive() {
            let name = format!("{prefix}{NAME}attention{block}");
            all.extend(attention::parameters(&name, 4 * self.width, START));
        }
        all
    }

    /// The names of the transposed convolutions' weights, which the papers' text normalises too and their
    /// code does not.
    pub fn transposed_weights(&self, prefix: &str) -> Vec<String> {
        let all = self.convolutions().into_iter().map(|(name, _)| name);
        all.filter(|name| name.starts_with(TRANSPOSED)).map(|name| format!("{prefix}{name}")).collect()
    }

    /// The names of the weights that the papers' *SN* models normalise: all plain convolutions, attention's
    /// among them, but not the two transposed ones.
    pub fn spectral_weights(&self, prefix: &str) -> Vec<String> {
        let plain = self.convolutions().into_iter().map(|(name, _)| name);
        let plain = plain.filter(|name| !name.starts_with(TRANSPOSED));
        let mut all: Vec<String> = plain.map(|name| format!("{prefix}{name}")).collect();
        for block in self.attentive() {
            all.extend(attention::spectral_weights(&format!("{prefix}{NAME}attention{block}")));
        }
        all
    }
}

/// A convolution with the norm behind it.
#[derive(Debug)]
struct Layer {
    weight: Tensor,
    norm: Norm,
}

/// The generator with its weights: one direction.
#[derive(Debug)]
pub struct Generator {
    ops: Ops,
    port: Port,
    stem: Layer,
    down: [Layer; 2],
    blocks: Vec<[Layer; 2]>,
    /// By block.
    attention: Vec<Option<SelfAttention>>,
    up: [Layer; 2],
    out: Tensor,
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
        let layer = |name: &str, weight: Tensor| -> Result<Layer, ModelError> {
            let norm = Norm::new(&declared, name, &declared.get(name)?, config.port)?;
            Ok(Layer { weight, norm })
        };
        let unfolded = |name: &str| layer(name, matrix(&declared.get(name)?)?);
        let folded = |name: &str| {
            let weight = declared.get(name)?;
            layer(name, weight.reshape((weight.dim(0)?, ()))?)
        };
        let block = |i: usize| -> Result<[Layer; 2], ModelError> {
            let convolution = |name: &str| layer(name, declared.get(name)?);
            Ok([convolution(&format!("block{i}.conv0"))?, convolution(&format!("block{i}.conv1"))?])
        };
        let attention = |i: usize| {
            let name = format!("attention{i}");
            config.attentive().contains(&i).then(|| SelfAttention::new(&declared, &name, ops)).transpose()
        };
        Ok(Self {
            ops,
            port: config.port,
            stem: unfolded("stem")?,
            down: [unfolded("down0")?, unfolded("down1")?],
            blocks: (0..config.blocks).map(block).collect::<Result<_, _>>()?,
            attention: (0..config.blocks).map(attention).collect::<Result<_, _>>()?,
            up: [folded("up0")?, folded("up1")?],
            out: spreading(&declared.get("out")?)?,
        })
    }

    /// Logits `[B, 64, 84]` of the answer to `rolls` `[B, 64, 84]` (0 to 1, the *sounding* plane); the
    /// papers' output is their sigmoid.
    pub fn forward(&self, rolls: &Tensor) -> candle_core::Result<Tensor> {
        let ops = &self.ops;
        let batch = rolls.dim(0)?;
        let mirrored = ops.pick(kernels::pad_reflect as fn(&_, _) -> _, reference::pad_reflect);
        let conv3x3 = ops.pick(kernels::conv3x3_reflect as fn(&_, &_) -> _, reference::conv3x3_reflect);
        let (conv3x3, halving) =
            if self.port.zeros { (ops.conv3x3, EVEN_HALVING) } else { (conv3x3, HALVING) };
        let x = rolls.reshape((batch, STEPS, PITCHES, 1))?;
        let x = if self.port.zeros {
            (ops.unfold)(&x, Window::new(OUTER, 1, REACH))?
        } else {
            (ops.unfold)(&mirrored(&x, REACH)?, Window::new(OUTER, 1, 0))?
        };
        let mut x = self.stem.norm.forward(&(ops.linear)(&x, &self.stem.weight)?, 0.0, ops)?;
        for Layer { weight, norm } in &self.down {
            x = norm.forward(&(ops.linear)(&(ops.unfold)(&x, halving)?, weight)?, 0.0, ops)?;
        }
        for ([first, second], attention) in self.blocks.iter().zip(&self.attention) {
            let y = first.norm.forward(&conv3x3(&x, &first.weight)?, 0.0, ops)?;
            let y = second.norm.forward(&conv3x3(&y, &second.weight)?, 1.0, ops)?;
            x = (ops.add_act)(&x, &y, 0.0)?;
            if let Some(attention) = attention {
                x = attention.forward(&x)?;
            }
        }
        for (Layer { weight, norm }, divisor) in self.up.iter().zip([2, 1]) {
            let spread = (ops.linear)(&x, weight)?;
            let doubled = (ops.fold)(&spread, halving, STEPS / divisor, PITCHES / divisor)?;
            x = norm.forward(&doubled, 0.0, ops)?;
        }
        let (x, out) =
            if self.port.zeros { (x, Window::new(OUTER, 1, REACH)) } else { (mirrored(&x, REACH)?, OUT) };
        (ops.fold)(&(ops.linear)(&x, &self.out)?, out, STEPS, PITCHES)?.reshape((batch, STEPS, PITCHES))
    }
}
