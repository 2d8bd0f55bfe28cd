//! A recurrent writer: from what was struck, held and waited for it says what is struck next, then when the
//! one after comes, then what is held.
//!
//! Two networks. *Ours* is told the place in the bar, the genres' shares, how many notes a beat are wanted
//! and what sounds; a symbol's vector is a sum over its rows and a vector of its own, and is read and written
//! by one table. The *tutorial's* reads a window of 32 chords and durations, an embedding of each, and says
//! both of the next symbol; all of a chord counts as struck. `across_time` joins the embeddings along time,
//! as the tutorial's code did, in place of side by side.

pub(super) mod layer;
mod network;
mod player;
mod tutorial;

pub use network::{Batch, Masks, Ours, Said};
pub use tutorial::Tutorial;

use phrase::symbols::{LONGEST, WINDOW};
use phrase::{PITCHES, STEPS_PER_BAR};
use serde::{Deserialize, Serialize};

use super::{Book, MOST_SYMBOLS, Style, WIDEST};
use crate::roles::{PartSizes, Writer};
use crate::{Init, ModelError, Parameter, Weights};

/// Which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Told of its surroundings.
    Ours,
    /// A window of chords and durations.
    Tutorial,
}

/// Sizes of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LstmSizes {
    /// Which network.
    pub kind: Kind,
    /// Genres that it knows.
    pub genres: usize,
    /// Symbols that it knows, that of nothing included.
    pub symbols: usize,
    /// The most rows of a symbol.
    pub notes: usize,
    /// Numbers of a symbol's vector.
    pub width: usize,
    /// Units of the recurrent layer.
    pub units: usize,
    /// Units of the layer before the last.
    pub hidden: usize,
    /// The tutorial's network: embeddings one after another in place of side by side.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub across_time: bool,
    /// How symbols are drawn.
    pub style: Style,
}

impl LstmSizes {
    /// Ours.
    pub fn ours(genres: usize, symbols: usize, notes: usize) -> Self {
        Self {
            kind: Kind::Ours,
            genres,
            symbols,
            notes,
            width: 96,
            units: 256,
            hidden: 96,
            across_time: false,
            style: Style { temperature: 0.95, top_p: 0.95 },
        }
    }

    /// The tutorial's.
    pub fn tutorial(genres: usize, symbols: usize, notes: usize) -> Self {
        let style = Style { temperature: 1.0, top_p: 1.0 };
        let (width, units, hidden) = (64, 512, 256);
        Self { kind: Kind::Tutorial, width, units, hidden, style, ..Self::ours(genres, symbols, notes) }
    }

    /// Numbers that the recurrent layer reads of a step.
    fn inputs(&self) -> usize {
        if self.kind == Kind::Tutorial && !self.across_time { 2 * self.width } else { self.width }
    }

    /// Every parameter that is trained.
    pub fn trained(&self) -> Vec<Parameter> {
        let Self { genres, symbols, width, units, hidden, .. } = *self;
        // As Glorot and Bengio propose.
        let drawn = |name: &str, shape: [usize; 2]| {
            Parameter::new(name, &shape, Init::Normal((2.0 / (shape[0] + shape[1]) as f32).sqrt()))
        };
        let small = |name: &str, rows: usize| Parameter::new(name, &[rows, width], Init::Normal(0.1));
        let zeros = |name: &str, len: usize| Parameter::new(name, &[len], Init::Zeros);
        let mut all = vec![
            drawn("lstm.in", [self.inputs(), 4 * units]),
            drawn("lstm.state", [units, 4 * units]),
            zeros("lstm.bias", 4 * units),
            small("length", LONGEST),
            small("symbol", symbols),
            zeros("symbol_bias", symbols),
        ];
        match self.kind {
            Kind::Ours => all.extend([
                small("row", PITCHES),
                small("sounding", PITCHES),
                small("place", STEPS_PER_BAR),
                small("genre", genres),
                small("density", 1),
                drawn("out", [units, width]),
                zeros("out_bias", width),
                drawn("next.in", [units, hidden]),
                drawn("next.symbol", [width, hidden]),
                zeros("next.bias", hidden),
                drawn("next.out", [hidden, LONGEST + PITCHES]),
                zeros("next.out_bias", LONGEST + PITCHES),
            ]),
            Kind::Tutorial => all.extend([
                drawn("dense", [units, hidden]),
                zeros("dense_bias", hidden),
                drawn("symbol_out", [hidden, symbols]),
                drawn("length_out", [hidden, LONGEST]),
                zeros("length_bias", LONGEST),
            ]),
        }
        all
    }
}

impl PartSizes<dyn Writer> for LstmSizes {
    fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.trained();
        all.push(Book::parameter(self.symbols, self.notes));
        all
    }

    fn summary(&self) -> String {
        let Self { symbols, width, units, hidden, .. } = self;
        let kind = if self.kind == Kind::Ours { "LSTM" } else { "the tutorial's LSTM" };
        format!("{kind} of {units} units, {symbols} symbols of {width} numbers, dense {hidden}")
    }

    fn fault(&self, genres: usize) -> Option<String> {
        let Self { symbols, notes, width, units, hidden, .. } = *self;
        let sizes = [symbols, notes, width, units, hidden];
        if self.genres != genres {
            Some("its writer and its list of genres disagree".to_string())
        } else if sizes.contains(&0)
            || symbols > MOST_SYMBOLS
            || notes > PITCHES
            || width.max(units).max(hidden) > WIDEST
        {
            Some("the sizes of its writer are out of range".to_string())
        } else {
            self.style.fault()
        }
    }

    fn build(&self, weights: &Weights, genres: usize) -> Result<Box<dyn Writer>, ModelError> {
        debug_assert_eq!(genres, self.genres);
        for parameter in self.parameters() {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        Ok(match self.kind {
            Kind::Ours => Box::new(player::Player::new(*self, weights)?),
            Kind::Tutorial => Box::new(tutorial::Player::new(*self, weights)?),
        })
    }
}

/// Symbols that the tutorial's network reads.
pub const READ: usize = WINDOW;
