//! What the window can move: the host's parameters, by id.

/// A parameter that the window can move, by its id.
///
/// The window knows by name only what it draws in a place or a way of its own; all others come as [`Field`]s
/// of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Control(pub &'static str);

/// The ids of the weights of a blend, by genre slot.
const WEIGHTS: [&str; 8] =
    ["weight_1", "weight_2", "weight_3", "weight_4", "weight_5", "weight_6", "weight_7", "weight_8"];

impl Control {
    /// The genre slot that phrases are recast in, 1..=8.
    pub const TARGET: Self = Self("target");
    /// The genre slot of what is played, 1..=8; 0 for *auto*.
    pub const SOURCE: Self = Self("source");
    /// The target is a blend by the weights: 0 or 1.
    pub const BLEND: Self = Self("blend");
    /// How far to go, 0..=1.
    pub const AMOUNT: Self = Self("amount");
    /// How much chance, 0..=1.
    pub const VARIATION: Self = Self("variation");
    /// Which of the answers that chance allows, 0..=9999.
    pub const SEED: Self = Self("seed");
    /// Chance draws the same for every phrase: 0 or 1.
    pub const LOCK: Self = Self("lock");
    /// Notes pass at once: 0 or 1.
    pub const BYPASS: Self = Self("bypass");
    /// The answer that is played repeats: 0 or 1.
    pub const FREEZE: Self = Self("freeze");
    /// The point between the corners' phrases plays: 0 or 1.
    pub const MORPH: Self = Self("morph");
    /// Where that is, 0..=1, from left to right.
    pub const MORPH_X: Self = Self("morph_x");
    /// From above to below, 0..=1.
    pub const MORPH_Y: Self = Self("morph_y");
    /// A button: ends all that sounds.
    pub const PANIC: Self = Self("panic");

    /// Those above: whoever fills the window has a field for each.
    pub const PLACED: [Self; 13] = [
        Self::TARGET,
        Self::SOURCE,
        Self::BLEND,
        Self::AMOUNT,
        Self::VARIATION,
        Self::SEED,
        Self::LOCK,
        Self::BYPASS,
        Self::FREEZE,
        Self::PANIC,
        Self::MORPH,
        Self::MORPH_X,
        Self::MORPH_Y,
    ];

    /// The weight of a genre slot (0-based, up to 7) in a blend, 0..=1.
    ///
    /// # Panics
    ///
    /// There is no such slot.
    pub const fn weight(slot: usize) -> Self {
        Self(WEIGHTS[slot])
    }
}

/// Where in the window a control is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// In the bar at the top.
    Header,
    /// On the pad, which moves several at once.
    Pad,
    /// On the square between the morph's corners.
    Morph,
    /// In the panel, above its pages.
    Panel,
    /// On the page of what is moved while playing.
    #[default]
    Play,
    /// On the page of what new notes may be.
    Notes,
    /// On the page of who plays, and with what touch.
    Band,
    /// On the page of what plays where nobody does.
    Fill,
    /// On the page of when answers come.
    Time,
}

impl Page {
    /// What the window or a table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "top bar",
            Self::Pad => "pad",
            Self::Morph => "morph pad",
            Self::Panel => "panel",
            Self::Play => "Play",
            Self::Notes => "Notes",
            Self::Band => "Band",
            Self::Fill => "Fill",
            Self::Time => "Time",
        }
    }
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
    /// Its name, short; the host has the same.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub hint: &'static str,
    /// How it is drawn.
    pub kind: Kind,
    /// Where.
    pub page: Page,
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
