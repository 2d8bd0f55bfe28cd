//! im2col: the pixels under each position of a kernel, side by side, so that a convolution of any size and
//! stride becomes a matrix product.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};

use super::reference;
use super::tensor::{Reader, check, floats};

/// The largest kernel, stride or padding: far beyond use, far below overflow.
const MAX_SIZE: usize = 1 << 12;

/// Gathers from `x` `[B, H, W, C]`, zero-padded by `pad` on all sides, the `kernel` x `kernel` pixels under
/// each position, `stride` apart, to `[B, OH, OW, kernel * kernel * C]` in the order (row, column, channel);
/// `OH = (H + 2 pad - kernel) / stride + 1`. Follow it with [`super::linear`].
///
/// # Errors
/// When `x` is not such an image, is empty or not `f32`, the kernel or the stride is zero, one of the sizes
/// is over 4096, or the kernel is larger than the padded image.
pub fn unfold(x: &Tensor, kernel: usize, stride: usize, pad: usize) -> Result<Tensor> {
    check("unfold", "x", x)?;
    Windows::new(x.dims(), kernel, stride, pad)?;
    if !x.device().is_cpu() {
        return reference::unfold(x, kernel, stride, pad);
    }
    x.contiguous()?.apply_op1(Unfold { kernel, stride, pad })
}

struct Unfold {
    kernel: usize,
    stride: usize,
    pad: usize,
}

impl CustomOp1 for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let windows = Windows::new(layout.dims(), self.kernel, self.stride, self.pad)?;
        let x = floats(x, layout)?;
        let mut out = vec![0.0; windows.out_len()];
        windows.each_run(|pixels, columns, len| {
            out[columns..columns + len].copy_from_slice(&x[pixels..pixels + len]);
        });
        let columns = self.kernel * self.kernel * windows.channels;
        Ok((CpuStorage::F32(out), (windows.batch, windows.out_height, windows.out_width, columns).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let windows = Windows::new(x.dims(), self.kernel, self.stride, self.pad)?;
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

/// Where the kernel meets the image.
pub(super) struct Windows {
    pub(super) batch: usize,
    height: usize,
    width: usize,
    pub(super) channels: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
}

impl Windows {
    /// # Errors
    /// When the image has not four axes, or the sizes don't fit.
    pub(super) fn new(dims: &[usize], kernel: usize, stride: usize, pad: usize) -> Result<Self> {
        let &[batch, height, width, channels] = dims else {
            bail!("unfold: x must be [batch, height, width, channels], not {dims:?}");
        };
        if kernel == 0 || stride == 0 {
            bail!("unfold: kernel {kernel} and stride {stride} must be at least 1");
        }
        if kernel > MAX_SIZE || stride > MAX_SIZE || pad > MAX_SIZE {
            bail!(
                "unfold: kernel {kernel}, stride {stride} or padding {pad} is too large, at most {MAX_SIZE}"
            );
        }
        if kernel > height + 2 * pad || kernel > width + 2 * pad {
            bail!("unfold: a kernel of {kernel} is larger than x {dims:?} padded by {pad}");
        }
        let out_height = (height + 2 * pad - kernel) / stride + 1;
        let out_width = (width + 2 * pad - kernel) / stride + 1;
        Ok(Self { batch, height, width, channels, out_height, out_width, kernel, stride, pad })
    }

    fn out_len(&self) -> usize {
        self.batch * self.out_height * self.out_width * self.kernel * self.kernel * self.channels
    }

    /// Calls `run(index in the image, index in the columns, length)` for each kernel row inside the image:
    /// both lie in one piece.
    fn each_run(&self, mut run: impl FnMut(usize, usize, usize)) {
        let mut columns = 0;
        for image in 0..self.batch {
            for top in (0..self.out_height).map(|row| row * self.stride) {
                for left in (0..self.out_width).map(|column| column * self.stride) {
                    // The kernel's columns that lie inside the image.
                    let first = self.pad.saturating_sub(left).min(self.kernel);
                    let last = (self.width + self.pad).saturating_sub(left).clamp(first, self.kernel);
                    for ky in 0..self.kernel {
                        let inside = top + ky >= self.pad && top + ky < self.height + self.pad;
                        if inside && first < last {
                            let row = image * self.height + top + ky - self.pad;
                            let pixel = row * self.width + left + first - self.pad;
                            let channels = self.channels;
                            run(pixel * channels, columns + first * channels, (last - first) * channels);
                        }
                        columns += self.kernel * self.channels;
                    }
                }
            }
        }
    }
}
