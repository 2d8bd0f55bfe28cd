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
    #[name = "again"]
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
    /// All of them in bars, in order.
    const BARS: [u8; 7] = [1, 2, 4, 8, 16, 32, 64];

    /// In bars.
    pub fn bars(self) -> u8 {
        Self::BARS[self as usize]
    }

    /// Its number among the choices, for the first that lasts so many bars.
    pub fn index(bars: u8) -> usize {
        Self::BARS.iter().position(|most| *most >= bars).unwrap_or(Self::BARS.len() - 1)
    }
}

/// What of the host's events chooses the target and the key lock, on stage. See [`super::stage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Switches {
    /// Nothing.
    #[default]
    #[id = "off"]
    #[name = "off"]
    Off,
    /// Program changes.
    #[id = "programs"]
    #[name = "programs"]
    Programs,
    /// The keys of two octaves, from MIDI's lowest key on.
    #[id = "keys-1"]
    #[name = "keys C-1"]
    Lowest,
    /// An octave higher.
    #[id = "keys0"]
    #[name = "keys C0"]
    Low,
    /// Two.
    #[id = "keys1"]
    #[name = "keys C1"]
    Middle,
    /// The two highest whole octaves of a piano.
    #[id = "keys6"]
    #[name = "keys C6"]
    High,
}

impl Switches {
    /// The lowest key that chooses.
    pub fn lowest(self) -> Option<u8> {
        match self {
            Self::Off | Self::Programs => None,
            Self::Lowest => Some(0),
            Self::Low => Some(12),
            Self::Middle => Some(24),
            Self::High => Some(84),
        }
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
    /// See [`Switches`].
    pub switches: Switches,
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
