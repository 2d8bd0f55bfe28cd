//! A recurrent layer and plain ones on slices, a step at a time.

use candle_core::Tensor;

use crate::kernels::{add_product, lstm_step};
use crate::{ModelError, Weights};

/// The values of a parameter.
pub(in super::super) fn values(weights: &Weights, name: &str) -> Result<Vec<f32>, ModelError> {
    Ok(weights.named(name)?.flatten_all()?.to_vec1()?)
}

/// A matrix `[inputs, outputs]` and perhaps a bias.
#[derive(Debug)]
pub(in super::super) struct Dense {
    w: Vec<f32>,
    bias: Vec<f32>,
}

impl Dense {
    pub(in super::super) fn new(
        weights: &Weights,
        name: &str,
        bias: Option<&str>,
    ) -> Result<Self, ModelError> {
        let tensor: Tensor = weights.named(name)?;
        let outputs = tensor.dim(1)?;
        let bias = bias.map_or(Ok(vec![0.0; outputs]), |name| values(weights, name))?;
        Ok(Self { w: values(weights, name)?, bias })
    }

    /// What a row gives.
    pub(in super::super) fn apply(&self, x: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.bias);
        add_product(x, &self.w, out);
    }

    /// Adds what a row gives without the bias.
    pub(in super::super) fn add(&self, x: &[f32], out: &mut [f32]) {
        add_product(x, &self.w, out);
    }
}

/// A recurrent layer with its state.
#[derive(Debug)]
pub(in super::super) struct Layer {
    input: Dense,
    state: Vec<f32>,
    /// Gates, what was and what is remembered, and the state.
    gates: Vec<f32>,
    memory: [Vec<f32>; 2],
    pub(in super::super) h: Vec<f32>,
}

impl Layer {
    pub(in super::super) fn new(weights: &Weights, name: &str, units: usize) -> Result<Self, ModelError> {
        Ok(Self {
            input: Dense::new(weights, &format!("{name}.in"), Some(&format!("{name}.bias")))?,
            state: values(weights, &format!("{name}.state"))?,
            gates: vec![0.0; 4 * units],
            memory: [vec![0.0; units], vec![0.0; units]],
            h: vec![0.0; units],
        })
    }

    /// Forgets all.
    pub(in super::super) fn reset(&mut self) {
        self.memory.iter_mut().for_each(|memory| memory.fill(0.0));
        self.h.fill(0.0);
    }

    /// Reads a step.
    pub(in super::super) fn step(&mut self, x: &[f32]) {
        self.input.apply(x, &mut self.gates);
        add_product(&self.h, &self.state, &mut self.gates);
        let [before, now] = &mut self.memory;
        std::mem::swap(before, now);
        lstm_step(&mut self.gates, before, now, &mut self.h);
    }
}

/// `x` where it is over 0.
pub(in super::super) fn relu(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = x.max(0.0));
}
