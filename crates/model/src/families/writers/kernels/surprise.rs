//! How unlikely the right one of many is, by a network's logits: what most of a writer's training time would
//! go into by single operations.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::reference;
use crate::kernels::exp;
use crate::kernels::tensor::{Reader, check, floats, gradient};

/// Of `logits` `[N, V]` the negative log-probability of the one that `right` `[N]` (`u32`) names, `[N]`.
///
/// # Errors
/// When the shapes don't fit, a number is not one of `V`, or `logits` is empty or not `f32`.
pub fn surprise(logits: &Tensor, right: &Tensor) -> Result<Tensor> {
    check("surprise", &[("logits", logits)])?;
    let (rows, kinds) = logits.dims2()?;
    let numbers = right.to_vec1::<u32>()?;
    if numbers.len() != rows || numbers.iter().any(|number| *number as usize >= kinds) {
        bail!("surprise: logits {:?} need {rows} numbers under {kinds}", logits.dims());
    }
    if !logits.device().is_cpu() {
        return reference::surprise(logits, right);
    }
    logits.contiguous()?.apply_op1(Surprise { right: numbers })
}

struct Surprise {
    right: Vec<u32>,
}

impl CustomOp1 for Surprise {
    fn name(&self) -> &'static str {
        "surprise"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, kinds) = layout.shape().dims2()?;
        let mut out = vec![0.0; rows];
        let logits = floats(logits, layout)?.chunks_exact(kinds);
        for ((out, logits), right) in out.iter_mut().zip(logits).zip(&self.right) {
            *out = total(logits) - logits[*right as usize];
        }
        Ok((CpuStorage::F32(out), rows.into()))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, kinds) = logits.dims2()?;
        let grad = grad.contiguous()?;
        let (values, slopes) = (Reader::new(logits), Reader::new(&grad));
        let (values, slopes) = (values.floats()?, slopes.floats()?);
        gradient(logits, || {
            let mut out = vec![0.0; values.len()];
            let rows = values.chunks_exact(kinds).zip(out.chunks_exact_mut(kinds));
            for (((logits, out), slope), right) in rows.zip(slopes).zip(&self.right) {
                // Rows that do not count cost nothing.
                if *slope != 0.0 {
                    shares(logits, total(logits), *slope, out);
                    out[*right as usize] -= slope;
                }
            }
            out
        })
    }
}

/// The logarithm of the sum of the exponentials.
#[multiversion(targets("x86_64+avx2"))]
fn total(logits: &[f32]) -> f32 {
    const LANES: usize = 8;
    let (lanes, rest) = logits.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for logits in lanes {
        (0..LANES).for_each(|lane| most[lane] = most[lane].max(logits[lane]));
    }
    let most = most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, x| most.max(*x));
    let mut sums = [0.0; LANES];
    for logits in lanes {
        (0..LANES).for_each(|lane| sums[lane] += exp((logits[lane] - most).max(-80.0)));
    }
    let rest: f32 = rest.iter().map(|x| exp((x - most).max(-80.0))).sum();
    most + (sums.iter().sum::<f32>() + rest).ln()
}

/// The probabilities, each times `slope`.
#[multiversion(targets("x86_64+avx2"))]
fn shares(logits: &[f32], total: f32, slope: f32, out: &mut [f32]) {
    for (out, logit) in out.iter_mut().zip(logits) {
        *out = slope * exp((logit - total).max(-80.0));
    }
}
