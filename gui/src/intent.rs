//! What the user wants.

use crate::{Control, Look};

/// What the user wants. A change of a control comes between its `Begin` and its `End`, as hosts record
/// automation.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// The control is taken hold of.
    Begin(Control),
    /// The control gets a value, in its own units.
    Set(Control, f32),
    /// The control is let go.
    End(Control),
    /// The control goes back to its default, as one gesture.
    Reset(Control),
    /// Another seed, thrown.
    Dice,
    /// Use the pack of this index in [`crate::Pack::names`].
    Pack(usize),
    /// Look into the packs folder again.
    Rescan,
    /// Show the packs folder in the system's file manager.
    ShowPacks,
    /// The take of this number becomes the frozen answer from the next phrase on, with the settings that made
    /// it.
    Play(u64),
    /// This corner of the morph (0..=3: above left, above right, below left, below right) is this take from
    /// now on, or empty.
    Corner(usize, Option<u64>),
    /// Answers are accompanied as in this take from now on, where that is wanted; in none.
    Model(Option<u64>),
    /// The phrases at these points of the morph, from left to right and from above to below, are to be put
    /// into the history.
    Trail(Vec<(f32, f32)>),
    /// The take before the one that plays does.
    Undo,
    /// The take after it does, or after the last one what is played live.
    Redo,
    /// What was played for these takes, one after another, as a MIDI file in the folder.
    Save(Vec<u64>),
    /// The same, dragged out of the window: the button is held down.
    Drag(Vec<u64>),
    /// The same of so many takes up to the newest, one after another.
    SaveLast(usize),
    /// MIDI files go into this folder from now on.
    Folder(String),
    /// Show that folder in the system's file manager.
    ShowFolder,
    /// The words for somebody new are understood.
    Welcomed,
    /// Colours.
    Look(Look),
    /// How large everything is drawn, in percent.
    Zoom(u16),
}
