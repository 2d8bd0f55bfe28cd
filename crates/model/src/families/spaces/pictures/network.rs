//! The three networks over tensors.

use candle_core::{D, Result, Tensor};

use super::{LAYERS, PicturesConfig, SIDE, SMALL};
use crate::kernels::{NORM_EPSILON, Window};
use crate::{Ops, Weights};

const HALVING: Window = Window::new(4, 2, 1);
/// What is left of what is negative, in the encoder and the discriminator.
const SLOPE: f32 = 0.2;

/// What the generator made of points in training.
pub struct Generated {
    /// Logits of pictures, `[B, 88, 88, planes]`.
    pub logits: Tensor,
    /// Means and variances of each norm, in the order of [`PicturesConfig::norms`].
    pub norms: Vec<[Vec<f32>; 2]>,
}

/// The networks, with gradients where the weights are variables.
pub struct Network<'a> {
    config: PicturesConfig,
    weights: &'a Weights,
    ops: Ops,
}

impl<'a> Network<'a> {
    /// Networks of `weights`.
    pub fn new(config: PicturesConfig, weights: &'a Weights, ops: Ops) -> Self {
        Self { config, weights, ops }
    }

    /// The middle of each picture's point and the logarithm of its variance, both `[B, code]`, of pictures
    /// `[B, 88, 88, planes]`.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn encode(&self, pictures: &Tensor) -> Result<(Tensor, Tensor)> {
        let x = self.seen(pictures, "see")?;
        Ok((self.flat(&x, "mean")?, self.flat(&x, "doubt")?))
    }

    /// The middle alone: what is played.
    pub(super) fn middle(&self, pictures: &Tensor) -> Result<Tensor> {
        self.flat(&self.seen(pictures, "see")?, "mean")
    }

    /// Pictures of points `[B, code]`, each norm over all of them: in training.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn generate(&self, points: &Tensor) -> Result<Generated> {
        let mut norms = Vec::new();
        let logits = self.drawn(points, &mut |x: &Tensor, name: &str| {
            let still = x.detach();
            let mean = still.mean((0, 1, 2))?;
            let variance = still.broadcast_sub(&mean)?.sqr()?.mean((0, 1, 2))?;
            norms.push([mean.to_vec1()?, variance.to_vec1()?]);
            let part = |part: &str| self.get(&format!("{name}_{part}"));
            (self.ops.batch_norm)(x, &part("scale")?, &part("shift")?, 0.0)
        })?;
        Ok(Generated { logits, norms })
    }

    /// Pictures of points `[B, code]` as they are played: by the means and variances of training.
    pub(super) fn play(&self, points: &Tensor) -> Result<Tensor> {
        self.drawn(points, &mut |x: &Tensor, name: &str| {
            let part = |part: &str| self.get(&format!("{name}_{part}"));
            let rate = (part("variance")? + f64::from(NORM_EPSILON))?.sqrt()?.recip()?;
            let scale = (rate * part("scale")?)?;
            let shift = (part("shift")? - (part("mean")? * &scale)?)?;
            (self.ops.bias_act)(&x.broadcast_mul(&scale)?, &shift, 0.0)
        })
    }

    /// What the discriminator makes of pictures: its features `[B, inner]`, and its logit of each `[B]`: over
    /// 0, it takes it for real.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn judge(&self, pictures: &Tensor) -> Result<(Tensor, Tensor)> {
        let features = self.seen(pictures, "judge")?;
        let logits = (self.ops.linear)(&features, &self.get("judge.out")?)?.squeeze(1)?;
        Ok((features, logits))
    }

    fn seen(&self, pictures: &Tensor, name: &str) -> Result<Tensor> {
        let mut x = pictures.clone();
        for layer in 0..LAYERS {
            let columns = (self.ops.unfold)(&x, HALVING)?;
            let y = (self.ops.linear)(&columns, &self.get(&format!("{name}{layer}"))?)?;
            x = (self.ops.bias_act)(&y, &self.get(&format!("{name}{layer}_bias"))?, SLOPE)?;
        }
        x.reshape((pictures.dim(0)?, self.config.inner()))
    }

    fn drawn(
        &self,
        points: &Tensor,
        norm: &mut dyn FnMut(&Tensor, &str) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let batch = points.dim(0)?;
        let x = (self.ops.linear)(points, &self.get("spread")?)?;
        let mut x = x.reshape((batch, SMALL, SMALL, self.config.inner() / (SMALL * SMALL)))?;
        for layer in (0..LAYERS).rev() {
            x = norm(&x, &format!("norm{}", layer + 1))?;
            let side = SIDE >> layer;
            let columns = (self.ops.linear)(&x, &self.get(&format!("draw{layer}"))?)?;
            let y = (self.ops.fold)(&columns, HALVING, side, side)?;
            x = (self.ops.bias_act)(&y, &self.get(&format!("draw{layer}_bias"))?, 1.0)?;
        }
        debug_assert_eq!(x.dim(D::Minus1)?, self.config.planes);
        Ok(x)
    }

    fn flat(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let y = (self.ops.linear)(x, &self.get(name)?)?;
        (self.ops.bias_act)(&y, &self.get(&format!("{name}_bias"))?, 1.0)
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        self.weights.named(name).map_err(candle_core::Error::wrap)
    }
}
