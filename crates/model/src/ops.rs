//! The layer operations a network is built from, in two kinds that compute the same: our kernels, and candle's
//! built-in operations as their plain twin (for GPUs, for tests, and for the benchmark that compares them).

use candle_core::{Result, Tensor};

use crate::kernels;

/// One kind of layer operations. Shapes as in [`kernels`].
#[derive(Clone, Copy, Debug)]
pub struct Ops {
    pub(crate) conv3x3: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) unfold: fn(&Tensor, usize, usize, usize) -> Result<Tensor>,
    pub(crate) linear: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) bias_act: fn(&Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) norm_act: fn(&Tensor, &Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) pixel_shuffle: fn(&Tensor, usize) -> Result<Tensor>,
    pub(crate) refine3x3: fn(&Tensor, &Tensor) -> Result<Tensor>,
}

impl Ops {
    /// The project's own CPU kernels: single-threaded, vectorised by runtime dispatch.
    pub const KERNELS: Self = Self {
        conv3x3: kernels::conv3x3,
        unfold: kernels::unfold,
        linear: kernels::linear,
        bias_act: kernels::bias_act,
        norm_act: kernels::norm_act,
        pixel_shuffle: kernels::pixel_shuffle,
        refine3x3: kernels::refine3x3,
    };

    /// candle's own operations.
    pub const BUILT_IN: Self = Self {
        conv3x3: kernels::reference::conv3x3,
        unfold: kernels::reference::unfold,
        linear: kernels::reference::linear,
        bias_act: kernels::reference::bias_act,
        norm_act: kernels::reference::norm_act,
        pixel_shuffle: kernels::reference::pixel_shuffle,
        refine3x3: kernels::reference::refine3x3,
    };
}
