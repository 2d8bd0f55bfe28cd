//! Kernels that only the papers' networks need: their images are mirrored at the edges. As in
//! [`crate::kernels`].

mod conv3x3_reflect;
mod pad_reflect;
pub mod reference;

pub use conv3x3_reflect::conv3x3_reflect;
pub use pad_reflect::pad_reflect;
