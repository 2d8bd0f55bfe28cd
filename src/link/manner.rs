//! How answers are come by, and what is done with them.

use std::time::Duration;

use nice_plug::prelude::Enum;
use phrase::{Band, Feel, Guards, Hands};

/// What is to compute, as the user chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Processor {
    /// The CPU; but the GPU for a pack that is too slow on the CPU for its deadline.
    #[default]
    #[id = "auto"]
    #[name = "auto"]
    Auto,
    /// The CPU.
    #[id = "cpu"]
    #[name = "CPU"]
    Cpu,
    /// The GPU where there is one, else the CPU.
    #[id = "gpu"]
    #[name = "GPU"]
    Gpu,
}

/// What is done with what the network says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Manner {
    /// What of it is let through.
    pub guards: Guards,
    /// How it is played.
    pub feel: Feel,
    /// Chance draws the same for every phrase, wherever it stands in the song.
    pub locked: bool,
    /// How far kept notes are struck as the target genre's players would; new ones always are.
    pub dynamics: f32,
    /// How far new notes leave the beat as these players do.
    pub offsets: f32,
    /// Who plays.
    pub band: Band,
}

impl Manner {
    /// The same with numbers in their ranges: a question with one that is no number would never be known
    /// again.
    pub fn sound(mut self) -> Self {
        let Feel { swing, humanise, velocity, .. } = &mut self.feel;
        (*swing, *humanise) = (unit(*swing), unit(*humanise));
        *velocity = velocity.map(unit);
        (self.dynamics, self.offsets) = (unit(self.dynamics), unit(self.offsets));
        self
    }

    /// What makes notes of an answer's cells.
    pub fn hands(&self) -> Hands {
        let Self { guards, dynamics, offsets, band, .. } = *self;
        Hands { guards, dynamics, feel: offsets, seed: self.feel.seed, band }
    }

    /// How the notes are played then: split parts have their channels.
    pub fn played(&self) -> Feel {
        Feel { channel: self.feel.channel.filter(|_| !self.band.split), ..self.feel }
    }
}

/// How an answer is come by. It is no part of the question: another processor gives the same answer but for
/// rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is to compute.
    pub processor: Processor,
    /// How long the network has on stage; a bounce waits, and has no deadline.
    pub deadline: Option<Duration>,
}

/// A share from 0 to 1; what is no number counts as 0.
pub fn unit(value: f32) -> f32 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}
