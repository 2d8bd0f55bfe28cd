//! A linear map of the last axis: one matrix product.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::matrix::{Matrix, multiply};
use super::reference;
use super::tensor::{Reader, check, floats, gradient};

/// Multiplies the last axis of `x` `[.., K]` with `w` `[K, N]` to `[.., N]`; on an NHWC image, a 1x1
/// convolution.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`.
pub fn linear(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    check("linear", &[("x", x), ("w", w)])?;
    let (inputs, _) = w.dims2()?;
    if x.dims().last() != Some(&inputs) {
        bail!("linear: x {:?} needs weights [its last size, out], not {:?}", x.shape(), w.shape());
    }
    if !x.device().is_cpu() {
        return reference::linear(x, w);
    }
    x.contiguous()?.apply_op2(&w.contiguous()?, Linear)
}

struct Linear;

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (inputs, outputs) = lw.shape().dims2()?;
        let x = floats(x, lx)?;
        let rows = x.len() / inputs;
        let mut out = vec![0.0; rows * outputs];
        multiply(Matrix::new(x, rows, inputs), Matrix::new(floats(w, lw)?, inputs, outputs), &mut out, false);
        let mut shape = lx.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = outputs;
        }
        Ok((CpuStorage::F32(out), shape.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (inputs, outputs) = w.dims2()?;
        let rows = x.elem_count() / inputs;
        let (gradients, weights, values) = (Reader::new(&grad), Reader::new(w), Reader::new(x));
        let slope = Matrix::new(gradients.floats()?, rows, outputs);
        let weights = Matrix::new(weights.floats()?, inputs, outputs);
        let values = Matrix::new(values.floats()?, rows, inputs);
        let product = |a: Matrix, b: Matrix, len: usize| {
            let mut out = vec![0.0; len];
            multiply(a, b, &mut out, false);
            out
        };
        let dx = gradient(x, || product(slope, weights.transposed(), rows * inputs))?;
        let dw = gradient(w, || product(values.transposed(), slope, inputs * outputs))?;
        Ok((dx, dw))
    }
}
