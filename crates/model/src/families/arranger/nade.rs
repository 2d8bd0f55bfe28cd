//! The output layer of a neural autoregressive distribution estimator (Larochelle and Murray 2011; over time,
//! Boulanger- Lewandowski et al. 2012): each pitch of a step is told from the step's context and the pitches
//! below it.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::linear::{add_here, dot_relu};
use crate::kernels::tensor::{Reader, check, floats, gradient};

/// Logits of `P` cells with `K` decisions each, every cell knowing the decisions of the cells before it: with
/// `h[p] = start + sum over q < p, k of visible[k, q] seen[k, q]`, `out[k, p] = hidden[k, p] . relu(h[p])`.
///
/// `visible` `[N, K, P]` holds the decisions (0 or 1, a constant: no gradient), `start` `[N, H]` each row's
/// context, `seen` and `hidden` `[K, P, H]` the weights. Gives `[N, K, P]`.
///
/// # Errors
/// When the shapes don't fit, or a tensor is empty or not `f32`.
pub fn nade(visible: &Tensor, start: &Tensor, seen: &Tensor, hidden: &Tensor) -> Result<Tensor> {
    check("nade", &[("visible", visible), ("start", start), ("seen", seen), ("hidden", hidden)])?;
    let sizes = Sizes::new(visible.dims(), start.dims(), seen.dims(), hidden.dims())?;
    if !start.device().is_cpu() {
        return reference(visible, start, seen, hidden);
    }
    let visible = visible.flatten_all()?.to_vec1()?;
    start.contiguous()?.apply_op3(&seen.contiguous()?, &hidden.contiguous()?, Nade { sizes, visible })
}

#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    kinds: usize,
    cells: usize,
    width: usize,
}

impl Sizes {
    fn new(visible: &[usize], start: &[usize], seen: &[usize], hidden: &[usize]) -> Result<Self> {
        match (visible, start) {
            (&[rows, kinds, cells], &[same, width])
                if same == rows && seen == [kinds, cells, width] && hidden == seen =>
            {
                Ok(Self { rows, kinds, cells, width })
            }
            _ => bail!(
                "nade: visible {visible:?} needs start [rows, width] and seen and hidden [kinds, cells, \
                 width], not {start:?}, {seen:?} and {hidden:?}"
            ),
        }
    }
}

struct Nade {
    sizes: Sizes,
    visible: Vec<f32>,
}

impl CustomOp3 for Nade {
    fn name(&self) -> &'static str {
        "nade"
    }

    fn cpu_fwd(
        &self,
        start: &CpuStorage,
        l1: &Layout,
        seen: &CpuStorage,
        l2: &Layout,
        hidden: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Sizes { rows, kinds, cells, .. } = self.sizes;
        let (start, seen, hidden) = (floats(start, l1)?, floats(seen, l2)?, floats(hidden, l3)?);
        let mut out = vec![0.0; rows * kinds * cells];
        forward(self.sizes, &self.visible, start, seen, hidden, &mut out);
        Ok((CpuStorage::F32(out), (rows, kinds, cells).into()))
    }

    fn bwd(
        &self,
        start: &Tensor,
        seen: &Tensor,
        hidden: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let readers = [start, seen, hidden, &grad].map(Reader::new);
        let [a, v, w, g] = [0, 1, 2, 3].map(|i| readers[i].floats());
        let (a, v, w, g) = (a?, v?, w?, g?);
        let mut slopes = [vec![0.0; a.len()], vec![0.0; v.len()], vec![0.0; w.len()]];
        backward(self.sizes, &self.visible, (a, v, w), g, &mut slopes);
        let [da, dv, dw] = slopes;
        Ok((gradient(start, || da)?, gradient(seen, || dv)?, gradient(hidden, || dw)?))
    }
}

#[multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma"))]
fn forward(sizes: Sizes, visible: &[f32], start: &[f32], seen: &[f32], hidden: &[f32], out: &mut [f32]) {
    let Sizes { kinds, cells, width, .. } = sizes;
    let mut h = vec![0.0; width];
    let rows = visible.chunks_exact(kinds * cells).zip(start.chunks_exact(width));
    for ((visible, start), out) in rows.zip(out.chunks_exact_mut(kinds * cells)) {
        h.copy_from_slice(start);
        for cell in 0..cells {
            for kind in 0..kinds {
                let at = kind * cells + cell;
                out[at] = dot_relu(&h, &hidden[at * width..][..width]);
            }
            for kind in 0..kinds {
                let at = kind * cells + cell;
                if visible[at] != 0.0 {
                    add_here(visible[at], &seen[at * width..][..width], &mut h);
                }
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma"))]
fn backward(
    sizes: Sizes,
    visible: &[f32],
    (start, seen, hidden): (&[f32], &[f32], &[f32]),
    grad: &[f32],
    [d_start, d_seen, d_hidden]: &mut [Vec<f32>; 3],
) {
    let Sizes { kinds, cells, width, .. } = sizes;
    // h before each cell, and the gradient of all later cells' h.
    let mut states = vec![0.0; cells * width];
    let rows = visible.chunks_exact(kinds * cells).zip(start.chunks_exact(width));
    for (((visible, start), grad), slope) in
        rows.zip(grad.chunks_exact(kinds * cells)).zip(d_start.chunks_exact_mut(width))
    {
        states[..width].copy_from_slice(start);
        for cell in 1..cells {
            let (before, after) = states.split_at_mut(cell * width);
            let after = &mut after[..width];
            after.copy_from_slice(&before[(cell - 1) * width..]);
            for kind in 0..kinds {
                let at = kind * cells + cell - 1;
                if visible[at] != 0.0 {
                    add_here(visible[at], &seen[at * width..][..width], after);
                }
            }
        }
        for cell in (0..cells).rev() {
            let h = &states[cell * width..][..width];
            for kind in 0..kinds {
                let at = kind * cells + cell;
                if visible[at] != 0.0 {
                    add_here(visible[at], slope, &mut d_seen[at * width..][..width]);
                }
            }
            for kind in 0..kinds {
                let at = kind * cells + cell;
                let g = grad[at];
                let (w, dw) = (&hidden[at * width..][..width], &mut d_hidden[at * width..][..width]);
                for i in 0..width {
                    if h[i] > 0.0 {
                        dw[i] += g * h[i];
                        slope[i] += g * w[i];
                    }
                }
            }
        }
    }
}

/// Its twin in candle's built-in operations; see [`crate::kernels::reference`].
///
/// # Errors
/// When the shapes don't fit.
pub fn reference(visible: &Tensor, start: &Tensor, seen: &Tensor, hidden: &Tensor) -> Result<Tensor> {
    let (rows, kinds, cells) = visible.dims3()?;
    let width = start.dim(1)?;
    // 1 where a cell q lies before the cell p: [P, 1, P, 1].
    let before = (0..cells * cells).map(|i| f32::from(u8::from(i % cells < i / cells)));
    let before = Tensor::from_iter(before, start.device())?.reshape((cells, 1, cells, 1))?;
    let seen = seen.unsqueeze(0)?.broadcast_mul(&before)?.reshape((cells, kinds * cells, width))?;
    let visible = visible.reshape((1, rows, kinds * cells))?.repeat((cells, 1, 1))?;
    let states = visible.matmul(&seen)?.broadcast_add(&start.unsqueeze(0)?)?.relu()?;
    states.matmul(&hidden.permute((1, 2, 0))?.contiguous()?)?.permute((1, 2, 0))?.contiguous()
}
