//! Kernels that only this family needs: from patches back to cells. As in [`crate::kernels`].

mod pixel_shuffle;
pub mod reference;
mod refine3x3;

pub use pixel_shuffle::pixel_shuffle;
pub use refine3x3::refine3x3;
