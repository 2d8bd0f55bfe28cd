//! Music in: folders of MIDI files or of the papers' arrays -> a dataset file, and back to arrays.

pub mod dataset;
pub mod npy;
pub mod prepare;
pub mod provenance;
