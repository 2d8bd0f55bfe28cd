//! What the editor can move: the host's parameters, by name.

/// A parameter that the editor can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// The genre slot that phrases are recast in, 1..=8.
    Target,
    /// The genre slot of what is played, 1..=8; 0 for *auto*.
    Source,
    /// The target is a blend by the weights: 0 or 1.
    Blend,
    /// The weight of a slot (0-based) in a blend, 0..=1.
    Weight(u8),
    /// How far to go, 0..=1.
    Amount,
    /// How much chance, 0..=1.
    Variation,
    /// Which of the answers that chance allows, 0..=9999.
    Seed,
    /// Chance draws the same for every phrase: 0 or 1.
    Lock,
    /// Notes pass at once: 0 or 1.
    Bypass,
    /// How many bars later an answer comes: 0 for 4, 1 for 2, 2 for 1.
    Latency,
    /// How much later still: 0 not at all, 1 a beat, 2 a bar.
    Margin,
    /// What stands in for a late answer: 0 the input, 1 silence, 2 the last answer.
    Fallback,
    /// What computes the answers: 0 the CPU while it keeps up, else the GPU; 1 the CPU, 2 the GPU.
    Processor,
    /// Beats by which phrases begin later, 0..=15.
    Shift,
    /// A button: a phrase begins at the next bar line.
    Realign,
    /// What is heard: 0 the answers, 1 both, 2 the input.
    Thru,
    /// The input's highest notes are kept: 0 or 1.
    Melody,
    /// The key of new notes: 0 any, 1 the one that is heard, then C major, C minor and so on.
    Key,
    /// The lowest MIDI pitch of new notes.
    Lowest,
    /// The highest MIDI pitch of new notes.
    Highest,
    /// The most notes at once; 0: any number.
    Voices,
    /// The most notes that start in a beat; 0: any number.
    Density,
    /// The velocity of all notes; 0: their own.
    Velocity,
    /// The channel of all notes, 1..=16; 0: their own.
    Channel,
    /// How late the second eighth of a beat is, 0..=1.
    Swing,
    /// How much notes leave their time and velocity, 0..=1.
    Humanise,
    /// The longest note in 16ths; 0: any length.
    Longest,
    /// The sustain pedal is heard as the length of notes: 0 or 1.
    Pedal,
    /// The answer that is played repeats: 0 or 1.
    Freeze,
    /// A button: ends all that sounds.
    Panic,
}

/// How a control is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A list to choose from; the value is an index.
    Choice(Vec<String>),
    /// A whole number from 0 (which may have a name) to this.
    Number(u16, Option<&'static str>),
    /// A MIDI pitch, shown as a note's name.
    Pitch,
    /// 0..=1, shown in percent.
    Percent,
    /// On or off.
    Switch,
    /// Something to press.
    Button,
}

impl Kind {
    /// The highest value; the lowest is 0.
    pub(crate) fn most(&self) -> f32 {
        match self {
            Self::Choice(names) => names.len().saturating_sub(1) as f32,
            Self::Number(most, _) => f32::from(*most),
            Self::Pitch => 127.0,
            Self::Percent | Self::Switch | Self::Button => 1.0,
        }
    }

    /// The nearest value that it can have.
    pub(crate) fn nearest(&self, value: f32) -> f32 {
        let step = if *self == Self::Percent { 0.001 } else { 1.0 };
        ((value / step).round() * step).clamp(0.0, self.most())
    }

    /// A value as people read it.
    pub(crate) fn text(&self, value: f32) -> String {
        match self {
            Self::Choice(names) => names.get(value as usize).cloned().unwrap_or_default(),
            Self::Number(_, Some(zero)) if value == 0.0 => (*zero).to_string(),
            Self::Number(..) => format!("{value:.0}"),
            Self::Pitch => pitch_name(value as u8),
            Self::Percent => format!("{:.0} %", value * 100.0),
            Self::Switch | Self::Button => if value > 0.5 { "on" } else { "off" }.to_string(),
        }
    }
}

/// What is said of a control.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Which.
    pub control: Control,
    /// Its name, short.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub hint: &'static str,
    /// How it is drawn.
    pub kind: Kind,
}

/// "C4" for middle C, 60.
pub(crate) fn pitch_name(pitch: u8) -> String {
    const NAMES: [&str; 12] = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
    format!("{}{}", NAMES[usize::from(pitch % 12)], i32::from(pitch / 12) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_say_them() {
        assert_eq!(Kind::Percent.text(0.895), "90 %");
        assert_eq!(Kind::Pitch.text(60.0), "C4");
        assert_eq!(Kind::Pitch.text(127.0), "G9");
        let voices = Kind::Number(16, Some("any"));
        assert_eq!((voices.text(0.0), voices.text(7.0)), ("any".to_string(), "7".to_string()));
        assert_eq!((voices.nearest(3.6), voices.nearest(99.0)), (4.0, 16.0));
        assert!((Kind::Percent.nearest(0.12345) - 0.123).abs() < 1e-6);
    }
}
