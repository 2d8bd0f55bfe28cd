//! Which weights a writer's run keeps: those of its best validation.

use anyhow::Result;
use model::{Parts, Weights, WriterFamily};

use super::lines::Symbols;
use crate::core::Optimised;
use crate::families::prefixed;
use crate::run::Checkpoint;

/// What validations have found; the smaller a loss the better.
#[derive(Debug, Default)]
pub(super) struct Best {
    /// The last one's loss.
    pub(super) valid: f32,
    /// The best one's loss, and its weights.
    pub(super) kept: Option<(f32, Weights)>,
}

impl Best {
    /// As a checkpoint has it: the losses from its header, and part `best`.
    pub(super) fn read(checkpoint: &Checkpoint, valid: f32, best: Option<f32>) -> Self {
        Self { valid, kept: best.map(|best| (best, checkpoint.part("best"))) }
    }

    /// The best loss.
    pub(super) fn loss(&self) -> Option<f32> {
        self.kept.as_ref().map(|best| best.0)
    }

    /// Takes in a validation of these weights.
    pub(super) fn take(&mut self, valid: f32, weights: Weights) {
        self.valid = valid;
        if valid.is_finite() && self.loss().is_none_or(|best| valid < best) {
            self.kept = Some((valid, weights));
        }
    }

    /// Adds part `best` to a checkpoint.
    pub(super) fn save(&self, checkpoint: &mut Checkpoint) {
        self.kept.iter().for_each(|(_, weights)| checkpoint.add("best", weights));
    }

    /// A pack's part with the best weights, or those of `network` where nothing was validated yet.
    pub(super) fn pack(
        &self,
        family: impl Into<WriterFamily>,
        network: &Optimised,
        symbols: &Symbols,
    ) -> Result<(Parts, Weights)> {
        let bare = match &self.kept {
            Some((_, best)) => best.clone(),
            None => network.averaged()?,
        };
        let weights = prefixed(model::Role::Writer, bare.iter().chain(symbols.weights()?.iter()));
        Ok((family.into().into(), weights))
    }
}
