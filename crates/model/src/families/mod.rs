//! The families of networks, a folder each: this is the one list of them in the crate.

pub mod arranger;
pub mod papers;
pub mod resnet;
