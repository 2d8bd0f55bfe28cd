//! The twins of this family's kernels in candle's built-in operations; see [`crate::kernels::reference`].

use candle_core::{Result, Tensor};

/// See [`super::highway`].
///
/// # Errors
/// When the shapes don't fit.
pub fn highway(x: &Tensor, gate: &Tensor, transform: &Tensor) -> Result<Tensor> {
    // Built in; the forms by exponentials lose digits.
    let open = (((gate * 0.5)?.tanh()? + 1.0)? * 0.5)?;
    (&open * transform.relu()?)? + (open.neg()? + 1.0)? * x
}

/// See [`super::max_over_time`].
///
/// # Errors
/// When the shapes don't fit.
pub fn max_over_time(x: &Tensor) -> Result<Tensor> {
    // By number: where two are equal candle's own maximum has no single slope.
    let best = x.argmax_keepdim(1)?;
    x.gather(&best, 1)?.squeeze(1)
}

/// See [`super::surprise`].
///
/// # Errors
/// When the shapes don't fit.
pub fn surprise(logits: &Tensor, right: &Tensor) -> Result<Tensor> {
    let above = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let own = above.gather(&right.unsqueeze(1)?, 1)?;
    (above.exp()?.sum_keepdim(1)?.log()? - own)?.squeeze(1)
}
