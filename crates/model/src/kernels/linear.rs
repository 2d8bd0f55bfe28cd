//! A linear map of the last axis: one matrix product.

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};

use super::matrix::{Matrix, multiply};
use super::reference;
use super::tensor::{Reader, check, floats};

/// Multiplies the last axis of `x` `[.., K]` with `w` `[K, N]` to `[.., N]`; on an NHWC image, a 1x1
/// convolution.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`.
pub fn linear(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    check("linear", "x", x)?;
    check("linear", "w", w)?;
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
        let gradient = Matrix::new(gradients.floats()?, rows, outputs);
        let dx = if x.track_op() {
            let mut dx = vec![0.0; rows * inputs];
            multiply(gradient, Matrix::new(weights.floats()?, inputs, outputs).transposed(), &mut dx, false);
            Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?)
        } else {
            None
        };
        let dw = if w.track_op() {
            let mut dw = vec![0.0; inputs * outputs];
            multiply(Matrix::new(values.floats()?, rows, inputs).transposed(), gradient, &mut dw, false);
            Some(Tensor::from_vec(dw, w.shape(), &Device::Cpu)?)
        } else {
            None
        };
        Ok((dx, dw))
    }
}
