//! The arranger: it keeps what a tune is made of (melody, harmony, bass roots) and writes the rest anew, in
//! the style of a genre, a step at a time.
//!
//! A conditional autoregressive model of piano rolls. A transformer (Vaswani et al., *Attention Is All You
//! Need*, 2017) reads the [`Content`] of a phrase, a second, causal one the steps that are written so far,
//! and a NADE (Boulanger-Lewandowski et al., *Modeling Temporal Dependencies in High-Dimensional Sequences*,
//! 2012) tells the pitches of the next step from the lowest to the highest. It learns from each genre's own
//! phrases, by maximum likelihood: content in, phrase out. With another genre's embedding the same content
//! comes back in that genre's texture. So it transfers without a cycle and without a discriminator, keeps the
//! tune by construction, and never cuts notes in pieces, because it knows what it wrote a step before.
//!
//! [`Arranger`] computes all steps of known phrases at once, for training; [`Decoder`] writes new ones.
//!
//! Phrases are moved to C major or A minor and back. Sums have one order on every vector width, so answers
//! are the same bits on every processor. A test holds [`Arranger`] and [`Decoder`] to each other decision by
//! decision.

mod answer;
mod chance;
mod chord;
mod content;
mod decode;
mod draw;
mod harmony;
mod limits;
mod linear;
mod lines;
mod nade;
mod network;
mod phrasing;
mod style;
mod texture;
mod transfer;
mod written;

pub use chance::PhraseChance;
pub use chord::Chord;
pub use content::{Content, Detail, FEATURES, HALVES, MORE, MelodyNote, scale, shifted, tonic_shift};
pub use decode::{Asked, Chance, Decoder};
pub use draw::IMPLAUSIBLE;
pub use nade::{nade, reference as nade_reference};
pub use network::{Arranger, Masks};
pub use phrasing::ahead;
pub use style::{BEATS, Busy, INTERVALS, Moves, Style};
pub use texture::{Drawn, TEXTURE, TEXTURES, Texture};
pub use transfer::Sizes;

pub(crate) use linear::{Linear, add, add_here, dot_relu};

use phrase::{PITCHES, STEPS, STEPS_PER_BAR};
use serde::{Deserialize, Serialize};

use crate::{Init, Parameter};

const NAME: &str = "arranger.";

/// What is decided of each cell: whether it sounds, and whether a note starts there though one sounded
/// before.
pub(crate) const KINDS: usize = 2;

/// Steps back from which the onsets of a pitch are shown to it again: a beat, two, a bar, two.
pub(crate) const ONSET_LAGS: [usize; 4] = [4, 8, 16, 32];

/// The same for its sounding: a bar.
pub(crate) const SOUNDING_LAG: usize = 16;

/// What each pitch of a step is shown of itself: sounding and onset a step ago; melody sounding and starting,
/// its class in the harmony, its class in the bass; the lags.
pub(crate) const VIEWS: usize = 2 + 4 + ONSET_LAGS.len() + 1;

/// The arranger's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrangerConfig {
    /// Genres of the pack, 1..=8.
    pub genres: usize,
    /// Channels of both transformers; a multiple of `heads`.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Blocks of the transformer that reads the content.
    pub reader: usize,
    /// Blocks of the transformer that reads what is written.
    pub writer: usize,
    /// Channels inside the blocks' two-layer networks.
    pub inner: usize,
    /// Hidden units of the NADE.
    pub units: usize,
    /// What it is told. 1: exact harmony. 2: as much of the harmony as is wanted, a texture, and the bar that
    /// was written before.
    #[serde(default = "first_edition")]
    pub edition: u8,
}

fn first_edition() -> u8 {
    1
}

/// The newest [`ArrangerConfig::edition`].
pub const EDITION: u8 = 2;

/// Steps of what was written before that the second edition remembers: a bar.
pub const MEMORY: usize = STEPS_PER_BAR;

impl ArrangerConfig {
    /// The size that ships.
    pub fn compact(genres: usize) -> Self {
        Self { genres, width: 128, heads: 4, reader: 2, writer: 3, inner: 256, units: 64, edition: 1 }
    }

    /// Features a step of what it is told.
    pub fn features(&self) -> usize {
        if self.edition == 1 { FEATURES } else { FEATURES + MORE }
    }

    /// Steps before the phrase that it remembers.
    pub fn memory(&self) -> usize {
        if self.edition == 1 { 0 } else { MEMORY }
    }

    /// Every parameter of the network.
    pub fn parameters(&self) -> Vec<Parameter> {
        let d = self.width;
        let name = |part: &str| format!("{NAME}{part}");
        let flat = |fan_in: usize, scale: f32| Init::Normal(scale * (fan_in as f32).sqrt().recip());
        let mut all = vec![
            Parameter::new(name("content"), &[self.features(), d], flat(FEATURES, 1.0)),
            Parameter::new(name("content_bias"), &[d], Init::Zeros),
            Parameter::new(name("written"), &[KINDS * PITCHES, d], flat(KINDS * PITCHES, 1.0)),
            Parameter::new(name("norm"), &[d], Init::Ones),
            Parameter::new(name("direct"), &[d, KINDS * PITCHES], flat(d, 0.3)),
            // Most cells are silent, most notes are held.
            Parameter::new(name("direct_bias"), &[KINDS * PITCHES], Init::Constant(-3.0)),
            Parameter::new(name("views"), &[d, KINDS * VIEWS], flat(d, 0.3)),
            Parameter::new(name("views_bias"), &[KINDS * VIEWS], Init::Zeros),
            Parameter::new(name("units"), &[d, self.units], flat(d, 1.0)),
            Parameter::new(name("units_bias"), &[self.units], Init::Zeros),
            Parameter::new(name("seen"), &[KINDS, PITCHES, self.units], Init::Normal(0.1)),
            Parameter::new(name("hidden"), &[KINDS, PITCHES, self.units], Init::Normal(0.05)),
        ];
        if self.edition > 1 {
            // Not trained: the textures that answers are drawn from, each with its phrase's density.
            all.push(Parameter::new(name("textures"), &[self.genres * TEXTURES, TEXTURE + 1], Init::Zeros));
        }
        for (part, blocks, steps) in
            [("reader", self.reader, STEPS), ("writer", self.writer, STEPS + self.memory())]
        {
            let name = |rest: &str| format!("{NAME}{part}.{rest}");
            all.push(Parameter::new(name("step"), &[steps, d], Init::Normal(0.1)));
            all.push(Parameter::new(name("genre"), &[self.genres, d], Init::Normal(0.1)));
            for block in 0..blocks {
                let name = |rest: &str| name(&format!("{block}.{rest}"));
                all.extend([
                    Parameter::new(name("norm1"), &[d], Init::Ones),
                    Parameter::new(name("ask"), &[d, 3 * d], flat(d, 0.6)),
                    Parameter::new(name("distance"), &[self.heads, 2 * steps - 1], Init::Zeros),
                    Parameter::new(name("answer"), &[d, d], flat(d, 0.3)),
                    Parameter::new(name("norm2"), &[d], Init::Ones),
                    Parameter::new(name("in"), &[d, self.inner], flat(d, 0.6)),
                    Parameter::new(name("in_bias"), &[self.inner], Init::Zeros),
                    Parameter::new(name("out"), &[self.inner, d], flat(self.inner, 0.3)),
                    Parameter::new(name("out_bias"), &[d], Init::Zeros),
                ]);
            }
        }
        all
    }
}
