//! Spectral norm (Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, 2018) as
//! something done to weights before a network is built of them: networks know nothing of it, and what is
//! exported is plain weights.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};

use crate::kernels::linear;
use crate::{ModelError, Weights};

/// The directions of one weight's largest singular value, followed by one power iteration a training step.
///
/// A weight is read as a matrix `[K, N]`, N being its outputs (see [`outputs`]). No gradient passes through
/// the directions (the papers' code lets it; Miyato et al. and every library since do not).
#[derive(Clone, Debug)]
pub struct Spectral {
    /// `[K]`: the direction on the input side.
    pub left: Tensor,
    /// `[N]`: the direction on the output side.
    pub right: Tensor,
}

/// The outputs of a weight: its last dimension, but 1 for the `[planes, height, width]` of a convolution to
/// one plane.
pub fn outputs(weight: &Tensor) -> usize {
    match weight.dims() {
        [] | [_, _, _] => 1,
        [.., last] => *last,
    }
}

impl Spectral {
    /// A start from any `right` `[N]` that is not zero; best a normal draw, N being [`outputs`].
    ///
    /// # Errors
    /// When the weight is no matrix of N columns.
    pub fn new(weight: &Tensor, right: Tensor) -> Result<Self> {
        Self { left: right.clone(), right }.follow(weight)
    }

    /// One power iteration on `weight`.
    ///
    /// # Errors
    /// When it has another shape than the weight before.
    pub fn follow(&self, weight: &Tensor) -> Result<Self> {
        let unit = |x: Tensor| {
            let norm = x.sqr()?.sum_all()?.sqrt()?.affine(1.0, 1e-12)?;
            x.flatten_all()?.broadcast_div(&norm)
        };
        let matrix = weight.detach().reshape(((), self.right.dim(0)?))?;
        let left = unit(linear(&matrix, &self.right.unsqueeze(1)?)?)?;
        let right = unit(linear(&left.unsqueeze(0)?, &matrix)?)?;
        Ok(Self { left, right })
    }

    /// The largest singular value of `weight`, as far as the directions know, `[1]`. The gradient reaches the
    /// weight.
    pub fn sigma(&self, weight: &Tensor) -> Result<Tensor> {
        let matrix = weight.reshape((self.left.dim(0)?, self.right.dim(0)?))?;
        linear(&linear(&self.left.unsqueeze(0)?, &matrix)?, &self.right.unsqueeze(1)?)?.flatten_all()
    }
}

/// Starts following the weights called `names`; `normal` draws as many normal values as it is asked for.
///
/// # Errors
/// When `weights` lacks one.
pub fn start(
    weights: &Weights,
    names: &[String],
    mut normal: impl FnMut(usize) -> Vec<f32>,
) -> std::result::Result<BTreeMap<String, Spectral>, ModelError> {
    let mut spectra = BTreeMap::new();
    for name in names {
        let weight = weights.named(name)?;
        let columns = outputs(&weight);
        let right = Tensor::from_vec(normal(columns), columns, weight.device())?;
        spectra.insert(name.clone(), Spectral::new(&weight, right)?);
    }
    Ok(spectra)
}

/// One power iteration on each weight that is followed: what a training step does before its networks are
/// built.
///
/// # Errors
/// When `weights` lacks one, or one has another shape.
pub fn followed(
    weights: &Weights,
    spectra: &BTreeMap<String, Spectral>,
) -> std::result::Result<BTreeMap<String, Spectral>, ModelError> {
    let next =
        |(name, spectral): (&String, &Spectral)| Ok((name.clone(), spectral.follow(&weights.named(name)?)?));
    spectra.iter().map(next).collect()
}

/// `weights` with each that is followed divided by its largest singular value; the gradient sees the
/// division. With detached weights, what an export writes.
///
/// # Errors
/// When `weights` lacks one, or one has another shape.
pub fn normalised(
    weights: &Weights,
    spectra: &BTreeMap<String, Spectral>,
) -> std::result::Result<Weights, ModelError> {
    let mut all = weights.clone();
    for (name, spectral) in spectra {
        let weight = weights.named(name)?;
        all.insert(name, weight.broadcast_div(&spectral.sigma(&weight)?)?);
    }
    Ok(all)
}
