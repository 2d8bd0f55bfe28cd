//! The genre classifier of the CycleGAN papers: the ear of a pack, and the judge of transfers.
//!
//! [`training`] makes one out of a dataset, [`ClassifierFile`] keeps it, [`noise`] measures how far noise confuses it,
//! and [`classify`] is the command around all three. [`beats`] is a classifier of another build, to judge what was trained
//! with this one's help; [`Ear`] is either.

pub mod beats;
mod classify;
mod ear;
mod file;
pub mod hearing;
pub mod noise;
pub mod training;

pub use classify::{ClassifyOptions, classify};
pub use ear::{Build, Ear, EarConfig};
pub use file::ClassifierFile;
pub use training::{ClassifierOptions, Keep, train};
