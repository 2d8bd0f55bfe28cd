//! Batch norm: instance norm of a batch that is one image.

use candle_core::{Result, Tensor, bail};

use super::{norm_act, reference};

/// Normalises each channel of `x` `[B, H, W, C]` to mean 0 and variance 1 over the pixels of all samples
/// (biased variance, [`super::NORM_EPSILON`] added; Ioffe and Szegedy, 2015), multiplies by `scale` `[C]`,
/// adds `shift` `[C]`, and multiplies what is negative by `slope`: 1 leaves it, 0 is ReLU.
///
/// This is what training does. A network that plays knows the means and variances of its training and needs
/// no more than a product and a sum.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`, or the slope is negative or not finite.
pub fn batch_norm(x: &Tensor, scale: &Tensor, shift: &Tensor, slope: f32) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    if scale.dims() != [channels] || shift.dims() != [channels] {
        bail!(
            "batch_norm: x {:?} needs scale and shift [{channels}], not {:?} and {:?}",
            x.shape(),
            scale.shape(),
            shift.shape()
        );
    }
    if !x.device().is_cpu() {
        return reference::batch_norm(x, scale, shift, slope);
    }
    let one = x.reshape((1, batch * height, width, channels))?;
    norm_act(&one, &scale.unsqueeze(0)?, &shift.unsqueeze(0)?, slope)?.reshape(x.shape())
}
