//! A recurrent layer of long short-term memory, forward or backward in time, with back-propagation through
//! it.
//!
//! What the inputs give to the gates is one matrix product for all steps and is done before, by
//! [`super::linear`]. What is left goes step by step: a matrix product with the state, then the gates. The
//! backward pass computes the forward one again, which is cheaper than keeping all gates of a batch.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::exp;
use super::matrix::{Matrix, multiply};
use super::reference;
use super::tensor::{Reader, check, floats, gradient};

/// The hidden states `[B, T, H]` of a layer whose gates get `gates` `[B, T, 4 H]` from the inputs, biases
/// included, and `w` `[H, 4 H]` from the state before: input, forget, candidate and output gate, in this
/// order. State and memory begin at zero; `backward` begins with the last step.
///
/// `c = sigmoid(f) c + sigmoid(i) tanh(g)`, `h = sigmoid(o) tanh(c)` (Hochreiter and Schmidhuber, 1997, with
/// the forget gate of Gers et al., 2000).
///
/// # Errors
/// When the shapes don't fit, or a tensor is empty or not `f32`.
pub fn lstm(gates: &Tensor, w: &Tensor, backward: bool) -> Result<Tensor> {
    check("lstm", &[("gates", gates), ("w", w)])?;
    Sizes::new(gates.dims(), w.dims())?;
    if !gates.device().is_cpu() {
        return reference::lstm(gates, w, backward);
    }
    gates.contiguous()?.apply_op2(&w.contiguous()?, Lstm { backward })
}

struct Lstm {
    backward: bool,
}

#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    steps: usize,
    units: usize,
}

impl Sizes {
    fn new(gates: &[usize], w: &[usize]) -> Result<Self> {
        match (gates, w) {
            (&[batch, steps, wide], &[units, four]) if wide == four && wide == 4 * units => {
                Ok(Self { batch, steps, units })
            }
            _ => bail!("lstm: gates {gates:?} need w [units, 4 units], and 4 units a step, not {w:?}"),
        }
    }
}

/// What a forward pass went through, by step in the order of time that it took, then by sample.
struct Course {
    /// Gates after their functions, `[T, B, 4 H]`.
    gates: Vec<f32>,
    /// Memory after the step, `[T, B, H]`.
    memory: Vec<f32>,
    /// State after the step, `[T, B, H]`.
    state: Vec<f32>,
}

impl Lstm {
    /// The step of the song at a step of the course.
    fn step(&self, sizes: Sizes, at: usize) -> usize {
        if self.backward { sizes.steps - 1 - at } else { at }
    }

    fn course(&self, sizes: Sizes, input: &[f32], w: &[f32]) -> Course {
        let Sizes { batch, steps, units } = sizes;
        let (wide, row) = (batch * 4 * units, batch * units);
        let mut gates = vec![0.0; steps * wide];
        let (mut memory, mut state) = (vec![0.0; steps * row], vec![0.0; steps * row]);
        let nothing = vec![0.0; row];
        for at in 0..steps {
            let step = self.step(sizes, at);
            let gates = &mut gates[at * wide..][..wide];
            for (sample, gates) in gates.chunks_exact_mut(4 * units).enumerate() {
                gates.copy_from_slice(&input[(sample * steps + step) * 4 * units..][..4 * units]);
            }
            let (before, now) = memory.split_at_mut(at * row);
            let (states_before, state) = state.split_at_mut(at * row);
            match at {
                0 => {}
                // One phrase at a time, as a plugin asks: a product's preparations would take longer than it.
                _ if batch == 1 => add_product(&states_before[(at - 1) * row..], w, gates),
                _ => {
                    let h = Matrix::new(&states_before[(at - 1) * row..], batch, units);
                    multiply(h, Matrix::new(w, units, 4 * units), gates, true);
                }
            }
            let before = if at > 0 { &before[(at - 1) * row..] } else { &nothing[..] };
            for sample in 0..batch {
                forward(
                    &mut gates[sample * 4 * units..][..4 * units],
                    &before[sample * units..][..units],
                    &mut now[sample * units..][..units],
                    &mut state[sample * units..][..units],
                );
            }
        }
        Course { gates, memory, state }
    }
}

impl CustomOp2 for Lstm {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn cpu_fwd(
        &self,
        gates: &CpuStorage,
        lg: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::new(lg.dims(), lw.dims())?;
        let Sizes { batch, steps, units } = sizes;
        let course = self.course(sizes, floats(gates, lg)?, floats(w, lw)?);
        let mut out = vec![0.0; batch * steps * units];
        for at in 0..steps {
            let step = self.step(sizes, at);
            for sample in 0..batch {
                out[(sample * steps + step) * units..][..units]
                    .copy_from_slice(&course.state[(at * batch + sample) * units..][..units]);
            }
        }
        Ok((CpuStorage::F32(out), (batch, steps, units).into()))
    }

    fn bwd(
        &self,
        gates: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::new(gates.dims(), w.dims())?;
        let Sizes { batch, steps, units } = sizes;
        let grad = grad.contiguous()?;
        let (input, weights, slopes) = (Reader::new(gates), Reader::new(w), Reader::new(&grad));
        let (input, weights, slopes) = (input.floats()?, weights.floats()?, slopes.floats()?);
        let mut course = self.course(sizes, input, weights);
        let (wide, row) = (batch * 4 * units, batch * units);
        // The slope of the state and of the memory, from the steps after.
        let (mut state, mut memory) = (vec![0.0; row], vec![0.0; row]);
        let nothing = vec![0.0; row];
        for at in (0..steps).rev() {
            let step = self.step(sizes, at);
            for sample in 0..batch {
                let of = (sample * steps + step) * units;
                add(&mut state[sample * units..][..units], &slopes[of..][..units]);
                let before = if at > 0 { &course.memory[(at - 1) * row..][..row] } else { &nothing[..] };
                backward(
                    &mut course.gates[at * wide + sample * 4 * units..][..4 * units],
                    &before[sample * units..][..units],
                    &course.memory[at * row + sample * units..][..units],
                    &state[sample * units..][..units],
                    &mut memory[sample * units..][..units],
                );
            }
            let slopes = Matrix::new(&course.gates[at * wide..][..wide], batch, 4 * units);
            multiply(slopes, Matrix::new(weights, units, 4 * units).transposed(), &mut state, false);
        }
        let dw = gradient(w, || {
            let mut out = vec![0.0; units * 4 * units];
            if steps > 1 {
                let before = Matrix::new(&course.state, (steps - 1) * batch, units).transposed();
                let slopes = Matrix::new(&course.gates[wide..], (steps - 1) * batch, 4 * units);
                multiply(before, slopes, &mut out, false);
            }
            out
        })?;
        let dgates = gradient(gates, || {
            let mut out = vec![0.0; input.len()];
            for at in 0..steps {
                let step = self.step(sizes, at);
                for sample in 0..batch {
                    out[(sample * steps + step) * 4 * units..][..4 * units]
                        .copy_from_slice(&course.gates[(at * batch + sample) * 4 * units..][..4 * units]);
                }
            }
            out
        })?;
        Ok((dgates, dw))
    }
}

/// One sample's step: applies the gates' functions in place, and writes memory and state.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn forward(gates: &mut [f32], before: &[f32], memory: &mut [f32], state: &mut [f32]) {
    let units = before.len();
    let (input, rest) = gates.split_at_mut(units);
    let (forget, rest) = rest.split_at_mut(units);
    let (candidate, output) = rest.split_at_mut(units);
    for unit in 0..units {
        input[unit] = sigmoid(input[unit]);
        forget[unit] = sigmoid(forget[unit]);
        candidate[unit] = tanh(candidate[unit]);
        output[unit] = sigmoid(output[unit]);
        memory[unit] = forget[unit] * before[unit] + input[unit] * candidate[unit];
        state[unit] = output[unit] * tanh(memory[unit]);
    }
}

/// One sample's step back: turns the gates into the slopes of what went into them, and `slope`, the memory's,
/// into that of the memory before.
#[multiversion(targets("x86_64+avx2"))]
fn backward(gates: &mut [f32], before: &[f32], memory: &[f32], state: &[f32], slope: &mut [f32]) {
    let units = before.len();
    let (input, rest) = gates.split_at_mut(units);
    let (forget, rest) = rest.split_at_mut(units);
    let (candidate, output) = rest.split_at_mut(units);
    for unit in 0..units {
        let (i, f, g, o) = (input[unit], forget[unit], candidate[unit], output[unit]);
        let bent = tanh(memory[unit]);
        let total = slope[unit] + state[unit] * o * (1.0 - bent * bent);
        input[unit] = total * g * i * (1.0 - i);
        forget[unit] = total * before[unit] * f * (1.0 - f);
        candidate[unit] = total * i * (1.0 - g * g);
        output[unit] = state[unit] * bent * o * (1.0 - o);
        slope[unit] = total * f;
    }
}

/// Adds the product of a row and a matrix to a row.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn add_product(row: &[f32], w: &[f32], out: &mut [f32]) {
    let width = out.len();
    for (four, w) in row.chunks(4).zip(w.chunks(4 * width)) {
        let (&[a, b, c, d], true) = (four, w.len() == 4 * width) else {
            for (value, w) in four.iter().zip(w.chunks_exact(width)) {
                out.iter_mut().zip(w).for_each(|(out, w)| *out += value * w);
            }
            continue;
        };
        let (first, rest) = w.split_at(width);
        let (second, rest) = rest.split_at(width);
        let (third, fourth) = rest.split_at(width);
        for (index, out) in out.iter_mut().enumerate() {
            *out += a * first[index] + b * second[index] + (c * third[index] + d * fourth[index]);
        }
    }
}

fn add(sum: &mut [f32], more: &[f32]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    let small = exp(-x.abs());
    let share = 1.0 / (1.0 + small);
    if x >= 0.0 { share } else { small * share }
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}
