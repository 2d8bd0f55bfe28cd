//! Losses of (variational) autoencoders.

use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;

pub use crate::core::cross_entropy;
use crate::random;

/// What a code costs rises over so many times the steps over which the rate does.
pub(super) const WARM: u64 = 4;

/// Draws a point out of each phrase's cloud: `mean + exp(doubt / 2) noise`.
pub(super) fn drawn(mean: &Tensor, doubt: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let noise = random::normal(rng, mean.elem_count());
    let noise = Tensor::from_vec(noise, mean.shape(), mean.device())?;
    mean + ((doubt * 0.5)?.exp()? * noise)?
}

/// Kullback-Leibler divergence of the clouds from the standard normal distribution, in nats, of each number:
/// the mean over all axes but the last.
pub fn divergences(mean: &Tensor, doubt: &Tensor) -> Result<Tensor> {
    let each = ((mean.sqr()? + doubt.exp()?)? - (doubt + 1.0)?)?;
    let axes: Vec<usize> = (0..mean.rank() - 1).collect();
    each.mean(axes)? * 0.5
}

/// Our loss of a phrase: nats of its cells and nats of its code. A nat of code costs `beta`, less in the
/// first `warm` steps, and of each number the first `free` nats cost nothing.
///
/// # Errors
/// Where it cannot be computed.
pub fn sums(
    reconstruction: &Tensor,
    numbers: &Tensor,
    free: f32,
    beta: f32,
    step: u64,
    warm: u64,
) -> Result<Tensor> {
    let beta = beta * ((step + 1) as f32 / warm.max(1) as f32).min(1.0);
    let costly = numbers.affine(1.0, -f64::from(free))?.relu()?.sum_all()?;
    reconstruction + (costly * f64::from(beta))?
}

/// The tutorial's loss: the mean over a phrase's cells and the mean over its code. One nat of code costs as
/// much as `cells / numbers` nats of cells: the code falls silent.
///
/// # Errors
/// Where it cannot be computed.
pub fn means(reconstruction: &Tensor, cells: usize, numbers: &Tensor) -> Result<Tensor> {
    (reconstruction / cells as f64)? + numbers.mean_all()?
}
