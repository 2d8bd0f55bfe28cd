//! Two generators as a part of a pack, each going to the other genre: a target that is the source's own is
//! the input itself, and a blend mixes the input's logits with the network's.

use candle_core::{Device, Tensor};

use super::{DIRECTIONS, PairConfig, PairGenerator};
use crate::families::logits;
use crate::roles::{self, Answer, Question, Setup, Transfer, TransferSizes};
use crate::{ModelError, Parameter, Weights};

/// The widest of the papers' generators, twice the published one: no layer of theirs goes through candle's
/// elementwise operations. Two of them with 10 blocks fill the largest pack.
const WIDEST: usize = 128;

impl TransferSizes for PairConfig {
    fn parameters(&self) -> Vec<Parameter> {
        DIRECTIONS.into_iter().flat_map(|prefix| PairConfig::parameters(self, prefix)).collect()
    }

    fn summary(&self) -> String {
        match self {
            Self::Papers(sizes) => {
                format!("two generators of {} channels, {} blocks", sizes.width, sizes.blocks)
            }
            Self::Compact(sizes) => format!("two generators of {}", sizes.summary()),
        }
    }

    fn fault(&self, genres: usize) -> Option<String> {
        match self {
            Self::Papers(sizes) => {
                roles::fault(genres == 2, [sizes.width, sizes.blocks, 1], sizes.width, WIDEST)
            }
            Self::Compact(sizes) => sizes.fault_unless(sizes.genres == 1 && genres == 2),
        }
    }

    fn build(&self, weights: &Weights, setup: Setup) -> Result<Box<dyn Transfer>, ModelError> {
        let [there, back] = DIRECTIONS.map(|prefix| PairGenerator::new(*self, prefix, weights, setup.ops));
        Ok(Box::new(Pair {
            generators: [there?, back?],
            device: setup.device.clone(),
            threshold: setup.threshold,
        }))
    }
}

#[derive(Debug)]
struct Pair {
    /// By source slot.
    generators: [PairGenerator; 2],
    device: Device,
    threshold: f32,
}

impl Transfer for Pair {
    fn recast(&mut self, question: &Question, out: &mut Answer) -> Result<(), ModelError> {
        logits::answer(self, &self.device, self.threshold, question, out)
    }

    fn logits(&self, cells: &Tensor, source: usize, shares: &[f32]) -> Result<Tensor, ModelError> {
        let own = f64::from(shares[source]);
        if own == 1.0 {
            return Ok(logits::of_input(cells, self.threshold)?);
        }
        let answer = self.generators[source].forward(cells)?;
        if own == 0.0 {
            return Ok(answer);
        }
        let input = logits::of_input(cells, self.threshold)?;
        Ok((answer.affine(1.0 - own, 0.0)? + input.affine(own, 0.0)?)?)
    }
}
