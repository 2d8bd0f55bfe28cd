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
    /// What is going on, in words.
    pub state: String,
    /// What went wrong and what to do, in one sentence.
    pub problem: Option<String>,
    /// Figures worth a look, each a short phrase: "2 answers late".
    pub notices: Vec<String>,
    /// What is known of the last answer: "Last phrase taken as 1: classical, answered in 3.2 ms".
    pub answer: Option<String>,
}
