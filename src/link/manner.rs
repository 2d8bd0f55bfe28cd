//! How answers are come by, and what is done with them.

use std::time::Duration;

use nice_plug::prelude::Enum;
use phrase::{Feel, Guards};

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
}

impl Manner {
    /// The same with numbers in their ranges: a question with one that is no number would never be known
    /// again.
    pub fn sound(mut self) -> Self {
        let Feel { swing, humanise, velocity, .. } = &mut self.feel;
        (*swing, *humanise) = (unit(*swing), unit(*humanise));
        *velocity = velocity.map(unit);
        self
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
