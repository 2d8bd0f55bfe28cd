//! The networks of *Symbolic Music Genre Transfer with CycleGAN* (Brunner, Wang, Wattenhofer and Zhao, 2018)
//! and of its follow-up with spectral norm and self-attention (Brunner, Moayeri, Richter, Wattenhofer and
//! Zhang, 2019), as their public code builds them: one generator and one discriminator a direction, no biases
//! anywhere.
//!
//! Spectral norm is not part of a network but of its weights: see [`crate::spectral`].
//!
//! A pairwise pack holds two generators, named `there.` and `back.`, and a blend there mixes the input's
//! logits with the answer's. Values and gradients are tested against PyTorch's.

mod discriminator;
mod generator;
pub mod kernels;
mod pair;
mod transfer;

pub use discriminator::{Discriminator, DiscriminatorConfig};
pub use generator::{Generator, GeneratorConfig};
pub use pair::{DIRECTIONS, PairConfig, PairGenerator};

use candle_core::{Result, Tensor};

use serde::{Deserialize, Serialize};

use crate::pack::weights::Declared;
use crate::{Init, ModelError, Ops, Parameter};

/// How convolutions start: truncated normal (the later ports drew from a plain one).
const START: Init = Init::TruncatedNormal(0.02);

/// What the PyTorch ports of the papers' code changed in its networks. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Port {
    /// Zeros around every convolution, as many on each side, where the code mirrors the edges or puts the odd
    /// zero after the image.
    pub zeros: bool,
    /// Instance norm without scale and shift.
    pub plain_norm: bool,
}

impl Port {
    /// The papers' networks as their code has them.
    pub const NONE: Self = Self { zeros: false, plain_norm: false };

    /// Whether nothing is changed: then cards say nothing of it.
    fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// Parameters of an instance norm, their names beginning with `name`. The papers draw its scale around 1;
/// what is stored is the difference from 1, so that f16 keeps it exactly enough.
fn norm_parameters(name: &str, channels: usize, port: Port) -> Vec<Parameter> {
    if port.plain_norm {
        return Vec::new();
    }
    vec![
        Parameter::new(format!("{name}.scale"), &[channels], Init::Normal(0.02)),
        Parameter::new(format!("{name}.shift"), &[channels], Init::Zeros),
    ]
}

/// Affine instance norm with the activation behind it.
#[derive(Debug)]
struct Norm {
    scale: Tensor,
    shift: Tensor,
}

impl Norm {
    /// The norm behind the convolution `name` with this weight, whose last dimension is its channels.
    fn new(
        declared: &Declared,
        name: &str,
        weight: &Tensor,
        port: Port,
    ) -> std::result::Result<Self, ModelError> {
        if port.plain_norm {
            let scale = Tensor::ones(outputs(weight), weight.dtype(), weight.device())?;
            return Ok(Self { shift: scale.zeros_like()?, scale });
        }
        Ok(Self {
            scale: declared.get(&format!("{name}.scale"))?.affine(1.0, 1.0)?,
            shift: declared.get(&format!("{name}.shift"))?,
        })
    }

    fn forward(&self, x: &Tensor, slope: f32, ops: &Ops) -> Result<Tensor> {
        let each = |values: &Tensor| values.broadcast_as((x.dim(0)?, values.dim(0)?))?.contiguous();
        (ops.norm_act)(x, &each(&self.scale)?, &each(&self.shift)?, slope)
    }
}

/// Outputs of a convolution's weight.
fn outputs(weight: &Tensor) -> usize {
    weight.dims().last().copied().unwrap_or_default()
}

/// A convolution's `[height, width, inputs, outputs]` weight as the matrix that an unfolded image is
/// multiplied with.
fn matrix(weight: &Tensor) -> Result<Tensor> {
    weight.reshape(((), outputs(weight)))
}

/// The weight `[K, K, inputs, 1]` of a convolution to one channel as the `[inputs, K * K]` matrix whose
/// products, folded, are that convolution: each pixel is spread over its neighbourhood, so the kernel is
/// turned by 180 degrees.
fn spreading(weight: &Tensor) -> Result<Tensor> {
    let (height, width, inputs, _) = weight.dims4()?;
    weight.reshape((height * width, inputs))?.flip(&[0])?.t()?.contiguous()
}
