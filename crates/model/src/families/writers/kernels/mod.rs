//! Kernels that only the discriminator of [`super::seqgan`] needs. As in [`crate::kernels`].

mod highway;
mod max_over_time;
pub mod reference;

pub use highway::highway;
pub use max_over_time::max_over_time;
