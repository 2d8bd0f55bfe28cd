//! Bias and leaky ReLU in one pass, and their gradients in one pass.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::columns::{Sums, tile};
use super::reference;
use super::tensor::{Reader, check, check_slope, floats, gradient};

/// Adds `bias` `[C]` to `x` `[.., C]` and multiplies what is negative by `slope`: 1 leaves it, 0 is ReLU.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`, or the slope is negative or not finite.
pub fn bias_act(x: &Tensor, bias: &Tensor, slope: f32) -> Result<Tensor> {
    check("bias_act", &[("x", x), ("bias", bias)])?;
    check_slope("bias_act", slope)?;
    let channels = bias.dims1()?;
    if x.dims().last() != Some(&channels) {
        bail!("bias_act: x {:?} needs a bias of its last size, not {:?}", x.shape(), bias.shape());
    }
    if !x.device().is_cpu() {
        return reference::bias_act(x, bias, slope);
    }
    x.contiguous()?.apply_op2(&bias.contiguous()?, BiasAct { slope })
}

struct BiasAct {
    slope: f32,
}

impl CustomOp2 for BiasAct {
    fn name(&self) -> &'static str {
        "bias_act"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let out = forward(floats(x, lx)?, &tile(floats(b, lb)?), self.slope);
        Ok((CpuStorage::F32(out), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        b: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let channels = b.dims1()?;
        let (results, gradients) = (Reader::new(res), Reader::new(&grad));
        let mut sums = Sums::new(channels);
        let dx = backward(results.floats()?, gradients.floats()?, self.slope, &mut sums);
        Ok((gradient(x, || dx)?, gradient(b, || sums.fold(channels, 1.0))?))
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn forward(x: &[f32], bias: &[f32], slope: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for x in x.chunks(bias.len()) {
        out.extend(x.iter().zip(bias).map(|(x, bias)| {
            let sum = x + bias;
            if sum > 0.0 { sum } else { slope * sum }
        }));
    }
    out
}

/// The gradient of the sum, and its column sums.
#[multiversion(targets("x86_64+avx2"))]
fn backward(res: &[f32], grad: &[f32], slope: f32, sums: &mut Sums) -> Vec<f32> {
    let mut dx = vec![0.0; res.len()];
    let (tile, block) = (sums.tile_len(), sums.block_len());
    for ((res, grad), dx) in res.chunks(block).zip(grad.chunks(block)).zip(dx.chunks_mut(block)) {
        for ((res, grad), dx) in res.chunks(tile).zip(grad.chunks(tile)).zip(dx.chunks_mut(tile)) {
            for (((res, grad), dx), sum) in res.iter().zip(grad).zip(dx).zip(&mut sums.block) {
                *dx = if *res > 0.0 { *grad } else { slope * grad };
                *sum += *dx;
            }
        }
        sums.flush();
    }
    dx
}
