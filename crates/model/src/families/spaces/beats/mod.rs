//! A space with a code for each beat of a phrase.
//!
//! A variational autoencoder (Kingma and Welling, *Auto-Encoding Variational Bayes*, 2014). The encoder looks
//! at a beat's cells alone. The decoder hears the codes of a beat and of its neighbours, the genre, and what
//! it wrote so far, and tells a step's pitches from the lowest to the highest, as the arranger does: so it
//! never cuts a note in pieces, and what the codes leave open it writes as music goes on.
//!
//! Codes of one phrase hang together: a piece stays in its key and its register. A point is therefore the
//! codes of all beats seen from the middle of real phrases and measured along their own spread ([`Frame`]).
//! Points of real phrases lie about zero with a spread of 1 in every number, and a step in any direction
//! moves all beats as music moves them.
//!
//! [`Network`] computes known phrases at once, for training; [`Beats`] encodes and writes, on plain slices.

mod frame;
mod history;
mod network;
mod part;
mod pitches;

pub use frame::Frame;
pub use history::{History, VIEWS};
pub use network::{Coded, Network};
pub use part::{Beats, HIGH};

use phrase::{PITCHES, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};
use serde::{Deserialize, Serialize};

use crate::roles::{PartSizes, Space};
use crate::{Init, ModelError, Parameter, Weights};

/// Beats of a phrase.
pub const BEATS: usize = STEPS / STEPS_PER_BEAT;
/// What is decided of each cell: whether it sounds, and whether a note starts there though one sounded
/// before.
pub(crate) const KINDS: usize = 2;
/// Cells of a step.
const CELLS: usize = KINDS * PITCHES;
/// The most numbers of a code, and the widest layer.
const WIDEST: usize = 1024;

/// Sizes of the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeatsConfig {
    /// Genres of the pack.
    pub genres: usize,
    /// Numbers of a beat's code.
    pub code: usize,
    /// Channels of a step in the encoder.
    pub embed: usize,
    /// Units of a beat in the encoder and in the decoder.
    pub hidden: usize,
    /// Channels of a step in the decoder.
    pub width: usize,
    /// Hidden units that tell the pitches of a step.
    pub units: usize,
    /// How far a number of a point may go and still mean music like it.
    pub spread: f32,
}

impl BeatsConfig {
    /// Numbers of a point.
    pub fn dims(&self) -> usize {
        BEATS * self.code
    }

    /// Every parameter of the two networks, and what only training needs: how sure the encoder is.
    pub fn trained(&self) -> Vec<Parameter> {
        let Self { code, hidden, .. } = *self;
        let mut all = self.networks();
        all.extend([
            Parameter::new("doubt", &[hidden, code], Init::Normal(0.1 * (1.0 / hidden as f32).sqrt())),
            Parameter::new("doubt_bias", &[code], Init::Constant(-3.0)),
        ]);
        all
    }

    fn networks(&self) -> Vec<Parameter> {
        let Self { genres, code, embed, hidden, width, units, .. } = *self;
        let normal = |name: &str, shape: &[usize], by: f32| Parameter::new(name, shape, Init::Normal(by));
        let even = |inputs: usize| (1.0 / inputs as f32).sqrt();
        let zeros = |name: &str, len: usize| Parameter::new(name, &[len], Init::Zeros);
        vec![
            // Few cells of a step sound.
            normal("read", &[CELLS, embed], 0.3),
            zeros("read_bias", embed),
            Parameter::weight("gather", &[STEPS_PER_BEAT * embed, hidden]),
            zeros("gather_bias", hidden),
            normal("mean", &[hidden, code], even(hidden)),
            zeros("mean_bias", code),
            Parameter::weight("plan", &[3 * code, hidden]),
            zeros("plan_bias", hidden),
            normal("genre", &[genres, hidden], 0.1),
            Parameter::weight("plans", &[hidden, STEPS_PER_BEAT * width]),
            normal("written", &[VIEWS * PITCHES, width], 0.05),
            normal("place", &[STEPS_PER_BAR, width], 0.1),
            Parameter::weight("mix", &[width, width]),
            zeros("mix_bias", width),
            normal("direct", &[width, CELLS], 0.5 * even(width)),
            // Few cells sound.
            Parameter::new("direct_bias", &[CELLS], Init::Constant(-2.0)),
            normal("views", &[width, KINDS * VIEWS], 0.5 * even(width)),
            zeros("views_bias", KINDS * VIEWS),
            normal("units", &[width, units], even(width)),
            zeros("units_bias", units),
            normal("seen", &[KINDS, PITCHES, units], 0.1),
            normal("hidden", &[KINDS, PITCHES, units], 0.5 * even(units)),
        ]
    }
}

impl PartSizes<dyn Space> for BeatsConfig {
    fn parameters(&self) -> Vec<Parameter> {
        let dims = self.dims();
        let mut all = self.networks();
        all.push(Parameter::new("centre", &[dims], Init::Zeros));
        all.push(Parameter::new("root", &[dims, dims], Init::Zeros));
        all
    }

    fn summary(&self) -> String {
        let Self { code, hidden, width, .. } = self;
        format!("{BEATS} beats of {code} numbers, {hidden} units a beat, {width} channels a step")
    }

    fn fault(&self, genres: usize) -> Option<String> {
        let Self { code, embed, hidden, width, units, .. } = *self;
        let sizes = [code, embed, hidden, width, units];
        if self.genres != genres {
            Some("its space and its list of genres disagree".to_string())
        } else if sizes.contains(&0) || sizes.iter().any(|&size| size > WIDEST) || code > 64 {
            Some("the sizes of its space are out of range".to_string())
        } else if !(self.spread.is_finite() && self.spread > 0.0) {
            Some("the spread of its space is no length".to_string())
        } else {
            None
        }
    }

    fn build(&self, weights: &Weights, _: usize) -> Result<Box<dyn Space>, ModelError> {
        Ok(Box::new(Beats::new(*self, weights)?))
    }
}
