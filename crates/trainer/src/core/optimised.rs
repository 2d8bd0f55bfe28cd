//! A network being trained: variables, optimiser, moving average; and how they are saved and restored.

use anyhow::{Context, Result};
use candle_core::Device;
use candle_core::backprop::GradStore;
use model::{Parameter, Weights};
use rand_chacha::ChaCha8Rng;

use super::adam::Adam;
use super::rms::Rms;
use super::{Gradients, Variables};
use crate::run::Checkpoint;

/// Variables with the optimiser that moves them and, where it was asked for, a moving average of theirs.
#[derive(Debug)]
pub struct Optimised {
    variables: Variables,
    mover: Mover,
    average: Option<Gradients>,
}

/// What moves them.
#[derive(Debug)]
enum Mover {
    Adam(Adam),
    Rms(Rms),
}

impl Optimised {
    /// Fresh variables on `device`, drawn from `rng` in the order of `parameters`, and Adam with these decays
    /// of its first and second moments.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn new(
        parameters: &[Parameter],
        betas: [f32; 2],
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self> {
        let variables = Variables::new(parameters, rng, device)?;
        let mover = Mover::Adam(Adam::new(&variables.values()?, betas[0], betas[1]));
        Ok(Self { variables, mover, average: None })
    }

    /// Fresh variables with RMSprop, which keeps `rho` of its mean squares each step.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn rms(parameters: &[Parameter], rho: f32, rng: &mut ChaCha8Rng, device: &Device) -> Result<Self> {
        let variables = Variables::new(parameters, rng, device)?;
        let mover = Mover::Rms(Rms::new(&variables.values()?, rho));
        Ok(Self { variables, mover, average: None })
    }

    /// The same with AdamW's weight decay, where Adam moves them.
    pub fn decaying(mut self, decay: f32) -> Self {
        if let Mover::Adam(adam) = &mut self.mover {
            adam.decay = decay;
        }
        self
    }

    /// The same with a moving average, which starts at what the variables are.
    ///
    /// # Errors
    /// Where the variables cannot be read.
    pub fn averaging(mut self) -> Result<Self> {
        self.average = Some(self.variables.values()?);
        Ok(self)
    }

    /// The same starting at other values, and the average too.
    ///
    /// # Errors
    /// Where a variable has none of its shape.
    pub fn starting_at(mut self, weights: &Weights) -> Result<Self> {
        let values = self.variables.undressed(weights)?;
        self.variables.set(&values)?;
        self.average = self.average.is_some().then_some(values);
        Ok(self)
    }

    /// Lets the average start at other values than the variables'.
    ///
    /// # Errors
    /// Where a variable has none of its shape.
    pub fn average_from(&mut self, weights: &Weights) -> Result<()> {
        self.average = Some(self.variables.undressed(weights)?);
        Ok(())
    }

    /// The variables as a network's weights: gradients flow into them.
    pub fn weights(&self) -> Weights {
        self.variables.weights()
    }

    /// The gradients out of a backward pass; zeros where the loss does not depend on a variable.
    ///
    /// # Errors
    /// Where a gradient cannot be read.
    pub fn gradients(&self, store: &GradStore) -> Result<Gradients> {
        self.variables.gradients(store)
    }

    /// Moves the variables against `gradients` at learning rate `rate`. Neither optimiser sees the gradients'
    /// scale: they may be a sum over shards. Returns the new values, for [`Optimised::follow`].
    ///
    /// # Errors
    /// Where the variables cannot be read or set.
    pub fn descend(&mut self, gradients: &Gradients, rate: f32) -> Result<Gradients> {
        let mut values = self.variables.values()?;
        match &mut self.mover {
            Mover::Adam(adam) => adam.update(&mut values, gradients, rate),
            Mover::Rms(rms) => rms.update(&mut values, gradients, rate),
        }
        self.variables.set(&values)?;
        Ok(values)
    }

    /// Takes values into the average: `share` of them, or after `step` steps (counted from 0) what makes it a
    /// plain mean while that is more.
    pub fn follow(&mut self, values: &Gradients, share: f32, step: u64) {
        let share = share.max(1.0 / (step + 1) as f32);
        let averages = self.average.iter_mut().flatten().flatten();
        averages
            .zip(values.iter().flatten())
            .for_each(|(average, value)| *average += share * (value - *average));
    }

    /// Flat values of weights that are named and shaped as the variables.
    ///
    /// # Errors
    /// Where one is missing or has another shape.
    pub fn undressed(&self, weights: &Weights) -> Result<Gradients> {
        self.variables.undressed(weights)
    }

    /// The average, or the variables where there is none, as weights on the CPU.
    ///
    /// # Errors
    /// Where the variables cannot be read.
    pub fn averaged(&self) -> Result<Weights> {
        match &self.average {
            Some(average) => self.variables.dressed(average),
            None => self.variables.dressed(&self.variables.values()?),
        }
    }

    /// Adds its state to a checkpoint: `weights`, `mean` (Adam's), `square` and `average`, by the variables'
    /// names, which no two networks of a run may share.
    ///
    /// # Errors
    /// Where the variables cannot be read.
    pub fn save(&self, checkpoint: &mut Checkpoint) -> Result<()> {
        checkpoint.add("weights", &self.variables.weights());
        match &self.mover {
            Mover::Adam(adam) => {
                checkpoint.add("mean", &self.variables.dressed(&adam.mean)?);
                checkpoint.add("square", &self.variables.dressed(&adam.square)?);
            }
            Mover::Rms(rms) => checkpoint.add("square", &self.variables.dressed(&rms.square)?),
        }
        if self.average.is_some() {
            checkpoint.add("average", &self.averaged()?);
        }
        Ok(())
    }

    /// Goes on from what [`Optimised::save`] added at `step`.
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape.
    pub fn restore(&mut self, checkpoint: &Checkpoint, step: u64) -> Result<()> {
        let part = |part: &str| {
            let values = self.variables.undressed(&checkpoint.part(part));
            values.with_context(|| format!("the checkpoint's {part} do not fit"))
        };
        let (weights, square) = (part("weights")?, part("square")?);
        let average = if self.average.is_some() { Some(part("average")?) } else { None };
        match &mut self.mover {
            Mover::Adam(adam) => {
                let mean = part("mean")?;
                *adam = Adam { mean, square, step: i32::try_from(step)?, ..adam.clone() };
            }
            Mover::Rms(rms) => rms.square = square,
        }
        self.variables.set(&weights)?;
        self.average = average;
        Ok(())
    }
}
