//! Spaces: phrases as points, between which there are others. One network a folder.
//!
//! [`beats`] is ours: a code a beat, and a decoder that knows what it wrote. [`tutorial`] and
//! [`pictures`] are the sources'.

pub mod beats;
pub mod pictures;
pub mod tutorial;

use crate::SpaceFamily;

/// The parameter of a space that has a row for each genre, where it hears them.
pub const GENRE: &str = "genre";

/// The sizes of a space for so many genres: what it is when rows of [`GENRE`] are taken out of it.
pub fn of_genres(space: &SpaceFamily, genres: usize) -> SpaceFamily {
    match space {
        SpaceFamily::Beats(config) => beats::BeatsConfig { genres, ..*config }.into(),
        // They hear no genre.
        SpaceFamily::Tutorial(_) | SpaceFamily::Pictures(_) => space.clone(),
    }
}
