//! What the user chooses of time and notes: everything that is not asked of the network.

use model::WhenSilent;
use nice_plug::prelude::Enum;
use phrase::{STEPS_PER_BAR, STEPS_PER_BEAT};

use super::grid::Plan;
use crate::link::{Manner, Processor};

/// How much later than what it answers an answer comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Latency {
    /// Four bars.
    #[default]
    #[id = "4"]
    #[name = "4 bars"]
    Four,
    /// Two: the network hears four and the newer two are played.
    #[id = "2"]
    #[name = "2 bars"]
    Two,
    /// One, likewise.
    #[id = "1"]
    #[name = "1 bar"]
    One,
}

/// How much later still, to give the network time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Margin {
    /// Not at all.
    #[default]
    #[id = "none"]
    #[name = "none"]
    None,
    /// A quarter note.
    #[id = "beat"]
    #[name = "1 beat"]
    Beat,
    /// Four quarter notes.
    #[id = "bar"]
    #[name = "1 bar"]
    Bar,
}

/// What is played where an answer is late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Fallback {
    /// The phrase as it was played.
    #[default]
    #[id = "dry"]
    #[name = "dry"]
    Dry,
    /// Nothing.
    #[id = "silence"]
    #[name = "silence"]
    Silence,
    /// The answer before it once more.
    #[id = "last"]
    #[name = "last answer"]
    Last,
}

/// What is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Thru {
    /// The answers.
    #[default]
    #[id = "wet"]
    #[name = "answers"]
    Wet,
    /// What is played, at once, and the answers.
    #[id = "both"]
    #[name = "both"]
    Both,
    /// What is played, at once.
    #[id = "dry"]
    #[name = "input"]
    Dry,
}

/// Where the second eighths of new notes fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Groove {
    /// Where the target genre has them at this tempo.
    #[default]
    #[id = "auto"]
    #[name = "auto"]
    Auto,
    /// Where the player has them.
    #[id = "heard"]
    #[name = "as heard"]
    Heard,
    /// In the middle of the beat.
    #[id = "straight"]
    #[name = "straight"]
    Straight,
}

/// What is played where the player rests, as the user chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Silent {
    /// Nothing.
    #[default]
    #[id = "rest"]
    #[name = "rest"]
    Rest,
    /// The music goes on.
    #[id = "continue"]
    #[name = "continue"]
    Continue,
    /// Empty bars of phrases that are played in are filled.
    #[id = "fill"]
    #[name = "fill"]
    Fill,
    /// The last phrase is varied.
    #[id = "vary"]
    #[name = "vary"]
    Vary,
}

impl Silent {
    /// As the model has it.
    pub fn when(self) -> WhenSilent {
        match self {
            Self::Rest => WhenSilent::Rest,
            Self::Continue => WhenSilent::Continue,
            Self::Fill => WhenSilent::Fill,
            Self::Vary => WhenSilent::Vary,
        }
    }

    /// What the model calls so.
    pub fn of(when: WhenSilent) -> Self {
        match when {
            WhenSilent::Rest => Self::Rest,
            WhenSilent::Continue => Self::Continue,
            WhenSilent::Fill => Self::Fill,
            WhenSilent::Vary => Self::Vary,
        }
    }
}

/// For how long after the last note of the player's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum AtMost {
    /// A bar.
    #[id = "1"]
    #[name = "1 bar"]
    One,
    /// Two.
    #[id = "2"]
    #[name = "2 bars"]
    Two,
    /// Four: a phrase.
    #[id = "4"]
    #[name = "4 bars"]
    Four,
    /// Two phrases.
    #[default]
    #[id = "8"]
    #[name = "8 bars"]
    Eight,
    /// Four phrases.
    #[id = "16"]
    #[name = "16 bars"]
    Sixteen,
    /// Eight phrases.
    #[id = "32"]
    #[name = "32 bars"]
    ThirtyTwo,
    /// Sixteen phrases.
    #[id = "64"]
    #[name = "64 bars"]
    SixtyFour,
}

impl AtMost {
    /// All of them, the shortest first.
    const ALL: [(Self, u8); 7] = [
        (Self::One, 1),
        (Self::Two, 2),
        (Self::Four, 4),
        (Self::Eight, 8),
        (Self::Sixteen, 16),
        (Self::ThirtyTwo, 32),
        (Self::SixtyFour, 64),
    ];

    /// In bars.
    pub fn bars(self) -> u8 {
        Self::ALL[self as usize].1
    }

    /// Its number among the choices, for the first that lasts so many bars.
    pub fn index(bars: u8) -> usize {
        Self::ALL.iter().position(|(_, most)| *most >= bars).unwrap_or(Self::ALL.len() - 1)
    }
}

/// The options of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// See [`Latency`].
    pub latency: Latency,
    /// See [`Margin`].
    pub margin: Margin,
    /// See [`Fallback`].
    pub fallback: Fallback,
    /// Quarter notes by which phrases begin later than on the bars' own count.
    pub shift: u8,
    /// See [`Thru`].
    pub thru: Thru,
    /// The answer that is played repeats.
    pub freeze: bool,
    /// No note of an answer is longer than this many steps; 0: as long as it is.
    pub longest: u8,
    /// The sustain pedal is heard as the length of notes, and not passed on.
    pub pedal: bool,
    /// What is done with what the network says.
    pub manner: Manner,
    /// What computes.
    pub processor: Processor,
}

impl Options {
    /// The grid that they ask for.
    pub fn plan(&self) -> Plan {
        let bars = match self.latency {
            Latency::Four => 4,
            Latency::Two => 2,
            Latency::One => 1,
        };
        Plan { bars, shift: f64::from(self.shift) * STEPS_PER_BEAT as f64 }
    }

    /// The margin in steps.
    pub fn margin(&self) -> f64 {
        match self.margin {
            Margin::None => 0.0,
            Margin::Beat => STEPS_PER_BEAT as f64,
            Margin::Bar => STEPS_PER_BAR as f64,
        }
    }
}
