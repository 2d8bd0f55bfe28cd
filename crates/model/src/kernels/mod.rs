//! The networks' hot loops on the CPU, as candle custom operations with their gradients.
//!
//! candle's own convolutions reach a tenth of a core's speed and its matrix product wakes a pool of threads,
//! which a plugin must not do inside somebody's host. Everything here runs on the calling thread alone:
//! matrix products through `gemm` without parallelism, the other loops as plain Rust compiled a second time
//! for AVX2, chosen at run time. Results don't depend on the thread nor on the run, only on the processor's
//! vector width (matrix products).
//!
//! All tensors are `f32`. Images are NHWC, `[batch, height, width, channels]`: a pixel's channels lie
//! together, so a convolution is a matrix product and a norm is a column sum. A tensor that is not contiguous
//! is copied first. Wrong shapes, types or values are errors, never panics.
//!
//! An operation computes no gradient for an argument that doesn't track one (`Tensor::detach`): a
//! discriminator with detached weights costs a generator's step only the gradient of its input.
//!
//! Kernels that one family alone needs lie in its folder under [`crate::families`].
//!
//! [`mod@reference`] has the same functions in candle's built-in operations: what runs on other devices than
//! the CPU, and what the tests compare with.

mod add_act;
mod attention;
mod batch_norm;
mod bias_act;
mod columns;
pub(crate) mod conv3x3;
mod fold;
mod linear;
mod lstm;
pub(crate) mod matrix;
mod norm_act;
pub mod reference;
pub(crate) mod tensor;
mod unfold;
mod window;

pub use add_act::add_act;
pub use attention::attention;
pub(crate) use attention::exp;
pub use batch_norm::batch_norm;
pub use bias_act::bias_act;
pub use conv3x3::conv3x3;
pub use fold::fold;
pub use linear::linear;
pub use lstm::lstm;
pub(crate) use lstm::{add_product, forward as lstm_step};
pub use matrix::{products, width};
pub use norm_act::norm_act;
pub use unfold::unfold;
pub use window::Window;

/// What instance norm adds to the variance before the root, so that a constant channel stays finite.
pub const NORM_EPSILON: f32 = 1e-5;
