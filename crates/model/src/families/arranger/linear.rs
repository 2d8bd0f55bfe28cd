//! Matrix times vector for one step at a time, weights packed so that they stream.
//!
//! Every sum is taken in the same order and with fused multiply-adds, whatever the vector width: AVX2 and
//! AVX-512 give the same bits.

use candle_core::Tensor;
use multiversion::multiversion;
use phrase::STEPS;

use super::MEMORY;
use crate::ModelError;
use crate::kernels::exp;

/// What the norm adds to the mean square, so that silence stays finite.
pub(super) const EPSILON: f32 = 1e-5;

/// Outputs computed together: their sums stay in registers.
const TILE: usize = 32;
/// Sums of a dot product.
const LANES: usize = 16;

/// A linear layer.
#[derive(Debug)]
pub(crate) struct Linear {
    inputs: usize,
    outputs: usize,
    /// `[outputs / TILE][inputs][TILE]`, the last tile filled up with zeros.
    tiles: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    /// Of `weight` `[inputs, outputs]` and a bias `[outputs]`.
    pub(crate) fn new(weight: &Tensor, bias: Option<&Tensor>) -> Result<Self, ModelError> {
        let (inputs, outputs) = weight.dims2()?;
        let values = weight.flatten_all()?.to_vec1::<f32>()?;
        let count = outputs.div_ceil(TILE);
        let mut tiles = vec![0.0; count * inputs * TILE];
        for (input, row) in values.chunks_exact(outputs).enumerate() {
            for (output, &value) in row.iter().enumerate() {
                tiles[(output / TILE * inputs + input) * TILE + output % TILE] = value;
            }
        }
        let mut padded = match bias {
            Some(bias) => bias.to_vec1::<f32>()?,
            None => Vec::new(),
        };
        padded.resize(count * TILE, 0.0);
        Ok(Self { inputs, outputs, tiles, bias: padded })
    }

    /// `x` `[rows, inputs]` to `out` `[rows, outputs]`.
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        debug_assert_eq!(x.len() / self.inputs, out.len() / self.outputs);
        apply(self, x, out);
    }
}

#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
fn apply(layer: &Linear, x: &[f32], out: &mut [f32]) {
    let (x, out) = (x.chunks(4 * layer.inputs), out.chunks_mut(4 * layer.outputs));
    for (x, out) in x.zip(out) {
        match x.len() / layer.inputs {
            1 => rows::<1>(layer, x, out),
            2 => rows::<2>(layer, x, out),
            3 => rows::<3>(layer, x, out),
            _ => rows::<4>(layer, x, out),
        }
    }
}

/// [`Linear::apply`] of `ROWS` rows.
#[inline(always)]
fn rows<const ROWS: usize>(layer: &Linear, x: &[f32], out: &mut [f32]) {
    let inputs = layer.inputs;
    let x: [&[f32]; ROWS] = std::array::from_fn(|row| &x[row * inputs..][..inputs]);
    let tiles = layer.tiles.as_chunks::<TILE>().0.chunks_exact(inputs).zip(layer.bias.as_chunks::<TILE>().0);
    for (tile, (weights, bias)) in tiles.enumerate() {
        let mut sums = [*bias; ROWS];
        accumulate(inputs, weights, x, &mut sums);
        let start = tile * TILE;
        let len = TILE.min(layer.outputs - start);
        for (row, sums) in sums.iter().enumerate() {
            out[row * layer.outputs + start..][..len].copy_from_slice(&sums[..len]);
        }
    }
}

/// Adds `x` times a tile's `weights`. Known lengths, asserted one by one, and plain indices: written in any
/// other way this loop does not vectorise (a twentieth of the speed).
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "see above")]
fn accumulate<const ROWS: usize>(
    inputs: usize,
    weights: &[[f32; TILE]],
    x: [&[f32]; ROWS],
    out: &mut [[f32; TILE]; ROWS],
) {
    let mut sums = *out;
    let weights = &weights[..inputs];
    for row in 0..ROWS {
        assert!(x[row].len() == inputs);
    }
    for input in 0..inputs {
        let weights = &weights[input];
        for row in 0..ROWS {
            let x = x[row][input];
            for lane in 0..TILE {
                sums[row][lane] = x.mul_add(weights[lane], sums[row][lane]);
            }
        }
    }
    *out = sums;
}

/// `out += a x`, from plain code.
#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
pub(crate) fn add(a: f32, x: &[f32], out: &mut [f32]) {
    add_here(a, x, out);
}

/// `out += a x`, from code that is compiled for the vector width.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "see `accumulate`")]
pub(crate) fn add_here(a: f32, x: &[f32], out: &mut [f32]) {
    let len = out.len().min(x.len());
    let (x, out) = (&x[..len], &mut out[..len]);
    for i in 0..len {
        out[i] = a.mul_add(x[i], out[i]);
    }
}

/// `relu(x) . y`.
#[inline(always)]
pub(crate) fn dot_relu(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in x.iter().zip(y) {
        for lane in 0..LANES {
            lanes[lane] = x[lane].max(0.0).mul_add(y[lane], lanes[lane]);
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
        *lane = x.max(0.0).mul_add(*y, *lane);
    }
    total(lanes)
}

/// The sum of all lanes, by halves.
#[inline(always)]
fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Root mean square norm of each row of `x`, times `scale`.
#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
pub(super) fn norm(x: &[f32], scale: &[f32], out: &mut [f32]) {
    let width = scale.len();
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let mut lanes = [0.0f32; LANES];
        for x in x.chunks(LANES) {
            for (lane, x) in lanes.iter_mut().zip(x) {
                *lane = x.mul_add(*x, *lane);
            }
        }
        let scaled = 1.0 / (total(lanes) / width as f32 + EPSILON).sqrt();
        for ((out, x), scale) in out.iter_mut().zip(x).zip(scale) {
            *out = x * scaled * scale;
        }
    }
}

/// The most steps that are heard: whole registers.
const MOST: usize = STEPS + MEMORY;

/// Keys and values of the steps so far, for one block and one mix of genres.
#[derive(Debug)]
pub(super) struct Memory {
    /// `[width][MOST]`: a number of all steps lies together.
    keys: Vec<f32>,
    /// `[MOST][width]`.
    values: Vec<f32>,
    count: usize,
}

impl Memory {
    pub(super) fn new(width: usize) -> Self {
        Self { keys: vec![0.0; width * MOST], values: vec![0.0; width * MOST], count: 0 }
    }

    /// Adds a step.
    pub(super) fn push(&mut self, key: &[f32], value: &[f32]) {
        for (column, key) in self.keys.chunks_exact_mut(MOST).zip(key) {
            column[self.count] = *key;
        }
        self.values[self.count * value.len()..][..value.len()].copy_from_slice(value);
        self.count += 1;
    }

    /// What `step` hears of the steps so far. `distance` `[heads][2 steps - 1]`: by how far the asking step
    /// lies behind the asked one, plus `steps - 1`.
    pub(super) fn attend(&self, step: usize, heads: usize, distance: &[f32], query: &[f32], out: &mut [f32]) {
        attend(self, step, heads, distance, query, out);
    }
}

#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
fn attend(heard: &Memory, step: usize, heads: usize, distance: &[f32], query: &[f32], out: &mut [f32]) {
    let (width, count) = (query.len(), heard.count);
    let size = width / heads;
    let scale = 1.0 / (size as f32).sqrt();
    let reach = distance.len() / heads;
    for head in 0..heads {
        let part = head * size..(head + 1) * size;
        // All, of which the steps to come are not looked at: whole registers are faster than parts.
        let mut scores = [0.0f32; MOST];
        let keys = heard.keys[part.start * MOST..part.end * MOST].as_chunks::<MOST>().0;
        for (query, keys) in query[part.clone()].iter().zip(keys) {
            for step in 0..MOST {
                scores[step] = query.mul_add(keys[step], scores[step]);
            }
        }
        let bias = &distance[head * reach..][..reach];
        let scores = &mut scores[..count];
        let mut highest = f32::NEG_INFINITY;
        for (from, score) in scores.iter_mut().enumerate() {
            *score = score.mul_add(scale, bias[step + reach / 2 - from]);
            highest = highest.max(*score);
        }
        for score in scores.iter_mut() {
            *score = exp(*score - highest);
        }
        let share = 1.0 / scores.iter().sum::<f32>();
        let out = &mut out[part.clone()];
        out.fill(0.0);
        for (score, values) in scores.iter().zip(heard.values.chunks_exact(width)) {
            add_here(score * share, &values[part.clone()], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_layer_is_a_matrix_product() {
        let (inputs, outputs) = (5, 37);
        let value = |i: usize| (i as f32 * 0.37).sin();
        let weight = Tensor::from_iter((0..inputs * outputs).map(value), &Device::Cpu).unwrap();
        let bias = Tensor::from_iter((0..outputs).map(value), &Device::Cpu).unwrap();
        let layer = Linear::new(&weight.reshape((inputs, outputs)).unwrap(), Some(&bias)).unwrap();
        for rows in 1..=6 {
            let x: Vec<f32> = (0..rows * inputs).map(|i| value(3 * i)).collect();
            let mut out = vec![9.0; rows * outputs];
            layer.apply(&x, &mut out);
            for row in 0..rows {
                for output in 0..outputs {
                    let sum: f32 =
                        (0..inputs).map(|i| x[row * inputs + i] * value(i * outputs + output)).sum();
                    assert!((out[row * outputs + output] - sum - value(output)).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn sums_and_norms() {
        let x: Vec<f32> = (-1..19).map(|i| i as f32).collect();
        assert_eq!(dot_relu(&x, &x), (0..19).map(|i| (i * i) as f32).sum::<f32>());
        let mut y = x.clone();
        add(2.0, &x, &mut y);
        assert_eq!(y[19], 54.0);
        norm(&[3.0, -3.0], &[1.0, 2.0], &mut y[..2]);
        assert!((y[0] - 1.0).abs() < 1e-5 && (y[1] + 2.0).abs() < 1e-5);
    }
}
