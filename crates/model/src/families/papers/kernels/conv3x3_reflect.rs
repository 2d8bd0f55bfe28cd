//! 3x3 convolution, stride 1, with mirrored edges, as three matrix products an image.
//!
//! As in [`crate::kernels::conv3x3`], a row of the matrix is three neighbouring pixels, and rows overlap. The
//! padded image has its own two columns of edges, so results come in rows of `W + 2` of which the last two
//! are dropped.
//!
//! The gradient of the padded image is computed a kernel row at a time over only the rows that this kernel
//! row reaches, and then the edges' gradients are added to the pixels that they mirror.

use std::cell::RefCell;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::pad_reflect::Mirrored;
use super::reference;
use crate::kernels::conv3x3::{check_kernel, turn};
use crate::kernels::matrix::{Matrix, multiply};
use crate::kernels::tensor::{Reader, floats, gradient};

/// Convolves `x` `[B, H, W, Cin]`, its edges mirrored (see [`super::pad_reflect`]), with `w`
/// `[3, 3, Cin, Cout]` to `[B, H, W, Cout]`.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`, or an image has a single row or column.
pub fn conv3x3_reflect(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    check_kernel("conv3x3_reflect", x, w)?;
    Mirrored::new(x.dims(), 1)?;
    if !x.device().is_cpu() {
        return reference::conv3x3_reflect(x, w);
    }
    x.contiguous()?.apply_op2(&w.contiguous()?, Conv3x3Reflect)
}

struct Conv3x3Reflect;

impl CustomOp2 for Conv3x3Reflect {
    fn name(&self) -> &'static str {
        "conv3x3_reflect"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let images = Mirrored::new(lx.dims(), 1)?;
        let (_, _, inputs, outputs) = lw.shape().dims4()?;
        let (x, w) = (floats(x, lx)?, floats(w, lw)?);
        let mut out = Vec::with_capacity(images.batch * images.height * images.width * outputs);
        let stride = images.width + 2;
        let pixels = images.height * stride - 2;
        SCRATCH.with_borrow_mut(|Scratch { padded, strip, .. }| {
            strip.resize(pixels * outputs, 0.0);
            for image in x.chunks_exact(images.image_len()) {
                padded.clear();
                images.pad(image, padded);
                for (ky, w) in w.chunks_exact(3 * inputs * outputs).enumerate() {
                    let x = Matrix::overlapping(&padded[ky * stride * inputs..], pixels, 3 * inputs, inputs);
                    multiply(x, Matrix::new(w, 3 * inputs, outputs), strip, ky > 0);
                }
                for row in strip.chunks(stride * outputs) {
                    out.extend_from_slice(&row[..images.width * outputs]);
                }
            }
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
        let images = Mirrored::new(x.dims(), 1)?;
        let (_, _, inputs, outputs) = w.dims4()?;
        let (values, kernel, gradients) = (Reader::new(x), Reader::new(w), Reader::new(&grad));
        let (values, kernel, gradients) = (values.floats()?, kernel.floats()?, gradients.floats()?);
        let gradients = || gradients.chunks_exact(images.height * images.width * outputs);
        SCRATCH.with_borrow_mut(|Scratch { padded, strip, rows, turned }| {
            let dx = gradient(x, || {
                turn(kernel, inputs, outputs, turned);
                let mut dx = vec![0.0; values.len()];
                for (dx, gradient) in dx.chunks_exact_mut(images.image_len()).zip(gradients()) {
                    separate(&images, gradient, outputs, rows);
                    input_gradient(&images, rows, outputs, turned, strip);
                    images.unpad(strip, dx);
                }
                dx
            })?;
            let dw = gradient(w, || {
                let mut dw = vec![0.0; 9 * inputs * outputs];
                for (image, gradient) in values.chunks_exact(images.image_len()).zip(gradients()) {
                    separate(&images, gradient, outputs, rows);
                    padded.clear();
                    images.pad(image, padded);
                    add_weight_gradient(&images, padded, rows, outputs, &mut dw);
                }
                dw
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
    strip: Vec<f32>,
    rows: Vec<f32>,
    turned: Vec<f32>,
}

/// Copies one image's gradient so that two pixels of zeros lie before, between and after its rows.
fn separate(images: &Mirrored, gradient: &[f32], outputs: usize, rows: &mut Vec<f32>) {
    rows.clear();
    for row in gradient.chunks_exact(images.width * outputs) {
        rows.resize(rows.len() + 2 * outputs, 0.0);
        rows.extend_from_slice(row);
    }
    rows.resize(rows.len() + 2 * outputs, 0.0);
}

/// Fills `padded` with the gradient of one padded image.
fn input_gradient(images: &Mirrored, rows: &[f32], outputs: usize, turned: &[f32], padded: &mut Vec<f32>) {
    let (inputs, stride) = (images.channels, images.width + 2);
    let pixels = images.height * stride;
    padded.clear();
    padded.resize(images.padded_len(), 0.0);
    let rows = Matrix::overlapping(rows, pixels, 3 * outputs, outputs);
    // The kernel's row `ky` carries each row of the gradient to the padded image's row `ky` further down.
    for (ky, kernel) in turned.chunks_exact(3 * inputs * outputs).rev().enumerate() {
        let reached = &mut padded[ky * stride * inputs..][..pixels * inputs];
        multiply(rows, Matrix::new(kernel, 3 * outputs, inputs), reached, true);
    }
}

/// Adds one image's gradient of the kernel: the zeros between the rows keep the dropped results out.
fn add_weight_gradient(images: &Mirrored, padded: &[f32], rows: &[f32], outputs: usize, dw: &mut [f32]) {
    let (inputs, stride) = (images.channels, images.width + 2);
    let pixels = images.height * stride - 2;
    let gradient = Matrix::new(&rows[2 * outputs..], pixels, outputs);
    for (ky, dw) in dw.chunks_exact_mut(3 * inputs * outputs).enumerate() {
        let x = Matrix::overlapping(&padded[ky * stride * inputs..], pixels, 3 * inputs, inputs);
        multiply(x.transposed(), gradient, dw, true);
    }
}
