//! Mirroring an image's edges, as the papers' networks have it around their 7x7 convolutions.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};

use super::reference;
use crate::kernels::tensor::{Reader, check, floats};

/// Puts `pad` pixels around each image of `x` `[B, H, W, C]` that mirror it at its edge, the edge itself not
/// repeated: `[B, H + 2 pad, W + 2 pad, C]`.
///
/// # Errors
/// When `x` is not such an image, is empty or not `f32`, or has too few pixels to mirror.
pub fn pad_reflect(x: &Tensor, pad: usize) -> Result<Tensor> {
    check("pad_reflect", &[("x", x)])?;
    Mirrored::new(x.dims(), pad)?;
    if !x.device().is_cpu() {
        return reference::pad_reflect(x, pad);
    }
    x.contiguous()?.apply_op1(PadReflect { pad })
}

struct PadReflect {
    pad: usize,
}

impl CustomOp1 for PadReflect {
    fn name(&self) -> &'static str {
        "pad_reflect"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let images = Mirrored::new(layout.dims(), self.pad)?;
        let x = floats(x, layout)?;
        let [batch, height, width, channels] = images.padded_shape();
        let mut padded = Vec::with_capacity(batch * height * width * channels);
        for image in x.chunks_exact(images.image_len()) {
            images.pad(image, &mut padded);
        }
        Ok((CpuStorage::F32(padded), (batch, height, width, channels).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let images = Mirrored::new(x.dims(), self.pad)?;
        let grad = grad.contiguous()?;
        let mut dx = vec![0.0; x.elem_count()];
        let gradients = Reader::new(&grad);
        let gradients = gradients.floats()?.chunks_exact(images.padded_len());
        for (dx, gradient) in dx.chunks_exact_mut(images.image_len()).zip(gradients) {
            images.unpad(gradient, dx);
        }
        Ok(Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?))
    }
}

/// Images and the pixels around them.
pub(super) struct Mirrored {
    pub(super) batch: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pad: usize,
}

impl Mirrored {
    /// # Errors
    /// When the images have not four axes, or too few pixels to mirror.
    pub(super) fn new(dims: &[usize], pad: usize) -> Result<Self> {
        let &[batch, height, width, channels] = dims else {
            bail!("pad_reflect: x must be [batch, height, width, channels], not {dims:?}");
        };
        if pad >= height.min(width) {
            bail!("pad_reflect: {pad} pixels cannot be mirrored in x {dims:?}");
        }
        Ok(Self { batch, height, width, channels, pad })
    }

    pub(super) fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub(super) fn padded_len(&self) -> usize {
        self.padded_shape()[1..].iter().product()
    }

    fn padded_shape(&self) -> [usize; 4] {
        [self.batch, self.height + 2 * self.pad, self.width + 2 * self.pad, self.channels]
    }

    /// The row, or column, that row `at` of the padded image shows, of `size`.
    pub(super) fn source(&self, at: usize, size: usize) -> usize {
        let from_edge = at.abs_diff(self.pad);
        if at >= self.pad && from_edge >= size { 2 * (size - 1) - from_edge } else { from_edge }
    }

    /// Appends one image with its edges.
    pub(super) fn pad(&self, image: &[f32], padded: &mut Vec<f32>) {
        let (channels, row_len) = (self.channels, self.width * self.channels);
        for row in 0..self.height + 2 * self.pad {
            let row = &image[self.source(row, self.height) * row_len..][..row_len];
            let mut pixel = |column: usize| {
                padded.extend_from_slice(&row[self.source(column, self.width) * channels..][..channels]);
            };
            (0..self.pad).for_each(&mut pixel);
            padded.extend_from_slice(row);
            let mut pixel = |column: usize| {
                padded.extend_from_slice(&row[self.source(column, self.width) * channels..][..channels]);
            };
            (self.width + self.pad..self.width + 2 * self.pad).for_each(&mut pixel);
        }
    }

    /// Adds one padded image's values to the pixels they mirror.
    pub(super) fn unpad(&self, padded: &[f32], image: &mut [f32]) {
        let (channels, row_len) = (self.channels, self.width * self.channels);
        let width = self.width + 2 * self.pad;
        for (at, padded) in padded.chunks_exact(width * channels).enumerate() {
            let row = &mut image[self.source(at, self.height) * row_len..][..row_len];
            add(&mut row[..], &padded[self.pad * channels..][..row_len]);
            for column in (0..self.pad).chain(self.width + self.pad..width) {
                let pixel = self.source(column, self.width) * channels;
                add(&mut row[pixel..pixel + channels], &padded[column * channels..][..channels]);
            }
        }
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
