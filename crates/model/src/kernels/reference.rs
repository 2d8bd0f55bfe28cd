//! The kernels' twins in candle's built-in operations, with the same names, arguments and results.
//!
//! They run on every device and are what the kernels use on other devices than the CPU. On the CPU they are
//! slow and use several threads: there they serve as the yardstick of tests and benchmarks.

use candle_core::{Result, Tensor};

use super::NORM_EPSILON;
use super::pixel_shuffle::Shuffle;
use super::unfold::Windows;

/// See [`super::conv3x3`].
///
/// # Errors
/// When the shapes don't fit.
pub fn conv3x3(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let planes = x.permute((0, 3, 1, 2))?.contiguous()?;
    let kernel = w.permute((3, 2, 0, 1))?.contiguous()?;
    planes.conv2d(&kernel, 1, 1, 1, 1)?.permute((0, 2, 3, 1))?.contiguous()
}

/// See [`super::unfold`].
///
/// # Errors
/// When the shapes don't fit.
pub fn unfold(x: &Tensor, kernel: usize, stride: usize, pad: usize) -> Result<Tensor> {
    let windows = Windows::new(x.dims(), kernel, stride, pad)?;
    let (out_height, out_width) = (windows.out_height, windows.out_width);
    let padded = x.pad_with_zeros(1, pad, pad)?.pad_with_zeros(2, pad, pad)?;
    let positions = |first: usize, count: usize| {
        Tensor::from_iter((0..count).map(|index| (first + index * stride) as u32), x.device())
    };
    let mut columns = Vec::with_capacity(kernel * kernel);
    for ky in 0..kernel {
        let rows = padded.index_select(&positions(ky, out_height)?, 1)?;
        for kx in 0..kernel {
            columns.push(rows.index_select(&positions(kx, out_width)?, 2)?);
        }
    }
    Tensor::stack(&columns, 3)?.reshape((
        windows.batch,
        out_height,
        out_width,
        kernel * kernel * windows.channels,
    ))
}

/// See [`super::linear`].
///
/// # Errors
/// When the shapes don't fit.
pub fn linear(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let (inputs, outputs) = w.dims2()?;
    let mut shape = x.dims().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    x.reshape(((), inputs))?.matmul(w)?.reshape(shape)
}

/// See [`super::bias_act`].
///
/// # Errors
/// When the shapes don't fit.
pub fn bias_act(x: &Tensor, bias: &Tensor, slope: f32) -> Result<Tensor> {
    leaky_relu(&x.broadcast_add(bias)?, slope)
}

/// See [`super::norm_act`].
///
/// # Errors
/// When the shapes don't fit.
pub fn norm_act(x: &Tensor, scale: &Tensor, shift: &Tensor, slope: f32) -> Result<Tensor> {
    let per_channel = |tensor: &Tensor| tensor.unsqueeze(1)?.unsqueeze(1);
    let centred = x.broadcast_sub(&x.mean_keepdim((1, 2))?)?;
    let variance = centred.sqr()?.mean_keepdim((1, 2))?;
    let deviation = (variance + f64::from(NORM_EPSILON))?.sqrt()?;
    let normal = centred.broadcast_div(&deviation)?;
    let out = normal.broadcast_mul(&per_channel(scale)?)?.broadcast_add(&per_channel(shift)?)?;
    leaky_relu(&out, slope)
}

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

/// `relu(x) (1 - slope) + slope x`: candle's own leaky ReLU is slow backward.
fn leaky_relu(x: &Tensor, slope: f32) -> Result<Tensor> {
    if slope == 1.0 {
        return Ok(x.clone());
    }
    (x.relu()? * f64::from(1.0 - slope))? + (x * f64::from(slope))?
}
