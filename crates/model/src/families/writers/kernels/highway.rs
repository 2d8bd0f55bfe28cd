//! A highway layer's blend of what comes in and what is made of it (Srivastava et al., 2015).

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::reference;
use crate::kernels::exp;
use crate::kernels::tensor::{Reader, check, floats, gradient};

/// `s relu(transform) + (1 - s) x` with `s = sigmoid(gate)`, number by number; all three of one shape.
///
/// # Errors
/// When the shapes differ, or a tensor is empty or not `f32`.
pub fn highway(x: &Tensor, gate: &Tensor, transform: &Tensor) -> Result<Tensor> {
    check("highway", &[("x", x), ("gate", gate), ("transform", transform)])?;
    if x.dims() != gate.dims() || x.dims() != transform.dims() {
        bail!(
            "highway: x {:?}, gate {:?} and transform {:?} differ",
            x.dims(),
            gate.dims(),
            transform.dims()
        );
    }
    if !x.device().is_cpu() {
        return reference::highway(x, gate, transform);
    }
    x.contiguous()?.apply_op3(&gate.contiguous()?, &transform.contiguous()?, Highway)
}

struct Highway;

impl CustomOp3 for Highway {
    fn name(&self) -> &'static str {
        "highway"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        gate: &CpuStorage,
        lg: &Layout,
        transform: &CpuStorage,
        lt: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, gate, transform) = (floats(x, lx)?, floats(gate, lg)?, floats(transform, lt)?);
        let mut out = vec![0.0; x.len()];
        forward(x, gate, transform, &mut out);
        Ok((CpuStorage::F32(out), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gate: &Tensor,
        transform: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let [a, b, c, d] = [x, gate, transform, &grad].map(Reader::new);
        let (inputs, gates, made, slopes) = (a.floats()?, b.floats()?, c.floats()?, d.floats()?);
        let mut all = [(); 3].map(|()| vec![0.0; inputs.len()]);
        backward(inputs, gates, made, slopes, &mut all);
        let [dx, dgate, dtransform] = all;
        Ok((gradient(x, || dx)?, gradient(gate, || dgate)?, gradient(transform, || dtransform)?))
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    let small = exp(-x.abs());
    let share = 1.0 / (1.0 + small);
    if x >= 0.0 { share } else { small * share }
}

#[multiversion(targets("x86_64+avx2"))]
fn forward(x: &[f32], gate: &[f32], transform: &[f32], out: &mut [f32]) {
    for (((out, x), gate), transform) in out.iter_mut().zip(x).zip(gate).zip(transform) {
        let open = sigmoid(*gate);
        *out = open * transform.max(0.0) + (1.0 - open) * x;
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn backward(x: &[f32], gate: &[f32], transform: &[f32], slope: &[f32], out: &mut [Vec<f32>; 3]) {
    let [dx, dgate, dtransform] = out;
    for at in 0..x.len() {
        let open = sigmoid(gate[at]);
        dx[at] = slope[at] * (1.0 - open);
        dgate[at] = slope[at] * (transform[at].max(0.0) - x[at]) * open * (1.0 - open);
        dtransform[at] = if transform[at] > 0.0 { slope[at] * open } else { 0.0 };
    }
}
