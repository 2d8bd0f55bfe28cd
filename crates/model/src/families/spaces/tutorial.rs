//! The tutorial's space: 32 symbols of a fixed vocabulary, one-hot, to two numbers and back, a layer each
//! way.
//!
//! The autoencoder of Hadjeres' *MiniBach* as a well-known tutorial has it, and its variational twin. A
//! symbol is what sounds together. The tutorial takes a song's symbols one after another, whatever their
//! length; here a symbol lasts an eighth, so that 32 of them are a phrase. Two numbers cannot hold a phrase:
//! it is here to be compared with.

use candle_core::{Result as TensorResult, Tensor};
use phrase::{PITCHES, Roll, STEPS};
use serde::{Deserialize, Serialize};

use crate::families::arranger::add;
use crate::roles::{Answer, Ask, PartSizes, Space};
use crate::{Init, ModelError, Ops, Parameter, Weights};

/// Symbols of a phrase.
pub const SLOTS: usize = 32;
/// Steps of a symbol.
const STEPS_PER_SLOT: usize = STEPS / SLOTS;
/// The most symbols of a vocabulary.
const MOST: usize = 4096;

/// Sizes of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TutorialConfig {
    /// Symbols of the vocabulary.
    pub symbols: usize,
    /// Numbers of a point; 2 in the tutorial.
    pub code: usize,
    /// Whether the point goes through a hyperbolic tangent, as the plain autoencoder's does.
    pub bent: bool,
}

impl TutorialConfig {
    /// Cells of a phrase: symbols times slots.
    pub fn cells(&self) -> usize {
        self.symbols * SLOTS
    }

    /// What is trained: the network, and how sure a variational encoder is.
    pub fn trained(&self) -> Vec<Parameter> {
        let (cells, code) = (self.cells(), self.code);
        // As Glorot and Bengio propose, the framework's default.
        let even = Init::Normal((2.0 / (cells + code) as f32).sqrt());
        let layer = |name: &str, shape: [usize; 2]| {
            let bias = Parameter::new(format!("{name}_bias"), &[shape[1]], Init::Zeros);
            [Parameter::new(name, &shape, even), bias]
        };
        let mut all: Vec<Parameter> = layer("mean", [cells, code]).into();
        all.extend(layer("out", [code, cells]));
        if !self.bent {
            all.extend(layer("doubt", [cells, code]));
        }
        all
    }
}

/// The network over tensors, with gradients.
pub struct Network<'a> {
    config: TutorialConfig,
    weights: &'a Weights,
    ops: Ops,
}

impl<'a> Network<'a> {
    /// A network of `weights`, which may be variables.
    pub fn new(config: TutorialConfig, weights: &'a Weights, ops: Ops) -> Self {
        Self { config, weights, ops }
    }

    /// The middle of each phrase's point `[B, code]`, and of a variational encoder the logarithm of its
    /// variance. `cells` `[B, 32 symbols]`, 0 or 1.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn encode(&self, cells: &Tensor) -> TensorResult<(Tensor, Option<Tensor>)> {
        let mean = self.layer(cells, "mean")?;
        if self.config.bent {
            return Ok((mean.tanh()?, None));
        }
        Ok((mean, Some(self.layer(cells, "doubt")?)))
    }

    /// Logits `[B, 32 symbols]` of points `[B, code]`.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn decode(&self, points: &Tensor) -> TensorResult<Tensor> {
        self.layer(points, "out")
    }

    fn layer(&self, x: &Tensor, name: &str) -> TensorResult<Tensor> {
        let get = |name: &str| self.weights.named(name).map_err(candle_core::Error::wrap);
        (self.ops.bias_act)(&(self.ops.linear)(x, &get(name)?)?, &get(&format!("{name}_bias"))?, 1.0)
    }
}

impl PartSizes<dyn Space> for TutorialConfig {
    fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.trained();
        all.retain(|parameter| !parameter.name.starts_with("doubt"));
        // Which pitches sound in each symbol.
        all.push(Parameter::new("vocabulary", &[self.symbols, PITCHES], Init::Zeros));
        all
    }

    fn summary(&self) -> String {
        format!("{SLOTS} of {} symbols to {} numbers", self.symbols, self.code)
    }

    fn fault(&self, _: usize) -> Option<String> {
        let wrong = !(1..=MOST).contains(&self.symbols) || !(1..=256).contains(&self.code);
        wrong.then(|| "the sizes of its space are out of range".to_string())
    }

    fn build(&self, weights: &Weights, _: usize) -> Result<Box<dyn Space>, ModelError> {
        Ok(Box::new(Tutorial::new(*self, weights)?))
    }
}

/// What sounds in each slot of a phrase.
pub fn slots(roll: &Roll) -> [u128; SLOTS] {
    std::array::from_fn(|slot| roll.sounding[slot * STEPS_PER_SLOT])
}

/// The symbol that is nearest to a set of pitches: as few as can be are missing or too many. The earlier of
/// two that are as near; 0 for an empty vocabulary.
pub fn nearest(vocabulary: &[u128], pitches: u128) -> usize {
    let far = |symbol: &u128| (symbol ^ pitches).count_ones();
    let all = vocabulary.iter().enumerate();
    all.min_by_key(|(index, symbol)| (far(symbol), *index)).map_or(0, |(index, _)| index)
}

/// The network, ready to encode and to write. Owned by the thread that runs it.
#[derive(Debug)]
pub struct Tutorial {
    config: TutorialConfig,
    vocabulary: Vec<u128>,
    /// `[32 symbols][code]`.
    mean: Vec<f32>,
    mean_bias: Vec<f32>,
    /// `[code][32 symbols]`.
    out: Vec<f32>,
    out_bias: Vec<f32>,
}

impl Tutorial {
    /// Of `weights` with the names of [`TutorialConfig`]'s parameters.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    pub fn new(config: TutorialConfig, weights: &Weights) -> Result<Self, ModelError> {
        for parameter in PartSizes::parameters(&config) {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        let flat = |name: &str| Ok::<_, ModelError>(weights.named(name)?.flatten_all()?.to_vec1::<f32>()?);
        let set =
            |rows: &[f32]| rows.iter().enumerate().fold(0, |set, (row, &x)| set | u128::from(x > 0.5) << row);
        Ok(Self {
            config,
            vocabulary: flat("vocabulary")?.chunks_exact(PITCHES).map(set).collect(),
            mean: flat("mean")?,
            mean_bias: flat("mean_bias")?,
            out: flat("out")?,
            out_bias: flat("out_bias")?,
        })
    }
}

impl Space for Tutorial {
    fn dims(&self) -> usize {
        self.config.code
    }

    fn encode(&mut self, input: &Roll, point: &mut [f32]) -> Result<(), ModelError> {
        let TutorialConfig { symbols, code, bent } = self.config;
        point.copy_from_slice(&self.mean_bias);
        for (slot, pitches) in slots(input).into_iter().enumerate() {
            let cell = slot * symbols + nearest(&self.vocabulary, pitches);
            add(1.0, &self.mean[cell * code..][..code], point);
        }
        if bent {
            point.iter_mut().for_each(|x| *x = x.tanh());
        }
        Ok(())
    }

    /// Of each slot the likeliest symbol.
    fn decode(&mut self, point: &[f32], _: &Ask, out: &mut Answer) -> Result<(), ModelError> {
        let mut logits = self.out_bias.clone();
        for (x, row) in point.iter().zip(self.out.chunks_exact(logits.len())) {
            add(*x, row, &mut logits);
        }
        let mut before = 0;
        for (slot, logits) in logits.chunks_exact(self.config.symbols).enumerate() {
            let likeliest = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            let pitches = likeliest.map_or(0, |(symbol, _)| self.vocabulary[symbol]);
            let first = slot * STEPS_PER_SLOT;
            out.cells.sounding[first..first + STEPS_PER_SLOT].fill(pitches);
            // A symbol that comes again sounds on.
            out.cells.onset[first] = if pitches == before { 0 } else { pitches };
            before = pitches;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_symbol_misses_least() {
        let vocabulary = [0, 0b111, 0b1111, 0b1_0000];
        assert_eq!(nearest(&vocabulary, 0b111), 1);
        assert_eq!(nearest(&vocabulary, 0b1101), 2);
        assert_eq!(nearest(&vocabulary, 0b1), 0, "of two as near the earlier");
        assert_eq!(nearest(&[], 5), 0);
    }
}
