//! im2col: the pixels under each position of a kernel, side by side, so that a convolution of any size and
//! stride becomes a matrix product.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

use super::fold::scatter;
use super::reference;
use super::tensor::{Reader, check, floats};
use super::window::{Window, Windows};

/// Gathers from `x` `[B, H, W, C]`, zero-padded, the `kernel` x `kernel` pixels under each position of
/// `window` to `[B, OH, OW, kernel * kernel * C]` in the order (row, column, channel). Follow it with
/// [`super::linear`].
///
/// # Errors
/// When `x` is not such an image, is empty or not `f32`, or the window has a size of zero, one over 4096, or
/// is larger than the padded image.
pub fn unfold(x: &Tensor, window: Window) -> Result<Tensor> {
    check("unfold", &[("x", x)])?;
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
        let shape = Shape::from(&windows.columns_shape()[..]);
        Ok((CpuStorage::F32(gather(&windows, floats(x, layout)?)), shape))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let windows = Windows::new(x.dims(), self.0)?;
        let grad = grad.contiguous()?;
        let dx = scatter(&windows, Reader::new(&grad).floats()?);
        Ok(Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?))
    }
}

/// The columns of an image.
pub(super) fn gather(windows: &Windows, image: &[f32]) -> Vec<f32> {
    let mut columns = vec![0.0; windows.columns_len()];
    windows.each_run(|pixels, column, len| {
        columns[column..column + len].copy_from_slice(&image[pixels..pixels + len]);
    });
    columns
}
