//! The layer operations a network is built from, in two kinds that compute the same: our kernels, and
//! candle's built-in operations as their plain twin (for GPUs, for tests, and for the benchmark that compares
//! them).

use candle_core::{Device, Result, Tensor};

use crate::kernels::{self, Window};

/// One kind of layer operations. Shapes as in [`kernels`].
#[derive(Clone, Copy, Debug)]
pub struct Ops {
    built_in: bool,
    pub(crate) add_act: fn(&Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) attention: fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) batch_norm: fn(&Tensor, &Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) bias_act: fn(&Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) conv3x3: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) fold: fn(&Tensor, Window, usize, usize) -> Result<Tensor>,
    pub(crate) linear: fn(&Tensor, &Tensor) -> Result<Tensor>,
    pub(crate) lstm: fn(&Tensor, &Tensor, bool) -> Result<Tensor>,
    pub(crate) norm_act: fn(&Tensor, &Tensor, &Tensor, f32) -> Result<Tensor>,
    pub(crate) unfold: fn(&Tensor, Window) -> Result<Tensor>,
}

impl Ops {
    /// The project's own CPU kernels: single-threaded, vectorised by runtime dispatch.
    pub const KERNELS: Self = Self {
        built_in: false,
        add_act: kernels::add_act,
        attention: kernels::attention,
        batch_norm: kernels::batch_norm,
        bias_act: kernels::bias_act,
        conv3x3: kernels::conv3x3,
        fold: kernels::fold,
        linear: kernels::linear,
        lstm: kernels::lstm,
        norm_act: kernels::norm_act,
        unfold: kernels::unfold,
    };

    /// candle's own operations, for any device.
    pub const BUILT_IN: Self = Self {
        built_in: true,
        add_act: kernels::reference::add_act,
        attention: kernels::reference::attention,
        batch_norm: kernels::reference::batch_norm,
        bias_act: kernels::reference::bias_act,
        conv3x3: kernels::reference::conv3x3,
        fold: kernels::reference::fold,
        linear: kernels::reference::linear,
        lstm: kernels::reference::lstm,
        norm_act: kernels::reference::norm_act,
        unfold: kernels::reference::unfold,
    };

    /// The kind that is fast on `device`: [`Ops::KERNELS`] on the CPU, [`Ops::BUILT_IN`] elsewhere.
    pub fn on(device: &Device) -> Self {
        if device.is_cpu() { Self::KERNELS } else { Self::BUILT_IN }
    }

    /// Of an operation that one family alone has: its kernel, or its twin, whichever this kind is.
    pub(crate) fn pick<F>(&self, kernel: F, built_in: F) -> F {
        if self.built_in { built_in } else { kernel }
    }
}
