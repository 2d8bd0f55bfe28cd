//! The twins of this family's kernels in candle's built-in operations; see [`crate::kernels::reference`].

use candle_core::{Result, Tensor};

use super::pixel_shuffle::Shuffle;

/// See [`super::pixel_shuffle`].
///
/// # Errors
/// When the shapes don't fit.
pub fn pixel_shuffle(x: &Tensor, r: usize) -> Result<Tensor> {
    let Shuffle { batch, height, width, planes, .. } = Shuffle::new(x.dims(), r)?;
    x.reshape(&[batch, height, width, r, r, planes])?.permute([0, 5, 1, 3, 2, 4].to_vec())?.reshape((
        batch,
        planes,
        height * r,
        width * r,
    ))
}

/// See [`super::refine3x3`].
///
/// # Errors
/// When the shapes don't fit.
pub fn refine3x3(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    x.conv2d(&w.unsqueeze(0)?, 1, 1, 1, 1)?.squeeze(1)
}
