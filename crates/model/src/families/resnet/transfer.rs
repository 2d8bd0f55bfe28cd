//! The generator as a part of a pack: one network for every direction and every blend.

use candle_core::{Device, Tensor};

use super::{Generator, GeneratorConfig};
use crate::families::logits;
use crate::roles::{self, Answer, Question, Setup, Transfer, TransferSizes};
use crate::{ModelError, Parameter, Weights};

/// The most channels. From 65,536 values candle hands elementwise operations to a thread pool, which must not
/// exist inside a host: 16 x 21 x 192 stays below.
const WIDEST: usize = 192;

impl GeneratorConfig {
    /// The fault of these sizes in a pack, if any; `fits` tells whether they are for its genres.
    pub(crate) fn fault_unless(&self, fits: bool) -> Option<String> {
        roles::fault(fits, [self.channels, self.blocks, self.planes], self.channels, WIDEST)
    }
}

impl TransferSizes for GeneratorConfig {
    fn parameters(&self) -> Vec<Parameter> {
        GeneratorConfig::parameters(self, "")
    }

    fn summary(&self) -> String {
        format!("{} channels, {} blocks", self.channels, self.blocks)
    }

    fn fault(&self, genres: usize) -> Option<String> {
        self.fault_unless(self.genres == genres)
    }

    fn build(&self, weights: &Weights, setup: Setup) -> Result<Box<dyn Transfer>, ModelError> {
        Ok(Box::new(Resnet {
            generator: Generator::new(*self, "", weights, setup.ops)?,
            device: setup.device.clone(),
            threshold: setup.threshold,
        }))
    }
}

#[derive(Debug)]
struct Resnet {
    generator: Generator,
    device: Device,
    threshold: f32,
}

impl Transfer for Resnet {
    fn recast(&mut self, question: &Question, out: &mut Answer) -> Result<(), ModelError> {
        logits::answer(self, &self.device, self.threshold, question, out)
    }

    fn logits(&self, cells: &Tensor, source: usize, shares: &[f32]) -> Result<Tensor, ModelError> {
        let genres = shares.len();
        let mut weights = vec![0.0; genres];
        weights[source] = 1.0;
        weights.extend(shares);
        let weights = Tensor::from_vec(weights, (1, 2 * genres), &self.device)?;
        let every = weights.broadcast_as((cells.dim(0)?, 2 * genres))?.contiguous()?;
        Ok(self.generator.forward(cells, &every)?)
    }
}
