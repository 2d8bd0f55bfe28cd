//! The largest value of each channel over all steps.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::reference;
use crate::kernels::tensor::{Reader, check, floats, gradient};

/// Of `x` `[B, T, C]` the largest of each sample's channel, `[B, C]`. The slope goes to the first step that
/// has it.
///
/// # Errors
/// When `x` has not three dimensions, is empty or not `f32`.
pub fn max_over_time(x: &Tensor) -> Result<Tensor> {
    check("max_over_time", &[("x", x)])?;
    x.dims3()?;
    if !x.device().is_cpu() {
        return reference::max_over_time(x);
    }
    x.contiguous()?.apply_op1(MaxOverTime)
}

struct MaxOverTime;

/// The largest of each channel `[C]` of one sample's steps, and at which step it is.
fn largest(x: &[f32], best: &mut [f32], at: &mut [u32]) {
    let channels = best.len();
    best.copy_from_slice(&x[..channels]);
    at.fill(0);
    for (step, x) in x.chunks_exact(channels).enumerate().skip(1) {
        for ((best, at), &x) in best.iter_mut().zip(at.iter_mut()).zip(x) {
            if x > *best {
                (*best, *at) = (x, step as u32);
            }
        }
    }
}

impl CustomOp1 for MaxOverTime {
    fn name(&self) -> &'static str {
        "max_over_time"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, steps, channels) = layout.shape().dims3()?;
        let (mut out, mut at) = (vec![0.0; batch * channels], vec![0; channels]);
        let samples = floats(x, layout)?.chunks_exact(steps * channels);
        for (x, out) in samples.zip(out.chunks_exact_mut(channels)) {
            largest(x, out, &mut at);
        }
        Ok((CpuStorage::F32(out), (batch, channels).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, steps, channels) = x.dims3()?;
        let grad = grad.contiguous()?;
        let (values, slopes) = (Reader::new(x), Reader::new(&grad));
        let (values, slopes) = (values.floats()?, slopes.floats()?);
        gradient(x, || {
            let mut dx = vec![0.0; values.len()];
            let (mut best, mut at) = (vec![0.0; channels], vec![0; channels]);
            let samples = values.chunks_exact(steps * channels).zip(slopes.chunks_exact(channels));
            for ((x, slopes), dx) in samples.zip(dx.chunks_exact_mut(steps * channels)) {
                largest(x, &mut best, &mut at);
                for (channel, (&at, slope)) in at.iter().zip(slopes).enumerate() {
                    dx[at as usize * channels + channel] = *slope;
                }
            }
            dx
        })
    }
}
