//! Spaces: phrases as points, between which there are others. One network a folder.
//!
//! [`beats`] is ours: a code a beat, and a decoder that knows what it wrote.

pub mod beats;
