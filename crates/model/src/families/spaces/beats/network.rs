//! All steps of known phrases at once: what training needs.

use candle_core::{Result, Tensor};
use phrase::{PITCHES, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

use super::{BEATS, BeatsConfig, CELLS, KINDS, VIEWS};
use crate::families::arranger::{nade, nade_reference};
use crate::{Ops, Weights};

/// What the encoder says of phrases: the middle of each beat's code, and the logarithm of its variance, both
/// `[B, 16, code]`.
pub struct Coded {
    /// Where the codes lie.
    pub mean: Tensor,
    /// How sure the encoder is: the logarithm of the variance.
    pub doubt: Tensor,
}

/// The network over tensors, with gradients.
pub struct Network<'a> {
    config: BeatsConfig,
    weights: &'a Weights,
    prefix: &'a str,
    ops: Ops,
}

impl<'a> Network<'a> {
    /// A network of `weights`, which may be variables; their names begin with `prefix`.
    pub fn new(config: BeatsConfig, weights: &'a Weights, prefix: &'a str, ops: Ops) -> Self {
        Self { config, weights, prefix, ops }
    }

    /// The codes of phrases: `cells` `[B, 64, 2, 84]`, 0 or 1: what sounds, and where notes start.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn encode(&self, cells: &Tensor) -> Result<Coded> {
        let (batch, embed) = (cells.dim(0)?, self.config.embed);
        let x = self.linear(&cells.reshape((batch * STEPS, CELLS))?, "read")?;
        let x = (self.ops.bias_act)(&x, &self.get("read_bias")?, 0.0)?;
        let x = self.linear(&x.reshape((batch * BEATS, STEPS_PER_BEAT * embed))?, "gather")?;
        let x = (self.ops.bias_act)(&x, &self.get("gather_bias")?, 0.0)?;
        let code = |name: &str| -> Result<Tensor> {
            let y = self.linear(&x, name)?;
            let y = (self.ops.bias_act)(&y, &self.get(&format!("{name}_bias"))?, 1.0)?;
            y.reshape((batch, BEATS, self.config.code))
        };
        Ok(Coded { mean: code("mean")?, doubt: code("doubt")? })
    }

    /// Logits `[B, 64, 2, 84]` (sounds; starts though it sounded before) of phrases of these codes
    /// `[B, 16, code]` and genres `[B, G]`, each cell knowing the ones before: `views` `[B, 64, VIEWS, 84]`
    /// of what was written before each step ([`super::History`]), and the step's own `cells`
    /// `[B, 64, 2, 84]`.
    ///
    /// # Errors
    /// When a parameter is missing or a shape does not fit.
    pub fn decode(&self, codes: &Tensor, genres: &Tensor, views: &Tensor, cells: &Tensor) -> Result<Tensor> {
        let BeatsConfig { code, hidden, width, .. } = self.config;
        let batch = codes.dim(0)?;
        let rows = batch * STEPS;
        let before = codes.narrow(1, 0, BEATS - 1)?.pad_with_zeros(1, 1, 0)?;
        let after = codes.narrow(1, 1, BEATS - 1)?.pad_with_zeros(1, 0, 1)?;
        let around = Tensor::cat(&[&before, codes, &after], 2)?;
        let plan = self.linear(&around.reshape((batch * BEATS, 3 * code))?, "plan")?;
        let genre = self.linear(genres, "genre")?.unsqueeze(1)?;
        let plan = plan.reshape((batch, BEATS, hidden))?.broadcast_add(&genre)?;
        let plan = plan.reshape((batch * BEATS, hidden))?;
        let plan = (self.ops.bias_act)(&plan, &self.get("plan_bias")?, 0.0)?;
        let x = self.linear(&plan, "plans")?.reshape((rows, width))?;

        let views = views.reshape((rows, VIEWS * PITCHES))?;
        let x = (x + self.linear(&views, "written")?)?;
        let x =
            x.reshape((rows / STEPS_PER_BAR, STEPS_PER_BAR, width))?.broadcast_add(&self.get("place")?)?;
        let x = x.reshape((rows, width))?.relu()?;
        let mixed = (self.ops.bias_act)(&self.linear(&x, "mix")?, &self.get("mix_bias")?, 0.0)?;
        let x = (x + mixed)?;

        let out = |name: &str| -> Result<Tensor> {
            (self.ops.bias_act)(&self.linear(&x, name)?, &self.get(&format!("{name}_bias"))?, 1.0)
        };
        let direct = out("direct")?.reshape((rows, KINDS, PITCHES))?;
        let weights = out("views")?.reshape((rows, KINDS, VIEWS))?;
        let views = weights.matmul(&views.reshape((rows, VIEWS, PITCHES))?)?;
        let (seen, hidden) = (self.get("seen")?, self.get("hidden")?);
        let nade = self.ops.pick(nade as fn(&_, &_, &_, &_) -> _, nade_reference);
        let among = nade(&cells.reshape((rows, KINDS, PITCHES))?, &out("units")?, &seen, &hidden)?;
        ((direct + views)? + among)?.reshape((batch, STEPS, KINDS, PITCHES))
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        (self.ops.linear)(x, &self.get(name)?)
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        self.weights.named(&format!("{}{name}", self.prefix)).map_err(candle_core::Error::wrap)
    }
}
