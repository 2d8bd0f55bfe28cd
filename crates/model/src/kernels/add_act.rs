//! Sum and leaky ReLU in one pass: the end of a residual block.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::reference;
use super::tensor::{Reader, check, check_slope, floats, gradient};

/// Adds `x` and `y`, of one shape, and multiplies what is negative by `slope`: 1 leaves it, 0 is ReLU.
///
/// # Errors
/// When the shapes differ, a tensor is empty or not `f32`, or the slope is negative or not finite.
pub fn add_act(x: &Tensor, y: &Tensor, slope: f32) -> Result<Tensor> {
    check("add_act", &[("x", x), ("y", y)])?;
    check_slope("add_act", slope)?;
    if x.dims() != y.dims() {
        bail!("add_act: x {:?} and y {:?} must have one shape", x.shape(), y.shape());
    }
    if !x.device().is_cpu() {
        return reference::add_act(x, y, slope);
    }
    x.contiguous()?.apply_op2(&y.contiguous()?, AddAct { slope })
}

struct AddAct {
    slope: f32,
}

impl CustomOp2 for AddAct {
    fn name(&self) -> &'static str {
        "add_act"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        y: &CpuStorage,
        ly: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sum = forward(floats(x, lx)?, floats(y, ly)?, self.slope);
        Ok((CpuStorage::F32(sum), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        y: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        if self.slope == 1.0 {
            return Ok((Some(grad.clone()), Some(grad.clone())));
        }
        let grad = grad.contiguous()?;
        let (results, gradients) = (Reader::new(res), Reader::new(&grad));
        let (results, gradients) = (results.floats()?, gradients.floats()?);
        let both = |argument| gradient(argument, || backward(results, gradients, self.slope));
        let dx = both(x)?;
        let dy = if dx.is_some() && y.track_op() { dx.clone() } else { both(y)? };
        Ok((dx, dy))
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn forward(x: &[f32], y: &[f32], slope: f32) -> Vec<f32> {
    let sum = |(x, y): (&f32, &f32)| {
        let sum = x + y;
        if sum > 0.0 { sum } else { slope * sum }
    };
    x.iter().zip(y).map(sum).collect()
}

#[multiversion(targets("x86_64+avx2"))]
fn backward(res: &[f32], grad: &[f32], slope: f32) -> Vec<f32> {
    res.iter().zip(grad).map(|(res, grad)| if *res > 0.0 { *grad } else { slope * grad }).collect()
}
