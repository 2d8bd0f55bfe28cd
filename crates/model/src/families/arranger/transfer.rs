//! The arranger as a part of a pack.

use phrase::{PITCHES, Roll, mix};
use serde::{Deserialize, Serialize};

use super::{ArrangerConfig, Decoder, Style};
use crate::noise::{logistic, unit};
use crate::roles::{self, Answer, Question, Setup, Transfer, TransferSizes};
use crate::{ModelError, Parameter, Weights};

/// The most channels anywhere in an arranger: 64 steps of it must answer in time.
const WIDEST: usize = 1024;

/// Keeps the draw of which decisions vary apart from the draw of their noise.
const CHANCE: u64 = 0x5bd1_e995_9e37_79b9;

/// An arranger's sizes, and how it writes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    /// Sizes of the network.
    #[serde(flatten)]
    pub network: ArrangerConfig,
    /// How it writes.
    pub style: Style,
}

impl TransferSizes for Sizes {
    fn parameters(&self) -> Vec<Parameter> {
        self.network.parameters()
    }

    fn planes(&self) -> &'static [&'static str] {
        &["sounding", "onset"]
    }

    fn has_logits(&self) -> bool {
        false
    }

    fn summary(&self) -> String {
        let a = self.network;
        format!("{} channels, {} + {} blocks, {} units", a.width, a.reader, a.writer, a.units)
    }

    fn fault(&self, genres: usize) -> Option<String> {
        let a = self.network;
        let even = a.heads > 0 && a.width.is_multiple_of(a.heads) && self.style.is_usable();
        let fits = a.genres == genres && even && a.inner > 0 && a.units > 0;
        let width = a.width.max(a.inner).max(a.units);
        roles::fault(fits, [a.width, a.reader.max(1), a.writer], width, WIDEST)
    }

    fn build(&self, weights: &Weights, _: Setup) -> Result<Box<dyn Transfer>, ModelError> {
        Ok(Box::new(Written { decoder: Decoder::new(self.network, weights)?, style: self.style }))
    }
}

#[derive(Debug)]
struct Written {
    decoder: Decoder,
    style: Style,
}

impl Transfer for Written {
    /// At variation 0 the draw is a function of the phrase alone, wherever it stands; else that share of the
    /// decisions is drawn anew for seed and position.
    fn recast(&mut self, question: &Question, out: &mut Answer) -> Result<(), ModelError> {
        let Question { roll, source, shares, position, settings, .. } = *question;
        // What of the target is the phrase's own genre is the phrase itself.
        let amount = question.amount * (1.0 - question.own);
        if amount == 0.0 {
            return Ok(());
        }
        let own = hash(roll);
        let noise = |step: usize, row: usize, kind: usize| {
            let row = kind * PITCHES + row;
            if unit(own ^ CHANCE, position, step, row) < settings.variation {
                logistic(u64::from(settings.seed), position, step, row)
            } else {
                logistic(own, 0, step, row)
            }
        };
        out.cells = self.decoder.write(roll, source, shares, &self.style.at(amount, settings.limits), noise);
        Ok(())
    }
}

/// A number for a phrase's cells.
fn hash(roll: &Roll) -> u64 {
    let bits = roll.sounding.iter().chain(&roll.onset);
    bits.fold(0, |hash, &bits| mix(mix(hash ^ bits as u64) ^ (bits >> 64) as u64))
}
