//! A 3x3 convolution of a few planes to one plane, at full resolution: a matrix product would be all
//! overhead, loops along the rows are not.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::reference;
use crate::kernels::tensor::{Reader, check, floats, gradient};

/// Convolves the planes `x` `[B, C, H, W]` with `w` `[C, 3, 3]` (zero padding 1, stride 1) and sums them to
/// `[B, H, W]`.
///
/// # Errors
/// When the shapes don't fit, a tensor is empty or not `f32`.
pub fn refine3x3(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    check("refine3x3", &[("x", x), ("w", w)])?;
    let (_, planes, _, _) = x.dims4()?;
    if w.dims() != [planes, 3, 3] {
        bail!("refine3x3: x {:?} needs weights [{planes}, 3, 3], not {:?}", x.shape(), w.shape());
    }
    if !x.device().is_cpu() {
        return reference::refine3x3(x, w);
    }
    x.contiguous()?.apply_op2(&w.contiguous()?, Refine3x3)
}

struct Refine3x3;

impl CustomOp2 for Refine3x3 {
    fn name(&self) -> &'static str {
        "refine3x3"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = lx.shape().dims4()?;
        let (x, w) = (floats(x, lx)?, floats(w, lw)?);
        let plane = height * width;
        let mut out = vec![0.0; batch * plane];
        for (out, planes) in out.chunks_exact_mut(plane).zip(x.chunks_exact(channels * plane)) {
            for (plane, taps) in planes.chunks_exact(plane).zip(w.as_chunks::<9>().0) {
                add_convolved(plane, taps, width, out);
            }
        }
        Ok((CpuStorage::F32(out), (batch, height, width).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (_, channels, height, width) = x.dims4()?;
        let plane = height * width;
        let (values, weights, gradients) = (Reader::new(x), Reader::new(w), Reader::new(&grad));
        let (values, weights, gradients) = (values.floats()?, weights.floats()?, gradients.floats()?);
        let dx = gradient(x, || {
            let mut dx = vec![0.0; x.elem_count()];
            for (planes, slope) in dx.chunks_exact_mut(channels * plane).zip(gradients.chunks_exact(plane)) {
                for (dx, taps) in planes.chunks_exact_mut(plane).zip(weights.as_chunks::<9>().0) {
                    let mut turned = *taps;
                    turned.reverse();
                    add_convolved(slope, &turned, width, dx);
                }
            }
            dx
        })?;
        let dw = gradient(w, || {
            let mut dw = vec![0.0; 9 * channels];
            for (planes, slope) in values.chunks_exact(channels * plane).zip(gradients.chunks_exact(plane)) {
                for (plane, dw) in planes.chunks_exact(plane).zip(dw.as_chunks_mut::<9>().0) {
                    add_tap_gradients(plane, slope, width, dw);
                }
            }
            dw
        })?;
        Ok((dx, dw))
    }
}

/// Adds the convolution of one plane with its nine taps.
#[multiversion(targets("x86_64+avx2"))]
fn add_convolved(plane: &[f32], taps: &[f32; 9], width: usize, out: &mut [f32]) {
    let rows = plane.len() / width;
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        for (ky, &[left, centre, right]) in taps.as_chunks::<3>().0.iter().enumerate() {
            // Kernel row `ky` reads image row `y + ky - 1`.
            if y + ky == 0 || y + ky > rows {
                continue;
            }
            let row = &plane[(y + ky - 1) * width..][..width];
            if width == 1 {
                out[0] += centre * row[0];
                continue;
            }
            let last = width - 1;
            out[0] += centre * row[0] + right * row[1];
            let inner = row[..last - 1].iter().zip(&row[1..last]).zip(&row[2..]);
            for (out, ((a, b), c)) in out[1..last].iter_mut().zip(inner) {
                *out += left * a + centre * b + right * c;
            }
            out[last] += left * row[last - 1] + centre * row[last];
        }
    }
}

/// Adds one plane's gradients of its nine taps.
#[multiversion(targets("x86_64+avx2"))]
fn add_tap_gradients(plane: &[f32], gradient: &[f32], width: usize, taps: &mut [f32; 9]) {
    let rows = plane.len() / width;
    for (y, gradient) in gradient.chunks_exact(width).enumerate() {
        for (ky, [left, centre, right]) in taps.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            if y + ky == 0 || y + ky > rows {
                continue;
            }
            let row = &plane[(y + ky - 1) * width..][..width];
            *left += dot(&row[..width - 1], &gradient[1..]);
            *centre += dot(row, gradient);
            *right += dot(&row[1..], &gradient[..width - 1]);
        }
    }
}

/// Sums in eight lanes, which vectorises; a plain sum would not.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
