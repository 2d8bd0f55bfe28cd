//! A room for what the CycleGAN papers left us: the pairs of generators that they train, and a genre more for a GAN's pack.

pub mod addition;
pub mod pairwise;
