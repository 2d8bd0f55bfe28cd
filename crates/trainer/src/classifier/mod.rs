//! The genre classifier of the CycleGAN papers: the ear of a pack, and the judge of transfers.
//!
//! [`training`] makes one out of a dataset, [`ClassifierFile`] keeps it, [`noise`] measures how far noise confuses it,
//! and [`classify`] is the command around all three.

mod classify;
mod file;
pub mod hearing;
pub mod noise;
pub mod training;

pub use classify::{ClassifyOptions, classify};
pub use file::ClassifierFile;
pub use training::{ClassifierOptions, Keep, train};
