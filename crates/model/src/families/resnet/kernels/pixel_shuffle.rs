//! Depth to space: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
//! Sub-Pixel Convolutional Neural Network", arXiv 1609.05158.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};

use super::reference;
use crate::kernels::tensor::{Reader, check, floats};

/// Spreads the channels of each pixel of `x` `[B, H, W, r * r * C]` over `r` x `r` pixels of `C` planes
/// `[B, C, H * r, W * r]`: channel `(ry * r + rx) * C + c` becomes plane `c`'s pixel `(ry, rx)`.
///
/// # Errors
/// When `x` is not such an image, is empty or not `f32`, or `r` is zero or its square doesn't divide the
/// channels.
pub fn pixel_shuffle(x: &Tensor, r: usize) -> Result<Tensor> {
    check("pixel_shuffle", &[("x", x)])?;
    Shuffle::new(x.dims(), r)?;
    if !x.device().is_cpu() {
        return reference::pixel_shuffle(x, r);
    }
    x.contiguous()?.apply_op1(PixelShuffle { r })
}

struct PixelShuffle {
    r: usize,
}

impl CustomOp1 for PixelShuffle {
    fn name(&self) -> &'static str {
        "pixel_shuffle"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let shuffle = Shuffle::new(layout.dims(), self.r)?;
        let x = floats(x, layout)?;
        let mut planes = vec![0.0; x.len()];
        shuffle.each(|pixel, plane| planes[plane] = x[pixel]);
        let shape = (shuffle.batch, shuffle.planes, shuffle.height * self.r, shuffle.width * self.r);
        Ok((CpuStorage::F32(planes), shape.into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let shuffle = Shuffle::new(x.dims(), self.r)?;
        let grad = grad.contiguous()?;
        let reader = Reader::new(&grad);
        let gradient = reader.floats()?;
        let mut dx = vec![0.0; gradient.len()];
        shuffle.each(|pixel, plane| dx[pixel] = gradient[plane]);
        Ok(Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?))
    }
}

/// The image's size, its channels counted in planes.
pub(super) struct Shuffle {
    pub(super) batch: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) planes: usize,
    r: usize,
}

impl Shuffle {
    /// # Errors
    /// When the image has not four axes, or `r` times `r` doesn't divide the channels.
    pub(super) fn new(dims: &[usize], r: usize) -> Result<Self> {
        let &[batch, height, width, channels] = dims else {
            bail!("pixel_shuffle: x must be [batch, height, width, channels], not {dims:?}");
        };
        match r.checked_mul(r) {
            Some(square) if square > 0 && channels % square == 0 => {
                Ok(Self { batch, height, width, planes: channels / square, r })
            }
            _ => bail!("pixel_shuffle: {channels} channels are not a multiple of {r} x {r}"),
        }
    }

    /// Calls `pair(index in the image, index in the planes)` for every value, in the image's order.
    #[inline(always)]
    fn each(&self, mut pair: impl FnMut(usize, usize)) {
        let row = self.width * self.r;
        let plane = self.height * self.r * row;
        let mut pixel = 0;
        for image in 0..self.batch {
            for y in 0..self.height {
                for x in 0..self.width {
                    for ry in 0..self.r {
                        for rx in 0..self.r {
                            let first =
                                image * self.planes * plane + (y * self.r + ry) * row + x * self.r + rx;
                            for c in 0..self.planes {
                                pair(pixel, first + c * plane);
                                pixel += 1;
                            }
                        }
                    }
                }
            }
        }
    }
}
