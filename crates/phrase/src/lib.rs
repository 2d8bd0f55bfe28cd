//! Phrases of music: notes, piano rolls, MIDI files, and the way between them.
//!
//! Everything here is independent of networks and hosts. Two kinds of code live side by side:
//!
//! - **Real-time**: [`Note`], [`Phrase`], [`Roll`], [`nearest`], [`Guards`], [`realise`], [`Hands`],
//!   [`Feel`], [`tie`] and the metrics never allocate, lock, log or do I/O, so that the audio thread may call
//!   them.
//! - **Offline**: [`Song`] (MIDI files), [`cut`] and [`lay`] (song -> phrases), [`windows`] (the same, as a
//!   live plugin hears it) and [`join`] (phrases -> song) use the heap. [`read_regular`] is how every file of
//!   a user's is read.
//!
//! Time is counted in *steps* of a 16th note, as `f64`; four steps make a beat, 64 steps (4 bars of 4/4) a
//! phrase. Micro-timing is kept in the fraction and only [`nearest`] ever rounds it.

mod cut;
mod feel;
mod file;
mod guards;
mod hash;
mod join;
mod key;
mod metrics;
mod midi;
mod note;
mod parts;
mod perform;
mod phrase;
mod quantise;
mod realise;
mod roll;
mod swing;
pub mod symbols;
mod tie;
mod window;

pub use cut::{Cut, CutOptions, CutReport, Laid, Place, Section, SongGrid, Start, cut, lay};
pub use feel::Feel;
pub use file::{open_regular, read_regular};
pub use guards::{Guards, KeyLock};
pub use hash::mix;
pub use join::{Part, join, join_notes, join_parts};
pub use key::{Key, Mode};
pub use metrics::{
    ContentChange, Keys, Line, Motion, Rhythm, alike, bass, bass_rhythm, beat_chroma, chroma, content_kept,
    cosine, density, downbeats, harmony_kept, has_second_or_tritone, has_seventh, inner_rhythm,
    inner_strikes, is_clash, is_cluster, is_muddy, is_playable, low_bass, melody_kept, melody_on_top,
    most_at_once, one_step_notes, out_of_key, pitch_classes, polyphony, range, rows, skyline, strikes,
    stutters, under_c3,
};
pub use midi::{
    MAX_FILE_BYTES, MAX_SONG_NOTES, MAX_STEPS, MidiError, OtherEvent, OtherKind, Signature, Song, SongNote,
    TempoChange, TempoMap, Track,
};
pub use note::Note;
pub use parts::{Band, BandPart, Parts};
pub use perform::{Answered, Hands, Offsets, Timing};
pub use phrase::{Notes, Phrase};
pub use quantise::{Grid, TOLERANCE, nearest, phrase_index};
pub use realise::{Said, Velocities, as_played, realise, realise_said};
pub use roll::{Roll, RollNote};
pub use swing::{OffBeats, Straightened, Swing, SwingHistory, straightened};
pub use tie::{Tie, struck_alone, tie, tie_unclaimed};
pub use window::{first_step, windows};

/// Steps in a phrase: 4 bars of 4/4 in 16ths.
pub const STEPS: usize = 64;
/// Steps in a beat (a quarter note).
pub const STEPS_PER_BEAT: usize = 4;
/// Steps in a bar of 4/4.
pub const STEPS_PER_BAR: usize = 16;
/// Bars in a phrase.
pub const BARS: usize = 4;
/// Pitches (rows) in a roll.
pub const PITCHES: usize = 84;
/// MIDI pitch of a roll's row 0 (C1, with middle C = C4 = 60).
pub const LOWEST: u8 = 24;
/// MIDI pitch from which on the lowest note is an inner voice or the tune, no bass: middle C.
pub const BASS_BELOW: u8 = 60;
/// MIDI pitch of a roll's last row (B7).
pub const HIGHEST: u8 = 107;
/// Notes that a [`Phrase`] has room for.
pub const MAX_NOTES: usize = 1024;
/// The channel (counted from 0) of General MIDI drums, whose notes bypass the network.
pub const DRUM_CHANNEL: u8 = 9;
