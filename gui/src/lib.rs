//! The editor: draws a [`Snapshot`], sends [`Intent`]s. Knows neither the host nor the network.

mod view;

pub use view::View;

/// A parameter that the editor can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The genre slot that phrases are recast in, 1..=8.
    Target,
    /// The genre slot of what is played, 1..=8; 0 for *auto*.
    Source,
    /// How far to go, 0..=1.
    Amount,
    /// How much chance, 0..=1.
    Variation,
    /// Which of the answers that chance allows, 0..=9999.
    Seed,
    /// Notes pass at once: 0 or 1.
    Bypass,
    /// How many bars later an answer comes: 0 for 4, 1 for 2, 2 for 1.
    Latency,
    /// How much later still: 0 not at all, 1 a beat, 2 a bar.
    Margin,
    /// What stands in for a late answer: 0 the input, 1 silence, 2 the last answer.
    Fallback,
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

/// How a further control is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A list to choose from; the value is an index.
    Choice(Vec<String>),
    /// A whole number from 0 (which may have a name) to this.
    Number(u8, Option<&'static str>),
    /// 0..=1, shown in percent.
    Percent,
    /// On or off.
    Switch,
    /// Something to press.
    Button,
}

/// A further control, below the main ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it moves.
    pub control: Control,
    /// Its name, short.
    pub name: &'static str,
    /// What it is for.
    pub hint: &'static str,
    /// Its value, in its own units.
    pub value: f32,
    /// See [`Kind`].
    pub kind: Kind,
}

/// What the user wants. A change of a control comes between its `Begin` and its `End`, as hosts record automation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intent {
    /// The control is taken hold of.
    Begin(Control),
    /// The control gets a value, in its own units.
    Set(Control, f32),
    /// The control is let go.
    End(Control),
    /// Use the pack of this index in [`Snapshot::packs`].
    Pack(usize),
    /// Look into the packs folder again.
    Rescan,
}

/// Everything that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The chosen pack's name.
    pub pack: String,
    /// The packs to choose from; two may have one name.
    pub packs: Vec<String>,
    /// The chosen one's index, where it is among them.
    pub chosen: Option<usize>,
    /// The folder that more packs go into, for people to find.
    pub folder: Option<String>,
    /// Names of the genre slots 1..=8: "2: jazz".
    pub slots: Vec<String>,
    /// How many of the slots are worth choosing: the pack fills the first ones.
    pub filled: u8,
    /// See [`Control`].
    pub target: u8,
    /// See [`Control`].
    pub source: u8,
    /// See [`Control`].
    pub amount: f32,
    /// See [`Control`].
    pub variation: f32,
    /// See [`Control`].
    pub seed: u16,
    /// See [`Control`].
    pub bypass: bool,
    /// All further controls, in the order in which they are drawn.
    pub rows: Vec<Row>,
    /// What is going on, in words.
    pub state: String,
    /// What went wrong and what to do, in one sentence.
    pub problem: Option<String>,
    /// Figures worth a look, each a short phrase: "2 answers late".
    pub notices: Vec<String>,
    /// What is known of the last answer: "Last phrase taken as 1: classical, answered in 3.2 ms".
    pub answer: Option<String>,
}
