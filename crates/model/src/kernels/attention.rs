//! Dot-product attention without a map in memory: a block of queries at a time, forward and backward.
//!
//! The map of 1,344 pixels by 1,344 would be 7 MB a sample; the backward pass computes each block of it
//! again, which is cheaper than keeping it. Blocks as in Dao et al., "FlashAttention", arXiv 2205.14135, but
//! a block sees all keys at once.

use std::cell::RefCell;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::matrix::{Matrix, multiply};
use super::reference;
use super::tensor::{Reader, check, floats, gradient};

/// Queries taken at a time: their rows of the map stay in the processor's cache.
const BLOCK: usize = 64;

/// `softmax(query key^T) value`, the softmax over the keys, without scaling: `query` `[B, N, K]`, `key`
/// `[B, M, K]` and `value` `[B, M, C]` give `[B, N, C]`.
///
/// # Errors
/// When the shapes don't fit, or a tensor is empty or not `f32`.
pub fn attention(query: &Tensor, key: &Tensor, value: &Tensor) -> Result<Tensor> {
    check("attention", &[("query", query), ("key", key), ("value", value)])?;
    Sizes::new(query.dims(), key.dims(), value.dims())?;
    if !query.device().is_cpu() {
        return reference::attention(query, key, value);
    }
    query.contiguous()?.apply_op3(&key.contiguous()?, &value.contiguous()?, Attention)
}

struct Attention;

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        query: &CpuStorage,
        lq: &Layout,
        key: &CpuStorage,
        lk: &Layout,
        value: &CpuStorage,
        lv: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::new(lq.dims(), lk.dims(), lv.dims())?;
        let (query, key, value) = (floats(query, lq)?, floats(key, lk)?, floats(value, lv)?);
        let mut out = vec![0.0; sizes.batch * sizes.queries * sizes.channels];
        SCRATCH.with_borrow_mut(|Scratch { map, .. }| {
            for (sample, out) in out.chunks_exact_mut(sizes.queries * sizes.channels).enumerate() {
                let (query, key, value) = sizes.sample(sample, query, key, value);
                let blocks = query.chunks(BLOCK * sizes.features).zip(out.chunks_mut(BLOCK * sizes.channels));
                for (query, out) in blocks {
                    let rows = sizes.map(query, key, map);
                    let map = Matrix::new(map, rows, sizes.keys);
                    multiply(map, Matrix::new(value, sizes.keys, sizes.channels), out, false);
                }
            }
        });
        Ok((CpuStorage::F32(out), (sizes.batch, sizes.queries, sizes.channels).into()))
    }

    /// With `P` the map and `g` the gradient: `dV = P^T g`, and for the scores
    /// `dS = P (g V^T - rowsum(P g V^T))`, so `dQ = dS K` and `dK = dS^T Q`.
    fn bwd(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::new(query.dims(), key.dims(), value.dims())?;
        let Sizes { queries, keys, features, channels, .. } = sizes;
        let grad = grad.contiguous()?;
        let readers = [query, key, value, &grad].map(Reader::new);
        let [q, k, v, g] = [0, 1, 2, 3].map(|i| readers[i].floats());
        let (q, k, v, g) = (q?, k?, v?, g?);
        let (mut dq, mut dk, mut dv) = (vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]);
        SCRATCH.with_borrow_mut(|Scratch { map, slope }| {
            for sample in 0..sizes.batch {
                let (q, k, v) = sizes.sample(sample, q, k, v);
                let dk = &mut dk[sample * keys * features..][..keys * features];
                let dv = &mut dv[sample * keys * channels..][..keys * channels];
                let dq = &mut dq[sample * queries * features..][..queries * features];
                let g = g[sample * queries * channels..][..queries * channels].chunks(BLOCK * channels);
                let blocks = q.chunks(BLOCK * features).zip(dq.chunks_mut(BLOCK * features)).zip(g);
                for ((q, dq), g) in blocks {
                    let rows = sizes.map(q, k, map);
                    let g = Matrix::new(g, rows, channels);
                    multiply(Matrix::new(map, rows, keys).transposed(), g, dv, true);
                    slope.resize(rows * keys, 0.0);
                    multiply(g, Matrix::new(v, keys, channels).transposed(), slope, false);
                    scores_gradient(map, slope, keys);
                    let slope = Matrix::new(slope, rows, keys);
                    multiply(slope, Matrix::new(k, keys, features), dq, false);
                    multiply(slope.transposed(), Matrix::new(q, rows, features), dk, true);
                }
            }
        });
        Ok((gradient(query, || dq)?, gradient(key, || dk)?, gradient(value, || dv)?))
    }
}

thread_local! {
    /// Kept between calls: touching fresh memory for the first time costs more than filling it.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    map: Vec<f32>,
    slope: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    queries: usize,
    keys: usize,
    features: usize,
    channels: usize,
}

impl Sizes {
    fn new(query: &[usize], key: &[usize], value: &[usize]) -> Result<Self> {
        match (query, key, value) {
            (&[batch, queries, features], &[kb, keys, kf], &[vb, vk, channels])
                if (kb, vb, kf, vk) == (batch, batch, features, keys) =>
            {
                Ok(Self { batch, queries, keys, features, channels })
            }
            _ => bail!(
                "attention: query {query:?} needs key [batch, keys, features] and value [batch, keys, \
                 channels], not {key:?} and {value:?}"
            ),
        }
    }

    /// One sample's part of each argument.
    fn sample<'a>(
        &self,
        sample: usize,
        query: &'a [f32],
        key: &'a [f32],
        value: &'a [f32],
    ) -> (&'a [f32], &'a [f32], &'a [f32]) {
        let part = |values: &'a [f32], len: usize| &values[sample * len..][..len];
        (
            part(query, self.queries * self.features),
            part(key, self.keys * self.features),
            part(value, self.keys * self.channels),
        )
    }

    /// Fills `map` with some queries' rows of the softmax, and returns how many.
    fn map(&self, query: &[f32], key: &[f32], map: &mut Vec<f32>) -> usize {
        let rows = query.len() / self.features;
        map.resize(rows * self.keys, 0.0);
        let key = Matrix::new(key, self.keys, self.features);
        multiply(Matrix::new(query, rows, self.features), key.transposed(), map, false);
        softmax(map, self.keys);
        rows
    }
}

/// Softmax of each row, in place.
#[multiversion(targets("x86_64+avx2"))]
fn softmax(map: &mut [f32], keys: usize) {
    for row in map.chunks_exact_mut(keys) {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for value in row.iter_mut() {
            *value = exp(*value - highest);
        }
        let share = 1.0 / sum(row);
        for value in row {
            *value *= share;
        }
    }
}

/// Turns each row of the map's gradient into the scores'.
#[multiversion(targets("x86_64+avx2"))]
fn scores_gradient(map: &[f32], slope: &mut [f32], keys: usize) {
    for (map, slope) in map.chunks_exact(keys).zip(slope.chunks_exact_mut(keys)) {
        for (slope, map) in slope.iter_mut().zip(map) {
            *slope *= map;
        }
        let mean = sum(slope);
        for (slope, map) in slope.iter_mut().zip(map) {
            *slope -= map * mean;
        }
    }
}

/// Sums in lanes, which vectorises; a plain sum would not.
#[inline(always)]
fn sum(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<16>();
    let mut lanes = [0.0; 16];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// The exponential of what is not positive, to 2e-7 of it, in operations that vectorise: `2^n e^r` with `|r|`
/// at most half the logarithm of 2, and the series of `e^r`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // ln 2 in two parts, the first exact in few bits, so that subtracting its multiples rounds nothing.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    /// Adding it leaves no bits for a fraction: rounds, and puts the integer into the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // Under this the result is 0 but for a subnormal.
    let x = x.max(-87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut series = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * r + factor;
    }
    let power = (shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23;
    series * f32::from_bits(power)
}

#[cfg(test)]
mod tests {
    #[test]
    fn exp_is_exact_to_rounding() {
        for i in 0..=87_000 {
            let x = -(i as f32) / 1000.0;
            let expected = f64::from(x).exp();
            let off = (f64::from(super::exp(x)) - expected).abs() / expected;
            assert!(off < 4e-7, "exp({x}) is off by {off}");
        }
        assert!(super::exp(f32::NEG_INFINITY) < 1e-37);
    }
}
