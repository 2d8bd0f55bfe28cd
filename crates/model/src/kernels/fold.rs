//! col2im: what [`super::unfold`] gathers, added back. A convolution to few channels is a product that gives
//! each pixel's share in its whole neighbourhood, folded; a transposed convolution likewise.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

use super::reference;
use super::tensor::{Reader, check, floats};
use super::unfold::gather;
use super::window::{Window, Windows};

/// Adds `columns` `[B, OH, OW, kernel * kernel * C]` (as [`super::unfold`] orders them) to the pixels of an
/// image `[B, height, width, C]` that lie under each position of `window`; what falls on its padding is
/// dropped.
///
/// # Errors
/// When the columns are not those of such an image, are empty or not `f32`.
pub fn fold(columns: &Tensor, window: Window, height: usize, width: usize) -> Result<Tensor> {
    check("fold", &[("the columns", columns)])?;
    Windows::folding(columns.dims(), window, height, width)?;
    if !columns.device().is_cpu() {
        return reference::fold(columns, window, height, width);
    }
    columns.contiguous()?.apply_op1(Fold { window, height, width })
}

struct Fold {
    window: Window,
    height: usize,
    width: usize,
}

impl CustomOp1 for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }

    fn cpu_fwd(&self, columns: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let windows = Windows::folding(layout.dims(), self.window, self.height, self.width)?;
        let shape = (windows.batch, self.height, self.width, windows.channels);
        Ok((CpuStorage::F32(scatter(&windows, floats(columns, layout)?)), shape.into()))
    }

    fn bwd(&self, columns: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let windows = Windows::folding(columns.dims(), self.window, self.height, self.width)?;
        let grad = grad.contiguous()?;
        let gathered = gather(&windows, Reader::new(&grad).floats()?);
        Ok(Some(Tensor::from_vec(gathered, columns.shape(), &Device::Cpu)?))
    }
}

/// The image that the columns add up to.
pub(super) fn scatter(windows: &Windows, columns: &[f32]) -> Vec<f32> {
    let mut image = vec![0.0; windows.image_len()];
    windows.each_run(|pixels, column, len| {
        for (sum, value) in image[pixels..pixels + len].iter_mut().zip(&columns[column..column + len]) {
            *sum += value;
        }
    });
    image
}
