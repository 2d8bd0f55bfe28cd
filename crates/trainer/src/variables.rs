//! A network's trainable parameters, their gradients, and the Adam optimiser with its state in the open.
//!
//! candle's own AdamW keeps its moments private, so that a run could not be resumed to the same numbers.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use model::{Parameter, Weights};
use rand_chacha::ChaCha8Rng;

use crate::random;

/// Gradients by parameter, in name order, flattened.
pub type Gradients = Vec<Vec<f32>>;

/// Variables by name, in name order.
#[derive(Debug)]
pub struct Variables(BTreeMap<String, Var>);

impl Variables {
    /// Fresh variables on `device`, drawn from `rng` in the order of `parameters`: the same numbers on every device.
    pub fn new(parameters: &[Parameter], rng: &mut ChaCha8Rng, device: &Device) -> Result<Self> {
        let make = |p: &Parameter| {
            let start = random::start(p, rng)?.to_device(device)?;
            Ok((p.name.clone(), Var::from_tensor(&start)?))
        };
        Ok(Self(parameters.iter().map(make).collect::<Result<_>>()?))
    }

    /// The variables as a network's weights: gradients flow into them.
    pub fn weights(&self) -> Weights {
        self.0.iter().collect()
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// All values, flattened, in name order.
    pub fn values(&self) -> Result<Gradients> {
        self.0.values().map(|var| Ok(var.as_tensor().flatten_all()?.to_vec1()?)).collect()
    }

    /// Replaces all values.
    pub fn set(&self, values: &[Vec<f32>]) -> Result<()> {
        for (var, values) in self.0.values().zip(values) {
            var.set(&Tensor::from_slice(values, var.shape(), var.device())?)?;
        }
        Ok(())
    }

    /// This network's gradients out of a backward pass, in name order; zeros where the loss does not depend on a
    /// variable.
    pub fn gradients(&self, store: &GradStore) -> Result<Gradients> {
        let gradient = |var: &Var| match store.get(var.as_tensor()) {
            Some(tensor) => Ok(tensor.flatten_all()?.to_vec1()?),
            None => Ok(vec![0.0; var.elem_count()]),
        };
        self.0.values().map(gradient).collect()
    }

    /// Tensors on the CPU of these shapes and names holding other values (moments, averages), for files and evaluation.
    pub fn dressed(&self, values: &[Vec<f32>]) -> Result<Weights> {
        let mut weights = Weights::new();
        for ((name, var), values) in self.0.iter().zip(values) {
            weights.insert(name, Tensor::from_slice(values, var.shape(), &Device::Cpu)?);
        }
        Ok(weights)
    }

    /// The reverse of [`Variables::dressed`]: flat values in name order.
    pub fn undressed(&self, weights: &Weights) -> Result<Gradients> {
        let flat = |(name, var): (&String, &Var)| -> Result<Vec<f32>> {
            let tensor = weights.get(name, var.dims()).ok();
            let tensor = tensor.with_context(|| {
                format!("{name} is missing or has another size than this configuration needs")
            })?;
            Ok(tensor.flatten_all()?.to_vec1()?)
        };
        self.0.iter().map(flat).collect()
    }
}

/// Adds `more` to `sum`, in place.
pub fn accumulate(sum: &mut Gradients, more: &Gradients) {
    for (sum, more) in sum.iter_mut().flatten().zip(more.iter().flatten()) {
        *sum += more;
    }
}

/// Adam (Kingma and Ba, 2015) without weight decay.
#[derive(Clone, Debug)]
pub struct Adam {
    /// Decay of the first moment; 0.5 in GAN training.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Steps taken.
    pub step: i32,
    /// First moments.
    pub mean: Gradients,
    /// Second moments.
    pub square: Gradients,
}

impl Adam {
    /// A fresh optimiser for values shaped like `values`.
    pub fn new(values: &Gradients, beta1: f32, beta2: f32) -> Self {
        let zeros: Gradients = values.iter().map(|v| vec![0.0; v.len()]).collect();
        Self { beta1, beta2, step: 0, mean: zeros.clone(), square: zeros }
    }

    /// Moves `values` against `gradients` at learning rate `rate`.
    pub fn update(&mut self, values: &mut Gradients, gradients: &Gradients, rate: f32) {
        self.step += 1;
        let (beta1, beta2) = (self.beta1, self.beta2);
        let unbias1 = 1.0 - beta1.powi(self.step);
        let unbias2 = 1.0 - beta2.powi(self.step);
        let moments = self.mean.iter_mut().flatten().zip(self.square.iter_mut().flatten());
        let pairs = values.iter_mut().flatten().zip(gradients.iter().flatten());
        for ((value, &gradient), (mean, square)) in pairs.zip(moments) {
            *mean += (1.0 - beta1) * (gradient - *mean);
            *square += (1.0 - beta2) * (gradient * gradient - *square);
            *value -= rate * (*mean / unbias1) / ((*square / unbias2).sqrt() + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adam_takes_its_first_step_at_the_learning_rate_and_finds_a_minimum() {
        let mut values = vec![vec![3.0f32, -2.0]];
        let mut adam = Adam::new(&values, 0.5, 0.99);
        let gradient = |values: &Gradients| vec![values[0].iter().map(|x| 2.0 * (x - 1.0)).collect()];
        adam.update(&mut values.clone(), &gradient(&values), 0.1);
        let mut once = values.clone();
        Adam::new(&values, 0.5, 0.99).update(&mut once, &gradient(&values), 0.1);
        assert!((once[0][0] - 2.9).abs() < 1e-5 && (once[0][1] + 1.9).abs() < 1e-5, "{once:?}");
        for _ in 0..500 {
            let gradients = gradient(&values);
            adam.update(&mut values, &gradients, 0.05);
        }
        assert!(values[0].iter().all(|x| (x - 1.0).abs() < 0.05), "{values:?}");
    }
}
