//! Matrix times vector for one step at a time, weights packed so that they stream.
//!
//! Every sum is taken in the same order and with fused multiply-adds, whatever the vector width: AVX2 and
//! AVX-512 give the same bits. Weights stay halves in memory, as packs store them: each of a phrase's 64
//! steps reads all of them, and as singles they do not fit the cache next to a core (12.4 against 8.9 ms a
//! phrase, the attention's smaller reads included).

use candle_core::Tensor;
use half::f16;
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
    weights: Stored,
    bias: Vec<f32>,
}

/// Weights in memory.
#[derive(Debug)]
enum Stored {
    /// Halves, where all are halves under [`LARGEST`].
    Halves(Vec<Half>),
    /// Those of a network that was not stored yet.
    Singles(Vec<f32>),
}

impl Stored {
    fn of(weights: Vec<f32>) -> Self {
        let halves: Option<Vec<Half>> = weights.iter().map(|&weight| Half::of(weight)).collect();
        halves.map_or(Self::Singles(weights), Self::Halves)
    }
}

/// A weight in memory.
trait Weight: Copy {
    /// What the other factor is multiplied with, so that the product with the widened weight is right.
    const SCALE: f32;

    /// The weight over [`Weight::SCALE`].
    fn widen(self) -> f32;
}

impl Weight for f32 {
    const SCALE: f32 = 1.0;

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

/// A weight's half, of which the exponent is [`RAISED`]: so the smallest ones are normal numbers too, as
/// products with subnormal ones are slow. Without that halves were once a quarter slower than singles.
#[derive(Clone, Copy, Debug)]
struct Half(u16);

/// Powers of two between a half's smallest number and its smallest normal one.
const RAISED: u32 = 10;
/// Weights are smaller.
const LARGEST: f32 = 63.0;

impl Half {
    /// The half of a weight that is one.
    fn of(weight: f32) -> Option<Self> {
        let exact = f16::from_f32(weight).to_f32().to_bits() == weight.to_bits();
        let raised = f16::from_f32(weight * (1 << RAISED) as f32);
        (exact && weight.abs() < LARGEST).then(|| Self(raised.to_bits()))
    }
}

impl Weight for Half {
    /// What a half's exponent lacks where a single's stands, less what it was raised by. A power of two costs
    /// a factor no bit; numbers of a network are far below 2^26, where it would overflow.
    const SCALE: f32 = f32::from_bits((127 + 127 - 15 - RAISED) << 23);

    /// Sign, exponent and mantissa moved to where a single has them.
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits((i32::from(self.0 as i16) << 13) as u32 & 0x8fff_e000)
    }
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
        Ok(Self { inputs, outputs, weights: Stored::of(tiles), bias: padded })
    }

    /// `x` `[rows, inputs]` to `out` `[rows, outputs]`.
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        debug_assert_eq!(x.len() / self.inputs, out.len() / self.outputs);
        apply(self, x, out);
    }

    /// The same of an `x` that is mostly 0, whose zeros are passed over: of what a block's ReLU leaves that
    /// is nine tenths.
    pub(crate) fn apply_sparse(&self, x: &[f32], out: &mut [f32]) {
        debug_assert_eq!(x.len() / self.inputs, out.len() / self.outputs);
        apply_sparse(self, x, out);
    }

    /// Its outputs, a tile of its weights at a time.
    #[inline(always)]
    fn tiles<'a, W: Weight>(&'a self, weights: &'a [W]) -> impl Iterator<Item = Tile<'a, W>> {
        let weights = weights.as_chunks::<TILE>().0.chunks_exact(self.inputs);
        let all = weights.zip(self.bias.as_chunks::<TILE>().0).enumerate();
        all.map(|(tile, (weights, bias))| Tile { weights, bias, start: tile * TILE, outputs: self.outputs })
    }
}

#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
fn apply(layer: &Linear, x: &[f32], out: &mut [f32]) {
    match &layer.weights {
        Stored::Halves(weights) => apply_all(layer, weights, x, out),
        Stored::Singles(weights) => apply_all(layer, weights, x, out),
    }
}

#[inline(always)]
fn apply_all<W: Weight>(layer: &Linear, weights: &[W], x: &[f32], out: &mut [f32]) {
    let (inputs, outputs) = (layer.inputs, layer.outputs);
    let x = &scaled::<W>(x);
    // A tile stays near for all rows: what streams from afar are the weights, once.
    for tile in layer.tiles(weights) {
        for (x, out) in x.chunks(4 * inputs).zip(out.chunks_mut(4 * outputs)) {
            match x.len() / inputs {
                1 => tile.rows::<1>(x, out),
                2 => tile.rows::<2>(x, out),
                3 => tile.rows::<3>(x, out),
                _ => tile.rows::<4>(x, out),
            }
        }
    }
}

#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
fn apply_sparse(layer: &Linear, x: &[f32], out: &mut [f32]) {
    match &layer.weights {
        Stored::Halves(weights) => apply_some(layer, weights, x, out),
        Stored::Singles(weights) => apply_some(layer, weights, x, out),
    }
}

#[inline(always)]
fn apply_some<W: Weight>(layer: &Linear, weights: &[W], x: &[f32], out: &mut [f32]) {
    let (inputs, outputs) = (layer.inputs, layer.outputs);
    let x = &scaled::<W>(x);
    for (x, out) in x.chunks(2 * inputs).zip(out.chunks_mut(2 * outputs)) {
        match x.len() / inputs {
            1 => sparse_rows::<1, W>(layer, weights, x, out),
            _ => sparse_rows::<2, W>(layer, weights, x, out),
        }
    }
}

/// What widened weights are multiplied with.
#[inline(always)]
fn scaled<W: Weight>(x: &[f32]) -> Vec<f32> {
    let mut scaled = x.to_vec();
    for x in &mut scaled {
        *x *= W::SCALE;
    }
    scaled
}

/// [`Linear::apply_sparse`] of `ROWS` rows.
#[inline(always)]
fn sparse_rows<const ROWS: usize, W: Weight>(layer: &Linear, weights: &[W], x: &[f32], out: &mut [f32]) {
    let x: [&[f32]; ROWS] = std::array::from_fn(|row| &x[row * layer.inputs..][..layer.inputs]);
    let mut filled = Vec::with_capacity(layer.inputs);
    for input in 0..layer.inputs {
        if x.iter().any(|x| x[input] != 0.0) {
            filled.push(input);
        }
    }
    // No closure here: it would be compiled without the vectors' features.
    for tile in layer.tiles(weights) {
        let mut sums = [*tile.bias; ROWS];
        accumulate_some(&filled, tile.weights, x, &mut sums);
        tile.write(&sums, out);
    }
}

/// Some outputs of a layer.
struct Tile<'a, W> {
    weights: &'a [[W; TILE]],
    bias: &'a [f32; TILE],
    /// The first of them.
    start: usize,
    /// How many the layer has.
    outputs: usize,
}

impl<W: Weight> Tile<'_, W> {
    /// [`Linear::apply`] of `ROWS` rows.
    #[inline(always)]
    fn rows<const ROWS: usize>(&self, x: &[f32], out: &mut [f32]) {
        let inputs = self.weights.len();
        let x: [&[f32]; ROWS] = std::array::from_fn(|row| &x[row * inputs..][..inputs]);
        let mut sums = [*self.bias; ROWS];
        accumulate(inputs, self.weights, x, &mut sums);
        self.write(&sums, out);
    }

    #[inline(always)]
    fn write<const ROWS: usize>(&self, sums: &[[f32; TILE]; ROWS], out: &mut [f32]) {
        let len = TILE.min(self.outputs - self.start);
        for (row, sums) in sums.iter().enumerate() {
            out[row * self.outputs + self.start..][..len].copy_from_slice(&sums[..len]);
        }
    }
}

/// Adds `x` times a tile's `weights`. Known lengths, asserted one by one, and plain indices: written in any
/// other way this loop does not vectorise (a twentieth of the speed).
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "see above")]
fn accumulate<const ROWS: usize, W: Weight>(
    inputs: usize,
    weights: &[[W; TILE]],
    x: [&[f32]; ROWS],
    out: &mut [[f32; TILE]; ROWS],
) {
    let mut sums = *out;
    let weights = &weights[..inputs];
    for row in 0..ROWS {
        assert!(x[row].len() == inputs);
    }
    for input in 0..inputs {
        let mut wide = [0.0; TILE];
        for lane in 0..TILE {
            wide[lane] = weights[input][lane].widen();
        }
        for row in 0..ROWS {
            let x = x[row][input];
            for lane in 0..TILE {
                sums[row][lane] = x.mul_add(wide[lane], sums[row][lane]);
            }
        }
    }
    *out = sums;
}

/// The same of some inputs alone.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "see above")]
fn accumulate_some<const ROWS: usize, W: Weight>(
    inputs: &[usize],
    weights: &[[W; TILE]],
    x: [&[f32]; ROWS],
    out: &mut [[f32; TILE]; ROWS],
) {
    let mut sums = *out;
    for row in 0..ROWS {
        assert!(x[row].len() == weights.len());
    }
    for &input in inputs {
        let mut wide = [0.0; TILE];
        for lane in 0..TILE {
            wide[lane] = weights[input][lane].widen();
        }
        for row in 0..ROWS {
            let x = x[row][input];
            for lane in 0..TILE {
                sums[row][lane] = x.mul_add(wide[lane], sums[row][lane]);
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

/// What a head of this width hears is summed in registers.
const HEAD: usize = 32;

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
        // Some steps to come too, which are not looked at: whole registers are faster than parts.
        let mut scores = [0.0f32; MOST];
        let keys = heard.keys[part.start * MOST..part.end * MOST].as_chunks::<MOST>().0;
        let query = &query[part.clone()];
        match count.div_ceil(LANES) {
            ..=2 => ask::<{ 2 * LANES }>(query, keys, &mut scores),
            3 => ask::<{ 3 * LANES }>(query, keys, &mut scores),
            4 => ask::<{ 4 * LANES }>(query, keys, &mut scores),
            _ => ask::<MOST>(query, keys, &mut scores),
        }
        let bias = &distance[head * reach + step + reach / 2 + 1 - count..][..count];
        for (score, bias) in scores.iter_mut().zip(bias.iter().rev()) {
            *score = score.mul_add(scale, *bias);
        }
        scores[count..].fill(f32::MIN);
        let highest = highest(&scores);
        scores.iter_mut().for_each(|score| *score = exp(*score - highest));
        let share = 1.0 / scores[..count].iter().sum::<f32>();
        scores.iter_mut().for_each(|score| *score *= share);
        let (values, out) = (&heard.values[part.start..], &mut out[part]);
        match out.as_mut_array::<HEAD>() {
            Some(out) => hear(&scores[..count], values, width, out),
            None => {
                out.fill(0.0);
                for (score, values) in scores[..count].iter().zip(values.chunks(width)) {
                    add_here(*score, values, out);
                }
            }
        }
    }
}

/// The query times each step's key, of the first `STEPS`.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "see `accumulate`")]
fn ask<const STEPS: usize>(query: &[f32], keys: &[[f32; MOST]], scores: &mut [f32; MOST]) {
    let mut sums = [0.0; STEPS];
    assert!(query.len() == keys.len());
    for at in 0..query.len() {
        let (query, keys) = (query[at], &keys[at]);
        for step in 0..STEPS {
            sums[step] = query.mul_add(keys[step], sums[step]);
        }
    }
    scores[..STEPS].copy_from_slice(&sums);
}

/// The highest of some scores.
#[inline(always)]
fn highest(scores: &[f32; MOST]) -> f32 {
    let mut lanes = [f32::MIN; LANES];
    for scores in scores.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            lanes[lane] = lanes[lane].max(scores[lane]);
        }
    }
    lanes.into_iter().fold(f32::MIN, f32::max)
}

/// The sum of `values`' first numbers, `width` apart, times the scores.
#[inline(always)]
fn hear(scores: &[f32], values: &[f32], width: usize, out: &mut [f32; HEAD]) {
    let mut sums = [0.0f32; HEAD];
    for (score, values) in scores.iter().zip(values.chunks(width)) {
        let values: &[f32; HEAD] = values.first_chunk().expect("a head lies within its step");
        for lane in 0..HEAD {
            sums[lane] = score.mul_add(values[lane], sums[lane]);
        }
    }
    *out = sums;
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
            let x: Vec<f32> = (0..rows * inputs).map(|i| value(3 * i).max(0.0)).collect();
            let mut out = vec![9.0; rows * outputs];
            layer.apply(&x, &mut out);
            let mut sparse = vec![9.0; rows * outputs];
            layer.apply_sparse(&x, &mut sparse);
            assert_eq!(sparse, out);
            for row in 0..rows {
                for output in 0..outputs {
                    let sum: f32 =
                        (0..inputs).map(|i| x[row * inputs + i] * value(i * outputs + output)).sum();
                    assert!((out[row * outputs + output] - sum - value(output)).abs() < 1e-5);
                }
            }
        }
    }

    /// Halves give the bits that the same weights give as singles, down to the smallest; what is no half
    /// stays a single.
    #[test]
    fn halves_are_singles() {
        let (inputs, outputs) = (48, 70);
        let value = |i: usize| {
            let bits = (i as u32).wrapping_mul(0x9e37_79b9) >> 16;
            // Every exponent of numbers under 63, both signs.
            f16::from_bits((bits % 0x53e0) as u16 | (bits & 0x8000) as u16).to_f32()
        };
        let of = |weights: Vec<f32>| {
            let weight = Tensor::from_vec(weights, (inputs, outputs), &Device::Cpu).unwrap();
            Linear::new(&weight, None).unwrap()
        };
        let weights: Vec<f32> = (0..inputs * outputs).map(value).collect();
        assert!(weights.iter().any(|weight| (1e-8..6e-5).contains(weight)), "some are subnormal halves");
        let layer = of(weights.clone());
        let Stored::Halves(halves) = &layer.weights else { panic!("these are halves") };
        let singles: Vec<f32> = halves.iter().map(|half| half.widen() * Half::SCALE).collect();
        assert_eq!(singles[..outputs.min(TILE)], weights[..outputs.min(TILE)]);
        let plain = Linear { weights: Stored::Singles(singles), bias: layer.bias.clone(), ..layer };
        let x: Vec<f32> = (0..3 * inputs).map(|i| (i as f32 * 0.37).sin()).collect();
        let out = |layer: &Linear, how: fn(&Linear, &[f32], &mut [f32])| {
            let mut out = vec![0.0; 3 * outputs];
            how(layer, &x, &mut out);
            out.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        for how in [Linear::apply, Linear::apply_sparse] {
            assert_eq!(out(&layer, how), out(&plain, how));
        }
        for other in [0.1, LARGEST, f32::NAN] {
            let weights = weights.iter().map(|&weight| if weight < 0.0 { other } else { weight }).collect();
            assert!(matches!(of(weights).weights, Stored::Singles(_)), "{other}");
        }
    }

    #[test]
    fn a_head_of_any_width_hears_the_steps_by_their_scores() {
        let (heads, steps) = (2, 20);
        for size in [HEAD, HEAD - 8] {
            let width = heads * size;
            let value = |i: usize| (i as f32 * 0.61).sin();
            let row = |from: usize| -> Vec<f32> { (0..width).map(|i| value(from + i)).collect() };
            let distance: Vec<f32> = (0..heads * (2 * STEPS - 1)).map(value).collect();
            let mut memory = Memory::new(width);
            (0..steps).for_each(|step| memory.push(&row(31 * step), &row(77 * step)));
            let (query, mut out) = (row(5), vec![9.0; width]);
            memory.attend(steps - 1, heads, &distance, &query, &mut out);
            for (at, out) in out.iter().enumerate() {
                let head = at / size;
                let score = |step: usize| {
                    let keys = row(31 * step);
                    let part = head * size..(head + 1) * size;
                    let dot: f32 = part.map(|i| query[i] * keys[i]).sum();
                    let back = steps - 1 - step + STEPS - 1;
                    (f64::from(dot) / (size as f64).sqrt()
                        + f64::from(distance[head * (2 * STEPS - 1) + back]))
                    .exp()
                };
                let sum = (0..steps).map(score).sum::<f64>();
                let heard =
                    (0..steps).map(|step| score(step) / sum * f64::from(row(77 * step)[at])).sum::<f64>();
                assert!((f64::from(*out) - heard).abs() < 1e-5, "{out} for {heard} of {size}");
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
