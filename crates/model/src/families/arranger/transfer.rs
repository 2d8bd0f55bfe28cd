//! The arranger as a part of a pack.

use serde::{Deserialize, Serialize};

use super::{ArrangerConfig, Asked, Decoder, EDITION, PhraseChance, Style};
use crate::roles::{self, Answer, Question, Setup, Transfer, TransferSizes};
use crate::{ModelError, Parameter, Weights};

/// The most channels anywhere in an arranger: 64 steps of it must answer in time.
const WIDEST: usize = 1024;

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
        if !(1..=EDITION).contains(&a.edition) {
            return Some(format!(
                "its network is of edition {}, which this version does not know",
                a.edition
            ));
        }
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
    fn recast(&mut self, question: &Question, out: &mut Answer) -> Result<(), ModelError> {
        let Question { roll, source, shares: target, position, settings, .. } = *question;
        // What of the target is the phrase's own genre is the phrase itself.
        let amount = question.amount * (1.0 - question.own);
        if amount == 0.0 {
            return Ok(());
        }
        let chance = PhraseChance::new(roll, position, settings.seed, settings.variation);
        let asked = Asked {
            source,
            target,
            harmony: settings.harmony.clamp(0.0, 1.0),
            amount,
            phrased: settings.phrased,
            before: question.context.before,
            manner: question.context.manner.filter(|roll| settings.textured && !roll.is_empty()),
            first: settings.first.into(),
        };
        out.cells = self.decoder.write(roll, &asked, &self.style.at(amount, settings.limits), &chance);
        Ok(())
    }

    fn remembers(&self) -> bool {
        self.decoder.config.memory() > 0
    }
}
