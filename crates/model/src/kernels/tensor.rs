//! Reading tensors as plain slices, and the checks every operation shares.

use candle_core::{CpuStorage, DType, Device, Layout, Result, Storage, StorageRef, Tensor, bail};

/// The values of a contiguous argument of a custom operation.
///
/// # Errors
/// When the argument isn't `f32` or not contiguous: the public functions see to both before.
pub(crate) fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("kernel argument of shape {:?} is not contiguous: copy it first", layout.shape()),
    }
}

/// A contiguous CPU tensor, held for reading: how a backward pass gets at its tensors without copying them.
pub(crate) struct Reader<'a> {
    storage: StorageRef<'a>,
    layout: &'a Layout,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(tensor: &'a Tensor) -> Self {
        let (storage, layout) = tensor.storage_and_layout();
        Self { storage, layout }
    }

    /// # Errors
    /// When the tensor is not `f32`, not contiguous or not on the CPU.
    pub(crate) fn floats(&self) -> Result<&[f32]> {
        match &*self.storage {
            Storage::Cpu(storage) => floats(storage, self.layout),
            _ => bail!("kernel argument of shape {:?} is not on the CPU", self.layout.shape()),
        }
    }
}

/// Checks what is asked of every argument: `f32` and not empty.
///
/// # Errors
/// Naming the operation and the argument.
pub(crate) fn check(operation: &str, arguments: &[(&str, &Tensor)]) -> Result<()> {
    for (argument, tensor) in arguments {
        if tensor.dtype() != DType::F32 {
            bail!("{operation}: {argument} is {:?}, convert it to F32", tensor.dtype());
        }
        if tensor.elem_count() == 0 {
            bail!("{operation}: {argument} of shape {:?} is empty", tensor.shape());
        }
    }
    Ok(())
}

/// The gradient of `argument` as a tensor, its values computed only where it is tracked.
pub(crate) fn gradient(argument: &Tensor, values: impl FnOnce() -> Vec<f32>) -> Result<Option<Tensor>> {
    if !argument.track_op() {
        return Ok(None);
    }
    Ok(Some(Tensor::from_vec(values(), argument.shape(), &Device::Cpu)?))
}

/// Checks a leaky ReLU's negative slope. It must not be negative: gradients tell the two sides apart by the
/// sign of the result.
///
/// # Errors
/// When the slope is negative or not finite.
pub(crate) fn check_slope(operation: &str, slope: f32) -> Result<()> {
    if !(slope.is_finite() && slope >= 0.0) {
        bail!("{operation}: the negative slope is {slope}, it must be finite and not negative");
    }
    Ok(())
}
