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

use crate::pack::weights::Declared;
use crate::{Init, ModelError, Ops, Parameter};

/// How convolutions start: truncated normal (the later ports drew from a plain one).
const START: Init = Init::TruncatedNormal(0.02);

/// Parameters of an instance norm, their names beginning with `name`. The papers draw its scale around 1;
/// what is stored is the difference from 1, so that f16 keeps it exactly enough.
fn norm_parameters(name: &str, channels: usize) -> [Parameter; 2] {
    [
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
    fn new(declared: &Declared, name: &str) -> std::result::Result<Self, ModelError> {
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

/// A convolution's `[height, width, inputs, outputs]` weight as the matrix that an unfolded image is
/// multiplied with.
fn matrix(weight: &Tensor) -> Result<Tensor> {
    let outputs = weight.dim(weight.rank() - 1)?;
    weight.reshape(((), outputs))
}

/// The weight `[K, K, inputs, 1]` of a convolution to one channel as the `[inputs, K * K]` matrix whose
/// products, folded, are that convolution: each pixel is spread over its neighbourhood, so the kernel is
/// turned by 180 degrees.
fn spreading(weight: &Tensor) -> Result<Tensor> {
    let (height, width, inputs, _) = weight.dims4()?;
    weight.reshape((height * width, inputs))?.flip(&[0])?.t()?.contiguous()
}
