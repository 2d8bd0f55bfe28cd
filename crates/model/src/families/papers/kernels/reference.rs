//! The twins of this family's kernels in candle's built-in operations; see [`crate::kernels::reference`].

use candle_core::{Result, Tensor};

use super::pad_reflect::Mirrored;

/// See [`super::pad_reflect`].
///
/// # Errors
/// When the shapes don't fit.
pub fn pad_reflect(x: &Tensor, pad: usize) -> Result<Tensor> {
    let images = Mirrored::new(x.dims(), pad)?;
    let mirrored = |size: usize| {
        Tensor::from_iter((0..size + 2 * pad).map(|at| images.source(at, size) as u32), x.device())
    };
    x.index_select(&mirrored(images.height)?, 1)?.index_select(&mirrored(images.width)?, 2)
}

/// See [`super::conv3x3_reflect`].
///
/// # Errors
/// When the shapes don't fit.
pub fn conv3x3_reflect(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let planes = pad_reflect(x, 1)?.permute((0, 3, 1, 2))?.contiguous()?;
    let kernel = w.permute((3, 2, 0, 1))?.contiguous()?;
    planes.conv2d(&kernel, 0, 1, 1, 1)?.permute((0, 2, 3, 1))?.contiguous()
}
