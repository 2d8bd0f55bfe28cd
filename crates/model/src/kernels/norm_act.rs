//! Instance norm, affine map and leaky ReLU in one operation.
//!
//! Instance norm: Ulyanov et al., "Instance Normalization", arXiv 1607.08022. Scale and shift come per
//! sample, so a network can compute them from its condition (adaptive instance norm, Huang and Belongie,
//! arXiv 1703.06868). Mean and variance take a pass each, which is exact where the mean is large; the
//! backward pass computes them again rather than keeping them.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::columns::{Sums, tile};
use super::tensor::{Reader, check, check_slope, floats, gradient};
use super::{NORM_EPSILON, reference};

/// Normalises each channel of each sample of `x` `[B, H, W, C]` to mean 0 and variance 1 over its pixels
/// (biased variance, [`NORM_EPSILON`] added), multiplies by `scale` `[B, C]`, adds `shift` `[B, C]`, and
/// multiplies what is negative by `slope`: 1 leaves it, 0 is ReLU.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`, or the slope is negative or not finite.
pub fn norm_act(x: &Tensor, scale: &Tensor, shift: &Tensor, slope: f32) -> Result<Tensor> {
    check("norm_act", &[("x", x), ("scale", scale), ("shift", shift)])?;
    check_slope("norm_act", slope)?;
    let (batch, _, _, channels) = x.dims4()?;
    if scale.dims() != [batch, channels] || shift.dims() != [batch, channels] {
        bail!(
            "norm_act: x {:?} needs scale and shift [{batch}, {channels}], not {:?} and {:?}",
            x.shape(),
            scale.shape(),
            shift.shape()
        );
    }
    if !x.device().is_cpu() {
        return reference::norm_act(x, scale, shift, slope);
    }
    x.contiguous()?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, NormAct { slope })
}

struct NormAct {
    slope: f32,
}

impl CustomOp3 for NormAct {
    fn name(&self) -> &'static str {
        "norm_act"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        scale: &CpuStorage,
        lscale: &Layout,
        shift: &CpuStorage,
        lshift: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, scale, shift) = (floats(x, lx)?, floats(scale, lscale)?, floats(shift, lshift)?);
        let (_, height, width, channels) = lx.shape().dims4()?;
        let samples = x.chunks_exact(height * width * channels);
        let affine = scale.chunks_exact(channels).zip(shift.chunks_exact(channels));
        let mut out = Vec::with_capacity(x.len());
        for (x, (scale, shift)) in samples.zip(affine) {
            forward(x, scale, shift, self.slope, &mut out);
        }
        Ok((CpuStorage::F32(out), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (batch, height, width, channels) = x.dims4()?;
        let (values, scales, results) = (Reader::new(x), Reader::new(scale), Reader::new(res));
        let gradients = Reader::new(&grad);
        let sample = height * width * channels;
        let mut dx = vec![0.0; batch * sample];
        let (mut dscale, mut dshift) = (Vec::new(), Vec::new());
        let inputs = values.floats()?.chunks_exact(sample).zip(scales.floats()?.chunks_exact(channels));
        let outputs = results.floats()?.chunks_exact(sample).zip(gradients.floats()?.chunks_exact(sample));
        for (((x, scale), (res, grad)), dx) in inputs.zip(outputs).zip(dx.chunks_exact_mut(sample)) {
            let [sample_dscale, sample_dshift] = backward(x, scale, res, grad, self.slope, dx);
            dscale.extend(sample_dscale);
            dshift.extend(sample_dshift);
        }
        Ok((gradient(x, || dx)?, gradient(scale, || dscale)?, gradient(shift, || dshift)?))
    }
}

/// Mean and reciprocal standard deviation per channel.
#[inline(always)]
fn statistics(x: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let share = channels as f32 / x.len() as f32;
    let mut sums = Sums::new(channels);
    for x in x.chunks(sums.block_len()) {
        for x in x.chunks(sums.tile_len()) {
            for (sum, x) in sums.block.iter_mut().zip(x) {
                *sum += x;
            }
        }
        sums.flush();
    }
    let mean = sums.fold(channels, share);
    let means = tile(&mean);
    let mut squares = Sums::new(channels);
    for x in x.chunks(squares.block_len()) {
        for x in x.chunks(squares.tile_len()) {
            for ((sum, x), mean) in squares.block.iter_mut().zip(x).zip(&means) {
                *sum += (x - mean) * (x - mean);
            }
        }
        squares.flush();
    }
    let mut rate = squares.fold(channels, share);
    for rate in &mut rate {
        *rate = 1.0 / (*rate + NORM_EPSILON).sqrt();
    }
    (mean, rate)
}

/// Appends one sample's result.
#[multiversion(targets("x86_64+avx2"))]
fn forward(x: &[f32], scale: &[f32], shift: &[f32], slope: f32, out: &mut Vec<f32>) {
    let (mean, mut factor) = statistics(x, scale.len());
    for (factor, scale) in factor.iter_mut().zip(scale) {
        *factor *= scale;
    }
    let (mean, factor, shift) = (tile(&mean), tile(&factor), tile(shift));
    for x in x.chunks(mean.len()) {
        out.extend(x.iter().zip(&mean).zip(&factor).zip(&shift).map(|(((x, mean), factor), shift)| {
            let value = (x - mean) * factor + shift;
            if value > 0.0 { value } else { slope * value }
        }));
    }
}

/// Fills one sample's gradient of `x` and returns those of scale and shift.
///
/// With `n` the normalised input and `g` the gradient behind the activation, `dshift = sum g`, `dscale = sum
/// g n` and `dx = scale / deviation * (g - mean g - n mean(g n))`.
#[multiversion(targets("x86_64+avx2"))]
fn backward(
    x: &[f32],
    scale: &[f32],
    res: &[f32],
    grad: &[f32],
    slope: f32,
    dx: &mut [f32],
) -> [Vec<f32>; 2] {
    let channels = scale.len();
    let share = channels as f32 / x.len() as f32;
    let (mean, rate) = statistics(x, channels);
    let (means, rates) = (tile(&mean), tile(&rate));
    let (mut plain, mut weighted) = (Sums::new(channels), Sums::new(channels));
    let (len, block) = (plain.tile_len(), plain.block_len());
    let blocks = x.chunks(block).zip(res.chunks(block)).zip(grad.chunks(block));
    for (((x, res), grad), dx) in blocks.zip(dx.chunks_mut(block)) {
        let tiles = x.chunks(len).zip(res.chunks(len)).zip(grad.chunks(len));
        for (((x, res), grad), dx) in tiles.zip(dx.chunks_mut(len)) {
            let inputs = x.iter().zip(res).zip(grad).zip(means.iter().zip(&rates));
            let sums = plain.block.iter_mut().zip(&mut weighted.block);
            for (((((x, res), grad), (mean, rate)), dx), (plain, weighted)) in inputs.zip(dx).zip(sums) {
                let gradient = if *res > 0.0 { *grad } else { slope * grad };
                *dx = gradient;
                *plain += gradient;
                *weighted += gradient * ((x - mean) * rate);
            }
        }
        plain.flush();
        weighted.flush();
    }
    let plain_means = tile(&plain.fold(channels, share));
    let weighted_means = tile(&weighted.fold(channels, share));
    let scales = tile(scale);
    for (x, dx) in x.chunks(len).zip(dx.chunks_mut(len)) {
        let values = x.iter().zip(means.iter().zip(&rates)).zip(&scales);
        for (((x, (mean, rate)), scale), (dx, (plain, weighted))) in
            values.zip(dx.iter_mut().zip(plain_means.iter().zip(&weighted_means)))
        {
            *dx = rate * scale * (*dx - plain - (x - mean) * rate * weighted);
        }
    }
    [weighted.fold(channels, 1.0), plain.fold(channels, 1.0)]
}
