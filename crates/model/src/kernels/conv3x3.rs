//! 3x3 convolution, stride 1, zero padding 1, as three matrix products.
//!
//! The batch is copied into a buffer with one column of zeros after each row and one row of zeros around the
//! images (the zeros right of a row are also those left of the next). Flattened, the three pixels under a
//! kernel row are neighbours in memory: a matrix with a row per pixel and `3 Cin` columns, whose rows
//! overlap. Times that kernel row's `[3 Cin, Cout]` weights, summed over three kernel rows, this is the
//! convolution. The results that belong to the zero column are dropped.
//!
//! The gradient of the input is the same convolution over the result's gradient with the kernel turned by 180
//! degrees and its channels exchanged; that of the weights is three products with the other matrix
//! transposed.

use std::cell::RefCell;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::matrix::{Matrix, multiply};
use super::reference;
use super::tensor::{Reader, check, floats, gradient};

/// Convolves `x` `[B, H, W, Cin]` with `w` `[3, 3, Cin, Cout]` (zero padding 1, stride 1) to `[B, H, W,
/// Cout]`.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`.
pub fn conv3x3(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    check_kernel("conv3x3", x, w)?;
    if !x.device().is_cpu() {
        return reference::conv3x3(x, w);
    }
    x.contiguous()?.apply_op2(&w.contiguous()?, Conv3x3)
}

/// Checks the arguments of a 3x3 convolution.
///
/// # Errors
/// Naming the operation.
pub(crate) fn check_kernel(operation: &str, x: &Tensor, w: &Tensor) -> Result<()> {
    check(operation, &[("x", x), ("w", w)])?;
    let (_, _, _, channels) = x.dims4()?;
    let (ky, kx, inputs, _) = w.dims4()?;
    if (ky, kx, inputs) != (3, 3, channels) {
        bail!("{operation}: x {:?} needs weights [3, 3, {channels}, out], not {:?}", x.shape(), w.shape());
    }
    Ok(())
}

struct Conv3x3;

impl CustomOp2 for Conv3x3 {
    fn name(&self) -> &'static str {
        "conv3x3"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (images, inputs) = Images::of(lx)?;
        let (_, _, _, outputs) = lw.shape().dims4()?;
        let (x, w) = (floats(x, lx)?, floats(w, lw)?);
        let out = SCRATCH.with_borrow_mut(|scratch| {
            images.pad(x, inputs, &mut scratch.padded);
            images.convolve(&scratch.padded, inputs, w, outputs, &mut scratch.strip)
        });
        Ok((CpuStorage::F32(out), (images.batch, images.height, images.width, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (images, inputs) = Images::of(x.layout())?;
        let (_, _, _, outputs) = w.dims4()?;
        let (gradients, kernel, pixels) = (Reader::new(&grad), Reader::new(w), Reader::new(x));
        let (gradients, kernel, pixels) = (gradients.floats()?, kernel.floats()?, pixels.floats()?);
        SCRATCH.with_borrow_mut(|Scratch { padded, padded_gradient, strip, turned }| {
            images.pad(gradients, outputs, padded_gradient);
            let dx = gradient(x, || {
                turn(kernel, inputs, outputs, turned);
                images.convolve(padded_gradient, outputs, turned, inputs, strip)
            })?;
            let dw = gradient(w, || {
                images.pad(pixels, inputs, padded);
                images.weight_gradient(padded, inputs, padded_gradient, outputs)
            })?;
            Ok((dx, dw))
        })
    }
}

thread_local! {
    /// Kept between calls: touching fresh memory for the first time costs more than filling it.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    padded: Vec<f32>,
    padded_gradient: Vec<f32>,
    strip: Vec<f32>,
    turned: Vec<f32>,
}

/// A batch of images of one size; the methods take the number of channels.
struct Images {
    batch: usize,
    height: usize,
    width: usize,
}

impl Images {
    fn of(layout: &Layout) -> Result<(Self, usize)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        Ok((Self { batch, height, width }, channels))
    }

    /// Pixels from one row to the next in the padded buffer.
    fn stride(&self) -> usize {
        self.width + 1
    }

    /// Pixels from one image to the next in the padded buffer.
    fn image(&self) -> usize {
        (self.height + 1) * self.stride()
    }

    /// Lays the images out with their zero borders: a pixel and a row of zeros, then for each image its rows
    /// with a zero pixel after each, and a row of zeros.
    fn pad(&self, x: &[f32], channels: usize, padded: &mut Vec<f32>) {
        padded.clear();
        padded.reserve((1 + self.stride() + self.batch * self.image()) * channels);
        padded.resize((1 + self.stride()) * channels, 0.0);
        for image in x.chunks_exact(self.height * self.width * channels) {
            for row in image.chunks_exact(self.width * channels) {
                padded.extend_from_slice(row);
                padded.resize(padded.len() + channels, 0.0);
            }
            padded.resize(padded.len() + self.stride() * channels, 0.0);
        }
    }

    fn convolve(
        &self,
        padded: &[f32],
        inputs: usize,
        w: &[f32],
        outputs: usize,
        strip: &mut Vec<f32>,
    ) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.batch * self.height * self.width * outputs);
        let pixels = self.height * self.stride() - 1;
        strip.resize(pixels * outputs, 0.0);
        for image in 0..self.batch {
            for (ky, w) in w.chunks_exact(3 * inputs * outputs).enumerate() {
                let start = (image * self.image() + ky * self.stride()) * inputs;
                let x = Matrix::overlapping(&padded[start..], pixels, 3 * inputs, inputs);
                multiply(x, Matrix::new(w, 3 * inputs, outputs), strip, ky > 0);
            }
            for row in strip.chunks(self.stride() * outputs) {
                out.extend_from_slice(&row[..self.width * outputs]);
            }
        }
        out
    }

    /// One product per kernel row over the whole batch: the zeros of the padded gradient keep the border out.
    fn weight_gradient(&self, padded: &[f32], inputs: usize, gradient: &[f32], outputs: usize) -> Vec<f32> {
        let mut dw = vec![0.0; 9 * inputs * outputs];
        let pixels = self.batch * self.image() - self.stride() - 1;
        let gradient = Matrix::new(&gradient[(self.stride() + 1) * outputs..], pixels, outputs);
        for (ky, dw) in dw.chunks_exact_mut(3 * inputs * outputs).enumerate() {
            let start = ky * self.stride() * inputs;
            let x = Matrix::overlapping(&padded[start..], pixels, 3 * inputs, inputs);
            multiply(x.transposed(), gradient, dw, false);
        }
        dw
    }
}

/// The kernel turned by 180 degrees with its channels exchanged, `[3, 3, Cout, Cin]`.
pub(crate) fn turn(w: &[f32], inputs: usize, outputs: usize, turned: &mut Vec<f32>) {
    turned.clear();
    for tap in w.chunks_exact(inputs * outputs).rev() {
        for output in 0..outputs {
            turned.extend(tap[output..].iter().step_by(outputs));
        }
    }
}
