//! The multi-genre GAN: one generator for all directions and blends, and one discriminator with a map for
//! each genre.

mod discriminator;
mod generator;
pub mod kernels;
mod transfer;

pub use discriminator::{Discriminator, DiscriminatorConfig};
pub use generator::{Generator, GeneratorConfig};
