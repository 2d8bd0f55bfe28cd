//! Kernels that only writers need: the discriminator's of [`super::seqgan`], and what is learned from. As in
//! [`crate::kernels`].

mod highway;
mod max_over_time;
pub mod reference;
mod surprise;

pub use highway::highway;
pub use max_over_time::max_over_time;
pub use surprise::surprise;
