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
mod nade;
mod network;
mod phrasing;
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
pub use texture::{TEXTURE, TEXTURES, Texture};
pub use transfer::Sizes;

pub(crate) use linear::{Linear, add, add_here, dot_relu};

use phrase::{PITCHES, STEPS, STEPS_PER_BAR};
use serde::{Deserialize, Serialize};

use crate::{Init, Parameter, SLOTS};

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

/// How an arranger's answers are drawn from its probabilities: part of the pack, where `pull` and `follow`
/// are those at an amount of 50 % and `change` that at 100 %, see [`Style::at`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Style {
    /// What the input's own cells have on their side, in logits: 0 writes freely, infinity returns the input.
    pub pull: f32,
    /// The content change that is aimed at: the pull grows where more was changed until here, and shrinks
    /// where less was, so that an amount changes as much in every direction.
    pub change: f32,
    /// How far to go beyond the target genre, away from the source: the logit of each note's start is moved
    /// by this many times its difference between both (after Ho and Salimans' guidance, 2022, with another
    /// class instead of none).
    pub contrast: f32,
    /// 0 takes the likelier of two choices, 1 draws each from its probability.
    pub temperature: f32,
    /// What the melody's cells have on their side, and starts above a melody that sounds have against them,
    /// in logits.
    pub melody: f32,
    /// What new notes have against them where more were written than the input had until here, in logits for
    /// each factor of e (and on their side, where fewer were).
    pub density: f32,
    /// What cells outside the phrase's key have against them, in logits, by target genre.
    pub chromatic: [f32; SLOTS],
    /// The lowest MIDI pitch of each target genre: under it no note starts, but where the input's own pull.
    pub lowest: [u8; SLOTS],
    /// The highest.
    pub highest: [u8; SLOTS],
    /// Notes of a step count for `density` once it is written, not before.
    #[serde(default)]
    pub counts_after: bool,
    /// New notes keep the limits of arrangers (`limits.rs`): false in packs that were made without them.
    #[serde(default)]
    pub limits: bool,
    /// The most new notes of the inner voices that are struck at once, where limits are kept; 0 in packs that
    /// were made without this one.
    #[serde(default)]
    pub voices: u8,
    /// New notes that no hand is left for are taken back once a step is written, where limits are kept: the
    /// input's own come after those below them. False in packs that were made without it.
    #[serde(default)]
    pub hands: bool,
    /// What bass and inner voices have on their side where they were struck a bar before, and against them
    /// where they were not, in logits, by target genre: so a figure holds.
    #[serde(default)]
    pub figure: [f32; SLOTS],
    /// What they have on their side on the steps of the bar on which their texture strikes, and against them
    /// on the others, in logits, by target genre: so a figure is the texture's. Zeros in packs that were made
    /// without it.
    #[serde(default)]
    pub texture: [f32; SLOTS],
    /// What bass notes have on their side that lead into the next bar's root by a step, and against them
    /// where they leap by more than an octave, by target genre.
    #[serde(default)]
    pub approach: [f32; SLOTS],
    /// How many times as much leaps have against them where a phrase's first bass note follows the one before
    /// the border: there nothing else holds the line. 1 in packs that were made without it.
    #[serde(default = "once")]
    pub border: f32,
    /// What new notes have against them whose pitch class the input does not have in their half bar, in
    /// logits, by target genre.
    #[serde(default)]
    pub foreign: [f32; SLOTS],
    /// What new notes have on their side for each share of their half bar that their pitch class has in the
    /// input and lacks in the answer so far, and against them where it has more, in logits, by target genre:
    /// so the harmony is kept where the genre does not recolour it.
    #[serde(default)]
    pub follow: [f32; SLOTS],
    /// The share of `follow` that is left at full amount: a song that is recast whole is still that song. 0
    /// in packs that were made without it.
    #[serde(default)]
    pub followed: f32,
    /// The share of each target genre's long tune notes that come an eighth ahead of their beat: so tunes are
    /// phrased (`phrasing.rs`). `None` in packs that were made without it, which leave tunes as they are.
    #[serde(default)]
    pub anticipated: Option<[f32; SLOTS]>,
    /// The share of each target genre's other tune notes over a beat that come ahead of it, of those and of
    /// what is struck on beats: a tune that pushes more goes back onto the beat. `None` in packs that were
    /// made without it, which move long notes alone.
    #[serde(default)]
    pub pushed: Option<[f32; SLOTS]>,
    /// How far an answer has as many notes as the genre and not as the input. `None` in packs that were made
    /// without it, which ask for as many as the input has.
    #[serde(default)]
    pub busy: Option<Busy>,
}

fn once() -> f32 {
    1.0
}

/// How many notes answers have: a slow hymn has few, a trio that plays it more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    /// Notes of a phrase of each target genre, in octaves (factors of two) over 64.
    pub octaves: [f32; SLOTS],
    /// How far answers go from the input's number towards that at an amount of 100 %, from 0 to 1.
    pub extent: f32,
}

impl Busy {
    fn is_usable(&self) -> bool {
        self.octaves.iter().all(|octaves| octaves.abs() < 10.0) && (0.0..=1.0).contains(&self.extent)
    }
}

impl Style {
    /// The style at an amount (over 0, at most 1): the less, the more the input and its harmony pull. Without
    /// `limits` where they are not wanted.
    pub fn at(self, amount: f32, limits: bool) -> Self {
        let less = (1.0 - amount) / amount;
        Self {
            pull: self.pull * less,
            change: self.change * amount,
            follow: self.follow.map(|follow| follow * less.max(self.followed)),
            limits: self.limits && limits,
            ..self
        }
    }

    /// Whether all are numbers, and none negative.
    pub(crate) fn is_usable(&self) -> bool {
        [self.pull, self.change, self.contrast, self.temperature, self.melody, self.density, self.border]
            .iter()
            .chain(&self.chromatic)
            .chain(&self.figure)
            .chain(&self.texture)
            .chain(&self.approach)
            .chain(&self.foreign)
            .chain(&self.follow)
            .all(|x| (0.0..=1e3).contains(x))
            && (0.0..=1.0).contains(&self.followed)
            && self.busy.iter().all(Busy::is_usable)
            && self.anticipated.iter().chain(&self.pushed).flatten().all(|share| (0.0..=1.0).contains(share))
    }
}

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
