//! Dynamics: reads which notes are struck and held, and says how hard.
//!
//! Three presets. `stylenet` (Malik and Ek, 2017): a forward LSTM that all genres share, then a stack of
//! bidirectional ones for each genre and a linear map to the velocities of 88 keys. `tonenet`: the same,
//! whose stacks read Luong's attention over the shared layer in place of the layer itself; the query is that
//! layer's own state, for a bidirectional decoder has none before. `ours`: one small bidirectional LSTM that
//! is told the genre and may be told the velocities of some notes, and a head that looks at one note at a
//! time; its velocities are relative to the phrase's.

mod around;
mod network;
mod part;
mod score;

pub use network::{Batch, Touch};
pub(crate) use part::Strikes;
pub use part::{Sample, batch};
pub use score::{KEYS, LOWEST_KEY, Score};

use serde::{Deserialize, Serialize};

use crate::{Init, Parameter};
use around::AROUND;
use score::FEATURES;

/// One unit of relative velocity: 16 of 127.
pub const UNIT: f32 = 16.0 / 127.0;
/// Places of the bar that a step is told by.
const PLACES: usize = 16;
/// The most units anywhere: two runs of it must answer in time.
const WIDEST: usize = 512;

/// Sizes of a network of dynamics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchConfig {
    /// Genres that it knows.
    pub genres: usize,
    /// Units of the forward layer that all genres share; 0: none.
    pub shared: usize,
    /// Whether the stacks read attention over that layer.
    pub attention: bool,
    /// Channels that a step is mapped to first; 0: none.
    pub embed: usize,
    /// Bidirectional layers of a stack.
    pub layers: usize,
    /// Their units each way.
    pub units: usize,
    /// Units of the head that looks at each note; 0: a stack and a linear map to 88 keys for each genre.
    pub head: usize,
    /// Whether it is told velocities: of some notes, or where it has no such head of all.
    pub hears: bool,
    /// Whether that head is told what lies around a note: strikes, density, place. Ours since version 9 of
    /// the default pack.
    #[serde(default)]
    pub around: bool,
}

impl TouchConfig {
    /// StyleNet.
    pub fn stylenet(genres: usize) -> Self {
        Self {
            genres,
            shared: 176,
            attention: false,
            embed: 0,
            layers: 3,
            units: 176,
            head: 0,
            hears: false,
            around: false,
        }
    }

    /// ToneNet.
    pub fn tonenet(genres: usize) -> Self {
        Self { attention: true, ..Self::stylenet(genres) }
    }

    /// Ours.
    pub fn ours(genres: usize) -> Self {
        Self {
            genres,
            shared: 0,
            attention: false,
            embed: 48,
            layers: 1,
            units: 64,
            head: 64,
            hears: true,
            around: true,
        }
    }

    /// Whether velocities are relative to the phrase's, and every genre is played by one stack.
    pub fn is_relative(&self) -> bool {
        self.head > 0
    }

    /// Numbers that a step is told by.
    pub fn inputs(&self) -> usize {
        match (self.is_relative(), self.hears) {
            (true, true) => 4 * KEYS + PLACES,
            (true, false) => 2 * KEYS + PLACES,
            (false, true) => 3 * KEYS,
            (false, false) => 2 * KEYS,
        }
    }

    /// Numbers that a note is told by, where there is a head that looks at notes.
    pub fn features(&self) -> usize {
        FEATURES + if self.around { AROUND } else { 0 }
    }

    /// Stacks of layers.
    pub fn stacks(&self) -> usize {
        if self.is_relative() { 1 } else { self.genres }
    }

    /// Every parameter. `scale` `[genres, 2]` is what predictions are multiplied by, where nothing is told
    /// and where some velocities are.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut all = vec![Parameter::new("scale", &[self.genres, 2], Init::Constant(1.0))];
        let drawn = |name: String, shape: [usize; 2]| {
            // As Glorot and Bengio propose.
            Parameter::new(name, &shape, Init::Normal((2.0 / (shape[0] + shape[1]) as f32).sqrt()))
        };
        let mut add = |name: &str, shape: [usize; 2]| all.push(drawn(name.to_string(), shape));
        let mut wide = self.inputs();
        if self.embed > 0 {
            add("embed", [wide, self.embed]);
            add("genre.embed", [self.genres, self.embed]);
            wide = self.embed;
        }
        let mut biases = Vec::new();
        let mut layer = |add: &mut dyn FnMut(&str, [usize; 2]), name: &str, wide: usize, units: usize| {
            add(&format!("{name}.in"), [wide, 4 * units]);
            add(&format!("{name}.state"), [units, 4 * units]);
            biases.push((format!("{name}.bias"), 4 * units));
        };
        if self.shared > 0 {
            layer(&mut add, "shared", wide, self.shared);
            wide = self.shared;
        }
        if self.attention {
            add("attention", [wide, wide]);
        }
        for stack in 0..self.stacks() {
            let mut wide = wide;
            for number in 0..self.layers {
                for way in ["there", "back"] {
                    layer(&mut add, &format!("stack{stack}.{number}.{way}"), wide, self.units);
                }
                wide = 2 * self.units;
            }
            if self.head == 0 {
                add(&format!("stack{stack}.out"), [wide, KEYS]);
            }
        }
        if self.head > 0 {
            add("head.in", [2 * self.units + self.features(), self.head]);
            add("genre.head", [self.genres, self.head]);
            add("head.out", [self.head, 1]);
            biases.extend([("head.bias".to_string(), self.head), ("head.out_bias".to_string(), 1)]);
        } else {
            biases.extend((0..self.stacks()).map(|stack| (format!("stack{stack}.out_bias"), KEYS)));
        }
        all.extend(biases.into_iter().map(|(name, units)| Parameter::new(name, &[units], Init::Zeros)));
        all
    }

    /// What makes it unusable for this many genres, if anything.
    pub(crate) fn fault(&self, genres: usize) -> Option<String> {
        let widest = [self.shared, self.embed, self.units, self.head].into_iter().max().unwrap_or(0);
        if self.genres != genres {
            Some("its dynamics and its list of genres disagree".to_string())
        } else if self.layers == 0 || self.layers > 8 || self.units == 0 || widest > WIDEST {
            Some("the sizes of its dynamics are out of range".to_string())
        } else if self.attention && self.shared == 0 || self.is_relative() && self.embed == 0 {
            Some("its dynamics lack a layer".to_string())
        } else {
            None
        }
    }
}
