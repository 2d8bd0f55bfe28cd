//! The kernels' twins in candle's built-in operations, with the same names, arguments and results.
//!
//! They run on every device and are what the kernels use on other devices than the CPU. On the CPU they are
//! slow and use several threads: there they serve as the yardstick of tests and benchmarks.

use candle_core::{Result, Tensor};

use super::window::Windows;
use super::{NORM_EPSILON, Window};

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
pub fn unfold(x: &Tensor, window: Window) -> Result<Tensor> {
    let windows = Windows::new(x.dims(), window)?;
    let Window { kernel, stride, before, after } = window;
    let (out_height, out_width) = (windows.out_height, windows.out_width);
    let padded = x.pad_with_zeros(1, before, after)?.pad_with_zeros(2, before, after)?;
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
    Tensor::stack(&columns, 3)?.reshape(windows.columns_shape().as_slice())
}

/// See [`super::fold`].
///
/// # Errors
/// When the shapes don't fit.
pub fn fold(columns: &Tensor, window: Window, height: usize, width: usize) -> Result<Tensor> {
    let windows = Windows::folding(columns.dims(), window, height, width)?;
    let Window { kernel, stride, before, after } = window;
    let (rows, row_pixels) = (height + before + after, width + before + after);
    let (batch, channels) = (windows.batch, windows.channels);
    // What a tap adds to: one pixel in `stride` x `stride`, the first.
    let spread = |tap: Tensor| {
        tap.reshape(&[batch, windows.out_height, 1, windows.out_width, 1, channels][..])?
            .pad_with_zeros(2, 0, stride - 1)?
            .pad_with_zeros(4, 0, stride - 1)?
            .reshape((batch, windows.out_height * stride, windows.out_width * stride, channels))?
            .narrow(1, 0, (windows.out_height - 1) * stride + 1)?
            .narrow(2, 0, (windows.out_width - 1) * stride + 1)
    };
    let mut sum = Tensor::zeros((batch, rows, row_pixels, channels), columns.dtype(), columns.device())?;
    for ky in 0..kernel {
        for kx in 0..kernel {
            let tap = spread(columns.narrow(3, (ky * kernel + kx) * channels, channels)?)?;
            let (below, right) = (rows - ky - tap.dim(1)?, row_pixels - kx - tap.dim(2)?);
            sum = (sum + tap.pad_with_zeros(1, ky, below)?.pad_with_zeros(2, kx, right)?)?;
        }
    }
    sum.narrow(1, before, height)?.narrow(2, before, width)?.contiguous()
}

/// See [`super::add_act`].
///
/// # Errors
/// When the shapes don't fit.
pub fn add_act(x: &Tensor, y: &Tensor, slope: f32) -> Result<Tensor> {
    leaky_relu(&(x + y)?, slope)
}

/// See [`super::attention`].
///
/// # Errors
/// When the shapes don't fit.
pub fn attention(query: &Tensor, key: &Tensor, value: &Tensor) -> Result<Tensor> {
    let scores = query.matmul(&key.t()?)?;
    let above = scores.broadcast_sub(&scores.max_keepdim(2)?.detach())?.exp()?;
    above.broadcast_div(&above.sum_keepdim(2)?)?.matmul(value)
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

/// See [`super::batch_norm`].
///
/// # Errors
/// When the shapes don't fit.
pub fn batch_norm(x: &Tensor, scale: &Tensor, shift: &Tensor, slope: f32) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim((0, 1, 2))?)?;
    let variance = centred.sqr()?.mean_keepdim((0, 1, 2))?;
    let normal = centred.broadcast_div(&(variance + f64::from(NORM_EPSILON))?.sqrt()?)?;
    leaky_relu(&normal.broadcast_mul(scale)?.broadcast_add(shift)?, slope)
}

/// `relu(x) (1 - slope) + slope x`: candle's own leaky ReLU is slow backward.
fn leaky_relu(x: &Tensor, slope: f32) -> Result<Tensor> {
    if slope == 1.0 {
        return Ok(x.clone());
    }
    (x.relu()? * f64::from(1.0 - slope))? + (x * f64::from(slope))?
}

/// See [`super::lstm`].
///
/// # Errors
/// When the shapes don't fit.
pub fn lstm(gates: &Tensor, w: &Tensor, backward: bool) -> Result<Tensor> {
    let (batch, steps, wide) = gates.dims3()?;
    let units = wide / 4;
    // Built in; the forms by exponentials lose digits.
    let sigmoid = |x: &Tensor| ((x * 0.5)?.tanh()? + 1.0)? * 0.5;
    let mut state = Tensor::zeros((batch, units), gates.dtype(), gates.device())?;
    let mut memory = state.clone();
    let mut states = Vec::with_capacity(steps);
    for at in 0..steps {
        let step = if backward { steps - 1 - at } else { at };
        let all = (gates.narrow(1, step, 1)?.squeeze(1)? + state.matmul(w)?)?;
        let gate = |index: usize| all.narrow(1, index * units, units);
        let (input, forget, output) = (sigmoid(&gate(0)?)?, sigmoid(&gate(1)?)?, sigmoid(&gate(3)?)?);
        memory = ((forget * &memory)? + (input * gate(2)?.tanh()?)?)?;
        state = (output * memory.tanh()?)?;
        states.push(state.clone());
    }
    if backward {
        states.reverse();
    }
    Tensor::stack(&states, 1)
}
