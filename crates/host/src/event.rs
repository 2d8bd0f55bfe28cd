//! Events between host and plugin, one vocabulary for both formats.

/// A channel or key that means all of them, in a note end or an expression that goes to a CLAP.
pub const ANY: u8 = 0xff;

/// Something that happens at a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Samples since the instance was started (steady time: it runs on through loops, jumps and stops).
    pub time: u64,
    /// What happens.
    pub kind: EventKind,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EventKind {
    /// A note starts.
    NoteOn {
        /// 0..=15.
        channel: u8,
        /// MIDI pitch.
        key: u8,
        /// 0..=1.
        velocity: f32,
    },
    /// A note ends (or, from a plugin, is choked).
    NoteOff {
        /// 0..=15.
        channel: u8,
        /// MIDI pitch.
        key: u8,
        /// Release velocity, 0..=1.
        velocity: f32,
    },
    /// A raw MIDI message: controllers, pitch bend, pressure, programs.
    Midi([u8; 3]),
    /// A note expression.
    Expression {
        /// 0..=15.
        channel: u8,
        /// MIDI pitch.
        key: u8,
        /// The format's own number of the expression.
        id: i32,
        /// The expression's value.
        value: f64,
    },
    /// A parameter's new value.
    Param {
        /// The plugin's id of the parameter.
        id: u32,
        /// The value on the parameter's whole range, 0..=1.
        normalised: f64,
    },
    /// A parameter's modulation, which only a CLAP has.
    Modulation {
        /// The plugin's id of the parameter.
        id: u32,
        /// How far from its value, on the parameter's whole range, -1..=1.
        amount: f64,
    },
}

impl Event {
    /// A note's start.
    pub fn on(time: u64, channel: u8, key: u8, velocity: f32) -> Self {
        Event { time, kind: EventKind::NoteOn { channel, key, velocity } }
    }

    /// A note's end.
    pub fn off(time: u64, channel: u8, key: u8) -> Self {
        Event { time, kind: EventKind::NoteOff { channel, key, velocity: 0.0 } }
    }

    /// A raw MIDI message.
    pub fn midi(time: u64, data: [u8; 3]) -> Self {
        Event { time, kind: EventKind::Midi(data) }
    }

    /// A parameter's new value (0..=1 of its range).
    pub fn param(time: u64, id: u32, normalised: f64) -> Self {
        Event { time, kind: EventKind::Param { id, normalised } }
    }
}
