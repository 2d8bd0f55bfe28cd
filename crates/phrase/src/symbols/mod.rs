//! Music as a line of symbols, as text is one of words. Offline.
//!
//! [`chordify`] makes one symbol of all that sounds at once, as music21 does; [`events`] one of all that is
//! struck at once, which says the same with far fewer different symbols: what goes on sounding is told beside
//! it. A [`Vocabulary`] numbers symbols, [`next_of`] cuts songs of them into windows, [`Encoding`] makes
//! numbers of them for a network, and [`KeyMove`] brings songs to one key.

mod chordify;
mod encoding;
mod events;
mod moves;
mod vocabulary;

pub use chordify::{Chord, TICKS, chordify};
pub use encoding::{Encoder, Encoding, Seen};
pub use events::{Event, LONGEST, events, slices};
pub use moves::{KeyMove, in_key, key_named};
pub use vocabulary::{Vocabulary, WINDOW, next_of};
