//! The papers' discriminator: three 7x7 convolutions to a map of 16 x 21 judgements. (The first paper's table
//! has 4x4 kernels; its public code always had 7x7.)

use candle_core::Tensor;
use phrase::{PITCHES, STEPS};
use serde::{Deserialize, Serialize};

use super::{Norm, Port, START, matrix, norm_parameters, spreading};
use crate::attention::{self, SelfAttention};
use crate::kernels::Window;
use crate::pack::weights::Declared;
use crate::{ModelError, Ops, Parameter, Weights};

const NAME: &str = "discriminator.";
const KERNEL: usize = 7;
const SLOPE: f32 = 0.2;
/// 7x7, stride 2, TensorFlow's "SAME": on an even size two zeros before and three after.
const HALVING: Window = Window::new(KERNEL, 2, 2).with_after(3);
/// The same as PyTorch pads: three zeros on each side.
const EVEN_HALVING: Window = Window::new(KERNEL, 2, KERNEL / 2);
/// 7x7, stride 1, as many zeros on each side as keep the size.
const MAP: Window = Window::new(KERNEL, 1, KERNEL / 2);

/// The discriminator's sizes. The papers': width 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscriminatorConfig {
    /// Channels of the first layer; the second has four times as many.
    pub width: usize,
    /// Self-attention behind the first and the second layer (the papers' *SA*). The first sees 1,344 pixels.
    #[serde(default)]
    pub attention: bool,
    /// What a port changed.
    #[serde(default, skip_serializing_if = "Port::is_none")]
    pub port: Port,
}

impl DiscriminatorConfig {
    /// The published size: 819,008 parameters, and 87,042 more with attention.
    pub fn published(attention: bool) -> Self {
        Self { width: 64, attention, port: Port::NONE }
    }

    /// Channels of the layers before the map.
    fn channels(&self) -> [usize; 2] {
        [self.width, 4 * self.width]
    }

    fn attentions(&self) -> &'static [&'static str] {
        if self.attention { &["attention0", "attention1"] } else { &[] }
    }

    /// Every parameter of the network, its name beginning with `prefix`.
    pub fn parameters(&self, prefix: &str) -> Vec<Parameter> {
        let [few, many] = self.channels();
        let name = |part: &str| format!("{prefix}{NAME}{part}");
        let mut all = vec![
            Parameter::new(name("conv0"), &[KERNEL, KERNEL, 1, few], START),
            Parameter::new(name("conv1"), &[KERNEL, KERNEL, few, many], START),
            Parameter::new(name("conv2"), &[KERNEL, KERNEL, many, 1], START),
        ];
        all.extend(norm_parameters(&name("conv1"), many, self.port));
        for (part, channels) in self.attentions().iter().zip(self.channels()) {
            all.extend(attention::parameters(&name(part), channels, START));
        }
        all
    }

    /// The names of the weights that the papers' *SN* models normalise: all convolutions, attention's among
    /// them.
    pub fn spectral_weights(&self, prefix: &str) -> Vec<String> {
        let name = |part: &str| format!("{prefix}{NAME}{part}");
        let mut all: Vec<String> = ["conv0", "conv1", "conv2"].map(name).into();
        for part in self.attentions() {
            all.extend(attention::spectral_weights(&name(part)));
        }
        all
    }
}

/// The discriminator with its weights.
#[derive(Debug)]
pub struct Discriminator {
    ops: Ops,
    halving: Window,
    first: Tensor,
    second: Tensor,
    norm: Norm,
    map: Tensor,
    attention: Option<[SelfAttention; 2]>,
}

impl Discriminator {
    /// Takes the discriminator's parameters, whose names begin with `prefix`, out of `weights`.
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
        let attention = match config.attentions() {
            [first, second] => Some([
                SelfAttention::new(&declared, first, ops)?,
                SelfAttention::new(&declared, second, ops)?,
            ]),
            _ => None,
        };
        Ok(Self {
            ops,
            halving: if config.port.zeros { EVEN_HALVING } else { HALVING },
            first: matrix(&declared.get("conv0")?)?,
            second: matrix(&declared.get("conv1")?)?,
            norm: Norm::new(&declared, "conv1", &declared.get("conv1")?, config.port)?,
            map: spreading(&declared.get("conv2")?)?,
            attention,
        })
    }

    /// The judgement map `[B, 16, 21]` of `rolls` `[B, 64, 84]` (cells from 0 to 1, noise added as the recipe
    /// says): no activation, 1 means real in the papers' least-squares loss.
    pub fn forward(&self, rolls: &Tensor) -> candle_core::Result<Tensor> {
        let ops = &self.ops;
        let batch = rolls.dim(0)?;
        let look = |x: Tensor, layer: usize| match &self.attention {
            Some(attention) => attention[layer].forward(&x),
            None => Ok(x),
        };
        let x = (ops.unfold)(&rolls.reshape((batch, STEPS, PITCHES, 1))?, self.halving)?;
        let x = (ops.linear)(&x, &self.first)?;
        let no_bias = Tensor::zeros(x.dim(3)?, x.dtype(), x.device())?;
        let x = look((ops.bias_act)(&x, &no_bias, SLOPE)?, 0)?;
        let x = (ops.linear)(&(ops.unfold)(&x, self.halving)?, &self.second)?;
        let x = look(self.norm.forward(&x, SLOPE, ops)?, 1)?;
        let (rows, columns) = (x.dim(1)?, x.dim(2)?);
        (ops.fold)(&(ops.linear)(&x, &self.map)?, MAP, rows, columns)?.squeeze(3)
    }
}
