//! The layer operations a network is built from, in two kinds that compute the same: our kernels, and candle's
//! built-in operations as their plain twin (for GPUs, for tests, and for the benchmark that compares them).

use candle_core::{Device, Result, Tensor};

use crate::kernels::{self, Window};

/// One kind of layer operations. Shapes as in [`kernels`].
#[derive(Clone, Copy, Debug)]
pub struct Ops {
    pub(crate) add_act: fn(&Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) attention: fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) bias_act: fn(&Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) conv3x3: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) conv3x3_reflect: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) fold: fn(&Tensor, Window, usize, usize) -> Result<Tensor>,
    pub(crate) linear: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) nade: fn(&Tensor, &Tensor, &Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) norm_act: fn(&Tensor, &Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) pad_reflect: fn(&Tensor, usize) -> Result<Tensor>,
    pub(crate) pixel_shuffle: fn(&Tensor, usize) -> Result<Tensor>,
    pub(crate) refine3x3: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) unfold: fn(&Tensor, Window) -> Result<Tensor>,
}

impl Ops {
    /// The project's own CPU kernels: single-threaded, vectorised by runtime dispatch.
    pub const KERNELS: Self = Self {
        add_act: kernels::add_act,
        attention: kernels::attention,
        bias_act: kernels::bias_act,
        conv3x3: kernels::conv3x3,
        conv3x3_reflect: kernels::conv3x3_reflect,
        fold: kernels::fold,
        linear: kernels::linear,
        nade: kernels::nade,
        norm_act: kernels::norm_act,
        pad_reflect: kernels::pad_reflect,
        pixel_shuffle: kernels::pixel_shuffle,
        refine3x3: kernels::refine3x3,
        unfold: kernels::unfold,
    };

    /// candle's own operations, for any device.
    pub const BUILT_IN: Self = Self {
        add_act: kernels::reference::add_act,
        attention: kernels::reference::attention,
        bias_act: kernels::reference::bias_act,
        conv3x3: kernels::reference::conv3x3,
        conv3x3_reflect: kernels::reference::conv3x3_reflect,
        fold: kernels::reference::fold,
        linear: kernels::reference::linear,
        nade: kernels::reference::nade,
        norm_act: kernels::reference::norm_act,
        pad_reflect: kernels::reference::pad_reflect,
        pixel_shuffle: kernels::reference::pixel_shuffle,
        refine3x3: kernels::reference::refine3x3,
        unfold: kernels::reference::unfold,
    };

    /// The kind that is fast on `device`: [`Ops::KERNELS`] on the CPU, [`Ops::BUILT_IN`] elsewhere.
    pub fn on(device: &Device) -> Self {
        if device.is_cpu() { Self::KERNELS } else { Self::BUILT_IN }
    }
}
