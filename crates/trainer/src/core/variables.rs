//! A network's trainable parameters and their gradients.

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
