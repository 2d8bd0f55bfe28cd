//! im2col: the pixels under each position of a kernel, side by side, so that a convolution of any size and
//! stride becomes a matrix product.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

use super::reference;
use super::tensor::{Reader, check, floats};
use super::window::{Window, Windows};

/// Gathers from `x` `[B, H, W, C]`, zero-padded, the `kernel` x `kernel` pixels under each position of `window` to
/// `[B, OH, OW, kernel * kernel * C]` in the order (row, column, channel). Follow it with [`super::linear`].
///
/// # Errors
/// When `x` is not such an image, is empty or not `f32`, or the window has a size of zero, one over 4096, or is larger
/// than the padded image.
pub fn unfold(x: &Tensor, window: Window) -> Result<Tensor> {
    check("unfold", "x", x)?;
    Windows::new(x.dims(), window)?;
    if !x.device().is_cpu() {
        return reference::unfold(x, window);
    }
    x.contiguous()?.apply_op1(Unfold(window))
}

struct Unfold(Window);

impl CustomOp1 for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let windows = Windows::new(layout.dims(), self.0)?;
        let x = floats(x, layout)?;
        let mut out = vec![0.0; windows.columns_len()];
        windows.each_run(|pixels, columns, len| {
            out[columns..columns + len].copy_from_slice(&x[pixels..pixels + len]);
        });
        Ok((CpuStorage::F32(out), Shape::from(&windows.columns_shape()[..])))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let windows = Windows::new(x.dims(), self.0)?;
        let grad = grad.contiguous()?;
        let reader = Reader::new(&grad);
        let gradient = reader.floats()?;
        let mut dx = vec![0.0; x.elem_count()];
        windows.each_run(|pixels, columns, len| {
            for (dx, gradient) in dx[pixels..pixels + len].iter_mut().zip(&gradient[columns..columns + len]) {
                *dx += gradient;
            }
        });
        Ok(Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?))
    }
}
